//! DNS over QUIC (RFC 9250): a stream for each question.

use std::{io, net::UdpSocket, sync::Arc, time::Duration};

use quinn::{
    Connection, Endpoint, EndpointConfig, Incoming, RecvStream, SendStream, ServerConfig,
    TokioRuntime, TransportConfig, VarInt, crypto::rustls::QuicServerConfig,
};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::task::TaskTracker;

use super::{
    places::Places,
    streams::{IDLE_TIMEOUT, PIPELINE, QUERY, StreamServer},
    tls,
};
use crate::{
    service::Service,
    stats::Carrier,
    wire::question::{self, Transport},
};

/// How long a connection may be without a question (§5.5.1).
const IDLE: Duration = Duration::from_secs(30);
/// Connections from which on a client must prove its address before it gets one (RFC 9000 §8.1.2).
const WITHOUT_PROOF: usize = 64;
/// Error codes (§4.3).
const NO_ERROR: VarInt = VarInt::from_u32(0);
const PROTOCOL_ERROR: VarInt = VarInt::from_u32(2);
/// How long the end of all connections may take to be told.
const FAREWELL: Duration = Duration::from_secs(1);

/// The client does what RFC 9250 forbids; the connection ends.
struct ProtocolError;

/// Serves a socket until told to stop.
///
/// # Errors
/// The socket cannot be set up.
pub(crate) async fn serve(server: StreamServer, socket: UdpSocket) -> io::Result<()> {
    let config = server_config(&server.service)?;
    let (settings, runtime) = (EndpointConfig::default(), Arc::new(TokioRuntime));
    let endpoint = Endpoint::new(settings, Some(config), socket, runtime)?;
    let connections = TaskTracker::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => server.take_quic(incoming, &connections),
                None => return Ok(()),
            },
            () = server.stop.cancelled() => break,
        }
    }
    connections.close();
    server.tasks.spawn(async move {
        // Whoever comes now is told at once, and asks elsewhere.
        let refuse = async {
            while let Some(incoming) = endpoint.accept().await {
                incoming.refuse();
            }
        };
        tokio::select! {
            () = connections.wait() => {}
            () = refuse => {}
        }
        let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
    });
    Ok(())
}

impl StreamServer {
    /// Serves a connection, if its client is in a group and there is a place for it.
    fn take_quic(&self, incoming: Incoming, connections: &TaskTracker) {
        let client = incoming.remote_address().ip();
        let snapshot = self.service.snapshot();
        let limits = &snapshot.terms.limits;
        if snapshot.group_of(client).is_none() || snapshot.terms.is_proxy(client) {
            return incoming.ignore();
        }
        if !incoming.remote_address_validated() && self.places.total() >= WITHOUT_PROOF {
            // Fails for those who have proved it.
            let _ = incoming.retry();
            return;
        }
        let place = Places::take(&self.places, limits.connections)
            .and_then(|place| place.of(client, limits.connections_per_client));
        let place = match place {
            Ok(place) => place,
            Err(limit) => {
                snapshot.stats.count_limited(limit);
                return incoming.refuse();
            }
        };
        let server = self.clone();
        self.tasks.spawn(connections.track_future(async move {
            let connection = tokio::select! {
                connection = timeout(IDLE_TIMEOUT, incoming) => connection,
                () = server.stop.cancelled() => return,
            };
            if let Ok(Ok(connection)) = connection {
                let _open = server.service.snapshot().stats.open(Carrier::Quic);
                server.answer_streams(connection).await;
            }
            drop(place);
        }));
    }

    /// Answers the question of each stream (§4.2).
    async fn answer_streams(&self, connection: Connection) {
        let mut questions = JoinSet::new();
        loop {
            tokio::select! {
                stream = connection.accept_bi() => match stream {
                    Ok((reply, query)) => {
                        let (server, connection) = (self.clone(), connection.clone());
                        questions.spawn(async move { server.answer_stream(&connection, query, reply).await });
                    }
                    // The client is gone, and nobody waits for answers.
                    Err(_) => return,
                },
                Some(done) = questions.join_next() => if let Ok(Err(ProtocolError)) = done {
                    return connection.close(PROTOCOL_ERROR, b"");
                },
                () = self.stop.cancelled() => break,
            }
        }
        while questions.join_next().await.is_some() {}
        connection.close(NO_ERROR, b"");
    }

    /// Answers the question of a stream.
    async fn answer_stream(
        &self,
        connection: &Connection,
        query: RecvStream,
        mut reply: SendStream,
    ) -> Result<(), ProtocolError> {
        let Some(query) = read(query).await? else { return Ok(()) };
        let client = connection.remote_address().ip();
        self.wait_for_turn(client).await;
        let answer = self.reply_to(client, Transport::Encrypted, &query);
        let Some(mut message) = answer.await else { return Err(ProtocolError) };
        let length = u16::try_from(message.len()).map_err(|_| ProtocolError)?;
        message.splice(..0, length.to_be_bytes());
        let writing = async {
            reply.write_all(&message).await.ok()?;
            reply.finish().ok()?;
            // It has arrived, so that the connection may be closed.
            reply.stopped().await.ok()
        };
        // An error is the client's hanging up.
        let _ = timeout(IDLE_TIMEOUT, writing).await;
        Ok(())
    }
}

/// The one query of a stream, all of it; `None` where the client thought better of it.
async fn read(mut stream: RecvStream) -> Result<Option<Vec<u8>>, ProtocolError> {
    let octets = match timeout(IDLE_TIMEOUT, stream.read_to_end(2 + QUERY)).await {
        Ok(Ok(octets)) => octets,
        Ok(Err(quinn::ReadToEndError::TooLong)) => return Err(ProtocolError),
        Ok(Err(_)) | Err(_) => return Ok(None),
    };
    let Some((length, query)) = octets.split_first_chunk() else { return Err(ProtocolError) };
    // The ID is zero (§4.2.1); a stream bears one query (§4.2), which says nothing of TCP (§5.5.2).
    let is_whole = usize::from(u16::from_be_bytes(*length)) == query.len();
    let has_keepalive = question::read(query)
        .is_ok_and(|question| question.echo.edns.is_some_and(|edns| edns.tcp_keepalive));
    if !is_whole || !query.starts_with(&[0, 0]) || has_keepalive {
        return Err(ProtocolError);
    }
    Ok(Some(query.to_vec()))
}

fn server_config(service: &Arc<Service>) -> io::Result<ServerConfig> {
    // Without early data: it may be replayed by others, who would learn what is in the cache.
    let tls = QuicServerConfig::try_from(tls::server_config(service, tls::DNS_OVER_QUIC))
        .map_err(io::Error::other)?;
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    // A client that changes its address may change its group: it connects anew.
    config.migration(false);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(PIPELINE as u32))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(2 * QUERY as u32))
        .receive_window(VarInt::from_u32((PIPELINE * QUERY) as u32))
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(IDLE.try_into().map_err(io::Error::other)?));
    config.transport_config(Arc::new(transport));
    Ok(config)
}
