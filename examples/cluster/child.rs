//! A process that ends with its guard, however the cluster ends: a node, or a receiver.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// A running process; dropping it kills it.
pub struct Guarded(pub Child);

impl Guarded {
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }

    /// Ends it at once, without a chance to say anything: SIGKILL, where there are signals.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A directory that goes with its guard.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("runtime-metrics-cluster-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
