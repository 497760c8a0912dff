//! What upstream said, for as long as it holds, and a while longer in case upstream falls silent.
//!
//! Pure but for its own memory: the time is an argument.

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use filter_core::DomainName;
use quick_cache::{
    Equivalent, Weighter,
    sync::{Cache as Entries, DefaultLifecycle},
};
use tokio::time::Instant;

use super::{Answer, Query, upstream::UpstreamError};
use crate::wire::extract::Response;

/// How much is kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Octets of memory.
    pub octets: u64,
    /// The least and the greatest TTL, in seconds.
    pub ttl: RangeInclusive<u32>,
    /// How long a failure is not asked about again (RFC 9520 §3.2: 1 s to 5 min).
    pub failures: Duration,
    /// How long after its time an answer may be served while upstream is silent (RFC 8767 §5: 1 to
    /// 3 days); zero: never.
    pub stale: Duration,
    /// Whether answers that are asked for in the last tenth of their time are asked for anew.
    pub prefetch: bool,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            octets: 64 << 20,
            ttl: 0..=86_400,
            failures: Duration::from_secs(5),
            stale: Duration::from_secs(86_400),
            prefetch: true,
        }
    }
}

/// The longest that a denial is believed, in seconds: names come into being (RFC 2308 §5).
const MAX_NEGATIVE_TTL: u32 = 3600;
/// How long upstream is left alone about a name that it failed to refresh (RFC 8767 §5).
const STALE_RETRY: Duration = Duration::from_secs(30);
/// The last part of its time in which an answer is refreshed: a tenth.
const PREFETCH_PART: u32 = 10;
/// A typical entry's octets, from which the number of entries to make room for is guessed.
const TYPICAL_ENTRY: u64 = 512;
/// What an entry takes beside its key and its response: pointers, counts, a slot of the table.
const ENTRY_OVERHEAD: usize = 160;

/// Answers by question.
pub(super) struct Cache {
    entries: Entries<Key, Entry, Octets, ahash::RandomState>,
    settings: CacheSettings,
}

/// What an entry answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    /// [`ANY_TYPE`]: the name does not exist.
    record_type: u16,
    /// DO and CD.
    flags: [bool; 2],
    /// In wire form.
    name: Box<[u8]>,
}

/// The same, to look it up by.
#[derive(Hash)]
struct KeyRef<'q> {
    record_type: u16,
    flags: [bool; 2],
    name: &'q [u8],
}

impl KeyRef<'_> {
    fn to_key(&self) -> Key {
        Key { record_type: self.record_type, flags: self.flags, name: self.name.into() }
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        (self.record_type, self.flags, self.name) == (key.record_type, key.flags, &*key.name)
    }
}

#[derive(Clone)]
enum Entry {
    Known(Known),
    Failed { error: UpstreamError, until: Instant },
}

#[derive(Clone)]
struct Known {
    response: Arc<Response>,
    received: Instant,
    /// When the last part of its time begins.
    last: Instant,
    expires: Instant,
    /// Upstream is not asked for its successor before.
    retry_at: Instant,
}

/// What the cache has to a query.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// An answer that holds; upstream should be asked for its successor soon.
    Fresh {
        answer: Answer,
        refresh: bool,
    },
    /// An answer whose time is over; `retry`: it is time to ask upstream again.
    Stale {
        answer: Answer,
        retry: bool,
    },
    /// Upstream failed lately, and there is no answer.
    Failed(UpstreamError),
    Nothing,
}

impl Cache {
    pub(super) fn new(settings: CacheSettings) -> Self {
        let entries = Entries::with(
            (settings.octets / TYPICAL_ENTRY) as usize,
            settings.octets,
            Octets,
            // Keyed anew in each process: clients choose what they ask for.
            ahash::RandomState::new(),
            DefaultLifecycle::default(),
        );
        Self { entries, settings }
    }

    /// Looks a query up. Denials of names of fewer labels than `zone_labels` say nothing about it.
    pub(super) fn get(&self, query: &Query, zone_labels: usize, now: Instant) -> Found {
        let exact = self.entry(&query.name, query.record_type, query);
        match exact {
            Some(Entry::Known(known)) if now < known.expires => return self.fresh(&known, now),
            _ => {}
        }
        let denial = self.entry(&query.name, ANY_TYPE, query);
        if let Some(Entry::Known(known)) = &denial
            && now < known.expires
        {
            return self.fresh(known, now);
        }
        if let Some(known) = self.denied_above(query, zone_labels, now) {
            return self.fresh(&known, now);
        }
        match (exact, denial) {
            (Some(Entry::Failed { error, until }), _) if now < until => Found::Failed(error),
            (Some(Entry::Known(one)), Some(Entry::Known(other))) => {
                let latest = if one.received < other.received { other } else { one };
                self.stale(&latest, now)
            }
            (Some(Entry::Known(known)), _) | (_, Some(Entry::Known(known))) => {
                self.stale(&known, now)
            }
            _ => Found::Nothing,
        }
    }

    /// The answer of an entry for this very query, if nothing else needs to be done: neither stale
    /// nor about to end. Allocates nothing; [`Self::get`] finds more.
    pub(super) fn get_at_once(&self, query: &Query, now: Instant) -> Option<Answer> {
        let entry = |record_type| match self.entry(&query.name, record_type, query)? {
            Entry::Known(known) if now < known.expires => Some(known),
            _ => None,
        };
        let known = [query.record_type, ANY_TYPE].into_iter().find_map(entry)?;
        (!self.wants_refresh(&known, now)).then(|| known.into_answer(now, false))
    }

