//! Asking the publisher for new lists, now and then, for ever.
//!
//! Whatever comes or does not come, what is served goes on being served until something better has
//! been fetched, verified, bound and kept. Each reason for not updating is told once, until lists
//! come again or the configuration is read again.

use std::{
    collections::BTreeSet,
    future::pending,
    hash::{BuildHasher as _, RandomState},
    io,
    sync::Arc,
    time::Duration,
};

use filter_core::Stamp;
use lists::{
    pointer::Pointer,
    pull::{self, Polled, Url},
};
use tokio::{
    task::spawn_blocking,
    time::{sleep, timeout},
};

use crate::{
    bundle::{BundleError, expired},
    failure::Failure,
    service::{Service, Subscription},
};

/// How long a server with nothing but the starter list waits for better before it serves that.
const FIRST: Duration = Duration::from_secs(10);
/// How soon after a start the publisher is asked: after a power cut, not by a whole town at once.
const SOON: Duration = Duration::from_secs(30);
/// How soon to ask again after a failure; twice as long after each more, up to the usual time.
const AGAIN: Duration = Duration::from_secs(15);
/// Reasons that are remembered as told.
const MOST_TOLD: usize = 100;

/// Asks the publisher of a service's lists.
pub(crate) struct Poller {
    service: Arc<Service>,
    /// How to reach the publisher, and what it said last.
    publisher: Option<Publisher>,
    failures: u32,
    /// Reasons that were told and still hold.
    told: BTreeSet<String>,
    told_expiry: Option<String>,
}

struct Publisher {
    url: Url,
    origin: pull::Origin,
    /// Of a pointer that nothing more is to be done about.
    etag: Option<String>,
    /// What was refused for what it is: to fetch it again would not help. The whole pointer, since
    /// nobody signs those: another one may say something else of the same bundle.
    refused: Option<Pointer>,
}

/// What came of asking.
enum Outcome {
    /// The lists that are served are the present ones.
    UpToDate,
    /// What is published is refused, until something else is published.
    Refused,
}

