//! Connections: DNS over TCP (RFC 7766) and TLS (RFC 7858), messages behind their length.
//! hickory-server's own listener would do, but that it takes any number of connections, and one
//! question of each at a time.
//!
//! Everything that a client can hold is bounded: connections, questions in hand, time.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    accept,
    places::{Place, Places},
    proxy,
    rates::Rates,
    tls,
    waiting::{Seat, Waiting},
};
use crate::{service::Service, stats::Carrier, wire::question::Transport};

/// Questions in hand, a connection. The next is read when one of them has its answer.
pub(super) const PIPELINE: usize = 16;
/// How long a connection may take over a message, reading or writing; so also how long it may stay
/// idle (RFC 7766 §6.2.3: a few seconds).
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Octets of a query; no honest one is longer.
pub(super) const QUERY: usize = 4096;

/// What is spoken over a connection.
#[derive(Clone)]
pub(crate) enum Protocol {
    /// DNS over TCP.
    Dns,
    /// DNS over TLS.
    DnsOverTls(TlsAcceptor),
    /// DNS over HTTPS.
    Https(TlsAcceptor),
}

impl Protocol {
    /// DNS over TLS, with the certificate of a service.
    pub(crate) fn dns_over_tls(service: &Arc<Service>) -> Self {
        Self::DnsOverTls(Arc::new(tls::server_config(service, tls::DNS)).into())
    }

    /// DNS over HTTPS, with the certificate of a service.
    pub(crate) fn https(service: &Arc<Service>) -> Self {
        Self::Https(Arc::new(tls::server_config(service, tls::HTTP)).into())
    }
}

/// What the connections share.
#[derive(Clone)]
pub(crate) struct StreamServer {
    pub(crate) service: Arc<Service>,
    /// Places of questions that wait for upstream, over UDP too.
    pub(crate) waiting: Arc<Waiting>,
    /// Connections, to be waited for at the end.
    pub(crate) tasks: TaskTracker,
    /// To stop: questions in hand are answered, no others are read.
    pub(crate) stop: CancellationToken,
    pub(crate) places: Arc<Places>,
    pub(crate) rates: Arc<Rates>,
}

