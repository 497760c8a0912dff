//! How often somebody may try something: so many times within a while, which begins with the first.
//!
//! Of whoever tries there is a hash under a key that is made at the start and never leaves the
//! process, and a number, until the while is over; of what was tried, nothing. The table is bounded:
//! once it is full, the oldest go.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, Hash, RandomState},
    time::Duration,
};

use tokio::time::Instant;

/// Attempts of many, each counted by itself.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Within this time.
    window: Duration,
    key: RandomState,
    by_hash: HashMap<u64, Window>,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Instant,
    times: u32,
}

impl Attempts {
    /// The most that are told apart at once.
    const MOST: usize = 4096;

    pub(super) fn within(window: Duration) -> Self {
        Self { window, key: RandomState::new(), by_hash: HashMap::new() }
    }

    /// How many there were, where another would stay within `most`; if not, how long until one
    /// does.
    pub(super) fn check(&self, who: impl Hash, most: u32, now: Instant) -> Result<u32, Duration> {
        let window = self.by_hash.get(&self.key.hash_one(who));
        let Some(Window { since, times }) = window else { return Ok(0) };
        match (*since + self.window).saturating_duration_since(now) {
            Duration::ZERO => Ok(0),
            left if *times >= most => Err(left),
            _ => Ok(*times),
        }
    }

    /// Counts one; which it is.
    pub(super) fn count(&mut self, who: impl Hash, now: Instant) -> u32 {
        let hash = self.key.hash_one(who);
        if self.by_hash.len() >= Self::MOST && !self.by_hash.contains_key(&hash) {
            self.forget_old(now);
            if self.by_hash.len() >= Self::MOST
                && let Some(oldest) = self.oldest()
            {
                self.by_hash.remove(&oldest);
            }
        }
        let is_over = |window: &Window| window.since + self.window <= now;
        let window = self.by_hash.entry(hash).or_insert(Window { since: now, times: 0 });
        if is_over(window) {
            *window = Window { since: now, times: 0 };
        }
        window.times = window.times.saturating_add(1);
        window.times
    }

    /// Forgets one, who did what was tried.
    pub(super) fn forget(&mut self, who: impl Hash) {
        self.by_hash.remove(&self.key.hash_one(who));
    }

    /// Counts one less.
    pub(super) fn take_back(&mut self, who: impl Hash) {
        if let Some(window) = self.by_hash.get_mut(&self.key.hash_one(who)) {
            window.times = window.times.saturating_sub(1);
        }
    }

    /// Forgets those whose while is over.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.by_hash.retain(|_, window| now < window.since + self.window);
    }

    fn oldest(&self) -> Option<u64> {
        self.by_hash.iter().min_by_key(|(_, window)| window.since).map(|(hash, _)| *hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(600);

    #[test]
    fn so_many_within_a_while() {
        let mut attempts = Attempts::within(WINDOW);
        let start = Instant::now();
        for _ in 0..3 {
            attempts.check("a", 3, start).unwrap();
            attempts.count("a", start);
        }
        let later = start + Duration::from_secs(100);
        assert_eq!(attempts.check("a", 3, later), Err(Duration::from_secs(500)));
        attempts.check("b", 3, later).unwrap();
        attempts.check("a", 3, start + WINDOW).unwrap();
        attempts.count("a", start + WINDOW);
        attempts.check("a", 2, start + WINDOW).unwrap();
        attempts.check("a", 1, start + WINDOW).unwrap_err();
        attempts.forget("a");
        attempts.check("a", 1, start + WINDOW).unwrap();
        assert_eq!([attempts.count("a", start), attempts.count("a", start)], [1, 2]);
        attempts.take_back("a");
        assert_eq!(attempts.check("a", 2, start), Ok(1));
    }

    #[test]
    fn nobody_is_remembered_for_longer_and_many_are_few() {
        let mut attempts = Attempts::within(WINDOW);
        let start = Instant::now();
        for who in 0..3 * Attempts::MOST as u64 {
            attempts.count(who, start + Duration::from_millis(who));
            assert!(attempts.by_hash.len() <= Attempts::MOST);
        }
        let now = start + Duration::from_secs(20);
        attempts.check(0, 1, now).unwrap();
        attempts.check(3 * Attempts::MOST as u64 - 1, 1, now).unwrap_err();
        attempts.forget_old(now + WINDOW);
        assert!(attempts.by_hash.is_empty());
    }
}
