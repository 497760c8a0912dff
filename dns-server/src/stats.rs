//! Counts of what was answered: by group and outcome, never by name or client.
//!
//! Counting allocates nothing and takes no lock. A group of a few addresses is a few people: what
//! becomes of their questions is told only together with that of other small groups.

mod checks;
mod codes;
mod connections;
mod histogram;
mod limit;

use std::{
    array,
    cell::Cell,
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ahash::HashMap;
use filter_core::{Categories, CategoryInfo};
use ipnet::IpNet;

use self::{checks::Checks, codes::Codes, connections::Connections, histogram::Histogram};
pub(crate) use self::{
    checks::{CheckOutcome, Endpoint, ItemKind, ItemVerdict},
    codes::CodeOutcome,
    connections::{Carrier, Connection},
    histogram::{Times, Wait},
    limit::Limit,
};
use crate::{
    config::Group,
    policy::{
        decide::{Decision, Ruling},
        group::GroupId,
    },
};

/// Rows that threads count in, so that they do not wait for each other's.
const SHARDS: usize = 8;
/// A group of fewer addresses is not counted by itself.
const SMALL: u128 = 8;
/// Of the answers that are given at once, one in so many is timed.
const TIMED: usize = 16;
/// Upper bounds of the classes of answers that are given at once.
const AT_ONCE: [Duration; 9] = [
    Duration::from_micros(1),
    Duration::from_micros(2),
    Duration::from_micros(5),
    Duration::from_micros(10),
    Duration::from_micros(20),
    Duration::from_micros(50),
    Duration::from_micros(200),
    Duration::from_millis(1),
    Duration::from_millis(10),
];
/// Those of answers that upstream is asked for.
const WAITS: [Duration; 10] = [
    Duration::from_micros(50),
    Duration::from_micros(200),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Counters of a configuration's groups over a bundle's categories. Part of a snapshot; those of the
/// next one go on counting where these stop.
#[derive(Debug)]
pub(crate) struct Stats {
    /// By [`GroupId::index`]; small groups share one.
    by_group: Box<[Arc<Counters>]>,
    /// Small groups that have fewer addresses than one that is not small, all together.
    hides_small: bool,
    /// Names of categories, in order.
    categories: Arc<[Box<str>]>,
    /// The place of each there.
    places: Arc<HashMap<Box<str>, usize>>,
    /// How long took what was answered at once; one in [`TIMED`].
    at_once: Arc<Histogram>,
    /// How long took what needed the outside.
    waits: Arc<Histogram>,
    /// Questions of clients in no group, a shard each: refused, and left unanswered.
    strangers: Arc<[[AtomicU64; 2]; SHARDS]>,
    /// What was left unanswered for a limit, a shard each.
    limited: Arc<[[AtomicU64; Limit::ALL.len()]; SHARDS]>,
    connections: Arc<Connections>,
    /// What the check API was asked.
    checks: Arc<Checks>,
    codes: Arc<Codes>,
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            by_group: Box::default(),
            hides_small: false,
            categories: Arc::default(),
            places: Arc::default(),
            at_once: Arc::new(Histogram::new(&AT_ONCE)),
            waits: Arc::new(Histogram::new(&WAITS)),
            strangers: Arc::default(),
            limited: Arc::default(),
            connections: Arc::default(),
            checks: Arc::default(),
            codes: Arc::default(),
        }
    }
}

/// Whose counters they are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    Group(String),
    SmallGroups,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was asked of upstream, or of the cache.
    Allowed,
    /// It was answered by a safe stand-in.
    Rewritten,
    /// It was answered from the configuration, or by what a special-use name means.
    Local,
    /// Nobody gets an answer to such a question.
    Declined,
    /// Refused, but not for a category.
    Refused,
    /// Upstream had no answer.
    Failed,
}

impl Outcome {
    pub(crate) const ALL: [Self; 6] =
        [Self::Allowed, Self::Rewritten, Self::Local, Self::Declined, Self::Refused, Self::Failed];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Rewritten => "rewritten",
            Self::Local => "local",
            Self::Declined => "declined",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug)]
struct Counters {
    whose: Whose,
    /// A row a shard: outcomes, then refusals by category, then what was only observed.
    shards: [Box<[AtomicU64]>; SHARDS],
}

