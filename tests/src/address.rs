//! Addresses to listen on.

use std::net::{SocketAddr, TcpListener, UdpSocket};

/// An address of the loopback whose port is free, for UDP and for TCP.
pub fn unused() -> SocketAddr {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        if UdpSocket::bind(address).is_ok() {
            return address;
        }
    }
}
