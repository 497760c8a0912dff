//! Sockets: the only room that sees a client's address.

pub(crate) mod streams;
pub(crate) mod udp;

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::failure::Failure;

/// Bound sockets, one UDP and one TCP for each address.
#[derive(Debug)]
pub struct Listeners {
    pub(crate) udp: Vec<UdpSocket>,
    pub(crate) tcp: Vec<TcpListener>,
}

/// Room for datagrams that arrive faster than they are read: the usual 208 KiB holds fewer than 300.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Ports to try where any will do.
const PORT_ATTEMPTS: usize = 16;

impl Listeners {
    /// Binds UDP and TCP at each address. Port 0 is any port that is free for both.
    ///
    /// An IPv6 address takes IPv6 clients only: `[::]` stands beside `0.0.0.0`. On a machine with
    /// several addresses name each of them: from a wildcard, answers leave with the address that
    /// the route prefers, which need not be the one that was asked.
    ///
    /// # Errors
    /// [`Failure::Listen`], with the first address that cannot be had.
    pub fn bind(addresses: &[SocketAddr]) -> Result<Self, Failure> {
        let mut listeners = Self { udp: Vec::new(), tcp: Vec::new() };
        for &address in addresses {
            let (udp, tcp) =
                bind_pair(address).map_err(|error| Failure::Listen { address, error })?;
            listeners.udp.push(udp);
            listeners.tcp.push(tcp);
        }
        Ok(listeners)
    }

    /// Where they listen, with the ports that were chosen.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.udp.iter().map(UdpSocket::local_addr).collect()
    }
}

fn bind_pair(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut attempts = if address.port() == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        let tcp = bind_tcp(address)?;
        match bind_udp(tcp.local_addr()?) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {}
            udp => return Ok((udp?, tcp)),
        }
    }
}

fn bind_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    // The kernel may grant less (net.core.rmem_max): then bursts lose datagrams sooner.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&SockAddr::from(address))?;
    Ok(socket.into())
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    // A restart need not wait for connections in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?; // as tokio wants it
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}
