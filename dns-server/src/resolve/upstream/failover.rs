//! Several servers for the same names: one of them is asked, the next one where it fails.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use filter_core::DomainName;
use rustls::pki_types::CertificateDer;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout, timeout_at},
};

use super::{
    Exchange, Query, SERVER_TIMEOUT, Server, ServerStatus, Upstream, UpstreamError,
    encrypted::{Encrypted, tls_config},
    plain::Plain,
    sentinel::Sentinel,
    server::Protocol,
};
use crate::wire::extract::Response;

/// Which of the servers that answer is asked first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they are written.
    #[default]
    Given,
    /// The one that has answered fastest lately.
    Fastest,
}

/// How long all servers together may take: a client does not wait longer (dig: 5 s).
const TOTAL_TIMEOUT: Duration = Duration::from_millis(4500);
/// How often a question is put, at most; whoever turns it down at once, as a port where nobody listens
/// does, does not count.
const ATTEMPTS: usize = 3;
/// How long a server that does not answer is left alone, at first; twice as long each time after.
const REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Weight of the newest answer's time in the mean, as one part in so many.
const SMOOTHING: u32 = 8;
/// By how much the mean of a server that is not asked becomes less for each question that another
/// one gets, in parts of 1000: in the end it is asked again.
const FORGETTING: u32 = 5;

/// Servers that know the same names.
pub(crate) struct Failover {
    servers: Arc<[Member]>,
    order: Order,
    /// Whether AD of these servers means anything.
    trusted: bool,
    /// Done once, with the first question: whether any of them is ourselves.
    looked_for_ourselves: OnceCell<()>,
}

/// One of them.
struct Member {
    server: Server,
    exchange: Box<dyn Exchange>,
    health: Mutex<Health>,
    sentinel: Sentinel,
    questions: AtomicU64,
    silences: AtomicU64,
}

#[derive(Default)]
struct Health {
    /// Questions in a row that it did not answer.
    silences: u32,
    /// Set while it is left alone. When that time is over it is probed, and asked again once it has
    /// answered.
    rests_until: Option<Instant>,
    probing: bool,
    last_answer: Option<Instant>,
    /// Mean time to an answer; absent before the first.
    latency: Option<Duration>,
    /// A question sent to it came back to us.
    is_ourselves: bool,
}

impl Failover {
    /// Prepares to ask servers; connects when the first question comes. With `trusted`, what they
    /// say is verified (AD) is taken to be. Encrypted ones may have been certified by `roots`, too.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn new(
        servers: &[Server],
        order: Order,
        trusted: bool,
        roots: &[CertificateDer<'static>],
    ) -> io::Result<Self> {
        let tls = tls_config(roots)?;
        let exchange = |server: &Server| -> io::Result<Box<dyn Exchange>> {
            Ok(match server.protocol {
                Protocol::Plain => {
                    Box::new(Plain { address: server.address, wants_authentic: trusted })
                }
                _ => Box::new(Encrypted::new(server, trusted, tls.clone())?),
            })
        };
        let member = |server: &Server| Ok((server.clone(), exchange(server)?));
        let members = servers.iter().map(member).collect::<io::Result<Vec<_>>>()?;
        Ok(Self::of(members, order, trusted))
    }

    /// The same, of servers that are spoken to in some other way.
    pub(super) fn of(
        members: Vec<(Server, Box<dyn Exchange>)>,
        order: Order,
        trusted: bool,
    ) -> Self {
        let member = |(server, exchange)| Member {
            server,
            exchange,
            health: Mutex::default(),
            sentinel: Sentinel::new(),
            questions: AtomicU64::new(0),
            silences: AtomicU64::new(0),
        };
        Self {
            servers: members.into_iter().map(member).collect(),
            order,
            trusted,
            looked_for_ourselves: OnceCell::new(),
        }
    }

