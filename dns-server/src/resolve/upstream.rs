//! Asking other resolvers.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use hickory_resolver::{
    Resolver, TokioResolver,
    config::{
        ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ServerOrderingStrategy,
    },
    net::{DnsError, NetError, NoRecords, runtime::TokioRuntimeProvider},
    proto::{
        op::{Message, OpCode, Query as Question, ResponseCode},
        rr::{Name, Record, RecordType},
        serialize::binary::BinDecodable,
    },
    system_conf,
};
use thiserror::Error;
use tokio::time::timeout;

use super::Query;
use crate::wire::extract::{ReceivedError, Response};

/// Whoever knows what the Internet says.
#[async_trait]
pub trait Upstream: Send + Sync + 'static {
    /// Looks a query up; the response code is NOERROR or NXDOMAIN.
    ///
    /// # Errors
    /// [`UpstreamError`], within a few seconds, when nobody knows.
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError>;
}

/// Why there is no answer. Names neither a host nor a client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// No server answered in time.
    #[error("no upstream server answers")]
    Unreachable,
    /// What came back was not an answer.
    #[error("the upstream server sends malformed answers")]
    Garbled,
    /// The server itself reported an error.
    #[error("the upstream server answered with response code {rcode}")]
    Failed {
        /// The response code.
        rcode: u16,
        /// What it said about it.
        errors: Box<[ReceivedError]>,
    },
}

impl UpstreamError {
    /// Octets of memory.
    pub(super) fn size(&self) -> usize {
        let errors = match self {
            Self::Failed { errors, .. } => errors.as_ref(),
            _ => &[],
        };
        size_of::<Self>() + errors.iter().map(|e| size_of_val(e) + e.text.len()).sum::<usize>()
    }
}

/// One upstream resolver.
///
/// Written `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`, or, for DNS over TLS,
/// `tls://9.9.9.9#dns.quad9.net`, where the name is what its certificate must be for (by default the
/// address itself).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// For DNS over TLS: the name to verify.
    pub tls_name: Option<Arc<str>>,
}

impl Server {
    /// The servers of this machine's `/etc/resolv.conf`; never its search list.
    ///
    /// # Errors
    /// The file cannot be read or names no server.
    pub fn of_system() -> io::Result<Vec<Self>> {
        let (config, _) = system_conf::read_system_conf()
            .map_err(|error| io::Error::other(format!("/etc/resolv.conf: {error}")))?;
        let plain = |server: &NameServerConfig| Self {
            address: SocketAddr::new(server.ip, DNS_PORT),
            tls_name: None,
        };
        Ok(config.name_servers.iter().map(plain).collect())
    }
}

/// Ports that need not be written (RFC 1035 §4.2, RFC 7858 §3.1).
const DNS_PORT: u16 = 53;
const DNS_OVER_TLS_PORT: u16 = 853;

impl FromStr for Server {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let (tls, rest) = match text.split_once("://") {
            None => (false, text),
            Some(("tls", rest)) => (true, rest),
            Some((scheme, _)) => return Err(ServerError::Scheme(scheme.to_owned())),
        };
        let (address, name) = match rest.split_once('#') {
            Some((_, _)) if !tls => return Err(ServerError::NameWithoutTls),
            Some((_, "")) => return Err(ServerError::EmptyName),
            Some((address, name)) => (address, Some(name)),
            None => (rest, None),
        };
        let port = if tls { DNS_OVER_TLS_PORT } else { DNS_PORT };
        let address = match (address.parse::<SocketAddr>(), address.parse::<IpAddr>()) {
            (Ok(address), _) => address,
            (_, Ok(ip)) => SocketAddr::new(ip, port),
            _ => return Err(ServerError::Address),
        };
        let tls_name = tls.then(|| name.map_or_else(|| address.ip().to_string().into(), Arc::from));
        Ok(Self { address, tls_name })
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tls_name {
            Some(name) => write!(f, "tls://{}#{name}", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

/// Why a text does not name an upstream server.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A host name, or no address at all.
    #[error("not an IP address, with or without a port")]
    Address,
    /// Another protocol.
    #[error("unknown protocol `{0}://`")]
    Scheme(String),
    /// `#name` on a plain server.
    #[error("a name to verify needs tls://")]
    NameWithoutTls,
    /// Nothing after `#`.
    #[error("no name after #")]
    EmptyName,
}

/// How long one server may take over one question.
const SERVER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long all of them together may: a client does not wait longer (dig: 5 s).
const TOTAL_TIMEOUT: Duration = Duration::from_millis(4500);
/// How long a server that did not answer is asked last.
const REST: Duration = Duration::from_secs(10);
/// Questions in flight on one TLS connection.
const REQUESTS_PER_CONNECTION: usize = 256;

/// Forwards through hickory-resolver.
///
/// One resolver a server, because the order is ours: as given, each server only after those before
/// it failed, those that did not answer lately last. hickory's own pool would return a SERVFAIL
/// without asking on, and would wait for a dead first server anew on each question.
pub struct HickoryUpstream {
    servers: Vec<Forwarder>,
    started: Instant,
}

struct Forwarder {
    server: Server,
    resolver: TokioResolver,
    /// Milliseconds from `started` until which it is asked last.
    rests_until: AtomicU64,
}

impl HickoryUpstream {
    /// Prepares to ask those servers; connects when the first question comes.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(servers: &[Server]) -> io::Result<Self> {
        let forwarder = |server: &Server| {
            Ok(Forwarder {
                server: server.clone(),
                resolver: resolver(server).map_err(io::Error::other)?,
                rests_until: AtomicU64::new(0),
            })
        };
        Ok(Self {
            servers: servers.iter().map(forwarder).collect::<io::Result<_>>()?,
            started: Instant::now(),
        })
    }

    async fn ask_each(&self, query: &Question) -> Result<Vec<u8>, UpstreamError> {
        let now = self.started.elapsed();
        let rests = |server: &&Forwarder| server.rests_until(now);
        let (resting, ready): (Vec<_>, Vec<_>) = self.servers.iter().partition(rests);
        let mut outcome = Err(UpstreamError::Unreachable);
        for forwarder in ready.into_iter().chain(resting) {
            outcome = forwarder.ask(query).await;
            match &outcome {
                Ok(_) => {
                    forwarder.rests_until.store(0, Ordering::Relaxed);
                    break;
                }
                Err(UpstreamError::Unreachable) => {
                    if !forwarder.rests_until(now) {
                        tracing::warn!(server = %forwarder.server, "upstream does not answer");
                    }
                    let until = self.started.elapsed() + REST;
                    forwarder.rests_until.store(until.as_millis() as u64, Ordering::Relaxed);
                }
                Err(_) => {}
            }
        }
        outcome
    }
}

#[async_trait]
impl Upstream for HickoryUpstream {
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        let name = Name::from_bytes(query.name.as_wire()).map_err(|_| UpstreamError::Garbled)?;
        let question = Question::query(name, RecordType::from(query.record_type));
        let message = timeout(TOTAL_TIMEOUT, self.ask_each(&question))
            .await
            .unwrap_or(Err(UpstreamError::Unreachable))?;
        let mut response =
            Response::read(&message, &query.name, query.record_type, query.dnssec_ok)
                .map_err(|_| UpstreamError::Garbled)?;
        response.distrust();
        Ok(response)
    }
}

