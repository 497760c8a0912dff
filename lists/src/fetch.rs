//! Lists that are elsewhere: fetched into a cache folder, so that each of them is a path.
//!
//! One bad day of a publisher, or of the network, never makes a list worse than it was. What came is
//! a candidate once its reader accepts it, and becomes the last good copy only when the bundle that
//! was made with it may be published ([`Fetched::approve`]). Until then the last good copy stays: it
//! is used where nothing came, where no reader accepts what came, and where the guards refuse what
//! came ([`Fetched::without`]); its age is told.
//!
//! Publishers are treated well: nothing is downloaded twice, or when it has not changed; few
//! connections at once; `Retry-After` and the hours that a source states are respected.

mod address;
mod cache;
mod copies;
mod download;
mod fetched;
mod report;
mod settle;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use thiserror::Error;
use tokio::{sync::Semaphore, task::JoinSet};
use url::Url;

use self::{
    address::Clients,
    cache::Page,
    download::{Answer, DownloadError, Order},
    fetched::{Held, Usable},
    settle::{Came, Fault, Settled},
};
pub use self::{
    cache::{Cache, CacheError},
    copies::Copies,
    fetched::Fetched,
    report::{FetchReport, SourceFetch, Status},
};
use crate::{
    http,
    source::{Place, Remote, Sources, Window},
};

/// How publishers know us.
const USER_AGENT: &str = concat!(
    "preau-list-compile/",
    env!("CARGO_PKG_VERSION"),
    " (+",
    env!("CARGO_PKG_REPOSITORY"),
    ")"
);
/// Most octets of a list, as sent and once unpacked, unless its source says otherwise. UT1's whole
/// archive, the largest that we know, is 170 MB unpacked.
const MAX_OCTETS: u64 = 512 * 1024 * 1024;
/// Downloads at once.
const AT_ONCE: usize = 8;
/// Downloads at once from one host.
const AT_ONCE_A_HOST: usize = 2;

/// Longest that a host is left alone because it asked for it: a list that is due daily is asked for
/// daily.
const LONGEST_REST: Duration = Duration::from_secs(24 * 60 * 60);

/// How lists are fetched.
#[derive(Clone, Debug)]
pub struct Options {
    /// Older copies are not used; `None`: they are, however old.
    pub max_age: Option<Duration>,
    /// Fetch outside of the hours that sources state too.
    pub ignore_windows: bool,
    /// How long to wait.
    pub limits: Limits,
}

/// How long to wait for a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// For the connection.
    pub connect: Duration,
    /// For the answer, and then for each further piece of it.
    pub idle: Duration,
    /// For the whole of a list, all attempts together.
    pub whole: Duration,
    /// Attempts, where the connection fails or the server says that it does (5xx).
    pub attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            idle: Duration::from_secs(30),
            whole: Duration::from_secs(15 * 60),
            attempts: 3,
        }
    }
}

/// Told of downloads, from several threads at once.
pub trait Watch: Send + Sync {
    /// A download begins; it ends when the meter is dropped.
    fn begin(&self, url: &Url) -> Box<dyn Meter>;
}

/// Told how far one download is.
pub trait Meter: Send + Sync {
    /// So many octets are to come.
    fn length(&self, octets: u64);

    /// So many octets came, of this attempt.
    fn received(&self, octets: u64);
}

/// Nobody is watching.
impl Watch for () {
    fn begin(&self, _url: &Url) -> Box<dyn Meter> {
        Box::new(())
    }
}

/// Nobody is watching.
impl Meter for () {
    fn length(&self, _octets: u64) {}

    fn received(&self, _octets: u64) {}
}

/// Why nothing can be fetched at all; what fails for one source is in the report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The cache folder cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// No TLS, or a malformed proxy in the environment.
    #[error("cannot begin to fetch: {0}")]
    Client(String),
}

