//! What must not be printed.

use std::fmt;

/// A token, a key or a header. It is not in what `Debug` writes.
#[derive(Clone)]
pub(super) struct Secret<T = String>(T);

impl<T> Secret<T> {
    pub(super) fn new(secret: T) -> Self {
        Self(secret)
    }

    /// It, for who needs it.
    pub(super) fn tell(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
