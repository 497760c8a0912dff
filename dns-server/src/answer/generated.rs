//! A million questions, each answered by the hot path, by the general path, and naively.
//!
//! The hot path's answer, over the packet and from a warm cache, is octet for octet that of the general
//! path, which asked upstream; and both say, as hickory reads them, what [`naive`] writes down. The
//! clock stands still but where it is put forward.

mod naive;
mod questions;
mod world;

use std::{
    collections::BTreeMap, future::ready, num::NonZero, panic::resume_unwind, sync::Arc, thread,
    time::Duration,
};

use filter_core::{Filter, FilterBuilder, Options, Scope, Source, Stamp};
use jiff::{SignedDuration, Timestamp};

use self::{
    naive::{Moment, Naive, Origin},
    questions::{ClientQuery, GROUPS},
    world::World,
};
use super::{Immediate, Snapshot};
use crate::{
    policy::{group::GroupId, unblock::Unblock},
    resolve::{CacheSettings, Resolver},
    testing,
    wire::{
        designation::{self, Designation, Endpoint},
        question::Transport,
    },
};

const SEED: u64 = 20_261_122;

#[test]
fn both_paths_and_a_naive_reply_say_the_same() {
    all_say_the_same(100_000);
}

#[test]
#[ignore = "takes a minute or two without optimisation"]
fn both_paths_and_a_naive_reply_say_the_same_a_million_times() {
    all_say_the_same(1_000_000);
}

/// What became of a question: the class that it is of, and anything that is said of its answer.
type Tally = BTreeMap<String, u64>;

fn all_say_the_same(count: u64) {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let tally = thread::scope(|scope| {
        let numbers = |first: usize| (first as u64..count).step_by(threads);
        let workers: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || Site::new().ask_all(numbers(first))))
            .collect();
        let mut tally = Tally::new();
        for worker in workers {
            let own = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            own.into_iter().for_each(|(class, count)| *tally.entry(class).or_default() += count);
        }
        tally
    });
    // All of these were seen, and no other class.
    let expected = [
        "AD",
        "Failed, later",
        "Here, at once",
        "Kept, at once",
        "Kept, later: no room",
        "NotKept, later",
        "Rewritten, later",
        "TC",
        "extended error cut short",
        "padded",
        "silence",
        "structured error",
    ];
    assert_eq!(tally.keys().collect::<Vec<_>>(), expected, "{tally:?}");
    let asked: u64 =
        tally.iter().filter(|(class, _)| class.contains(", ")).map(|(_, seen)| seen).sum();
    assert_eq!(asked + tally["silence"], count);
}

/// A group for each profile.
const CONFIG: &str = r#"
[upstream]
servers = ["192.0.2.53"]

[floor]
profile = "floor"
groups = ["structured", "loose"]

[page]
addresses = ["2001:db8::80", "10.0.0.80", "10.0.0.81"]

[contact]
organisation = "École \"Jules\", qui dépend d'une académie qui dépend d'un ministère: le nom d'un tel établissement est long"
uris = ["mailto:a@b.example", "tel:+33100000000"]

[[local]]
name = "ent.ecole.example"
addresses = ["10.0.0.7", "fd00::7", "10.0.0.8"]

[[local]]
name = "printer.ecole.example"
addresses = ["10.0.0.9"]

[profile.floor]
block = ["ads"]
block_names = ["forum.example"]
search = "safe"

[profile.nodata]
block = ["porn", "gambling"]
refusal = "nodata"

[profile.null]
block = ["porn", "ads", "gambling"]
refusal = "null"

[profile.page]
block = ["porn", "phishing"]
refusal = "page"
reasons = "category"
language = "en"

[profile.silent]
block = ["porn", "gambling"]
reasons = "none"

[profile.code]
block = ["porn", "ecommerce"]
reasons = "code"
on_request = true

[profile.structured]
block = ["porn", "gambling", "phishing"]
refusal = "null"
language = "fr"
reasons = "category"
search = "forced"
youtube = "moderate"
structured_errors = true
remove_ech = true

[profile.closed]
mode = "closed"
allow = ["education"]
allow_names = ["www.example", "open.porn.example", "*.elsewhere.example"]
block_names = ["w1.www.example"]

[profile.search]
block = ["bypass"]
search = "only"
engines = ["qwant-junior", "google"]
youtube = "strict"

[profile.keys]
block = ["porn"]
remove_ech = true

[profile.loose]
observe = ["porn", "ecommerce"]
allow_names = ["forum.example", "ads.example"]
structured_errors = true
on_request = true

[profile.networks]
block_networks = ["203.0.113.0/31", "2606:4700::/127"]
block_names = ["*.forum.example"]
"#;