/// Fetches every source that has a URL, as far as it is not current in the cache. Within a `tokio`
/// runtime with I/O and time.
///
/// # Errors
/// [`FetchError`], for what concerns this machine, not one of the sources.
pub async fn fetch(
    sources: &Sources,
    cache: &Arc<Cache>,
    options: &Options,
    watch: Arc<dyn Watch>,
) -> Result<Fetched, FetchError> {
    http::use_ring();
    let now = Timestamp::now();
    let clients = Clients::new(options.limits.connect)
        .map_err(|error| FetchError::Client(http::innermost(&error)))?;
    let errand = Arc::new(Errand {
        cache: cache.clone(),
        clients,
        options: options.clone(),
        sources: sources.clone(),
        now,
        watch,
        hosts: Mutex::default(),
        all: Semaphore::new(AT_ONCE),
    });
    let mut running = JoinSet::new();
    for share in shares(sources) {
        running.spawn(errand.clone().run(share));
    }
    let mut settled = HashMap::new();
    while let Some(ended) = running.join_next().await {
        let ended = match ended {
            Ok(ended) => ended?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        settled.extend(ended.into_iter().map(|settled| (settled.index, settled)));
    }
    Ok(Fetched::gather(sources, settled))
}

/// One URL, and the sources that share what is there.
struct Share {
    /// Of conditions that differ, the strictest.
    remote: Remote,
    max_octets: u64,
    /// Outside of one of them nothing is downloaded.
    windows: Vec<Window>,
    users: Vec<usize>,
}

fn shares(sources: &Sources) -> impl Iterator<Item = Share> {
    let mut shares: Vec<Share> = Vec::new();
    let mut places = HashMap::new();
    for (index, source) in sources.sources.iter().enumerate() {
        let Place::Url(remote) = &source.place else { continue };
        let place = *places.entry(&remote.url).or_insert(shares.len());
        if let Some(share) = shares.get_mut(place) {
            share.remote.allow_http &= remote.allow_http;
            share.remote.allow_private &= remote.allow_private;
            share.max_octets = share.max_octets.min(source.max_octets.unwrap_or(MAX_OCTETS));
            share.windows.extend(remote.window);
            share.users.push(index);
        } else {
            let windows = remote.window.into_iter().collect();
            let max_octets = source.max_octets.unwrap_or(MAX_OCTETS);
            shares.push(Share { remote: remote.clone(), max_octets, windows, users: vec![index] });
        }
    }
    shares.into_iter()
}

/// What all downloads of one call share.
struct Errand {
    cache: Arc<Cache>,
    clients: Clients,
    options: Options,
    sources: Sources,
    now: Timestamp,
    watch: Arc<dyn Watch>,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    all: Semaphore,
}

/// A server that several lists may come from.
struct Host {
    connections: Semaphore,
    /// It said that it wants to be left alone, in these words.
    busy: Mutex<Option<String>>,
}

/// What came of one URL, before any reader has seen it.
enum Outcome {
    /// A new content.
    Came(Came),
    /// The copy in the cache is current.
    Unchanged,
    /// It was not asked for, because this is not the hour.
    Outside(String),
    /// It did not come.
    Failed(String),
}

impl Errand {
    async fn run(self: Arc<Self>, share: Share) -> Result<Vec<Settled>, CacheError> {
        let cache = self.cache.clone();
        let url = share.remote.url.to_string();
        let held = blocking(move || {
            cache.copies().page(&url).filter(|page| cache.is_sound(page.copy.sha256))
        });
        let held = held.await;
        let begin = Instant::now();
        let outcome = self.download(&share, held.as_ref()).await?;
        let elapsed = begin.elapsed();
        blocking(move || self.settle(&share, held, outcome, elapsed)).await
    }

    async fn download(&self, share: &Share, held: Option<&Page>) -> Result<Outcome, CacheError> {
        if let Some(window) = self.closed(share) {
            return Ok(Outcome::Outside(window));
        }
        let name = share.remote.url.host_str().unwrap_or_default();
        if let Some(until) = self.cache.resting(name, self.now) {
            return Ok(Outcome::Failed(format!(
                "its server wants to be left alone until {until:.0}"
            )));
        }
        let host = self.host(name);
        let _one_of_host = host.connections.acquire().await;
        let _one_of_all = self.all.acquire().await;
        if let Some(words) = lock(&host.busy).clone() {
            return Ok(Outcome::Failed(format!("not asked for: to another list, {words}")));
        }
        let file = self.cache.new_path();
        let order = Order {
            remote: &share.remote,
            max_octets: share.max_octets,
            validators: held.map(|page| &page.validators),
            file: &file,
        };
        let meter = self.watch.begin(&share.remote.url);
        let answer = order.carry_out(&self.clients, &self.options.limits, &*meter).await;
        drop(meter);
        match answer {
            Ok(Answer::NotModified) => Ok(Outcome::Unchanged),
            Ok(Answer::Body(body)) => {
                let (cache, limit) = (self.cache.clone(), share.max_octets);
                match blocking(move || Came::take(&cache, &file, body, limit)).await {
                    Ok(came) => Ok(Outcome::Came(came)),
                    Err(Fault::Theirs(words)) => Ok(Outcome::Failed(words)),
                    Err(Fault::Ours(error)) => Err(error),
                }
            }
            Err(DownloadError::Write { path, error }) => Err(CacheError::Io { path, error }),
            Err(error) => {
                if let DownloadError::Busy { after, .. } = error {
                    *lock(&host.busy) = Some(error.to_string());
                    if let Some(after) = after {
                        self.cache.let_rest(name, self.now + after.min(LONGEST_REST))?;
                    }
                }
                Ok(Outcome::Failed(error.to_string()))
            }
        }
    }

    /// The window of the share that is closed now.
    fn closed(&self, share: &Share) -> Option<String> {
        if self.options.ignore_windows {
            return None;
        }
        let time = self.now.to_zoned(TimeZone::UTC);
        let minute =
            u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        let closed = share.windows.iter().find(|window| !window.contains(minute))?;
        Some(format!("it is fetched from {closed} UTC only"))
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let new = || {
            let connections = Semaphore::new(AT_ONCE_A_HOST);
            Arc::new(Host { connections, busy: Mutex::default() })
        };
        lock(&self.hosts).entry(name.to_owned()).or_insert_with(new).clone()
    }
}

/// A poisoned lock guards nothing that a panic could leave half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what waits for the disk or the processor where it holds up no download.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