impl Forwarder {
    fn rests_until(&self, now: Duration) -> bool {
        u128::from(self.rests_until.load(Ordering::Relaxed)) > now.as_millis()
    }

    async fn ask(&self, query: &Question) -> Result<Vec<u8>, UpstreamError> {
        let lookup = self.resolver.lookup(query.name().clone(), query.query_type());
        // The resolver has its own time-out, which does not cover every stage of a connection.
        let answer = timeout(SERVER_TIMEOUT, lookup).await.unwrap_or(Err(NetError::Timeout));
        let message = match answer {
            Ok(found) => {
                let message = found.message();
                let authorities = message.authorities.iter().cloned();
                reply(query, ResponseCode::NoError, message.answers.clone(), authorities)
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                reply(query, none.response_code, Vec::new(), proof(none))
            }
            Err(error) => return Err(UpstreamError::from(error)),
        };
        message.to_vec().map_err(|_| UpstreamError::Garbled)
    }
}

impl From<NetError> for UpstreamError {
    fn from(error: NetError) -> Self {
        match error {
            NetError::Dns(DnsError::ResponseCode(code)) => {
                Self::Failed { rcode: code.into(), errors: [].into() }
            }
            NetError::Busy | NetError::Io(_) | NetError::NoConnections | NetError::Timeout => {
                Self::Unreachable
            }
            _ => Self::Garbled,
        }
    }
}

fn resolver(server: &Server) -> Result<TokioResolver, NetError> {
    let mut connections = match &server.tls_name {
        Some(name) => vec![ConnectionConfig::tls(name.clone())],
        // TCP for what UDP truncates.
        None => vec![ConnectionConfig::udp(), ConnectionConfig::tcp()],
    };
    for connection in &mut connections {
        connection.port = server.address.port();
    }
    let server_config = NameServerConfig::new(server.address.ip(), true, connections);
    let config = ResolverConfig::from_name_servers(vec![server_config]);
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.timeout = SERVER_TIMEOUT;
    options.attempts = 0; // UDP repeats its datagram within the time-out
    options.cache_size = 0; // the cache is ours
    options.num_concurrent_reqs = 1;
    options.max_active_requests = REQUESTS_PER_CONNECTION;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    options.use_hosts_file = ResolveHosts::Never;
    // A forger would have to guess the case of the name too; TLS needs no such help.
    options.case_randomization = server.tls_name.is_none();
    builder.build()
}

/// A message in the form that [`Upstream::lookup`] promises.
fn reply(
    query: &Question,
    code: ResponseCode,
    mut answers: Vec<Record>,
    authorities: impl IntoIterator<Item = Record>,
) -> Message {
    // Owners come back in the random case that they were asked in: it is nobody's business, and they
    // would not compress. (Names in data are data.)
    for record in &mut answers {
        record.name = record.name.to_lowercase();
    }
    let authorities = authorities.into_iter().map(|mut record| {
        record.name = record.name.to_lowercase();
        record
    });
    let mut message = Message::response(0, OpCode::Query);
    message.metadata.response_code = code;
    message.add_query(query.clone()).add_answers(answers).add_authorities(authorities);
    message
}

/// The SOA of a negative answer, with the time left to cache the answer as its TTL (RFC 2308 §5).
fn proof(none: NoRecords) -> Option<Record> {
    let mut soa = none.soa?;
    if let Some(ttl) = none.negative_ttl {
        soa.ttl = soa.ttl.min(ttl);
    }
    Some(soa.into_record_of_rdata())
}

#[cfg(test)]
mod tests;
