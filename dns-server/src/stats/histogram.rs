//! How long things took.

use std::{
    array, iter,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::{SHARDS, shard};

/// Counts of times, by class. Counting allocates nothing and takes no lock.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// Upper bounds of the classes; the last class has none.
    bounds: &'static [Duration],
    /// A row a shard: the classes, then the sum in nanoseconds.
    shards: [Box<[AtomicU64]>; SHARDS],
}

/// What a histogram says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Times {
    /// Upper bound in seconds, and how many took no longer.
    pub(crate) classes: Vec<(f64, u64)>,
    /// Of all of them, in seconds.
    pub(crate) sum: f64,
    /// How many there were.
    pub(crate) total: u64,
}

impl Histogram {
    /// `bounds` ascend.
    pub(super) fn new(bounds: &'static [Duration]) -> Self {
        let row = || (0..bounds.len() + 2).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, shards: array::from_fn(|_| row()) }
    }

    pub(super) fn count(&self, took: Duration) {
        let class = self.bounds.partition_point(|bound| *bound < took);
        let row = &self.shards[shard()];
        row[class].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = took.as_nanos().try_into().unwrap_or(u64::MAX);
        row[self.bounds.len() + 1].fetch_add(nanoseconds, Ordering::Relaxed);
    }

    pub(super) fn times(&self) -> Times {
        let sum = |column: usize| -> u64 {
            self.shards.iter().map(|row| row[column].load(Ordering::Relaxed)).sum()
        };
        let mut total = 0;
        let mut classes = Vec::new();
        for (bound, class) in iter::zip(self.bounds, 0..) {
            total += sum(class);
            classes.push((bound.as_secs_f64(), total));
        }
        total += sum(self.bounds.len());
        let nanoseconds = sum(self.bounds.len() + 1);
        Times { classes, sum: Duration::from_nanos(nanoseconds).as_secs_f64(), total }
    }
}

/// Something that takes its time: until this is dropped.
pub(crate) struct Wait<'s> {
    pub(super) counted_in: &'s Histogram,
    pub(super) since: Instant,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.counted_in.count(self.since.elapsed());
    }
}
