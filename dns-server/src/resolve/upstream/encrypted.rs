//! A server spoken to over TLS, HTTPS or QUIC: hickory's connections, our messages.
//!
//! hickory's own resolver is not asked. It turns answers into records and back, and on that way
//! loses what upstream says about errors and the alias of a name whose target has no data, does not
//! pass CD on, and has a cache of its own.

use std::{io, net::IpAddr, sync::Arc};

use async_trait::async_trait;
use hickory_resolver::{
    ConnectionProvider, PoolContext, TlsConfig,
    config::{ConnectionConfig, ResolverOpts},
    net::{
        NetError,
        runtime::TokioRuntimeProvider,
        xfer::{DnsHandle as _, FirstAnswer as _},
    },
    proto::op::{DnsRequest, DnsRequestOptions, Message},
};
use rand::random;
use tokio::sync::Mutex;

use super::{Exchange, Protocol, Query, SERVER_TIMEOUT, Server, UpstreamError};
use crate::wire::{extract::Response, query::OutgoingQuery};

/// Questions in flight on one connection.
const REQUESTS_PER_CONNECTION: usize = 512;

type Connection = <TokioRuntimeProvider as ConnectionProvider>::Conn;

/// An encrypted server, and the one connection to it.
pub(super) struct Encrypted {
    ip: IpAddr,
    config: ConnectionConfig,
    context: PoolContext,
    provider: TokioRuntimeProvider,
    /// Held while connecting, so that a cold start dials once.
    connection: Mutex<Option<Arc<Connection>>>,
    wants_authentic: bool,
}

impl Encrypted {
    /// Prepares to ask a server; connects when the first question comes.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(super) fn new(server: &Server, wants_authentic: bool) -> io::Result<Self> {
        let mut config = match &server.protocol {
            Protocol::Plain => ConnectionConfig::tcp(),
            Protocol::Tls { name } => ConnectionConfig::tls(name.clone()),
            Protocol::Https { name, path } => {
                ConnectionConfig::https(name.clone(), Some(path.clone()))
            }
            Protocol::Quic { name } => ConnectionConfig::quic(name.clone()),
        };
        config.port = server.address.port();
        let mut options = ResolverOpts::default();
        options.timeout = SERVER_TIMEOUT;
        options.max_active_requests = REQUESTS_PER_CONNECTION;
        let tls = TlsConfig::new().map_err(io::Error::other)?;
        Ok(Self {
            ip: server.address.ip(),
            config,
            context: PoolContext::new(options, tls),
            provider: TokioRuntimeProvider::default(),
            connection: Mutex::default(),
            wants_authentic,
        })
    }

    /// The connection, and whether it was there before.
    async fn connection(&self) -> Result<(Arc<Connection>, bool), NetError> {
        let mut connection = self.connection.lock().await;
        if let Some(open) = &*connection {
            return Ok((open.clone(), true));
        }
        let dialled = self.provider.new_connection(self.ip, &self.config, &self.context)?.await?;
        let dialled = Arc::new(dialled);
        *connection = Some(dialled.clone());
        Ok((dialled, false))
    }

    /// Forgets a connection that failed, unless another one has replaced it.
    async fn hang_up(&self, failed: &Arc<Connection>) {
        let mut connection = self.connection.lock().await;
        if connection.as_ref().is_some_and(|current| Arc::ptr_eq(current, failed)) {
            *connection = None;
        }
    }

    async fn send(&self, message: &Message) -> Result<Vec<u8>, NetError> {
        loop {
            let (connection, reused) = self.connection().await?;
            let request = DnsRequest::new(message.clone(), DnsRequestOptions::default());
            match connection.send(request).first_answer().await {
                Ok(response) => return Ok(response.into_buffer()),
                Err(error) => {
                    self.hang_up(&connection).await;
                    // Servers close idle connections: one that was open is worth another try.
                    if !reused {
                        return Err(error);
                    }
                }
            }
        }
    }
}

#[async_trait]
impl Exchange for Encrypted {
    async fn exchange(&self, query: &Query) -> Result<Response, UpstreamError> {
        let outgoing = OutgoingQuery {
            name: query.name.as_wire(),
            record_type: query.record_type,
            edns: true,
            dnssec_ok: query.dnssec_ok,
            checking_disabled: query.checking_disabled,
            wants_authentic: self.wants_authentic,
            padded: true,
        };
        let message =
            Message::from_vec(&outgoing.octets(random())).map_err(|_| UpstreamError::Garbled)?;
        let received = self.send(&message).await.map_err(|error| match error {
            NetError::Proto(_) | NetError::Decode(_) => UpstreamError::Garbled,
            _ => UpstreamError::Unreachable,
        })?;
        Response::read(&received, &query.name, query.record_type, query.dnssec_ok)
            .map_err(|_| UpstreamError::Garbled)
    }
}