    /// Keeps what upstream said, as long as it may; returns it as it is kept.
    pub(super) fn insert(&self, query: &Query, mut response: Response, now: Instant) -> Answer {
        let (least, most) = (*self.settings.ttl.start(), *self.settings.ttl.end());
        let most = if response.has_data() { most } else { most.min(MAX_NEGATIVE_TTL) };
        response.limit_ttls(&(least.min(most)..=most));
        let lifetime = response.lifetime().unwrap_or(0);
        let response = Arc::new(response);
        let answer = Answer { response: response.clone(), age: 0, stale: false };
        // A name that does not exist has no data of any type (RFC 2308 §5). An alias does exist.
        let denies_all = response.is_nxdomain() && response.aliases().next().is_none();
        let record_type = if denies_all { ANY_TYPE } else { query.record_type };
        if lifetime > 0 {
            let expires = now + Duration::from_secs(lifetime.into());
            let last = expires - (expires - now) / PREFETCH_PART;
            let known = Known { response, received: now, last, expires, retry_at: now };
            self.entries.insert(key(&query.name, record_type, query).to_key(), Entry::Known(known));
        }
        // What was said before is no longer true.
        let other = if denies_all { query.record_type } else { ANY_TYPE };
        self.entries.remove(&key(&query.name, other, query));
        answer
    }

    /// Notes that upstream failed.
    pub(super) fn insert_failure(&self, query: &Query, error: UpstreamError, now: Instant) {
        if self.put_off(query, now) {
            return;
        }
        let entry = Entry::Failed { error, until: now + self.settings.failures };
        self.entries.insert(key(&query.name, query.record_type, query).to_key(), entry);
    }

    /// Leaves upstream alone for a while about an answer that it failed to refresh; false: there is
    /// none.
    pub(super) fn put_off(&self, query: &Query, now: Instant) -> bool {
        for record_type in [query.record_type, ANY_TYPE] {
            if let Some(Entry::Known(known)) = self.entry(&query.name, record_type, query)
                && now < known.expires + self.settings.stale
            {
                let retry_at = now + STALE_RETRY;
                let entry = Entry::Known(Known { retry_at, ..known });
                self.entries.insert(key(&query.name, record_type, query).to_key(), entry);
                return true;
            }
        }
        false
    }

    /// Forgets a name and everything below it, or everything.
    pub(super) fn flush(&self, name: Option<&DomainName>) {
        match name {
            None => self.entries.clear(),
            Some(name) => self.entries.retain(|key, _| {
                DomainName::from_wire(&key.name).is_ok_and(|(known, _)| !known.is_within(name))
            }),
        }
    }

    /// Entries, and octets of memory.
    pub(super) fn size(&self) -> (usize, u64) {
        (self.entries.len(), self.entries.weight())
    }

    fn entry(&self, name: &DomainName, record_type: u16, query: &Query) -> Option<Entry> {
        self.entries.get(&key(name, record_type, query))
    }

    /// A verified denial of a name above: nothing exists below it either (RFC 8020).
    ///
    /// Only a verified one, as Unbound and PowerDNS do it: name servers that deny a name which has
    /// others below it are too common to take every one at its word.
    fn denied_above(&self, query: &Query, zone_labels: usize, now: Instant) -> Option<Known> {
        if query.checking_disabled {
            return None;
        }
        let denied = |labels| {
            let above = query.name.suffix(labels);
            match self.entry(&above, ANY_TYPE, query)? {
                Entry::Known(known) if now < known.expires && known.response.is_authentic() => {
                    Some(known)
                }
                _ => None,
            }
        };
        let known = (zone_labels.max(1)..query.name.label_count()).rev().find_map(denied)?;
        let response = known.response.denial_of(&query.name, query.record_type)?;
        Some(Known { response: Arc::new(response), ..known })
    }

    fn fresh(&self, known: &Known, now: Instant) -> Found {
        let refresh = self.wants_refresh(known, now);
        Found::Fresh { answer: known.clone().into_answer(now, false), refresh }
    }

    /// Whether an answer that holds should be asked for anew.
    fn wants_refresh(&self, known: &Known, now: Instant) -> bool {
        self.settings.prefetch && known.last <= now && known.retry_at <= now
    }

    fn stale(&self, known: &Known, now: Instant) -> Found {
        match now < known.expires + self.settings.stale {
            true => Found::Stale {
                answer: known.clone().into_answer(now, true),
                retry: known.retry_at <= now,
            },
            false => Found::Nothing,
        }
    }
}

impl Known {
    fn into_answer(self, now: Instant, stale: bool) -> Answer {
        let age = now.saturating_duration_since(self.received).as_secs();
        Answer { response: self.response, age: age.try_into().unwrap_or(u32::MAX), stale }
    }
}

/// In place of a type: the name does not exist.
const ANY_TYPE: u16 = 0;

fn key<'q>(name: &'q DomainName, record_type: u16, query: &Query) -> KeyRef<'q> {
    let flags = [query.dnssec_ok, query.checking_disabled];
    KeyRef { record_type, flags, name: name.as_wire() }
}

/// Weighs entries by the memory they take.
#[derive(Clone)]
struct Octets;

impl Weighter<Key, Entry> for Octets {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let entry = match entry {
            Entry::Known(known) => known.response.size(),
            Entry::Failed { error, .. } => error.size(),
        };
        (ENTRY_OVERHEAD + key.name.len() + entry) as u64
    }
}

#[cfg(test)]
mod tests;