/// The profiles, in order of their groups' networks.
const PROFILES: [&str; GROUPS as usize] = [
    "child",
    "nodata",
    "null",
    "page",
    "silent",
    "code",
    "structured",
    "closed",
    "search",
    "keys",
    "loose",
    "networks",
    "teen",
    "staff",
];

/// A server, as it is asked by one thread.
struct Site {
    snapshot: Snapshot,
    /// Holds the reply to the question before, as a listener's does.
    buffer: Box<[u8; 4096]>,
    tally: Tally,
}

impl Site {
    fn new() -> Self {
        let groups = (0..).zip(PROFILES).map(|(number, profile)| {
            format!("[[group]]\nname = \"{profile}\"\nnetworks = [\"10.0.{number}.0/24\"]\nprofile = \"{profile}\"\n")
        });
        let config = CONFIG.to_owned() + &groups.collect::<String>();
        // Small, since it is emptied for each question.
        let cache = CacheSettings { octets: 1 << 18, ..CacheSettings::default() };
        let resolver = Arc::new(Resolver::new(Arc::new(World), cache, 100));
        let mut snapshot = testing::snapshot_over(&config, &filter(), resolver);
        let (group, name) = (GroupId::at(0), "lesson.porn.example".parse().unwrap());
        // So far ahead that it shortens nothing.
        let until = Timestamp::now().saturating_add(SignedDuration::from_hours(240)).unwrap();
        snapshot.policy.unblocks =
            [Unblock { group, name, until, limit: None }].into_iter().collect();
        let designation = Designation {
            target: "dns.school.example".parse().unwrap(),
            endpoints: [
                (designation::TLS, 853, None),
                (designation::HTTPS, 443, Some("/dns-query")),
            ]
            .map(|(alpn, port, doh_path)| {
                let hints = vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()];
                Endpoint { alpn, port, hints, doh_path }
            })
            .into(),
        };
        let name = "_dns.resolver.arpa".parse().unwrap();
        snapshot.policy.local.insert_services(name, designation.records());
        Self { snapshot, buffer: Box::new([0xff; 4096]), tally: Tally::new() }
    }

    fn ask_all(mut self, numbers: impl Iterator<Item = u64>) -> Tally {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().unwrap().block_on(async {
            for number in numbers {
                let query = ClientQuery::made(SEED, number);
                // One in four is asked again a little later.
                let age = if number % 4 == 0 { 3 } else { 0 };
                self.ask(&query, age).await;
            }
        });
        self.tally
    }

    /// Asks once of upstream and, after so many seconds, of the cache, on both paths.
    async fn ask(&mut self, query: &ClientQuery, age: u32) {
        let (packet, transport, now) = (query.packet(), query.transport, Timestamp::now());
        let group = self.snapshot.group_of(query.client);
        let moment = Moment { now, since: None };
        self.snapshot.resolver.flush(None);
        let first = self.snapshot.answer(group, transport, &packet, ready(())).await;
        let naive = naive::reply(&self.snapshot, query, moment);
        self.check(query, first.as_deref(), naive.as_ref());
        if first.as_ref().is_some_and(|reply| is_truncated(reply)) {
            self.ask_for_the_whole(query, moment).await;
        }

        tokio::time::advance(Duration::from_secs(age.into())).await;
        self.buffer[..packet.len()].copy_from_slice(&packet);
        let length = packet.len();
        let buffer = &mut *self.buffer;
        let immediate = self.snapshot.answer_at_once(group, transport, now, buffer, length);
        let (hot, is_at_once) = match immediate {
            Immediate::Silence => (None, true),
            Immediate::Reply(length) => (Some(self.buffer[..length].to_vec()), true),
            Immediate::Resolve(pending) => {
                let query = pending.query(&*self.buffer).to_vec();
                (Some(self.snapshot.resolve(&pending, transport, query).await), false)
            }
        };
        let again = self.snapshot.answer(group, transport, &packet, ready(())).await;
        assert_eq!(hot, again, "{query:?}");
        let moment = Moment { since: Some(age), ..moment };
        let naive = naive::reply(&self.snapshot, query, moment);
        self.check(query, hot.as_deref(), naive.as_ref());

        let Some(naive) = naive else { return self.count("silence") };
        // That a failure is remembered is said.
        if age == 0 && naive.origin != Origin::Failed {
            assert_eq!(hot, first, "{query:?}");
        }
        let length = hot.map_or(0, |hot| hot.len());
        let class = match (naive.origin, is_at_once) {
            (origin @ (Origin::Here | Origin::Kept), true) => format!("{origin:?}, at once"),
            (Origin::Kept, false) if transport != Transport::Datagram && length > 2000 => {
                "Kept, later: no room".into()
            }
            (origin @ (Origin::Failed | Origin::NotKept | Origin::Rewritten), false) => {
                format!("{origin:?}, later")
            }
            other => panic!("{other:?}: {query:?}"),
        };
        self.count(&class);
    }

    /// Comes back over TCP, as a client does: what had no room is longer than it may be.
    async fn ask_for_the_whole(&mut self, query: &ClientQuery, moment: Moment) {
        let again = ClientQuery { transport: Transport::Stream, ..query.clone() };
        let group = self.snapshot.group_of(query.client);
        self.snapshot.resolver.flush(None);
        let whole = self.snapshot.answer(group, again.transport, &again.packet(), ready(())).await;
        let naive = naive::reply(&self.snapshot, &again, moment);
        self.check(&again, whole.as_deref(), naive.as_ref());
        let whole = whole.unwrap();
        assert!(!is_truncated(&whole), "{again:?}");
        assert!(bare(&whole) > naive.unwrap().limit(query), "{query:?}");
    }

    /// Checks what a reply says, and that it may be as long as it is.
    fn check(&mut self, query: &ClientQuery, reply: Option<&[u8]>, naive: Option<&Naive>) {
        let (Some(reply), Some(naive)) = (reply, naive) else {
            return assert_eq!(reply.is_none(), naive.is_none(), "{query:?}");
        };
        assert_eq!(reply[..2], query.id.to_be_bytes(), "{query:?}");
        let asked = query.question();
        let asked: &[u8] = if naive.message.queries.is_empty() { &[] } else { &asked };
        assert!(reply[12..].starts_with(asked), "{query:?}: {reply:02x?}");
        let said = naive::read(reply);
        let expected = naive.said(query, !is_truncated(reply), bare(reply));
        assert_eq!(said, expected, "{query:?}: {reply:02x?}");
        assert!(reply.len() <= naive.limit(query), "{query:?}: {reply:02x?}");
        let codes = |code| said.options.iter().filter(|(other, _)| *other == code).count();
        let texts: usize =
            naive.errors.iter().map(|(_, texts)| texts.first().map_or(0, String::len)).sum();
        let is_less = codes(15) < naive.errors.len()
            || said
                .options
                .iter()
                .filter(|(code, _)| *code == 15)
                .map(|(_, data)| data.len() - 2)
                .sum::<usize>()
                < texts;
        for (is_so, what) in [
            (said.flags.contains(&"tc"), "TC"),
            (said.flags.contains(&"ad"), "AD"),
            (codes(12) > 0, "padded"),
            (
                said.edns.is_some() && is_less && !said.flags.contains(&"tc"),
                "extended error cut short",
            ),
            (said.options.iter().any(|(_, data)| data.get(2) == Some(&b'{')), "structured error"),
        ] {
            if is_so {
                self.count(what);
            }
        }
    }

    fn count(&mut self, class: &str) {
        match self.tally.get_mut(class) {
            Some(count) => *count += 1,
            None => drop(self.tally.insert(class.to_owned(), 1)),
        }
    }
}