    /// The servers in the order to ask them, by their places, those that rest last; and how many do
    /// not rest.
    fn candidates(&self, now: Instant) -> (VecDeque<usize>, usize) {
        let mut candidates: Vec<_> = (0..self.servers.len())
            .filter_map(|place| {
                let health = self.servers[place].health();
                let latency = health.latency.filter(|_| self.order == Order::Fastest);
                let rests = health.rests_until.is_some();
                (!health.is_ourselves).then_some((rests, latency.unwrap_or_default(), place))
            })
            .collect();
        candidates.sort_unstable();
        for &(_, _, place) in &candidates {
            self.probe_if_due(place, now);
        }
        let awake = candidates.iter().filter(|(rests, _, _)| !rests).count();
        (candidates.into_iter().map(|(_, _, place)| place).collect(), awake)
    }

    /// Asks a server that has rested whether it is back, instead of trying it on a client.
    fn probe_if_due(&self, place: usize, now: Instant) {
        let mut health = self.servers[place].health();
        if health.probing || health.rests_until.is_none_or(|until| now < until) {
            return;
        }
        health.probing = true;
        drop(health);
        let servers = self.servers.clone();
        tokio::spawn(async move {
            let member = &servers[place];
            let sent = Instant::now();
            let outcome = member.ask(&probe(), sent + SERVER_TIMEOUT).await;
            // What it says is of no interest, only that it does.
            if let Err(NoResponse::Error(UpstreamError::Garbled)) = outcome {
                member.answered(sent);
            }
            member.health().probing = false;
        });
    }

    /// Asks one after another; once they were all silent, again, as long as a client waits: a datagram
    /// or two may have been lost.
    async fn ask_each(&self, query: &Query) -> Result<Response, UpstreamError> {
        let deadline = Instant::now() + TOTAL_TIMEOUT;
        let mut failure = UpstreamError::Unreachable;
        let (mut queue, awake) = self.candidates(Instant::now());
        let all = queue.len();
        let (mut asked, mut attempts) = (0, 0);
        while attempts < ATTEMPTS
            && Instant::now() < deadline
            && let Some(place) = queue.pop_front()
        {
            asked += 1;
            let until = deadline.min(Instant::now() + SERVER_TIMEOUT);
            let error = match self.servers[place].ask(query, until).await {
                Ok(response) => {
                    attempts += 1;
                    self.forget_latencies(place);
                    match failure_of(&response) {
                        None => return Ok(response),
                        // Somebody who does not verify would know an answer.
                        Some(error) if error.is_bogus() => return Err(error),
                        Some(error) => error,
                    }
                }
                Err(NoResponse::Silence) => {
                    attempts += 1;
                    queue.push_back(place);
                    UpstreamError::Unreachable
                }
                Err(NoResponse::Error(error)) => {
                    let is_free =
                        matches!(error, UpstreamError::Unreachable | UpstreamError::NoSocket);
                    attempts += usize::from(!is_free);
                    error
                }
            };
            // Who said something says more about it than who said nothing.
            if error.rank() >= failure.rank() {
                failure = error;
            }
            if asked >= all && failure != UpstreamError::Unreachable {
                break;
            }
        }
        match failure {
            // Those that rest have been silent: nothing is to be hoped of them.
            UpstreamError::Unreachable if asked < awake => Err(UpstreamError::OutOfTime),
            failure => Err(failure),
        }
    }

    fn forget_latencies(&self, asked: usize) {
        if self.order != Order::Fastest {
            return;
        }
        for (_, member) in self.servers.iter().enumerate().filter(|(place, _)| *place != asked) {
            let mut health = member.health();
            health.latency = health.latency.map(|latency| latency * (1000 - FORGETTING) / 1000);
        }
    }

    /// Sends each server a question that nobody else asks, to see whether it comes in here.
    async fn look_for_ourselves(&self) {
        let servers = self.servers.clone();
        for place in 0..servers.len() {
            let servers = servers.clone();
            tokio::spawn(async move {
                let member = &servers[place];
                let query = member.sentinel.query();
                // What comes of it is of no interest.
                drop(timeout(SERVER_TIMEOUT, member.exchange.exchange(&query)).await);
            });
        }
    }
}

