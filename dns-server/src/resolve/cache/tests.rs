//! Against a model that keeps everything, and with the clock in the tests' hands.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::testing::{response, soa};

/// Names that are related in every way that matters.
const NAMES: [&str; 5] = ["example", "a.example", "b.a.example", "c.b.a.example", "other"];

fn query(name: &str, record_type: u16) -> Query {
    let name = name.parse().unwrap();
    Query { name, record_type, dnssec_ok: false, checking_disabled: false }
}

/// One address, `a.b.c.d` of which tells which answer it is.
fn known(query: &Query, ttl: u32, mark: u8) -> Response {
    response(query, 0, false, &[(1, ttl, &[192, 0, 2, mark])], &[])
}

fn denial(query: &Query, ttl: u32, authentic: bool) -> Response {
    response(query, 3, authentic, &[], &[soa(ttl)])
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What was found, in words.
fn shown(found: &Found) -> String {
    let answer = |answer: &Answer| {
        let what = match answer.response().addresses() {
            [address, ..] => address.to_string(),
            [] => format!("rcode {}", answer.response().rcode()),
        };
        format!("{what} after {} s", answer.age)
    };
    match found {
        Found::Fresh { answer: it, refresh } => {
            format!("{}{}", answer(it), if *refresh { ", refresh" } else { "" })
        }
        Found::Stale { answer: it, retry } => {
            format!("stale {}{}", answer(it), if *retry { ", retry" } else { "" })
        }
        Found::Failed(error) => format!("{error:?}"),
        Found::Nothing => "nothing".into(),
    }
}

/// The life of one answer.
#[test]
fn from_fresh_to_forgotten() {
    let settings = CacheSettings { stale: seconds(1000), ..CacheSettings::default() };
    let cache = Cache::new(settings);
    let query = query("www.example", 1);
    let start = Instant::now();
    let at = |time: u64| shown(&cache.get(&query, 0, start + seconds(time)));
    assert_eq!(at(0), "nothing");
    cache.insert(&query, known(&query, 100, 1), start);
    for (time, expected) in [
        (0, "192.0.2.1 after 0 s"),
        (89, "192.0.2.1 after 89 s"),
        (90, "192.0.2.1 after 90 s, refresh"),
        (99, "192.0.2.1 after 99 s, refresh"),
        (100, "stale 192.0.2.1 after 100 s, retry"),
        (1099, "stale 192.0.2.1 after 1099 s, retry"),
        (1100, "nothing"),
    ] {
        assert_eq!(at(time), expected);
    }
    // A refresh that fails is not tried again for half a minute; the answer stays.
    cache.insert_failure(&query, UpstreamError::Unreachable, start + seconds(95));
    assert_eq!(at(99), "192.0.2.1 after 99 s");
    assert_eq!(at(124), "stale 192.0.2.1 after 124 s");
    assert_eq!(at(125), "stale 192.0.2.1 after 125 s, retry");
    cache.insert(&query, known(&query, 100, 2), start + seconds(125));
    assert_eq!(at(126), "192.0.2.2 after 1 s");
}

#[test]
fn failures_are_kept_briefly() {
    let cache = Cache::new(CacheSettings::default());
    let query = query("www.example", 1);
    let start = Instant::now();
    cache.insert_failure(&query, UpstreamError::Garbled, start);
    assert_eq!(shown(&cache.get(&query, 0, start + seconds(4))), "Garbled");
    assert_eq!(shown(&cache.get(&query, 0, start + seconds(5))), "nothing");
    // Another type may be known.
    let other = Query { record_type: 28, ..query };
    assert_eq!(shown(&cache.get(&other, 0, start)), "nothing");
}

/// DO and CD ask for different answers; so does the type, unless the name does not exist.
#[test]
fn what_an_answer_answers() {
    let cache = Cache::new(CacheSettings::default());
    let now = Instant::now();
    let plain = query("nx.example", 1);
    cache.insert(&plain, denial(&plain, 60, false), now);
    let get = |query: &Query| shown(&cache.get(query, 0, now));
    assert_eq!(get(&plain), "rcode 3 after 0 s");
    assert_eq!(get(&Query { record_type: 65, ..plain.clone() }), "rcode 3 after 0 s");
    assert_eq!(get(&Query { dnssec_ok: true, ..plain.clone() }), "nothing");
    assert_eq!(get(&Query { checking_disabled: true, ..plain.clone() }), "nothing");
    assert_eq!(get(&query("below.nx.example", 1)), "nothing", "nobody has verified it");
    // The name came into being.
    cache.insert(&plain, known(&plain, 60, 1), now);
    assert_eq!(get(&plain), "192.0.2.1 after 0 s");
    assert_eq!(get(&Query { record_type: 65, ..plain.clone() }), "nothing");
    // And went.
    cache.insert(&plain, denial(&plain, 60, false), now);
    assert_eq!(get(&plain), "rcode 3 after 0 s");
}

/// RFC 8020, where somebody trusted has verified that there is nothing.
#[test]
fn nothing_is_below_a_verified_denial() {
    let cache = Cache::new(CacheSettings::default());
    let now = Instant::now();
    let above = query("nx.example", 1);
    cache.insert(&above, denial(&above, 60, true), now);
    let below = query("a.b.nx.example", 28);
    let Found::Fresh { answer, .. } = cache.get(&below, 0, now + seconds(7)) else {
        panic!("known")
    };
    assert_eq!((answer.response().rcode(), answer.age), (3, 7));
    // It is an answer to that very question.
    let octets = answer.response().octets();
    assert!(octets[12..].starts_with(below.name.as_wire()));
    let again = Response::read(octets, &below.name, 28, false).unwrap();
    assert_eq!(again.lifetime(), Some(60));
    // Where others know that zone, it says nothing.
    assert_eq!(shown(&cache.get(&below, 3, now)), "nothing");
    assert_eq!(shown(&cache.get(&query("a.example", 1), 0, now)), "nothing");
    let unchecked = Query { checking_disabled: true, ..below };
    assert_eq!(shown(&cache.get(&unchecked, 0, now)), "nothing");
}

#[test]
fn ttls_have_limits() {
    let settings = CacheSettings { ttl: 10..=1000, ..CacheSettings::default() };
    let cache = Cache::new(settings);
    let now = Instant::now();
    let query = query("www.example", 1);
    for (ttl, expected) in [(0, 10), (5, 10), (500, 500), (5000, 1000), (u32::MAX, 10)] {
        let answer = cache.insert(&query, known(&query, ttl, 1), now);
        assert_eq!(answer.response().lifetime(), Some(expected), "{ttl}");
    }
    let negative = cache.insert(&query, denial(&query, 5, false), now);
    assert_eq!(negative.response().lifetime(), Some(10));
    let cache = Cache::new(CacheSettings::default());
    let negative = cache.insert(&query, denial(&query, 86_400, false), now);
    assert_eq!(negative.response().lifetime(), Some(3600));
}

#[test]
fn what_may_not_be_kept_is_not() {
    let cache = Cache::new(CacheSettings::default());
    let now = Instant::now();
    let query = query("www.example", 1);
    cache.insert(&query, known(&query, 0, 1), now);
    assert_eq!(shown(&cache.get(&query, 0, now)), "nothing");
    // A denial without SOA (RFC 2308 §5).
    cache.insert(&query, response(&query, 3, false, &[], &[]), now);
    assert_eq!(shown(&cache.get(&query, 0, now)), "nothing");
}

#[test]
fn memory_is_bounded() {
    let settings = CacheSettings { octets: 1 << 20, ..CacheSettings::default() };
    let cache = Cache::new(settings);
    let now = Instant::now();
    for number in 0..20_000 {
        let query = query(&format!("v{number}.example"), 1);
        cache.insert(&query, known(&query, 300, 1), now);
        assert!(cache.size().1 <= 1 << 20);
    }
    let (entries, octets) = cache.size();
    assert!(entries > 1000 && octets > 1 << 19, "{entries} {octets}");
}

#[test]
fn forgetting_a_name_and_what_is_below() {
    let cache = Cache::new(CacheSettings::default());
    let now = Instant::now();
    let fill = || {
        for name in NAMES {
            cache.insert(&query(name, 1), known(&query(name, 1), 300, 1), now);
        }
    };
    let left = || NAMES.map(|name| shown(&cache.get(&query(name, 1), 0, now)) != "nothing");
    fill();
    cache.flush(Some(&"a.example".parse().unwrap()));
    assert_eq!(left(), [true, false, false, false, true]);
    fill();
    cache.flush(None);
    assert_eq!((left(), cache.size()), ([false; 5], (0, 0)));
}

/// What happens to a cache.
#[derive(Clone, Debug)]
enum Event {
    Answer { name: usize, record_type: u16, ttl: u32, mark: u8 },
    Denial { name: usize, record_type: u16, ttl: u32, authentic: bool },
    Failure { name: usize, record_type: u16 },
    Flush { name: usize },
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let name = 0..NAMES.len();
    let record_type = prop_oneof![Just(1_u16), Just(28)];
    let ttl = 0..50_u32;
    let event = prop_oneof![
        (name.clone(), record_type.clone(), ttl.clone(), any::<u8>()).prop_map(
            |(name, record_type, ttl, mark)| Event::Answer { name, record_type, ttl, mark }
        ),
        (name.clone(), record_type.clone(), ttl, any::<bool>()).prop_map(
            |(name, record_type, ttl, authentic)| Event::Denial {
                name,
                record_type,
                ttl,
                authentic
            }
        ),
        (name.clone(), record_type)
            .prop_map(|(name, record_type)| Event::Failure { name, record_type }),
        name.prop_map(|name| Event::Flush { name }),
        (0..40_u64).prop_map(Event::Wait),
    ];
    prop::collection::vec(event, 0..60)
}

/// Keeps everything, in seconds, and looks through all of it.
#[derive(Default)]
struct Model {
    /// By name and type; `None`: the name does not exist.
    known: HashMap<(usize, Option<u16>), ModelAnswer>,
    failures: HashMap<(usize, u16), u64>,
}

#[derive(Clone)]
struct ModelAnswer {
    what: String,
    received: u64,
    ttl: u64,
    authentic: bool,
}

const MODEL_STALE: u64 = 60;

impl Model {
    fn play(&mut self, event: &Event, now: u64) {
        match *event {
            Event::Answer { name, record_type, ttl, mark } => {
                let what = format!("192.0.2.{mark}");
                self.keep(name, Some(record_type), ttl, what, false, now);
                self.known.remove(&(name, None));
                self.forget_failure(name, record_type, ttl);
            }
            Event::Denial { name, record_type, ttl, authentic } => {
                self.keep(name, None, ttl, "rcode 3".into(), authentic, now);
                self.known.remove(&(name, Some(record_type)));
                self.failures.remove(&(name, record_type));
            }
            Event::Failure { name, record_type } => {
                let is_kept = |record_type| {
                    let known = self.known.get(&(name, record_type));
                    known.is_some_and(|known| now < known.received + known.ttl + MODEL_STALE)
                };
                if !is_kept(Some(record_type)) && !is_kept(None) {
                    self.known.remove(&(name, Some(record_type)));
                    self.failures.insert((name, record_type), now + 5);
                }
            }
            Event::Flush { name } => {
                let flushed: DomainName = NAMES[name].parse().unwrap();
                let stays = |name: usize| {
                    let known: DomainName = NAMES[name].parse().unwrap();
                    !known.is_within(&flushed)
                };
                self.known.retain(|&(name, _), _| stays(name));
                self.failures.retain(|&(name, _), _| stays(name));
            }
            Event::Wait(_) => {}
        }
    }

    /// An answer of TTL 0 is not kept, and changes nothing of its own type.
    fn keep(
        &mut self,
        name: usize,
        record_type: Option<u16>,
        ttl: u32,
        what: String,
        authentic: bool,
        received: u64,
    ) {
        if ttl > 0 {
            let answer = ModelAnswer { what, received, ttl: ttl.into(), authentic };
            self.known.insert((name, record_type), answer);
        }
    }

    fn forget_failure(&mut self, name: usize, record_type: u16, ttl: u32) {
        if ttl > 0 {
            self.failures.remove(&(name, record_type));
        }
    }

    /// What is found, less whether upstream should be asked.
    fn get(&self, name: usize, record_type: u16, now: u64) -> String {
        let is_fresh = |known: &&ModelAnswer| now < known.received + known.ttl;
        let told = |known: &ModelAnswer| format!("{} after {} s", known.what, now - known.received);
        let exact = self.known.get(&(name, Some(record_type)));
        let denied = self.known.get(&(name, None));
        if let Some(known) = exact.filter(is_fresh).or(denied.filter(is_fresh)) {
            return told(known);
        }
        // Names that end in others of them, longest first.
        let mut above: Vec<_> = (0..NAMES.len())
            .filter(|&above| NAMES[name].ends_with(&format!(".{}", NAMES[above])))
            .collect();
        above.sort_by_key(|&above| std::cmp::Reverse(NAMES[above].len()));
        let denials = above.iter().filter_map(|&above| self.known.get(&(above, None)));
        if let Some(known) = denials.filter(is_fresh).find(|known| known.authentic) {
            return told(known);
        }
        if self.failures.get(&(name, record_type)).is_some_and(|&until| now < until) {
            return "Garbled".into();
        }
        let latest = match (exact, denied) {
            (Some(exact), Some(denied)) if exact.received < denied.received => Some(denied),
            (exact, denied) => exact.or(denied),
        };
        match latest.filter(|known| now < known.received + known.ttl + MODEL_STALE) {
            Some(known) => format!("stale {}", told(known)),
            None => "nothing".into(),
        }
    }
}

proptest! {
    #[test]
    fn the_cache_finds_what_the_model_finds(events in events()) {
        let settings = CacheSettings { stale: seconds(MODEL_STALE), ..CacheSettings::default() };
        let cache = Cache::new(settings);
        let mut model = Model::default();
        let (start, mut now) = (Instant::now(), 0);
        for event in &events {
            let at = start + seconds(now);
            match *event {
                Event::Answer { name, record_type, ttl, mark } => {
                    let query = query(NAMES[name], record_type);
                    let data: &[u8] = &[192, 0, 2, mark];
                    let long = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, mark];
                    let data = if record_type == 1 { data } else { &long };
                    let records = [(record_type, ttl, data)];
                    cache.insert(&query, response(&query, 0, false, &records, &[]), at);
                }
                Event::Denial { name, record_type, ttl, authentic } => {
                    let query = query(NAMES[name], record_type);
                    cache.insert(&query, denial(&query, ttl, authentic), at);
                }
                Event::Failure { name, record_type } => {
                    let query = query(NAMES[name], record_type);
                    cache.insert_failure(&query, UpstreamError::Garbled, at);
                }
                Event::Flush { name } => cache.flush(Some(&NAMES[name].parse().unwrap())),
                Event::Wait(time) => now += time,
            }
            model.play(event, now);
            for (name, text) in NAMES.iter().enumerate() {
                for record_type in [1, 28] {
                    let found = cache.get(&query(text, record_type), 0, start + seconds(now));
                    let found = shown(&found).replace("2001:db8::", "192.0.2.x");
                    let found = found.trim_end_matches(", refresh").trim_end_matches(", retry");
                    let expected = model.get(name, record_type, now);
                    let expected = match (record_type, expected.split_once("192.0.2.")) {
                        (28, Some((before, after))) => {
                            let (mark, rest) = after.split_once(' ').unwrap();
                            match mark.parse::<u8>().unwrap() {
                                0 => format!("{before}192.0.2.x {rest}"),
                                mark => format!("{before}192.0.2.x{mark:x} {rest}"),
                            }
                        }
                        _ => expected,
                    };
                    prop_assert_eq!(found, expected, "{} {} at {}", text, record_type, now);
                }
            }
        }
    }
}
