//! Waiting that ends when the user wants to: each wait of the cluster is one of these, so that what was started ends.

use crate::Failure;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::signal;

/// Longer than anything that works takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(40);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on, Ctrl-C ends the next wait, and no longer the program at once.
pub fn listen() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(move || {
        if runtime.block_on(told_to_end()).is_ok() {
            INTERRUPTED.store(true, Relaxed);
        }
    });
    Ok(())
}

#[cfg(unix)]
async fn told_to_end() -> std::io::Result<()> {
    let mut terminated = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = signal::ctrl_c() => pressed,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn told_to_end() -> std::io::Result<()> {
    signal::ctrl_c().await
}

/// Lets some time pass.
pub fn pause(time: Duration) -> Result<(), Failure> {
    let end = Instant::now() + time;
    loop {
        if INTERRUPTED.load(Relaxed) {
            return Err("interrupted".into());
        }
        match end.saturating_duration_since(Instant::now()) {
            Duration::ZERO => return Ok(()),
            left => std::thread::sleep(left.min(Duration::from_millis(50))),
        }
    }
}

/// Waits until that is so; an error says what was wrong to the last.
pub fn until<T>(what: &str, mut found: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    let end = Instant::now() + PATIENCE;
    loop {
        match found() {
            Ok(found) => return Ok(found),
            Err(wrong) if Instant::now() >= end => return Err(format!("{what}: {wrong}").into()),
            Err(_) => pause(Duration::from_millis(100))?,
        }
    }
}
