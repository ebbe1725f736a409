//! A program that a test starts: it ends with the test, also with one that fails.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A program that runs until this is dropped, and its directory, which goes with it.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Option<Child>,
    directory: PathBuf,
}

impl Program {
    /// A directory for a program that is to be started.
    ///
    /// # Panics
    ///
    /// If there is no room for a directory.
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let directory = std::env::temp_dir().join(format!("runtime-metrics-{name}-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        Self { name: name.to_owned(), child: None, directory }
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a file for it, and says where it is.
    ///
    /// # Panics
    ///
    /// If the file can't be written.
    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.directory.join(file);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Starts it; `install` says how it is installed.
    ///
    /// # Panics
    ///
    /// Says what is missing.
    pub fn start(&mut self, program: impl AsRef<OsStr>, install: &str, set: impl FnOnce(&mut Command) -> &mut Command) {
        let log = fs::File::create(self.directory.join("log")).unwrap();
        let mut command = Command::new(&program);
        command.current_dir(&self.directory).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let child = set(&mut command).spawn();
        let program = program.as_ref().display();
        self.child = Some(child.unwrap_or_else(|error| panic!("{program} can't be run: {error}; {install}")));
    }

    /// What it has printed.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.directory.join("log")).unwrap_or_default()).into_owned()
    }

    /// An error if it has ended, with what it said.
    ///
    /// # Errors
    ///
    /// It has ended.
    ///
    /// # Panics
    ///
    /// If it was not started.
    pub fn runs(&mut self) -> Result<(), String> {
        match self.child.as_mut().unwrap().try_wait() {
            Ok(None) => Ok(()),
            ended => Err(format!("{} ended with {ended:?}: {}", self.name, self.said())),
        }
    }

    /// Ends it; its directory stays.
    pub fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            let said = self.said();
            let last: Vec<_> = said.lines().rev().take(20).collect();
            eprintln!("what {} said last, the newest first:\n{}", self.name, last.join("\n"));
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A port that nobody listens on.
///
/// # Panics
///
/// If there is none.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where `.ci/receivers` puts what is no package of the system.
pub fn cache() -> PathBuf {
    std::env::var_os("RECEIVERS_CACHE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/receivers"),
        |cache| Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(cache),
    )
}

/// What is at a path there.
///
/// # Panics
///
/// Says how to install it, if it is not there.
pub fn installed(path: &str) -> PathBuf {
    let path = cache().join(path);
    assert!(path.exists(), "{} is not there; run .ci/receivers, which installs it", path.display());
    path.canonicalize().unwrap()
}
