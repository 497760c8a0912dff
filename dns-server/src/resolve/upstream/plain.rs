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

use super::{Exchange, Query, UpstreamError};
use crate::wire::{
    extract::{Response, Unusable},
    query::{OutgoingQuery, has_id, in_random_case, spells_alike},
};

/// After these times, one after another, a datagram counts as lost, and is sent again or given up.
const PATIENCE: [Duration; 2] = [Duration::from_millis(600), Duration::from_millis(1400)];
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

#[async_trait]
impl Exchange for Plain {
    async fn exchange(&self, query: &Query) -> Result<Response, UpstreamError> {
        match self.over_udp(query).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => self.over_tcp(query).await,
            Err(_) => Err(UpstreamError::Unreachable),
        }
    }
}

impl Plain {
    /// `None`: it takes TCP to know.
    async fn over_udp(&self, query: &Query) -> io::Result<Option<Response>> {
        let any_port: SocketAddr = match self.address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any_port).await?;
        // From here on the kernel drops what others send, and tells when nobody listens.
        socket.connect(self.address).await?;
        let name = in_random_case(query.name.as_wire());
        let id = random();
        let sent = self.outgoing(query, &name).octets(id);
        for patience in PATIENCE {
            socket.send(&sent).await?;
            if let Ok(received) = timeout(patience, answer(&socket, id, &name, query)).await {
                return received;
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    async fn over_tcp(&self, query: &Query) -> Result<Response, UpstreamError> {
        let id: u16 = random();
        let sent = self.outgoing(query, query.name.as_wire()).octets(id);
        // To somebody who answers over UDP but not over TCP, no name is worth another question.
        let received = stream_exchange(self.address, &sent).await;
        let received = received.map_err(|_| UpstreamError::Garbled)?;
        if !has_id(&received, id) {
            return Err(UpstreamError::Garbled);
        }
        read(&received, query).map_err(|_| UpstreamError::Garbled)
    }

    fn outgoing<'n>(&self, query: &Query, name: &'n [u8]) -> OutgoingQuery<'n> {
        OutgoingQuery {
            name,
            record_type: query.record_type,
            dnssec_ok: query.dnssec_ok,
            checking_disabled: query.checking_disabled,
            wants_authentic: self.wants_authentic,
            padded: false,
        }
    }
}

/// Waits for the datagram that answers; `None`: it is not to be trusted, or not whole.
async fn answer(
    socket: &UdpSocket,
    id: u16,
    name: &[u8],
    query: &Query,
) -> io::Result<Option<Response>> {
    let mut buffer = [0; DATAGRAM];
    for _ in 0..MAX_STRANGE {
        let length = socket.recv(&mut buffer).await?;
        let received = &buffer[..length];
        // Otherwise a late answer to somebody who had this port before, or a guess.
        if has_id(received, id) {
            let response = read(received, query).ok();
            return Ok(response.filter(|_| spells_alike(received, name)));
        }
    }
    Ok(None)
}

async fn stream_exchange(server: SocketAddr, sent: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = (sent.len() as u16).to_be_bytes(); // at most some 300 octets
    stream.write_all(&[&length, sent].concat()).await?;
    let mut received = vec![0; stream.read_u16().await?.into()];
    stream.read_exact(&mut received).await?;
    Ok(received)
}

fn read(received: &[u8], query: &Query) -> Result<Response, Unusable> {
    Response::read(received, &query.name, query.record_type, query.dnssec_ok)
}