#[async_trait]
impl Upstream for Failover {
    fn servers(&self) -> Vec<ServerStatus> {
        self.servers.iter().map(Member::status).collect()
    }

    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        self.looked_for_ourselves.get_or_init(|| self.look_for_ourselves()).await;
        if let Some(member) = self.servers.iter().find(|m| m.sentinel.is_in(query)) {
            member.is_ourselves();
            return Err(UpstreamError::Failed { rcode: REFUSED, errors: [].into() });
        }
        let mut response = self.ask_each(query).await?;
        if !self.trusted {
            response.distrust();
        }
        Ok(response)
    }
}

/// Why there is no response.
enum NoResponse {
    /// Nothing came in time.
    Silence,
    Error(UpstreamError),
}

impl Member {
    /// Asks, and learns from it how the server does.
    async fn ask(&self, query: &Query, until: Instant) -> Result<Response, NoResponse> {
        let sent = Instant::now();
        self.questions.fetch_add(1, Ordering::Relaxed);
        let outcome = timeout_at(until, self.exchange.exchange(query)).await;
        match &outcome {
            Ok(Ok(_)) => self.answered(sent),
            // Nonsense says nothing about how it does, nor does what fails before it is asked.
            Ok(Err(UpstreamError::Garbled | UpstreamError::NoSocket)) => {}
            Ok(Err(_)) | Err(_) => {
                self.silences.fetch_add(1, Ordering::Relaxed);
                self.was_silent(sent);
            }
        }
        outcome.map_or(Err(NoResponse::Silence), |outcome| outcome.map_err(NoResponse::Error))
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        // Plain figures, each right by itself.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, sent: Instant) {
        let now = Instant::now();
        let mut health = self.health();
        let latest = now - sent;
        let latency =
            health.latency.map_or(latest, |mean| (mean * (SMOOTHING - 1) + latest) / SMOOTHING);
        if health.rests_until.is_some() {
            tracing::info!(server = %self.server, "upstream answers again");
        }
        let (is_ourselves, probing) = (health.is_ourselves, health.probing);
        *health = Health {
            silences: 0,
            rests_until: None,
            probing,
            last_answer: Some(now),
            latency: Some(latency),
            is_ourselves,
        };
    }

    /// Notes that there was no answer to what was sent at that time.
    fn was_silent(&self, sent: Instant) {
        let now = Instant::now();
        let mut health = self.health();
        // It has answered others since: what it does not find is at fault, not the server.
        if health.last_answer.is_some_and(|at| at > sent) {
            return;
        }
        // One silence among questions that were under way together.
        if health.rests_until.is_some_and(|until| sent < until) && !health.probing {
            return;
        }
        if health.rests_until.is_none() {
            tracing::warn!(server = %self.server, "upstream does not answer");
        }
        let rest = REST * 2_u32.saturating_pow(health.silences.min(8));
        health.silences += 1;
        health.rests_until = Some(now + rest.min(LONGEST_REST));
    }

    fn status(&self) -> ServerStatus {
        let health = self.health();
        ServerStatus {
            server: self.server.clone(),
            zone: None,
            resting: health.rests_until.is_some() || health.is_ourselves,
            latency: health.latency,
            questions: self.questions.load(Ordering::Relaxed),
            silences: self.silences.load(Ordering::Relaxed),
        }
    }

    fn is_ourselves(&self) {
        let mut health = self.health();
        if !health.is_ourselves {
            health.is_ourselves = true;
            tracing::error!(
                server = %self.server,
                "this upstream server asks us: it is not asked any more; name a resolver in \
                 [upstream] servers that asks somebody else"
            );
        }
    }
}

const REFUSED: u16 = 5;

/// What every resolver knows: the name servers of the root.
fn probe() -> Query {
    Query {
        name: DomainName::from_wire(&[0]).map(|(root, _)| root).expect("the root is a name"),
        record_type: 2,
        dnssec_ok: false,
        checking_disabled: false,
    }
}

/// Why a response is not an answer. A denial is one.
fn failure_of(response: &Response) -> Option<UpstreamError> {
    let (rcode, errors) = (response.rcode(), response.errors());
    (!matches!(rcode, 0 | 3)).then(|| UpstreamError::Failed { rcode, errors: errors.into() })
}
