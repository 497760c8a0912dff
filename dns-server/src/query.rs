//! `preau query`: asks the running server as a client would.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    process,
    time::{Duration, Instant},
};

use filter_core::DomainName;

use crate::{
    config::Config,
    failure::Failure,
    wire::{rr_type, text},
};

/// How long the server may take: longer than it gives its upstreams.
const PATIENCE: Duration = Duration::from_secs(6);

/// Asks the first address that the configuration listens on; returns the reply in words.
///
/// # Errors
/// [`Failure::Query`].
pub(crate) fn ask(config: &Config, name: &DomainName, record_type: u16) -> Result<String, Failure> {
    let address = reachable(config.listen.dns[0]);
    let id = process::id() as u16; // one question: any ID will do
    let query = text::query(id, name, record_type);
    let reply = over_udp(address, &query, id).and_then(|reply| match text::is_truncated(&reply) {
        true => over_tcp(address, &query),
        false => Ok(reply),
    });
    let described = reply.and_then(|reply| {
        text::describe(&reply).ok_or_else(|| io::Error::other("what came back is not DNS"))
    });
    described.map_err(|error| Failure::Query { address, error })
}

/// Asks every address that the configuration listens on, over UDP and TCP.
///
/// # Errors
/// [`Failure::Query`], with the first that does not answer.
pub(crate) fn check(config: &Config) -> Result<(), Failure> {
    for &listen in &config.listen.dns {
        let address = reachable(listen);
        is_alive(address).map_err(|error| Failure::Query { address, error })?;
    }
    Ok(())
}

/// A name that is answered without asking anyone (RFC 6761 §6.4).
const NAME: &str = "healthcheck.invalid";
/// REFUSED: this machine is in no group.
const REFUSED: u8 = 5;

/// Asks the server at an address, over UDP and TCP; any reply will do.
///
/// # Errors
/// Why there is none.
pub(crate) fn is_alive(address: SocketAddr) -> io::Result<()> {
    let name = NAME.parse().map_err(io::Error::other)?;
    let id = process::id() as u16; // one question: any ID will do
    let query = text::query(id, &name, rr_type::A);
    let reply = over_udp(address, &query, id)?;
    match reply.get(3).map(|flags| flags & 0x0f) {
        // Whoever is in no group gets no answer over TCP: that somebody accepts must do.
        Some(REFUSED) => TcpStream::connect_timeout(&address, PATIENCE).map(drop),
        _ => over_tcp(address, &query).map(drop),
    }
}

/// Where a client on this machine finds that listener.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn over_udp(address: SocketAddr, query: &[u8], id: u16) -> io::Result<Vec<u8>> {
    let unspecified: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((unspecified, 0))?;
    socket.connect(address)?;
    socket.send(query)?;
    let deadline = Instant::now() + PATIENCE;
    let mut buffer = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        socket.set_read_timeout(Some(left))?;
        let length = socket.recv(&mut buffer).map_err(timed_out)?;
        if text::is_reply(&buffer[..length], id) {
            return Ok(buffer[..length].to_vec());
        }
    }
}

fn over_tcp(address: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = query.len() as u16; // a query is at most 300 octets
    stream.write_all(&[&length.to_be_bytes(), query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).map_err(timed_out)?;
    let mut reply = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut reply).map_err(timed_out)?;
    Ok(reply)
}

/// A read time-out says "would block" on Unix.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}