impl StreamServer {
    /// Serves a socket until told to stop.
    pub(crate) async fn serve(self, listener: TcpListener, protocol: Protocol) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            match accepted {
                // A stream that is dropped is closed.
                Ok((stream, client)) => self.take(stream, client.ip(), &protocol),
                Err(error) => accept::recover(error, "DNS").await,
            }
        }
    }

    /// Serves a connection, if its client is in a group and there is a place for it.
    fn take(&self, stream: TcpStream, peer: IpAddr, protocol: &Protocol) {
        let snapshot = self.service.snapshot();
        let is_proxy = snapshot.terms.is_proxy(peer);
        if !is_proxy && snapshot.group_of(peer).is_none() {
            return;
        }
        let place = match Places::take(&self.places, snapshot.terms.limits.connections) {
            Ok(place) => place,
            Err(limit) => return snapshot.stats.count_limited(limit),
        };
        let (server, protocol) = (self.clone(), protocol.clone());
        self.tasks.spawn(async move {
            // An error is the client's hanging up.
            let _ = server.receive(stream, peer, is_proxy, place, protocol).await;
        });
    }

    /// Finds out who it is that a connection is of.
    async fn receive(
        &self,
        mut stream: TcpStream,
        peer: IpAddr,
        is_proxy: bool,
        place: Place,
        protocol: Protocol,
    ) -> io::Result<()> {
        let client = match is_proxy {
            true => tokio::select! {
                client = timeout(IDLE_TIMEOUT, read_header(&mut stream)) => client??.unwrap_or(peer),
                () = self.stop.cancelled() => return Ok(()),
            },
            false => peer,
        };
        let place = {
            let snapshot = self.service.snapshot();
            if snapshot.group_of(client).is_none() {
                return Ok(());
            }
            let place = place.of(client, snapshot.terms.limits.connections_per_client);
            place.inspect_err(|limit| snapshot.stats.count_limited(*limit))
        };
        let Ok(_place) = place else { return Ok(()) };
        self.speak(stream, client, protocol).await
    }

    /// Waits until a client may ask once more.
    pub(super) async fn wait_for_turn(&self, client: IpAddr) {
        let per_second = self.service.snapshot().terms.limits.queries_per_second;
        while let Err(wait) = self.rates.of_client(client, per_second) {
            sleep(wait).await;
        }
    }

    /// Waits for one of the places of a client, for a question to upstream.
    pub(super) async fn wait_for_seat(&self, client: IpAddr) -> Seat {
        let limit = self.service.snapshot().terms.limits.waiting_per_client;
        self.waiting.clone().take(client, limit).await
    }

    /// The reply to a client's query, if there is one.
    pub(super) async fn reply_to(
        &self,
        client: IpAddr,
        transport: Transport,
        query: &[u8],
    ) -> Option<Vec<u8>> {
        let snapshot = Arc::clone(&self.service.snapshot());
        let group = snapshot.group_of(client);
        snapshot.answer(group, transport, query, self.wait_for_seat(client)).await
    }

    /// Speaks what is spoken here.
    async fn speak(&self, stream: TcpStream, client: IpAddr, protocol: Protocol) -> io::Result<()> {
        stream.set_nodelay(true)?; // each reply is one write
        let _open = self.service.snapshot().stats.open(match protocol {
            Protocol::Dns => Carrier::Tcp,
            Protocol::DnsOverTls(_) => Carrier::Tls,
            Protocol::Https(_) => Carrier::Https,
        });
        match protocol {
            Protocol::Dns => {
                let (reader, writer) = stream.into_split();
                self.converse(reader, writer, client, Transport::Stream).await
            }
            Protocol::DnsOverTls(acceptor) => {
                let (reader, writer) = tokio::io::split(self.shake_hands(stream, acceptor).await?);
                self.converse(reader, writer, client, Transport::Encrypted).await
            }
            Protocol::Https(acceptor) => {
                self.answer_requests(self.shake_hands(stream, acceptor).await?, client).await
            }
        }
    }

    async fn shake_hands(
        &self,
        stream: TcpStream,
        acceptor: TlsAcceptor,
    ) -> io::Result<TlsStream<TcpStream>> {
        tokio::select! {
            shaken = timeout(IDLE_TIMEOUT, acceptor.accept(stream)) => shaken?,
            () = self.stop.cancelled() => Err(io::ErrorKind::Interrupted.into()),
        }
    }

    /// Answers the messages of a connection, each when its answer is there (RFC 7766 §6.2.1.1).
    async fn converse(
        &self,
        reader: impl AsyncRead + Unpin,
        writer: impl AsyncWrite + Unpin,
        client: IpAddr,
        transport: Transport,
    ) -> io::Result<()> {
        let (replies, written) = mpsc::channel(PIPELINE);
        // The end of reading leaves questions in hand: writing ends when each has its answer. An
        // error in writing ends both, and with the set the questions.
        let mut questions = JoinSet::new();
        let reading = async {
            self.read_all(reader, client, transport, replies, &mut questions).await;
            Ok(())
        };
        tokio::try_join!(reading, write_all(writer, written))?;
        Ok(())
    }

    /// Takes questions in until the client says no more, or nonsense, or nothing for too long.
    async fn read_all(
        &self,
        mut reader: impl AsyncRead + Unpin,
        client: IpAddr,
        transport: Transport,
        replies: mpsc::Sender<Vec<u8>>,
        questions: &mut JoinSet<()>,
    ) {
        loop {
            if questions.len() >= PIPELINE {
                questions.join_next().await;
            }
            while questions.try_join_next().is_some() {}
            let message = tokio::select! {
                message = timeout(IDLE_TIMEOUT, read(&mut reader)) => message,
                () = self.stop.cancelled() => return,
            };
            let Ok(Ok(query)) = message else { return };
            self.wait_for_turn(client).await;
            let (server, replies) = (self.clone(), replies.clone());
            questions.spawn(async move {
                if let Some(reply) = server.reply_to(client, transport, &query).await {
                    // Fails where the connection is gone.
                    let _ = replies.send(reply).await;
                }
            });
        }
    }
}

/// Who is on the other side of a balancer; `None`: the balancer itself.
async fn read_header(stream: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut header = vec![0; proxy::FIXED];
    stream.read_exact(&mut header).await?;
    let fixed = header.first_chunk().ok_or(io::ErrorKind::InvalidData)?;
    header.resize(proxy::length(fixed).map_err(io::Error::other)?, 0);
    stream.read_exact(&mut header[proxy::FIXED..]).await?;
    Ok(proxy::read(&header).map_err(io::Error::other)?.client)
}

/// One message.
async fn read(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = usize::from(reader.read_u16().await?);
    if length > QUERY {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; length];
    reader.read_exact(&mut message).await?;
    Ok(message)
}

/// Writes replies as they come, until no more can.
async fn write_all(
    mut writer: impl AsyncWrite + Unpin,
    mut replies: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    while let Some(mut reply) = replies.recv().await {
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        reply.splice(..0, length.to_be_bytes());
        let writing = async {
            writer.write_all(&reply).await?;
            writer.flush().await
        };
        timeout(IDLE_TIMEOUT, writing).await??;
    }
    // TLS says that this was the end of it.
    timeout(IDLE_TIMEOUT, writer.shutdown()).await?
}

#[cfg(test)]
mod tests;