/// What one group's counters say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts<'s> {
    pub(crate) whose: &'s Whose,
    pub(crate) outcomes: [(Outcome, u64); Outcome::ALL.len()],
    /// Category, refused, observed.
    pub(crate) categories: Vec<(&'s str, u64, u64)>,
}

impl Stats {
    /// Counters for these groups and categories, which go on from others.
    pub(crate) fn after(previous: &Self, groups: &[Group], categories: &Categories) -> Self {
        let mut names: Vec<Box<str>> = categories.names().map(Box::from).collect();
        names.sort_unstable();
        let kept: BTreeMap<_, _> =
            previous.by_group.iter().map(|counters| (&counters.whose, counters)).collect();
        let is_same = *previous.categories == *names;
        let mut made: BTreeMap<Whose, Arc<Counters>> = BTreeMap::new();
        let counters = |group: &Group| {
            let whose = match is_small(group) {
                true => Whose::SmallGroups,
                false => Whose::Group(group.name.clone()),
            };
            let counters = made.entry(whose.clone()).or_insert_with(|| match kept.get(&whose) {
                Some(counters) if is_same => Arc::clone(counters),
                Some(counters) => Arc::new(counters.moved(&previous.categories, &names)),
                None => Arc::new(Counters::new(whose, names.len())),
            });
            Arc::clone(counters)
        };
        let by_group = groups.iter().map(counters).collect();
        let small = groups.iter().filter(|group| is_small(group)).map(addresses);
        Self {
            by_group,
            hides_small: small.fold(0, u128::saturating_add) < SMALL,
            places: Arc::new(names.iter().cloned().zip(0..).collect()),
            categories: names.into(),
            at_once: previous.at_once.clone(),
            waits: previous.waits.clone(),
            strangers: previous.strangers.clone(),
            limited: previous.limited.clone(),
            connections: previous.connections.clone(),
            checks: previous.checks.clone(),
            codes: previous.codes.clone(),
        }
    }

    /// Counts a question.
    pub(crate) fn count(&self, group: GroupId, ruling: &Ruling<'_>) {
        let Some(counters) = self.by_group.get(group.index()) else { return };
        let row = &counters.shards[shard()];
        let add = |column: usize| {
            if let Some(counter) = row.get(column) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        };
        let (outcomes, categories) = (Outcome::ALL.len(), self.categories.len());
        let outcome = match &ruling.decision {
            Decision::Refuse(refusal) => {
                match refusal.cause.category().and_then(|info| self.place(info)) {
                    Some(place) => return add(outcomes + place),
                    None => Outcome::Refused,
                }
            }
            Decision::Rewrite(_) => Outcome::Rewritten,
            Decision::Local(_) | Decision::NoData | Decision::NxDomain => Outcome::Local,
            Decision::Decline(_) => Outcome::Declined,
            Decision::Resolve | Decision::MinimalAny => Outcome::Allowed,
        };
        add(outcome as usize);
        if let Some(place) = ruling.observed.and_then(|info| self.place(info)) {
            add(outcomes + categories + place);
        }
    }

