//! Who has how many connections: known for as long as they last.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::network::Network;
use crate::stats::Limit;

/// Places for connections, of which there are so many in all and so many a client.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_client: HashMap<Network, usize>,
}

/// A place, until it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    /// Whose it is, as soon as that is known.
    client: Option<Network>,
}

impl Places {
    /// One of `limit` places, if there is one left, for somebody yet unknown.
    pub(crate) fn take(places: &Arc<Self>, limit: usize) -> Result<Place, Limit> {
        let mut taken = places.taken();
        if taken.total >= limit {
            return Err(Limit::Connections);
        }
        taken.total += 1;
        Ok(Place { places: Arc::clone(places), client: None })
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

impl Place {
    /// Makes it one of the `limit` places of a client, if that has one left.
    pub(crate) fn of(mut self, client: IpAddr, limit: usize) -> Result<Self, Limit> {
        let client = Network::of_client(client);
        {
            let mut taken = self.places.taken();
            let of_client = taken.by_client.entry(client).or_default();
            if *of_client >= limit {
                return Err(Limit::ConnectionsPerClient);
            }
            *of_client += 1;
        }
        self.client = Some(client);
        Ok(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.total -= 1;
        let Some(client) = self.client else { return };
        if let Some(of_client) = taken.by_client.get_mut(&client) {
            *of_client -= 1;
            if *of_client == 0 {
                taken.by_client.remove(&client);
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
        let client = |n: u8| IpAddr::from([10, 0, 0, n]);
        let take = |n| Places::take(&places, 9).and_then(|place| place.of(client(n), 2));
        let mut taken: Vec<_> = (0..4).flat_map(|n| [take(n), take(n)]).collect();
        assert!(taken.iter().all(Result::is_ok));
        assert_eq!(take(1).err(), Some(Limit::ConnectionsPerClient));
        assert_eq!(places.total(), 8);
        taken.push(take(4));
        assert_eq!(take(5).err(), Some(Limit::Connections));
        taken.pop();
        assert!(take(5).is_ok());
        let unknown = Places::take(&places, 9);
        assert!(unknown.is_ok() && take(5).is_err());
        drop(unknown);
        taken.clear();
        let taken = places.taken();
        assert_eq!((taken.total, taken.by_client.len()), (0, 0));
    }

    /// Who may take any address of a network has no more places for that.
    #[test]
    fn a_site_is_one_client() {
        let places = Arc::default();
        let take = |address: &str| {
            Places::take(&places, 9).and_then(|place| place.of(address.parse().unwrap(), 2))
        };
        let taken = [take("2001:db8:0:1::1"), take("2001:db8:0:1:2::")];
        assert!(taken.iter().all(Result::is_ok));
        assert!(take("2001:db8:0:7::1").is_err());
        assert!(take("2001:db8:0:100::1").is_ok());
    }
}
