//! Addresses to listen on.

use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Ports below those that the system gives to whoever names none (on Linux, from 32 768 on): no socket
/// of another test takes one between the look and its use.
const FIRST: u32 = 10_000;
const PORTS: u32 = 22_000;
/// Addresses given so far: none is given twice.
static GIVEN: AtomicU32 = AtomicU32::new(0);

/// An address of the loopback whose port is free, for UDP and for TCP.
pub fn unused() -> SocketAddr {
    // Programs that run side by side begin at different ports.
    let begin = process::id().wrapping_mul(997);
    loop {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + begin.wrapping_add(given) % PORTS;
        let address = SocketAddr::from(([127, 0, 0, 1], port as u16)); // below 32 000
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn none_is_given_twice() {
        let given: HashSet<_> = (0..200).map(|_| unused()).collect();
        assert_eq!(given.len(), 200);
    }
}
