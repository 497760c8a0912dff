//! Sockets: the only room that sees a client's address.

pub(crate) mod accept;
mod batch;
mod datagrams;
#[cfg(test)]
mod encrypted_tests;
mod https;
mod network;
pub(crate) mod places;
mod proxy;
pub(crate) mod quic;
pub(crate) mod rates;
pub(crate) mod streams;
pub(crate) mod terms;
pub(crate) mod tls;
pub(crate) mod udp;
pub(crate) mod unix;
pub(crate) mod waiting;

use std::{
    io::{self, ErrorKind::AddrInUse},
    net::{SocketAddr, TcpListener, UdpSocket},
    num::NonZero,
    thread,
};

use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    socket::{setsockopt, sockopt},
};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::{
    config::{Limits, Listen},
    failure::Failure,
};

/// Bound sockets.
#[derive(Debug, Default)]
pub struct Listeners {
    /// One for each address of [`Listen::dns`] and each core.
    pub(crate) udp: Vec<UdpSocket>,
    /// One for each address, and so on.
    pub(crate) tcp: Vec<TcpListener>,
    pub(crate) tls: Vec<TcpListener>,
    pub(crate) https: Vec<TcpListener>,
    pub(crate) quic: Vec<UdpSocket>,
}

/// Room for datagrams that arrive faster than they are read: the usual 208 KiB holds fewer than 300.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Ports to try where any will do.
const PORT_ATTEMPTS: usize = 16;

impl Listeners {
    /// Binds every address. Port 0 is any port that is free; for DNS, for both UDP and TCP.
    ///
    /// An IPv6 address takes IPv6 clients only: `[::]` stands beside `0.0.0.0`.
    ///
    /// # Errors
    /// [`Failure::Listen`], with the first address that cannot be had.
    pub fn bind(addresses: &Listen) -> Result<Self, Failure> {
        let mut listeners = Self::default();
        for &address in &addresses.dns {
            let (udp, tcp) = bind_pair(address).map_err(cannot(address))?;
            listeners.udp.extend(udp);
            listeners.tcp.push(tcp);
        }
        for &address in &addresses.tls {
            listeners.tls.push(bind_tcp(address).map_err(cannot(address))?);
        }
        for &address in &addresses.https {
            listeners.https.push(bind_tcp(address).map_err(cannot(address))?);
        }
        for &address in &addresses.quic {
            listeners.quic.push(bind_udp(address, false).map_err(cannot(address))?);
        }
        Ok(listeners)
    }

    /// Where they listen, with the ports that were chosen.
    ///
    /// # Errors
    /// The operating system does not tell.
    pub fn addresses(&self) -> io::Result<Listen> {
        let tcp = |sockets: &[TcpListener]| -> io::Result<Vec<_>> {
            sockets.iter().map(TcpListener::local_addr).collect()
        };
        Ok(Listen {
            dns: tcp(&self.tcp)?,
            tls: tcp(&self.tls)?,
            https: tcp(&self.https)?,
            quic: self.quic.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?,
        })
    }
}

/// Raises the limit of open files to what this process may have and its configuration promises.
///
/// # Errors
/// What may be had instead, where that is less.
pub(crate) fn raise_open_files(limits: &Limits) -> Result<(), u64> {
    let wanted = limits.open_files();
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    if soft < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted.min(hard), hard).is_err() {
        return Err(soft);
    }
    if hard < wanted { Err(hard) } else { Ok(()) }
}

fn cannot(address: SocketAddr) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::Listen { address, error }
}

/// The sockets of one address: of UDP one for each core, among which the kernel shares out clients.
fn bind_pair(address: SocketAddr) -> io::Result<(Vec<UdpSocket>, TcpListener)> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let mut attempts = if address.port() == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        attempts -= 1;
        let tcp = bind_tcp(address)?;
        let address = tcp.local_addr()?;
        // Another server of the same user may share UDP ports this way, but not the port of TCP.
        match (0..cores).map(|_| bind_udp(address, true)).collect() {
            Err(error) if io::Error::kind(&error) == AddrInUse && attempts > 0 => {}
            udp => return Ok((udp?, tcp)),
        }
    }
}

fn bind_udp(address: SocketAddr, is_shared: bool) -> io::Result<UdpSocket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    if is_shared {
        setsockopt(&socket, sockopt::ReusePort, &true)?;
    }
    // The kernel may grant less (net.core.rmem_max): then bursts lose datagrams sooner.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&SockAddr::from(address))?;
    Ok(socket.into())
}

pub(crate) fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: SocketAddr) -> Listen {
        Listen { dns: vec![address], tls: Vec::new(), https: Vec::new(), quic: Vec::new() }
    }

    /// Sockets of one address are shared among our threads, not with another server.
    #[test]
    fn an_address_in_use_is_not_shared() {
        let first = Listeners::bind(&at("127.0.0.1:0".parse().unwrap())).unwrap();
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        assert_eq!((first.udp.len(), first.tcp.len()), (cores, 1));
        let address = first.addresses().unwrap().dns[0];
        assert!(first.udp.iter().all(|socket| socket.local_addr().unwrap() == address));
        let second = Listeners::bind(&at(address)).unwrap_err();
        assert!(second.to_string().contains(&address.to_string()), "{second}");
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(Listeners::bind(&at(other.local_addr().unwrap())).is_err());
    }
}