    /// Counts a question that upstream had no answer to.
    pub(crate) fn count_failure(&self, group: GroupId) {
        let Some(counters) = self.by_group.get(group.index()) else { return };
        counters.shards[shard()][Outcome::Failed as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a question of a client in no group, which is refused, or else left unanswered.
    pub(crate) fn count_stranger(&self, refused: bool) {
        self.strangers[shard()][usize::from(!refused)].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a question, or a connection, that a limit leaves unanswered.
    pub(crate) fn count_limited(&self, limit: Limit) {
        self.limited[shard()][limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Starts timing an answer that is given at once, if it is this thread's turn: two looks at the
    /// clock would be a tenth of what the answer takes.
    pub(crate) fn time_at_once(&self) -> Option<Instant> {
        thread_local! {
            static ANSWERS: Cell<usize> = const { Cell::new(0) };
        }
        let number = ANSWERS.replace(ANSWERS.get().wrapping_add(1));
        number.is_multiple_of(TIMED).then(Instant::now)
    }

    /// Counts how long it took.
    pub(crate) fn count_at_once(&self, since: Option<Instant>) {
        if let Some(since) = since {
            self.at_once.count(since.elapsed());
        }
    }

    /// Counts how long a question waits: until what this returns is dropped.
    pub(crate) fn wait(&self) -> Wait<'_> {
        Wait { counted_in: &self.waits, since: Instant::now() }
    }

    /// Counts a connection: until what this returns is dropped.
    pub(crate) fn open(&self, carrier: Carrier) -> Connection {
        self.connections.open(carrier)
    }

    /// What the check API was asked.
    pub(crate) fn checks(&self) -> &Checks {
        &self.checks
    }

    /// What became of teachers' codes.
    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    /// What may be told: of each group that is not small, and of the small ones together, unless
    /// those are few as well.
    pub(crate) fn counts(&self) -> Vec<Counts<'_>> {
        let told: BTreeMap<_, _> =
            self.by_group.iter().map(|counters| (&counters.whose, counters)).collect();
        let is_told = |whose: &Whose| !(self.hides_small && *whose == Whose::SmallGroups);
        let told = told.into_iter().filter(|(whose, _)| is_told(whose));
        told.map(|(whose, counters)| {
            let fixed = Outcome::ALL.len();
            let refused = |place: usize| counters.sum(fixed + place);
            let observed = |place: usize| counters.sum(fixed + self.categories.len() + place);
            let categories = self.categories.iter().enumerate();
            Counts {
                whose,
                outcomes: Outcome::ALL.map(|outcome| (outcome, counters.sum(outcome as usize))),
                categories: categories
                    .map(|(place, name)| (&**name, refused(place), observed(place)))
                    .collect(),
            }
        })
        .collect()
    }

    /// How long answers took that were given at once.
    pub(crate) fn at_once(&self) -> Times {
        self.at_once.times()
    }

    /// How long questions waited for upstream.
    pub(crate) fn waits(&self) -> Times {
        self.waits.times()
    }

    /// Questions of clients in no group: refused, and left unanswered.
    pub(crate) fn strangers(&self) -> [u64; 2] {
        [0, 1].map(|column| sum(self.strangers.iter().map(|row| &row[column])))
    }

    /// Questions and connections that limits left unanswered.
    pub(crate) fn limited(&self) -> [(Limit, u64); Limit::ALL.len()] {
        Limit::ALL.map(|limit| (limit, sum(self.limited.iter().map(|row| &row[limit as usize]))))
    }

    /// Connections that are open.
    pub(crate) fn connections(&self) -> [(Carrier, u64); Carrier::ALL.len()] {
        Carrier::ALL.map(|carrier| (carrier, self.connections.count(carrier)))
    }

    fn place(&self, info: &CategoryInfo) -> Option<usize> {
        self.places.get(&*info.name).copied()
    }
}

impl Counters {
    fn new(whose: Whose, categories: usize) -> Self {
        let columns = Outcome::ALL.len() + 2 * categories;
        Self {
            whose,
            shards: array::from_fn(|_| (0..columns).map(|_| AtomicU64::new(0)).collect()),
        }
    }

    /// The same counts, by other categories.
    fn moved(&self, from: &[Box<str>], to: &[Box<str>]) -> Self {
        let moved = Self::new(self.whose.clone(), to.len());
        let fixed = Outcome::ALL.len();
        let set = |column: usize, count| moved.shards[0][column].store(count, Ordering::Relaxed);
        (0..fixed).for_each(|column| set(column, self.sum(column)));
        for (old, name) in from.iter().enumerate() {
            if let Ok(new) = to.binary_search(name) {
                set(fixed + new, self.sum(fixed + old));
                set(fixed + to.len() + new, self.sum(fixed + from.len() + old));
            }
        }
        moved
    }

    fn sum(&self, column: usize) -> u64 {
        sum(self.shards.iter().map(|row| &row[column]))
    }
}

fn sum<'c>(counters: impl Iterator<Item = &'c AtomicU64>) -> u64 {
    counters.map(|counter| counter.load(Ordering::Relaxed)).sum()
}

/// Whether a group is so few addresses that what is told of it is told of persons.
pub(crate) fn is_small(group: &Group) -> bool {
    addresses(group) < SMALL
}

fn addresses(group: &Group) -> u128 {
    let of_network = |network: &IpNet| {
        let free = network.max_prefix_len() - network.prefix_len();
        1u128.checked_shl(free.into()).unwrap_or(u128::MAX)
    };
    group.networks.iter().map(of_network).fold(0, u128::saturating_add)
}

/// The row that this thread counts in.
fn shard() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    SHARD.with(|shard| *shard)
}

#[cfg(test)]
mod tests;
