//! The libraries, each with one counter without labels and one with them.

mod measured;
mod ours;
mod prometheus_client;

use crate::labels::{Form, Labels};
use std::arch::asm;
use std::error::Error;

/// What a library has to do.
pub trait Library: Send + Sync {
    /// Adds one to the counter without labels, so many times.
    fn increment(&self, times: u64);
    /// Adds one to the counter with each of these labels, looking it up.
    fn count(&self, labels: &Labels);
    /// Writes all of it as text, and shows that to `see`.
    fn scrape(&mut self, see: &mut dyn FnMut(&[u8]));
}

pub const MACRO: &str = "runtime-metrics, `increment!`";
pub const HANDLE: &str = "runtime-metrics, handle";
pub const MEASURED: &str = "measured";
pub const CLIENT: &str = "prometheus-client";

pub const ALL: [&str; 4] = [MACRO, HANDLE, MEASURED, CLIENT];

/// Whether the library can have so many labels here: those of `measured` are types.
pub fn can(library: &str, form: Form) -> bool {
    library != MEASURED || form.width == 2
}

/// # Errors
///
/// If there is none of this name.
pub fn new(name: &str, form: Form, series: usize) -> Result<Box<dyn Library>, Box<dyn Error>> {
    Ok(match name {
        MACRO => Box::new(ours::ByMacro::new(form, series)),
        HANDLE => Box::new(ours::ByHandle::new(form, series)),
        MEASURED => Box::new(measured::Measured::new()),
        CLIENT => prometheus_client::new(form),
        other => return Err(format!("there is no library `{other}`").into()),
    })
}

/// Keeps two increments from being merged into one, and emits no instruction.
#[inline(always)]
fn apart() {
    // SAFETY: it is empty. That it may touch memory is only what the compiler has to assume.
    unsafe { asm!("", options(nostack, preserves_flags)) }
}
