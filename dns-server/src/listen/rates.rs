//! How often clients may ask.
//!
//! A leaky bucket for each network (the generic cell rate algorithm: what is kept is the instant at
//! which the bucket will be empty), in a table of a fixed size. A network has two places there, and
//! counts as the emptier of both: an innocent one is held up only where both its places are shared
//! with busy ones. So nothing is allocated, locked or swept, whoever forges however many sources.

use std::{
    hash::{BuildHasher as _, Hash, RandomState},
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use super::network::Network;

/// Both tables.
#[derive(Debug)]
pub(crate) struct Rates {
    clients: Buckets,
    strangers: Buckets,
}

/// REFUSED, for clients in no group: so many a second for each /24, then silence. They learn what is
/// wrong; a forged source is not flooded.
const REFUSALS_PER_SECOND: u32 = 5;

impl Default for Rates {
    fn default() -> Self {
        Self { clients: Buckets::new(1 << 16), strangers: Buckets::new(1 << 12) }
    }
}

impl Rates {
    /// Whether a client may ask now, at `per_second`; if not, when.
    ///
    /// This machine is not counted: whoever asks from here asks for others.
    pub(super) fn of_client(&self, client: IpAddr, per_second: u32) -> Result<(), Duration> {
        match client.to_canonical() {
            client if client.is_loopback() => Ok(()),
            client => self.clients.take(Network::of_client(client), per_second, Instant::now()),
        }
    }

    /// Whether a client in no group is told so.
    pub(super) fn of_stranger(&self, client: IpAddr) -> bool {
        self.strangers
            .take(Network::of_strangers(client), REFUSALS_PER_SECOND, Instant::now())
            .is_ok()
    }
}

/// For each place, nanoseconds from the start until its bucket is empty.
#[derive(Debug)]
struct Buckets {
    empty_at: Box<[AtomicU64]>,
    hash: RandomState,
    start: Instant,
}

/// What may come at once: as much as in a second.
const BURST: u64 = SECOND;
const SECOND: u64 = 1_000_000_000;

impl Buckets {
    fn new(places: usize) -> Self {
        Self {
            empty_at: std::iter::repeat_with(AtomicU64::default).take(places).collect(),
            hash: RandomState::new(),
            start: Instant::now(),
        }
    }

    fn take(&self, network: impl Hash, per_second: u32, now: Instant) -> Result<(), Duration> {
        let now = now.saturating_duration_since(self.start).as_nanos() as u64; // for 500 years
        let hash = self.hash.hash_one(network);
        let places = [hash as u32, (hash >> 32) as u32];
        let places = places.map(|place| &self.empty_at[place as usize % self.empty_at.len()]);
        let empty_at = places.map(|place| place.load(Ordering::Relaxed));
        let empty_at = empty_at[0].min(empty_at[1]).max(now);
        let one = SECOND / u64::from(per_second.max(1));
        let over = (empty_at + one).saturating_sub(now + BURST);
        if over > 0 {
            return Err(Duration::from_nanos(over));
        }
        // Two threads that meet here count as one: a bucket is not that exact.
        for place in places {
            place.fetch_max(empty_at + one, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(buckets: &Buckets, network: u64, now: Instant, attempts: usize) -> usize {
        (0..attempts).filter(|_| buckets.take(network, 100, now).is_ok()).count()
    }

    #[test]
    fn a_second_at_once_and_then_as_it_drains() {
        let buckets = Buckets::new(1 << 10);
        let start = buckets.start;
        assert_eq!(taken(&buckets, 1, start, 500), 100);
        let wait = buckets.take(1u64, 100, start).unwrap_err();
        assert_eq!(wait, Duration::from_millis(10));
        assert_eq!(taken(&buckets, 1, start + wait, 500), 1);
        assert_eq!(taken(&buckets, 1, start + wait + Duration::from_millis(250), 500), 25);
        assert_eq!(taken(&buckets, 1, start + Duration::from_secs(9), 500), 100);
    }

    /// Of many others, each at its full rate, hardly one innocent meets two in both its places.
    #[test]
    fn others_are_not_held_up() {
        let buckets = Buckets::new(1 << 16);
        let start = buckets.start;
        let served = (0..1000).filter(|&network| taken(&buckets, network, start, 101) >= 95);
        assert!(served.count() >= 985);
        let innocent = (10_000..11_000).filter(|&network| taken(&buckets, network, start, 1) == 1);
        // (2 × 1000 / 65536)² of 1000: one.
        assert!(innocent.count() >= 985);
    }

    #[test]
    fn this_machine_and_strangers() {
        let rates = Rates::default();
        let loopback = "::ffff:127.0.0.1".parse().unwrap();
        assert!((0..9).all(|_| rates.of_client(loopback, 1).is_ok()));
        let stranger = |last: u8| IpAddr::from([192, 0, 2, last]);
        let told = (0..200).filter(|&last| rates.of_stranger(stranger(last))).count();
        assert!((5..=6).contains(&told), "{told}");
    }
}
