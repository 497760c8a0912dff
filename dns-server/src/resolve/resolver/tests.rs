//! With an upstream that does what a test wants, and a clock that moves only when all wait.

use std::sync::atomic::AtomicU8;

use async_trait::async_trait;
use tokio::time::{advance, sleep};

use super::*;
use crate::{
    testing,
    wire::{answer::Lifetime, ede::Code, extract::Response},
};

/// Answers after a while, with its number of questions as the last octet; or fails, or never.
#[derive(Default)]
struct Scripted {
    asked: AtomicU8,
    mood: AtomicU8,
}

const WELL: u8 = 0;
const FAILING: u8 = 1;
const STUCK: u8 = 2;
const CRASHING: u8 = 3;
const LATE: u8 = 4;

/// How long it takes to answer.
const LATENCY: Duration = Duration::from_millis(50);

#[async_trait]
impl Upstream for Scripted {
    async fn lookup(&self, query: &Query) -> Result<Response, UpstreamError> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        sleep(LATENCY).await;
        match self.mood.load(Ordering::SeqCst) {
            FAILING => Err(UpstreamError::Unreachable),
            LATE => Err(UpstreamError::OutOfTime),
            STUCK => std::future::pending().await,
            CRASHING => panic!("as the test wants it"),
            _ => Ok(testing::response(query, 0, false, &[(1, 100, &[192, 0, 2, number])], &[])),
        }
    }
}

impl Scripted {
    fn asked(&self) -> u8 {
        self.asked.load(Ordering::SeqCst)
    }

    fn becomes(&self, mood: u8) {
        self.mood.store(mood, Ordering::SeqCst);
    }
}

/// Questions under way at once, refreshes not among them.
const WAITING: usize = 136;

fn site() -> (Arc<Scripted>, Resolver) {
    let upstream = Arc::new(Scripted::default());
    (upstream.clone(), Resolver::new(upstream, CacheSettings::default(), WAITING))
}

fn query(name: &str) -> Query {
    let name = name.parse().unwrap();
    Query { name, record_type: 1, dnssec_ok: false, checking_disabled: false }
}

/// The last octet, and how it is served.
async fn told(resolver: &Resolver, name: &str) -> String {
    match resolver.resolve(&query(name)).await {
        Ok(answer) => {
            let number = answer.response().addresses()[0].to_string();
            let number = number.trim_start_matches("192.0.2.");
            format!("{number} aged {}{}", answer.age, if answer.stale { ", stale" } else { "" })
        }
        Err(NoAnswer { error, cached: false }) => format!("{error:?}"),
        Err(NoAnswer { error, cached: true }) => format!("{error:?}, cached"),
    }
}