fn is_truncated(reply: &[u8]) -> bool {
    reply[2] & 0x02 != 0
}

/// Octets of a reply but for its options.
fn bare(reply: &[u8]) -> usize {
    let options = naive::read(reply).options;
    reply.len() - options.iter().map(|(_, data)| 4 + data.len()).sum::<usize>()
}

/// Lists of several kinds.
fn filter() -> Filter {
    let court = Source { legal: true, ..Source::block("court", &["gambling"]) };
    let rules: [(Source, &[(&str, Scope)]); 6] = [
        (
            Source::block("ut1-adult", &["porn"]),
            &[("porn.example", Scope::Subtree), ("mixed.example", Scope::Subtree)],
        ),
        (
            Source::block("hosts", &["ads"]),
            &[("ads.example", Scope::Exact), ("below.example", Scope::SubdomainsOnly)],
        ),
        (Source::block("shops", &["ecommerce"]), &[("shop.example", Scope::Subtree)]),
        (Source::block("fish", &["phishing"]), &[("phishing.example", Scope::Subtree)]),
        (court, &[("casino.example", Scope::Subtree)]),
        (
            Source::allow("health", &["education"], &["porn"]),
            &[("health.mixed.example", Scope::Subtree)],
        ),
    ];
    let mut builder = FilterBuilder::new();
    for (source, names) in rules {
        let id = builder.source(source).unwrap();
        let mut batch = builder.batch(id);
        for (name, scope) in names {
            batch.domain(&name.parse().unwrap(), *scope, Options::default()).unwrap();
        }
        builder.add(batch.finish());
    }
    let created = "2026-11-22T00:00:00Z".into();
    Filter::open(builder.build(Stamp { serial: 1, created, expires: None }).bytes).unwrap()
}
