//! A daemon of `StatsD` on the loopback address: takes datagrams, adds up what they gain, and goes away.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The daemon.
#[derive(Debug)]
pub struct Daemon {
    address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
    leave: Arc<AtomicBool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Daemon {
    /// Is not there yet, but has an address.
    ///
    /// # Panics
    ///
    /// If there is no free port on the loopback address.
    #[allow(clippy::unwrap_used)]
    pub fn absent() -> Self {
        let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { address, lines: Arc::default(), thread: None, leave: Arc::default() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens, on the same port each time.
    ///
    /// # Panics
    ///
    /// If the port has been taken by another program.
    #[allow(clippy::unwrap_used)]
    pub fn come(&mut self) {
        let socket = UdpSocket::bind(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (lines, leave) = (Arc::clone(&self.lines), Arc::clone(&self.leave));
        leave.store(false, Relaxed);
        self.thread = Some(std::thread::spawn(move || {
            let mut closed = false;
            let mut datagram = vec![0; 65_507];
            loop {
                if let Ok(length) = socket.recv(&mut datagram) {
                    let text = String::from_utf8_lossy(&datagram[..length]);
                    lock(&lines).extend(text.lines().map(str::to_owned));
                } else if closed {
                    return;
                }
                if leave.load(Relaxed) && !closed {
                    // From now on the system takes nothing more, as if it were closed; what it took is still read.
                    let _ = socket.connect("127.0.0.1:9");
                    closed = true;
                }
            }
        }));
    }

    /// Goes away, with all that the system took for it.
    pub fn go(&mut self) {
        self.leave.store(true, Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }

    /// All lines that came.
    pub fn lines(&self) -> Vec<String> {
        lock(&self.lines).clone()
    }

    /// What the counters add up to whose lines have this in their names or tags.
    pub fn gained(&self, what: &str) -> f64 {
        let gain = |line: &String| {
            let (name, rest) = line.split_once(':')?;
            let (value, rest) = rest.split_once("|c")?;
            (name.contains(what) || rest.contains(what)).then(|| value.parse::<f64>().ok()).flatten()
        };
        lock(&self.lines).iter().filter_map(gain).sum()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.go();
    }
}