async fn pass(seconds: u64) {
    advance(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_asked_for_once() {
    let (upstream, resolver) = site();
    assert!(resolver.cached(&query("www.example")).is_none());
    assert_eq!(told(&resolver, "www.example").await, "1 aged 0");
    pass(10).await;
    assert_eq!(told(&resolver, "www.example").await, "1 aged 10");
    assert_eq!(resolver.cached(&query("www.example")).unwrap().age, 10);
    resolver.count_hits(1);
    assert_eq!(upstream.asked(), 1);
    resolver.flush(Some(&"example".parse().unwrap()));
    assert_eq!(told(&resolver, "www.example").await, "2 aged 0");
    let statistics = resolver.statistics();
    assert_eq!((statistics.hits, statistics.misses, statistics.entries), (2, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn the_same_question_in_flight_is_asked_once() {
    let (upstream, resolver) = site();
    let resolver = Arc::new(resolver);
    let ask = |name: &'static str| {
        let resolver = resolver.clone();
        tokio::spawn(async move { told(&resolver, name).await })
    };
    let same: Vec<_> = (0..100).map(|_| ask("www.example")).collect();
    let other = ask("other.example");
    for task in same {
        assert_eq!(task.await.unwrap(), "1 aged 0");
    }
    assert_eq!(other.await.unwrap(), "2 aged 0");
    assert_eq!((upstream.asked(), resolver.statistics().joined), (2, 99));
}

/// Whoever asked first gives up; the others get their answer all the same, and the cache too.
#[tokio::test(start_paused = true)]
async fn a_question_lands_without_whoever_asked_it() {
    let (upstream, resolver) = site();
    assert!(timeout(LATENCY / 2, resolver.resolve(&query("www.example"))).await.is_err());
    sleep(LATENCY).await;
    assert!(resolver.cached(&query("www.example")).is_some());
    assert_eq!(upstream.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn answers_are_refreshed_before_they_end() {
    let (upstream, resolver) = site();
    told(&resolver, "www.example").await;
    pass(91).await;
    assert!(resolver.cached(&query("www.example")).is_none(), "something is to be done");
    for _ in 0..5 {
        assert_eq!(told(&resolver, "www.example").await, "1 aged 91");
    }
    sleep(LATENCY * 2).await;
    assert_eq!(told(&resolver, "www.example").await, "2 aged 0");
    assert_eq!((upstream.asked(), resolver.statistics().refreshed), (2, 1));
}

/// RFC 8767: upstream gets 1.8 s, and half a minute of peace once it has failed.
#[tokio::test(start_paused = true)]
async fn stale_answers() {
    for (mood, waits) in [(FAILING, LATENCY), (STUCK, STALE_WAIT)] {
        let (upstream, resolver) = site();
        told(&resolver, "www.example").await;
        upstream.becomes(mood);
        pass(200).await;
        let before = Instant::now();
        assert_eq!(told(&resolver, "www.example").await, "1 aged 200, stale");
        let waited = before.elapsed();
        assert!(waits <= waited && waited < waits + Duration::from_millis(20), "{waited:?}");
        if mood == FAILING {
            assert_eq!(told(&resolver, "www.example").await, "1 aged 200, stale");
            assert_eq!(upstream.asked(), 2);
            upstream.becomes(WELL);
            pass(30).await;
            assert_eq!(told(&resolver, "www.example").await, "3 aged 0");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_not_asked_about_again_at_once() {
    let (upstream, resolver) = site();
    upstream.becomes(FAILING);
    for expected in ["Unreachable", "Unreachable, cached", "Unreachable, cached"] {
        assert_eq!(told(&resolver, "www.example").await, expected);
    }
    assert_eq!((upstream.asked(), resolver.statistics().failed), (1, 1));
    upstream.becomes(WELL);
    pass(5).await;
    assert_eq!(told(&resolver, "www.example").await, "2 aged 0");
}

/// While some servers were not even asked, nothing is known to have failed.
#[tokio::test(start_paused = true)]
async fn only_a_whole_failure_is_remembered() {
    let (upstream, resolver) = site();
    upstream.becomes(LATE);
    for _ in 0..2 {
        assert_eq!(told(&resolver, "www.example").await, "OutOfTime");
    }
    upstream.becomes(WELL);
    assert_eq!(told(&resolver, "www.example").await, "3 aged 0");
    // Where there is an answer to give meanwhile, upstream gets its half a minute of peace.
    pass(200).await;
    upstream.becomes(LATE);
    for _ in 0..2 {
        assert_eq!(told(&resolver, "www.example").await, "3 aged 200, stale");
    }
    upstream.becomes(WELL);
    pass(30).await;
    assert_eq!(told(&resolver, "www.example").await, "5 aged 0");
}

/// Whoever asked has gone, but upstream is still asked: nothing more is, until that has landed.
#[tokio::test(start_paused = true)]
async fn flights_are_bounded() {
    let (upstream, resolver) = site();
    upstream.becomes(FAILING);
    let most = WAITING + REFRESHES;
    for number in 0..most {
        let name = format!("{number}.example");
        assert!(timeout(Duration::ZERO, resolver.resolve(&query(&name))).await.is_err());
    }
    for _ in 0..2 {
        assert_eq!(told(&resolver, "www.example").await, "Busy");
    }
    let landed = told(&resolver, "0.example").await;
    assert_eq!((landed.as_str(), resolver.statistics().joined), ("Unreachable", 1));
    sleep(LATENCY).await;
    assert_eq!(resolver.statistics().failed, most as u64);
    upstream.becomes(WELL);
    assert!(told(&resolver, "www.example").await.ends_with(" aged 0"));
    assert_eq!(resolver.shared.flights.available_permits(), most);
}

/// A fault of ours with one question is no fault with the next.
#[tokio::test(start_paused = true)]
async fn a_crash_is_a_failure() {
    let (upstream, resolver) = site();
    upstream.becomes(CRASHING);
    assert_eq!(told(&resolver, "www.example").await, "Unreachable");
    upstream.becomes(WELL);
    assert_eq!(told(&resolver, "www.example").await, "2 aged 0");
}

#[tokio::test(start_paused = true)]
async fn lifetimes() {
    let (upstream, resolver) = site();
    told(&resolver, "www.example").await;
    pass(40).await;
    let fresh = resolver.resolve(&query("www.example")).await.unwrap();
    assert_eq!(fresh.lifetime(300), Lifetime { age: 40, at_least: 0, at_most: 300 });
    assert_eq!((fresh.ttl(300), fresh.ttl(7)), (60, 7));
    assert_eq!(fresh.error(), None);
    upstream.becomes(FAILING);
    pass(100).await;
    let stale = resolver.resolve(&query("www.example")).await.unwrap();
    assert_eq!(stale.lifetime(300), Lifetime { age: 140, at_least: 30, at_most: 30 });
    assert_eq!(stale.lifetime(7).at_most, 7);
    assert_eq!(stale.error(), Some(Code::STALE_ANSWER));
}
