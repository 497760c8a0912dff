//! A server spoken to over UDP and TCP, such as a recursive resolver beside us.
//!
//! A forger who does not see our datagrams has to guess the port, the ID and the case of the name,
//! and to be first. What comes from the server's address and port with the right ID and is not the
//! answer to our question sends us to TCP, which he would have to guess more of.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use async_trait::async_trait;
use rand::random;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use super::{Exchange, Query, UpstreamError, is_local};
use crate::wire::{
    extract::Response,
    query::{OutgoingQuery, has_id, in_random_case, knows_no_edns, spells_alike},
};

/// After this time a datagram counts as lost, and is sent again; the next one after twice as long.
const PATIENCE: Duration = Duration::from_millis(500);
/// Datagrams that are not from the server's side of this conversation, after which it is given up.
const MAX_STRANGE: usize = 100;
/// The longest datagram that is read; no honest one is longer than the 1232 octets we ask for.
const DATAGRAM: usize = 4096;

/// A plain server.
pub(super) struct Plain {
    pub(super) address: SocketAddr,
    /// Whether it is asked to say that its answer is verified.
    pub(super) wants_authentic: bool,
}

/// What a server made of a query.
enum Reply {
    Response(Response),
    /// It does not know what an OPT record is (RFC 6891 §7).
    NoEdns,
    /// It takes TCP to know: it is not to be trusted, or not whole.
    Unclear,
}

#[async_trait]
impl Exchange for Plain {
    async fn exchange(&self, query: &Query) -> Result<Response, UpstreamError> {
        for edns in [true, false] {
            let reply = match self.over_udp(query, edns).await {
                Ok(Reply::Unclear) => self.over_tcp(query, edns).await?,
                Ok(reply) => reply,
                Err(error) if is_local(&error) => return Err(UpstreamError::NoSocket),
                Err(_) => return Err(UpstreamError::Unreachable),
            };
            match reply {
                Reply::Response(response) => return Ok(response),
                // Nor is it remembered: a forged reply takes the signatures out of one answer only.
                Reply::NoEdns => {}
                Reply::Unclear => break,
            }
        }
        Err(UpstreamError::Garbled)
    }
}

impl Plain {
    /// Asks until there is a reply.
    async fn over_udp(&self, query: &Query, edns: bool) -> io::Result<Reply> {
        let any_port: SocketAddr = match self.address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = connected(any_port, self.address).await?;
        let name = in_random_case(query.name.as_wire());
        let id = random();
        let sent = self.outgoing(query, &name, edns).octets(id);
        let mut patience = PATIENCE;
        loop {
            socket.send(&sent).await?;
            if let Ok(reply) = timeout(patience, answer(&socket, id, &name, query, edns)).await {
                return reply;
            }
            patience *= 2;
        }
    }

    async fn over_tcp(&self, query: &Query, edns: bool) -> Result<Reply, UpstreamError> {
        let id: u16 = random();
        let sent = self.outgoing(query, query.name.as_wire(), edns).octets(id);
        let received = stream_exchange(self.address, &sent).await;
        let received = received.map_err(|error| match is_local(&error) {
            true => UpstreamError::NoSocket,
            // To somebody who answers over UDP but not over TCP, no name is worth another question.
            false => UpstreamError::Garbled,
        })?;
        match has_id(&received, id) {
            true => Ok(read(&received, query, edns)),
            false => Ok(Reply::Unclear),
        }
    }

    fn outgoing<'n>(&self, query: &Query, name: &'n [u8], edns: bool) -> OutgoingQuery<'n> {
        OutgoingQuery {
            name,
            record_type: query.record_type,
            edns,
            dnssec_ok: query.dnssec_ok,
            checking_disabled: query.checking_disabled,
            wants_authentic: self.wants_authentic,
            padded: false,
        }
    }
}

/// A socket for one conversation: the kernel drops what others send, and tells when nobody listens.
async fn connected(from: SocketAddr, to: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(from).await?;
    socket.connect(to).await?;
    // On this machine, the port where nobody listens any more may be the one that we were given.
    match socket.local_addr()? == to {
        true => Err(io::ErrorKind::ConnectionRefused.into()),
        false => Ok(socket),
    }
}

/// Waits for the datagram that answers.
async fn answer(
    socket: &UdpSocket,
    id: u16,
    name: &[u8],
    query: &Query,
    edns: bool,
) -> io::Result<Reply> {
    let mut buffer = [0; DATAGRAM];
    for _ in 0..MAX_STRANGE {
        let length = socket.recv(&mut buffer).await?;
        let received = &buffer[..length];
        // Otherwise a late answer to somebody who had this port before, or a guess.
        if has_id(received, id) {
            return Ok(match read(received, query, edns) {
                Reply::Response(_) if !spells_alike(received, name) => Reply::Unclear,
                reply => reply,
            });
        }
    }
    Ok(Reply::Unclear)
}

async fn stream_exchange(server: SocketAddr, sent: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = (sent.len() as u16).to_be_bytes(); // at most some 300 octets
    stream.write_all(&[&length, sent].concat()).await?;
    let mut received = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut received).await?;
    Ok(received)
}

/// Reads what has the right ID.
fn read(received: &[u8], query: &Query, edns: bool) -> Reply {
    if edns && knows_no_edns(received) {
        return Reply::NoEdns;
    }
    match Response::read(received, &query.name, query.record_type, query.dnssec_ok) {
        Ok(response) => Reply::Response(response),
        Err(_) => Reply::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where nobody listens, our own port would answer us with our own question.
    #[tokio::test]
    async fn nobody_talks_to_himself() {
        let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = connected(free, free).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert!(connected("127.0.0.1:0".parse().unwrap(), free).await.is_ok());
    }
}