impl Poller {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        let told = BTreeSet::new();
        Self { service, publisher: None, failures: 0, told, told_expiry: None }
    }

    /// With nothing but the starter list in place of published ones, asks for those, and gives up
    /// soon.
    pub(crate) async fn first(&mut self) {
        if self.subscription().await.is_some_and(|subscription| subscription.is_starter) {
            self.poll(FIRST).await;
        }
    }

    /// Asks again and again; never ends.
    pub(crate) async fn run(mut self) {
        let mut delay = match (self.subscription().await, self.failures) {
            (Some(subscription), 0) => Some(part_of(subscription.poll.min(SOON))),
            (Some(subscription), failures) => Some(after_failures(failures, subscription.poll)),
            (None, _) => None,
        };
        loop {
            let wait = async {
                match delay {
                    Some(delay) => sleep(delay).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = wait => {}
                () = self.service.poll_is_due() => {
                    // Whoever asks wants to be told, and may have mended what was refused.
                    self.publisher = None;
                    self.told.clear();
                }
            }
            delay = self.poll(Duration::MAX).await;
        }
    }

    /// Asks once; returns when to ask again. `patience` is for the network.
    async fn poll(&mut self, patience: Duration) -> Option<Duration> {
        let subscription = self.subscription().await?;
        self.tell_expiry(&subscription.served);
        match self.update(&subscription, patience).await {
            Ok(Outcome::UpToDate) => {
                if !self.told.is_empty() {
                    tracing::info!("lists: {} gives good ones again", subscription.url);
                }
                self.told.clear();
                self.failures = 0;
            }
            Ok(Outcome::Refused) => self.failures = 0,
            Err(failure) => {
                self.tell(&subscription, &failure);
                self.failures = self.failures.saturating_add(1);
            }
        }
        Some(match self.failures {
            0 => jittered(subscription.poll),
            failures => after_failures(failures, subscription.poll),
        })
    }

    async fn update(
        &mut self,
        subscription: &Subscription,
        patience: Duration,
    ) -> Result<Outcome, Failure> {
        let mut publisher = match self.publisher.take() {
            Some(publisher) if publisher.url == subscription.url => publisher,
            _ => Publisher {
                url: subscription.url.clone(),
                origin: pull::Origin::new(subscription.url.clone())?,
                etag: None,
                refused: None,
            },
        };
        let fetching = timeout(patience, publisher.news(subscription));
        let news = fetching.await.unwrap_or_else(|_| {
            let waited = format!("{}: no answer in {} s", subscription.url, patience.as_secs());
            Err(io::Error::new(io::ErrorKind::TimedOut, waited).into())
        });
        let outcome = match news {
            Ok(News::Nothing) if publisher.refused.is_some() => Ok(Outcome::Refused),
            Ok(News::Nothing) => Ok(Outcome::UpToDate),
            Ok(News::Refused(error, pointer, etag)) => {
                self.tell(subscription, &error.into());
                (publisher.refused, publisher.etag) = (Some(pointer), etag);
                Ok(Outcome::Refused)
            }
            Ok(News::Bundle(pointer, etag, signature)) => {
                match self.take_in(subscription, &pointer, signature).await {
                    Ok(()) => {
                        (publisher.refused, publisher.etag) = (None, etag);
                        Ok(Outcome::UpToDate)
                    }
                    Err(failure) if failure.blames_bundle() => {
                        self.tell(subscription, &failure);
                        (publisher.refused, publisher.etag) = (Some(pointer), etag);
                        Ok(Outcome::Refused)
                    }
                    // A full disk, say: the bundle is as good as before once that has passed.
                    Err(failure) => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        };
        self.publisher = Some(publisher);
        outcome
    }

    async fn take_in(
        &self,
        subscription: &Subscription,
        pointer: &Pointer,
        signature: String,
    ) -> Result<(), Failure> {
        let (service, subscription) = (self.service.clone(), subscription.clone());
        let pointer = pointer.clone();
        // Reading and verifying a bundle takes a while; questions do not wait for it.
        let taking = spawn_blocking(move || service.take_in(&subscription, &pointer, signature));
        taking.await.unwrap_or_else(|panic| Err(io::Error::other(panic).into()))
    }

    /// What the configuration says now.
    async fn subscription(&self) -> Option<Subscription> {
        let service = self.service.clone();
        // It may have to wait for a reload.
        spawn_blocking(move || service.subscription()).await.ok().flatten()
    }

    /// Why nothing new is served; once for each reason.
    fn tell(&mut self, subscription: &Subscription, failure: &Failure) {
        let reason = failure.to_string();
        let Stamp { serial, created, .. } = &subscription.served;
        let served = match subscription.is_starter {
            true => "THE SMALL STARTER LIST".to_owned(),
            false => format!("serial {serial} of {created}"),
        };
        if self.told.len() < MOST_TOLD && self.told.insert(reason.clone()) {
            tracing::error!("LISTS NOT UPDATED: {reason}. Serving {served} on");
        } else {
            tracing::debug!("lists not updated: {reason}");
        }
    }

    fn tell_expiry(&mut self, served: &Stamp) {
        let expired = expired(served).map(str::to_owned);
        if let (Some(expires), true) = (&expired, expired != self.told_expiry) {
            tracing::error!("THE LISTS EXPIRED at {expires}: publish new ones");
        }
        self.told_expiry = expired;
    }
}

/// What the publisher has.
enum News {
    /// What it had before.
    Nothing,
    /// A pointer to what must not replace what is served, and its entity tag.
    Refused(BundleError, Pointer, Option<String>),
    /// A bundle, which lies in the store now, and its signature, which holds.
    Bundle(Pointer, Option<String>, String),
}

impl Publisher {
    async fn news(&self, subscription: &Subscription) -> Result<News, Failure> {
        let (pointer, etag) = match self.origin.poll(self.etag.as_deref()).await? {
            Polled::Unchanged => return Ok(News::Nothing),
            Polled::Pointer(pointer, etag) => (pointer, etag),
        };
        let is_served = subscription.digest == Some(pointer.sha256);
        if is_served || self.refused.as_ref() == Some(&pointer) {
            return Ok(News::Nothing);
        }
        match worth_fetching(&pointer, subscription) {
            Err(error) if error.blames_bundle() => {
                return Ok(News::Refused(error, pointer, etag));
            }
            outcome => outcome?,
        }
        let Subscription { keys, store, .. } = subscription;
        let signature = self.origin.fetch(&pointer, keys, &store.fetched()).await?;
        Ok(News::Bundle(pointer, etag, signature))
    }
}

/// Spares fetching what would be refused: what the pointer says must be what the bundle says.
fn worth_fetching(pointer: &Pointer, subscription: &Subscription) -> Result<(), BundleError> {
    let from = subscription.url.to_string();
    let (serial, newest) = (pointer.stamp.serial, subscription.store.highest_serial()?);
    if serial < newest {
        return Err(BundleError::RollBack { from, serial, newest });
    }
    match expired(&pointer.stamp) {
        Some(expires) if !subscription.is_starter => {
            Err(BundleError::Expired { from, expires: expires.to_owned() })
        }
        _ => Ok(()),
    }
}

fn after_failures(failures: u32, poll: Duration) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    jittered(AGAIN.saturating_mul(1 << doublings).min(poll))
}

/// A tenth more or less, so that servers that started together do not ask together.
fn jittered(delay: Duration) -> Duration {
    delay * 9 / 10 + part_of(delay / 5)
}

/// Anything from nothing to the whole.
fn part_of(whole: Duration) -> Duration {
    // Each `RandomState` hashes differently.
    let random = RandomState::new().hash_one(()) % 1024;
    whole * random as u32 / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_followed_sooner_then_as_usual() {
        let hour = Duration::from_secs(3600);
        let about = |seconds: f64, got: Duration| {
            let share = got.as_secs_f64() / seconds;
            assert!((0.9..=1.1).contains(&share), "{got:?} is not about {seconds} s");
        };
        for (failures, seconds) in [(1, 15.0), (2, 30.0), (3, 60.0), (8, 1920.0), (9, 3600.0)] {
            about(seconds, after_failures(failures, hour));
        }
        about(3600.0, after_failures(u32::MAX, hour));
        about(1.0, after_failures(5, Duration::from_secs(1)));
    }

    #[test]
    fn no_two_servers_ask_at_the_same_time() {
        let hour = Duration::from_secs(3600);
        let delays: BTreeSet<_> = (0..100).map(|_| jittered(hour)).collect();
        assert!(delays.len() > 50, "{delays:?}");
        assert!(delays.iter().all(|delay| (3240..=3960).contains(&delay.as_secs())), "{delays:?}");
        assert!((0..100).all(|_| part_of(hour) < hour));
    }
}
