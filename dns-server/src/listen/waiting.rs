//! Questions that wait for upstream: so many in all and so many a client, over every transport.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::network::Network;
use crate::stats::Limit;

/// Places for questions.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// One permit a place.
    pub(super) all: Arc<Semaphore>,
    /// The same of each client that has or awaits one.
    by_client: Mutex<HashMap<Network, OfClient>>,
}

/// What a client has of them.
#[derive(Debug)]
struct OfClient {
    /// One permit a place.
    places: Arc<Semaphore>,
    /// Shares of it that there are; with the last one it is forgotten.
    shares: usize,
}

/// A question's place, until it is dropped.
pub(super) struct Seat {
    _all: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
    // Dropped after the permit that is of it.
    _share: Share,
}

/// What a client may take, known for as long as it has or awaits some of it. Another limit holds for
/// it thereafter.
struct Share {
    waiting: Arc<Waiting>,
    client: Network,
    places: Arc<Semaphore>,
}

impl Waiting {
    /// So many places in all.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(limit));
        Arc::new(Self { all, by_client: Mutex::default() })
    }

    /// A place, if there is one left at once, and one of the `limit` of this client.
    pub(super) fn try_take(self: &Arc<Self>, client: IpAddr, limit: usize) -> Result<Seat, Limit> {
        let share = self.share(client, limit);
        let own = share.places.clone().try_acquire_owned();
        let own = own.map_err(|_| Limit::WaitingPerClient)?;
        let all = self.all.clone().try_acquire_owned().map_err(|_| Limit::Waiting)?;
        Ok(Seat { _all: all, _own: own, _share: share })
    }

    /// A place, as soon as there is one. Whoever has taken all of theirs keeps nobody else waiting.
    pub(super) async fn take(self: Arc<Self>, client: IpAddr, limit: usize) -> Seat {
        let share = self.share(client, limit);
        let own = share.places.clone().acquire_owned().await.expect("nobody closes it");
        let all = self.all.clone().acquire_owned().await.expect("nobody closes it");
        Seat { _all: all, _own: own, _share: share }
    }

    fn share(self: &Arc<Self>, client: IpAddr, limit: usize) -> Share {
        let client = Network::of_client(client);
        let mut by_client = self.by_client();
        let own = by_client
            .entry(client)
            .or_insert_with(|| OfClient { places: Arc::new(Semaphore::new(limit)), shares: 0 });
        own.shares += 1;
        Share { waiting: self.clone(), client, places: own.places.clone() }
    }

    /// Questions that have or await a place.
    #[cfg(test)]
    pub(super) fn questions(&self) -> usize {
        self.by_client().values().map(|own| own.shares).sum()
    }

    fn by_client(&self) -> MutexGuard<'_, HashMap<Network, OfClient>> {
        // Nothing in its critical sections panics.
        self.by_client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut by_client = self.waiting.by_client();
        if let Some(own) = by_client.get_mut(&self.client) {
            own.shares -= 1;
            if own.shares == 0 {
                by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use tokio::{task::yield_now, time::timeout};

    use super::*;

    fn client(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    #[test]
    fn places_are_counted_in_all_and_by_client() {
        let waiting = Waiting::new(5);
        let take = |n| waiting.try_take(client(n), 2);
        let mut taken: Vec<_> = (0..2).flat_map(|n| [take(n), take(n)]).collect();
        assert!(taken.iter().all(Result::is_ok));
        assert_eq!(take(1).err(), Some(Limit::WaitingPerClient));
        taken.push(take(2));
        assert_eq!(take(3).err(), Some(Limit::Waiting));
        taken.pop();
        assert!(take(3).is_ok());
        assert_eq!((waiting.all.available_permits(), waiting.by_client().len()), (1, 2));
        taken.clear();
        assert_eq!((waiting.all.available_permits(), waiting.by_client().len()), (5, 0));
    }

    /// Whoever of a client's questions ends last, and however many end together: it is forgotten.
    #[test]
    fn clients_are_forgotten() {
        let waiting = Waiting::new(99);
        for _ in 0..20_000 {
            let seats = [(); 2].map(|()| waiting.try_take(client(1), 9).unwrap());
            let together = Barrier::new(seats.len());
            thread::scope(|scope| {
                for seat in seats {
                    scope.spawn(|| {
                        together.wait();
                        drop(seat);
                    });
                }
            });
            assert!(waiting.by_client().is_empty());
        }
    }

    /// A client that has all of its places waits for one of them, and for nothing else.
    #[tokio::test]
    async fn each_waits_for_its_own() {
        let waiting = Waiting::new(3);
        let take = |n| tokio::spawn(waiting.clone().take(client(n), 2));
        let (first, second) = (take(1).await.unwrap(), take(1).await.unwrap());
        let mut queue: Vec<_> = (0..9).map(|_| take(1)).collect();
        yield_now().await;
        let other = take(2).await.unwrap();
        assert!(waiting.try_take(client(1), 2).is_err());
        assert_eq!(waiting.all.available_permits(), 0);
        drop((first, other));
        let next = queue.remove(0).await.unwrap();
        assert!(queue.iter().all(|waits| !waits.is_finished()));
        // Those that give up leave nothing behind.
        for waits in queue {
            waits.abort();
            assert!(waits.await.is_err());
        }
        drop((second, next));
        assert_eq!((waiting.all.available_permits(), waiting.by_client().len()), (3, 0));
        let limit = std::time::Duration::from_secs(30);
        assert!(timeout(limit, take(1)).await.is_ok());
    }
}
