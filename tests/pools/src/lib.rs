//! A PostgreSQL of the tests' own: made in a directory of its own, on a free port of the loopback
//! address, and stopped at the end. As root it runs as `postgres`, for it refuses to run as root.

#![allow(clippy::unwrap_used)] // a test that can't go on has failed

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server that runs until this is dropped.
#[derive(Debug)]
pub struct Postgres {
    server: Child,
    directory: PathBuf,
    port: u16,
}

/// Longer than a server takes to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

impl Postgres {
    /// Starts a server.
    ///
    /// # Panics
    ///
    /// Says what is missing, or what the server said, if it can't be started.
    pub fn start() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let directory = std::env::temp_dir().join(format!("runtime-metrics-pg-{}-{number}", std::process::id()));
        fs::create_dir(&directory).unwrap();
        let user = unprivileged(&directory);
        if let Some((uid, gid)) = user {
            chown(&directory, Some(uid), Some(gid)).unwrap();
        }
        let command = |name: &str| {
            let mut command = Command::new(program(name));
            command.current_dir(&directory).stdin(Stdio::null());
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command
        };
        let made = command("initdb")
            .args(["--pgdata=data", "--username=tests", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .output()
            .unwrap_or_else(|error| panic!("initdb can't be run: {error}; install the Debian package `postgresql`"));
        assert!(made.status.success(), "initdb failed: {}", String::from_utf8_lossy(&made.stderr));

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs::File::create(directory.join("log")).unwrap();
        let server = command("postgres")
            .args(["-D", "data", "-h", "127.0.0.1", "-p", &port.to_string(), "-k", "", "-F"])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("postgres can't be run: {error}; install the Debian package `postgresql`"));
        let mut this = Self { server, directory, port };
        this.wait();
        this
    }

    /// Until it takes connections.
    fn wait(&mut self) {
        let end = Instant::now() + PATIENCE;
        let said = |directory: &Path| fs::read_to_string(directory.join("log")).unwrap_or_default();
        loop {
            if said(&self.directory).contains("ready to accept connections")
                && TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            {
                return;
            }
            let ended = self.server.try_wait().unwrap();
            assert!(ended.is_none(), "postgres ended with {ended:?}: {}", said(&self.directory));
            assert!(Instant::now() < end, "postgres does not start: {}", said(&self.directory));
            sleep(Duration::from_millis(50));
        }
    }

    /// Where it is, for `tokio-postgres` and the like.
    pub fn config(&self) -> String {
        format!("host=127.0.0.1 port={} user=tests dbname=postgres", self.port)
    }

    /// Where it is, as a URL.
    pub fn url(&self) -> String {
        format!("postgres://tests@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, there is nothing to be kept; but so that it ends its other processes.
        let told = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status();
        if !told.is_ok_and(|told| told.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A program of PostgreSQL: Debian keeps them out of `PATH`.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|program| program.exists());
    found.sort();
    found.pop().unwrap_or_else(|| name.into())
}

/// Who the server runs as, where that is not who we are: `postgres` for root, else `nobody`.
fn unprivileged(ours: &Path) -> Option<(u32, u32)> {
    if fs::metadata(ours).unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let ids = |name: &str| {
        let mut fields = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody"))
}
