//! Cache and upstream put together: each question is asked once, however many ask it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use filter_core::DomainName;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, timeout},
};

use super::{
    Answer, CacheSettings, NoAnswer, Query,
    cache::{Cache, Found},
    upstream::{ServerStatus, Upstream, UpstreamError},
};

/// How long a client waits before it gets a stale answer (RFC 8767 §5).
const STALE_WAIT: Duration = Duration::from_millis(1800);
/// Answers that are refreshed at once, ahead of their time.
const REFRESHES: usize = 64;

/// Answers queries, from the cache where it can.
pub struct Resolver {
    shared: Arc<Shared>,
}

/// What questions in flight need of it.
struct Shared {
    upstream: Arc<dyn Upstream>,
    cache: Cache,
    in_flight: Mutex<HashMap<Query, watch::Receiver<Option<Outcome>>>>,
    refreshes: Arc<Semaphore>,
    /// One for each query in flight. Whoever asked may long be gone: only this bounds the sockets that
    /// upstream takes.
    flights: Arc<Semaphore>,
    counters: Counters,
}

type Outcome = Result<Answer, UpstreamError>;

/// What a resolver has done since its start, and what it holds. About nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Statistics {
    /// Answers and failures in the cache.
    pub entries: u64,
    /// Memory that they take, in octets.
    pub octets: u64,
    /// Queries answered from the cache, stale answers not among them.
    pub hits: u64,
    /// Queries that upstream was asked for, or that waited for one in flight.
    pub misses: u64,
    /// Queries that joined the same one in flight.
    pub joined: u64,
    /// Stale answers given.
    pub stale: u64,
    /// Answers asked for ahead of their end.
    pub refreshed: u64,
    /// Questions to upstream that failed.
    pub failed: u64,
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    joined: AtomicU64,
    stale: AtomicU64,
    refreshed: AtomicU64,
    failed: AtomicU64,
}

impl Resolver {
    /// A resolver with an empty cache, that asks upstream at most so many questions at once on behalf
    /// of clients, and a few more ahead of their time.
    pub fn new(upstream: Arc<dyn Upstream>, settings: CacheSettings, waiting: usize) -> Self {
        let shared = Shared {
            upstream,
            cache: Cache::new(settings),
            in_flight: Mutex::default(),
            refreshes: Arc::new(Semaphore::new(REFRESHES)),
            flights: Arc::new(Semaphore::new(waiting + REFRESHES)),
            counters: Counters::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Answers a query from the cache, or asks upstream. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`NoAnswer`], when upstream fails or failed a moment ago, or too much is asked of it at once, and
    /// the cache knows nothing.
    pub async fn resolve(&self, query: &Query) -> Result<Answer, NoAnswer> {
        let counters = &self.shared.counters;
        match self.shared.look_up(query) {
            Found::Fresh { answer, refresh } => {
                add_one(&counters.hits);
                if refresh {
                    self.refresh(query);
                }
                Ok(answer)
            }
            Found::Failed(error) => {
                add_one(&counters.hits);
                Err(NoAnswer { error, cached: true })
            }
            Found::Stale { answer, retry } => {
                if retry && let Ok(Ok(fresh)) = timeout(STALE_WAIT, landed(self.fly(query))).await {
                    add_one(&counters.misses);
                    return Ok(fresh);
                }
                add_one(&counters.stale);
                Ok(answer)
            }
            Found::Nothing => {
                add_one(&counters.misses);
                Ok(landed(self.fly(query)).await?)
            }
        }
    }

    /// The answer that the cache has for this very query, if nothing else needs to be done: neither
    /// stale nor about to end. Allocates nothing; neither waits nor takes a lock for long.
    ///
    /// It is not counted: whoever makes use of it tells by [`count_hits`](Self::count_hits), whoever
    /// cannot asks [`resolve`](Self::resolve).
    pub fn cached(&self, query: &Query) -> Option<Answer> {
        self.shared.cache.get_at_once(query, Instant::now())
    }

    /// Counts answers of [`cached`](Self::cached) that were made use of.
    pub fn count_hits(&self, answers: u64) {
        self.shared.counters.hits.fetch_add(answers, Ordering::Relaxed);
    }

    /// True for a name of a zone that has servers of its own: also special-use names are asked there
    /// (RFC 6303 §3).
    pub fn is_forwarded(&self, name: &DomainName) -> bool {
        self.shared.upstream.zone_labels(name) > 0
    }

    /// Forgets a name and everything below it; without a name, everything.
    pub fn flush(&self, name: Option<&DomainName>) {
        self.shared.cache.flush(name);
    }

    /// How each upstream server does.
    pub fn servers(&self) -> Vec<ServerStatus> {
        self.shared.upstream.servers()
    }

    /// Figures, as they are now.
    pub fn statistics(&self) -> Statistics {
        let (entries, octets) = self.shared.cache.size();
        let counters = &self.shared.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            entries: entries as u64,
            octets,
            hits: read(&counters.hits),
            misses: read(&counters.misses),
            joined: read(&counters.joined),
            stale: read(&counters.stale),
            refreshed: read(&counters.refreshed),
            failed: read(&counters.failed),
        }
    }

