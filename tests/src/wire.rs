//! A wire between an exporter and its receiver that breaks as it is told, whatever travels on it.

use crate::eventually;
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it leads to the receiver and back.
    None,
    /// It is accepted, and nothing is ever read.
    Hang,
    /// All is read, and nothing is ever answered.
    Mute,
    /// All is read a byte at a time, and nothing is ever answered.
    Slow,
    /// It is reset in the middle of what is sent.
    Reset,
    /// It is closed in the middle of what is sent.
    Close,
    /// This is answered, and nothing more.
    Answer(&'static [u8]),
}

/// The wire.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    to: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fault: Mutex<Fault>,
    gone: AtomicBool,
    connections: Mutex<HashMap<usize, TcpStream>>,
    accepted: AtomicUsize,
}

impl Shared {
    fn fault(&self) -> Fault {
        *lock(&self.fault)
    }
}

/// A test that failed under a lock must not make the wire panic too.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// Leads to a receiver, with a fault from the first connection on.
    ///
    /// # Panics
    ///
    /// If there is no free port on the loopback address.
    #[allow(clippy::unwrap_used)]
    pub fn to(receiver: SocketAddr, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Shared {
            fault: Mutex::new(fault),
            gone: AtomicBool::new(false),
            connections: Mutex::default(),
            accepted: AtomicUsize::new(0),
        };
        let wire = Self { address: listener.local_addr().unwrap(), to: receiver, shared: Arc::new(shared) };
        wire.listen(listener);
        wire
    }

    fn listen(&self, listener: TcpListener) {
        let (shared, to) = (Arc::clone(&self.shared), self.to);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Ok(copy) = stream.try_clone() else { continue };
                if shared.gone.load(Relaxed) {
                    return;
                }
                let number = shared.accepted.fetch_add(1, Relaxed);
                lock(&shared.connections).insert(number, copy);
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    carry(&stream, to, &shared);
                    lock(&shared.connections).remove(&number);
                });
            }
        });
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there have been.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Relaxed)
    }

    /// From now on it has this fault. A connection that has had another keeps that: what hangs does not wake up.
    pub fn is(&self, fault: Fault) {
        *lock(&self.shared.fault) = fault;
    }

    /// Closes the port and all connections.
    pub fn go_away(&self) {
        self.close();
        eventually("the port being closed", || TcpStream::connect(self.address).is_err());
    }

    fn close(&self) {
        self.shared.gone.store(true, Relaxed);
        for (_, connection) in lock(&self.shared.connections).drain() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // The listener is woken by it and closes.
        let _ = TcpStream::connect(self.address);
    }

    /// Listens on the same port again.
    pub fn come_back(&self) {
        self.shared.gone.store(false, Relaxed);
        let mut listener = None;
        eventually("the port being free", || {
            listener = TcpListener::bind(self.address).ok();
            listener.is_some()
        });
        self.listen(listener.into_iter().next().unwrap_or_else(|| unreachable!()));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.close();
    }
}

/// Carries one connection until it ends.
fn carry(mut stream: &TcpStream, to: SocketAddr, shared: &Shared) {
    let mut receiver = None;
    let mut bytes = [0; 16 << 10];
    loop {
        // It is known only when something comes what the fault is then, but for one that reads nothing.
        if shared.fault() == Fault::Hang {
            return wait(stream, shared);
        }
        let Ok(first) = stream.peek(&mut bytes[..1]) else { return };
        let fault = shared.fault();
        let room = match fault {
            Fault::Hang => return wait(stream, shared),
            Fault::Slow => 1,
            // What is closed with something unread is reset.
            Fault::Reset => bytes.len().min(64),
            _ => bytes.len(),
        };
        if first == 0 {
            break;
        }
        let Ok(read) = stream.read(&mut bytes[..room]) else { break };
        match fault {
            Fault::None => {
                if receiver.is_none() {
                    receiver = TcpStream::connect(to).ok();
                    back(receiver.as_ref(), stream);
                }
                if receiver.as_mut().is_none_or(|receiver| receiver.write_all(&bytes[..read]).is_err()) {
                    break;
                }
            }
            Fault::Hang | Fault::Mute => return mute(stream, Duration::ZERO),
            Fault::Slow => return mute(stream, Duration::from_millis(1)),
            Fault::Reset | Fault::Close => break,
            Fault::Answer(answer) => {
                let _ = stream.write_all(answer);
                return mute(stream, Duration::ZERO);
            }
        }
    }
    for end in [Some(stream), receiver.as_ref()].into_iter().flatten() {
        let _ = end.shutdown(Shutdown::Both);
    }
}

/// Carries the answers.
fn back(receiver: Option<&TcpStream>, stream: &TcpStream) {
    let (Some(Ok(mut receiver)), Ok(mut stream)) = (receiver.map(TcpStream::try_clone), stream.try_clone()) else {
        return;
    };
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut receiver, &mut stream);
        let _ = stream.shutdown(Shutdown::Both);
    });
}

/// Reads to the end of the connection, and answers nothing.
fn mute(mut stream: &TcpStream, pause: Duration) {
    let mut bytes = [0; 16 << 10];
    let room = if pause.is_zero() { bytes.len() } else { 1 };
    while stream.read(&mut bytes[..room]).is_ok_and(|read| read > 0) {
        std::thread::sleep(pause);
    }
}

/// Reads nothing until the connection is closed from here.
fn wait(stream: &TcpStream, shared: &Shared) {
    let open = || lock(&shared.connections).values().any(|one| one.peer_addr().ok() == stream.peer_addr().ok());
    while open() {
        std::thread::sleep(Duration::from_millis(10));
    }
}
