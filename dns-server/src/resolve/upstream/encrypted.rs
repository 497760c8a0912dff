//! A server spoken to over TLS, HTTPS or QUIC: hickory's connections, our messages.
//!
//! hickory's own resolver is not asked. It turns answers into records and back, and on that way
//! loses what upstream says about errors and the alias of a name whose target has no data, does not
//! pass CD on, and has a cache of its own.

use std::{
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

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
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use super::{Exchange, Protocol, Query, SERVER_TIMEOUT, Server, UpstreamError, is_local};
use crate::wire::{extract::Response, query::OutgoingQuery};

/// Questions in flight on one connection.
const REQUESTS_PER_CONNECTION: usize = 512;
/// How often it is said why a server cannot be connected to.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

type Connection = <TokioRuntimeProvider as ConnectionProvider>::Conn;

/// An encrypted server, and the one connection to it.
pub(super) struct Encrypted {
    server: Server,
    ip: IpAddr,
    config: ConnectionConfig,
    context: PoolContext,
    provider: TokioRuntimeProvider,
    line: Mutex<Option<Arc<Line>>>,
    /// Held while connecting, so that a cold start dials once; when it was last said why that failed,
    /// since it last succeeded.
    dialling: AsyncMutex<Option<Instant>>,
    wants_authentic: bool,
}

/// A connection.
struct Line {
    connection: Connection,
    /// When something last came over it.
    heard: Mutex<Instant>,
}

impl Encrypted {
    /// Prepares to ask a server; connects when the first question comes.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(super) fn new(
        server: &Server,
        wants_authentic: bool,
        tls: ClientConfig,
    ) -> io::Result<Self> {
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
        // Whoever asks gives up before, which tells silence from a refusal.
        options.timeout = SERVER_TIMEOUT * 2;
        options.max_active_requests = REQUESTS_PER_CONNECTION;
        let mut context = TlsConfig::new().map_err(io::Error::other)?;
        context.config = tls;
        Ok(Self {
            server: server.clone(),
            ip: server.address.ip(),
            config,
            context: PoolContext::new(options, context),
            provider: TokioRuntimeProvider::default(),
            line: Mutex::default(),
            dialling: AsyncMutex::default(),
            wants_authentic,
        })
    }

    /// The connection, and whether it was there before.
    async fn connected(&self) -> Result<(Arc<Line>, bool), NetError> {
        if let Some(line) = self.line().clone() {
            return Ok((line, true));
        }
        let mut complained = self.dialling.lock().await;
        // Somebody else may have been first.
        if let Some(line) = self.line().clone() {
            return Ok((line, true));
        }
        match self.dial().await {
            Ok(connection) => {
                *complained = None;
                let line = Arc::new(Line { connection, heard: Mutex::new(Instant::now()) });
                *self.line() = Some(line.clone());
                Ok((line, false))
            }
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() >= COMPLAINT_INTERVAL) {
                    *complained = Some(Instant::now());
                    tracing::warn!(
                        server = %self.server,
                        "cannot connect to upstream: {}", reason(&error)
                    );
                }
                Err(error)
            }
        }
    }

    async fn dial(&self) -> Result<Connection, NetError> {
        self.provider.new_connection(self.ip, &self.config, &self.context)?.await
    }

    /// Forgets a connection that failed, unless another one has replaced it.
    fn hang_up(&self, failed: &Arc<Line>) {
        let mut line = self.line();
        if line.as_ref().is_some_and(|current| Arc::ptr_eq(current, failed)) {
            *line = None;
        }
    }

    fn line(&self) -> MutexGuard<'_, Option<Arc<Line>>> {
        // One value, replaced as a whole.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, message: &Message) -> Result<Vec<u8>, NetError> {
        let (line, reused) = self.connected().await?;
        match self.send_over(&line, message).await {
            // Servers close idle connections: one that was open is worth another try.
            Err(_) if reused => {
                let (line, _) = self.connected().await?;
                self.send_over(&line, message).await
            }
            outcome => outcome,
        }
    }

    async fn send_over(&self, line: &Arc<Line>, message: &Message) -> Result<Vec<u8>, NetError> {
        let request = DnsRequest::new(message.clone(), DnsRequestOptions::default());
        let waiting = Waiting { at: self, line, since: Instant::now() };
        let answer = line.connection.send(request).first_answer().await;
        match answer {
            Ok(response) => {
                line.hears();
                Ok(response.into_buffer())
            }
            Err(error) => {
                drop(waiting);
                self.hang_up(line);
                Err(error)
            }
        }
    }
}

impl Line {
    fn hears(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn has_heard_since(&self, moment: Instant) -> bool {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) >= moment
    }
}

/// Somebody who waits for an answer. If he gives up and nothing has come meanwhile, the line may be dead
/// without anybody telling, as after a restart of a firewall: the next one dials anew.
struct Waiting<'l> {
    at: &'l Encrypted,
    line: &'l Arc<Line>,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.line.has_heard_since(self.since) {
            self.at.hang_up(self.line);
        }
    }
}

/// How servers are verified: by the authorities that browsers trust, and by these.
///
/// # Errors
/// One of them is no certificate of an authority.
pub(crate) fn tls_config(roots: &[CertificateDer<'static>]) -> io::Result<ClientConfig> {
    let mut store = RootCertStore::empty();
    store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    for root in roots {
        store.add(root.clone()).map_err(io::Error::other)?;
    }
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

/// Why a server cannot be connected to, and what to do about it.
fn reason(error: &NetError) -> String {
    let text = match error {
        NetError::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    let has = |part| text.contains(part);
    let help = if has("UnknownIssuer") || has("BadSignature") {
        "; if the authority that signed its certificate is your own, name it in [upstream] ca"
    } else if has("not valid for name") {
        "; write the name that its certificate is for behind # in [upstream] servers"
    } else {
        ""
    };
    format!("{text}{help}")
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
            NetError::Io(error) if is_local(&error) => UpstreamError::NoSocket,
            _ => UpstreamError::Unreachable,
        })?;
        Response::read(&received, &query.name, query.record_type, query.dnssec_ok)
            .map_err(|_| UpstreamError::Garbled)
    }
}

#[cfg(test)]
mod tests;