    /// Asks for the successor of an answer, unless too many are asked for already.
    fn refresh(&self, query: &Query) {
        let Ok(permit) = self.shared.refreshes.clone().try_acquire_owned() else { return };
        let in_flight = self.shared.in_flight().contains_key(query);
        if in_flight {
            return;
        }
        add_one(&self.shared.counters.refreshed);
        let landing = landed(self.fly(query));
        tokio::spawn(async move {
            drop(landing.await);
            drop(permit);
        });
    }

    /// Joins the same query in flight, or sends it off. It lands whether anyone waits for it or not.
    fn fly(&self, query: &Query) -> watch::Receiver<Option<Outcome>> {
        let mut in_flight = self.shared.in_flight();
        if let Some(flight) = in_flight.get(query) {
            add_one(&self.shared.counters.joined);
            return flight.clone();
        }
        let Ok(permit) = self.shared.flights.clone().try_acquire_owned() else {
            return watch::channel(Some(Err(UpstreamError::Busy))).1;
        };
        let (landing, flight) = watch::channel(None);
        in_flight.insert(query.clone(), flight.clone());
        drop(in_flight);
        let (shared, query) = (self.shared.clone(), query.clone());
        tokio::spawn(async move {
            let seat = Seat { shared: &shared, query: &query, _permit: permit };
            let outcome = shared.upstream.lookup(&query).await;
            let now = Instant::now();
            let outcome = match outcome {
                Ok(response) => Ok(shared.cache.insert(&query, response, now)),
                Err(error) => {
                    add_one(&shared.counters.failed);
                    match error {
                        // They say nothing about the name.
                        UpstreamError::Busy | UpstreamError::NoSocket => {}
                        UpstreamError::OutOfTime => drop(shared.cache.put_off(&query, now)),
                        _ => shared.cache.insert_failure(&query, error.clone(), now),
                    }
                    Err(error)
                }
            };
            // From here on, the cache has it.
            drop(seat);
            landing.send_replace(Some(outcome));
        });
        flight
    }
}

impl Shared {
    fn look_up(&self, query: &Query) -> Found {
        let zone_labels = self.upstream.zone_labels(&query.name);
        self.cache.get(query, zone_labels, Instant::now())
    }

    fn in_flight(&self) -> MutexGuard<'_, HashMap<Query, watch::Receiver<Option<Outcome>>>> {
        // Each change of the map is one operation: a panic leaves it whole.
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A query's place among those in flight, given up when dropped.
struct Seat<'s> {
    shared: &'s Shared,
    query: &'s Query,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.shared.in_flight().remove(self.query);
    }
}

async fn landed(mut flight: watch::Receiver<Option<Outcome>>) -> Outcome {
    let outcome = flight.wait_for(Option::is_some).await;
    // Without an outcome, whoever flew has crashed.
    outcome.ok().and_then(|outcome| outcome.clone()).unwrap_or(Err(UpstreamError::Unreachable))
}

fn add_one(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
