//! Who has how many connections: known for as long as they last.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Connections at once, of everybody. With the sockets of questions that wait for upstream they
/// stay below the usual limit of 1024 open files.
const CONNECTIONS: usize = 256;
/// Connections at once, of one address: several machines may stand behind it.
pub(super) const CONNECTIONS_PER_CLIENT: usize = 32;

/// The places for connections, whatever is spoken over them.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// A connection's place, until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    client: IpAddr,
}

impl Places {
    /// A place for one more connection of `client`, if there is one.
    pub(super) fn take(places: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let mut taken = places.taken();
        let of_client = taken.by_client.get(&client).copied().unwrap_or_default();
        if taken.total >= CONNECTIONS || of_client >= CONNECTIONS_PER_CLIENT {
            return None;
        }
        taken.total += 1;
        taken.by_client.insert(client, of_client + 1);
        Some(Place { places: Arc::clone(places), client })
    }

    /// How many are taken.
    pub(super) fn total(&self) -> usize {
        self.taken().total
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing in its critical sections panics.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total -= 1;
        if let Some(of_client) = taken.by_client.get_mut(&self.client) {
            *of_client -= 1;
            if *of_client == 0 {
                taken.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_all_and_by_client() {
        let places = Arc::default();
        let client = |n: usize| IpAddr::from([10, 0, (n >> 8) as u8, n as u8]);
        let mut taken: Vec<_> =
            (0..CONNECTIONS).map(|n| Places::take(&places, client(n))).collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(Places::take(&places, client(CONNECTIONS)).is_none());
        taken.pop();
        assert!(Places::take(&places, client(CONNECTIONS)).is_some());
        taken.clear();
        let taken = places.taken();
        assert_eq!((taken.total, taken.by_client.len()), (0, 0));
    }
}
