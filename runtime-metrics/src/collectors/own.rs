//! What is known of this process and of no other: a fork begins anew.

use crate::lock::Mutex;

/// Something about the process. A fork has it as if nothing had been known.
#[derive(Debug, Default)]
pub(super) struct Own<T>(Mutex<(u32, T)>);

/// The number of this process. What can't fork needs none, and may have none to tell.
pub(super) fn process() -> u32 {
    if cfg!(unix) { std::process::id() } else { 0 }
}

impl<T: Default> Own<T> {
    pub(super) fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        self.with_in(process(), look)
    }

    fn with_in<R>(&self, process: u32, look: impl FnOnce(&mut T) -> R) -> R {
        let mut own = self.0.lock();
        if own.0 != process {
            *own = (process, T::default());
        }
        look(&mut own.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_knows_nothing_of_what_its_parent_did() {
        let peak: Own<u64> = Own::default();
        let raised = |process, now: u64| {
            peak.with_in(process, |peak| {
                *peak = now.max(*peak);
                *peak
            })
        };
        // Numbers that no process has.
        let (parent, fork) = (u32::MAX, u32::MAX - 1);
        assert_eq!((raised(parent, 50), raised(parent, 3)), (50, 50));
        assert_eq!((raised(fork, 2), raised(fork, 1)), (2, 2));
        assert_eq!(peak.with(|peak| *peak), 0);
    }
}
