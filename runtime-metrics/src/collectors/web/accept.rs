//! The listening sockets of the network namespace, as Linux tells them over `NETLINK_SOCK_DIAG`.
//!
//! A listener's own descriptor would tell the same by `getsockopt(TCP_INFO)`; but who keeps it keeps the
//! port open.

use super::Listener;
use rustix::io::{Errno, Result};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with};
use std::net::{IpAddr, SocketAddr};

/// A message's header: length, type, flags, sequence number, sender.
const HEADER: usize = 16;
/// What asks for sockets: family, protocol, two bytes, the states that are wanted, and a socket.
const REQUEST: usize = HEADER + 56;
const BY_FAMILY: u16 = 20;
const REQUEST_ALL: u16 = 0x301;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const TCP: u8 = 6;
const LISTENS: u32 = 1 << 10;

/// All sockets that listen. The kernel goes through its listeners only, not through connections.
pub(super) fn listeners() -> Result<Vec<Listener>> {
    let mut found = Vec::new();
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        of_family(family, &mut found)?;
    }
    Ok(found)
}

fn of_family(family: AddressFamily, found: &mut Vec<Listener>) -> Result<()> {
    let kernel =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
    send(&kernel, &request(family), SendFlags::empty())?;
    // As large as the kernel makes its answers.
    let mut buffer = vec![0; 32 * 1024];
    loop {
        // The kernel answers before it returns; never wait for it.
        let (length, _) = recv(&kernel, &mut buffer[..], RecvFlags::DONTWAIT)?;
        if read(&buffer[..length], found)? {
            return Ok(());
        }
    }
}

/// Adds the listeners of an answer; whether it is the last.
fn read(answer: &[u8], found: &mut Vec<Listener>) -> Result<bool> {
    let mut rest = answer;
    while let Some((kind, message, next)) = message(rest) {
        match (kind, failure(message)) {
            // What the kernel could not tell to the end ends in an error.
            (DONE, None) => return Ok(true),
            (DONE, Some(error)) => return Err(error),
            (ERROR, error) => return Err(error.unwrap_or(Errno::IO)),
            (BY_FAMILY, _) => found.extend(listener(message)),
            _ => {}
        }
        rest = next;
    }
    Ok(false)
}

/// The error in a message that may have one: a negative number at its start.
fn failure(message: &[u8]) -> Option<Errno> {
    let code = number(message, 0)?.cast_signed();
    // No other numbers are errors of Linux.
    let known = |code: &i32| (1..4096).contains(code);
    (code < 0).then(|| code.checked_neg().filter(known).map_or(Errno::IO, Errno::from_raw_os_error))
}

fn request(family: AddressFamily) -> [u8; REQUEST] {
    let mut request = [0; REQUEST];
    request[0..4].copy_from_slice(&(REQUEST as u32).to_ne_bytes());
    request[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    request[6..8].copy_from_slice(&REQUEST_ALL.to_ne_bytes());
    request[HEADER] = family.as_raw() as u8;
    request[HEADER + 1] = TCP;
    request[HEADER + 4..HEADER + 8].copy_from_slice(&LISTENS.to_ne_bytes());
    request
}

/// The first message's kind, what it says, and those after it.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = number(bytes, 0)? as usize;
    let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
    let message = bytes.get(HEADER..length)?;
    Some((kind, message, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// Where a socket is, and its queue: family at 0, port at 4, address at 8, the queue at 56, its limit at 60.
fn listener(message: &[u8]) -> Option<Listener> {
    let port = u16::from_be_bytes(*message.get(4..)?.first_chunk()?);
    let address = message.get(8..24)?;
    let address = match AddressFamily::from_raw(u16::from(*message.first()?)) {
        AddressFamily::INET => IpAddr::from(*address.first_chunk::<4>()?),
        AddressFamily::INET6 => IpAddr::from(*address.first_chunk::<16>()?),
        _ => return None,
    };
    Some(Listener {
        address: SocketAddr::new(address, port),
        queued: number(message, 56)?,
        limit: number(message, 60)?,
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn what_is_not_accepted_is_counted_and_what_is_closed_is_gone() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let listening = TcpListener::bind(host).unwrap();
            let address = listening.local_addr().unwrap();
            let clients: Vec<_> = (0..7).map(|_| TcpStream::connect(address).unwrap()).collect();
            let queued = || {
                let here = listeners().unwrap().into_iter().find(|listener| listener.address == address);
                here.map(|here| (here.queued, here.limit > 0))
            };
            assert_eq!(queued(), Some((7, true)), "{host}");
            let accepted = listening.accept().unwrap();
            assert_eq!(queued(), Some((6, true)), "{host}");
            drop((clients, accepted, listening));
            assert_eq!(queued(), None, "{host}");
        }
    }

    #[test]
    fn an_answer_that_ends_in_an_error_is_one() {
        let answer = |kind: u16, text: &[u8]| {
            let mut answer = vec![0; HEADER];
            answer[..4].copy_from_slice(&((HEADER + text.len()) as u32).to_ne_bytes());
            answer[4..6].copy_from_slice(&kind.to_ne_bytes());
            answer.extend(text);
            read(&answer, &mut Vec::new())
        };
        let code = |code: i32| code.to_ne_bytes();
        assert_eq!((answer(DONE, &code(0)), answer(DONE, &[])), (Ok(true), Ok(true)));
        for kind in [DONE, ERROR] {
            assert_eq!(answer(kind, &code(-2)), Err(Errno::NOENT));
            assert_eq!(answer(kind, &code(i32::MIN)), Err(Errno::IO));
        }
        assert_eq!((answer(ERROR, &code(0)), answer(7, &code(-2))), (Err(Errno::IO), Ok(false)));
        // Of a listener the same place says something else.
        assert_eq!(answer(BY_FAMILY, &[255; 72]), Ok(false));
    }
}
