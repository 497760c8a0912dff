//! What is counted, what is told, and what is not.

use std::thread;

use tokio::runtime::Runtime;

use super::*;
use crate::{answer::Snapshot, testing, wire::question::Transport};

const CONFIG: &str = r#"
[upstream]
servers = ["192.0.2.53"]
[[group]]
name = "school"
networks = ["10.0.0.0/8"]
profile = "child"
[[group]]
name = "head"
networks = ["10.1.1.1"]
profile = "child"
[[group]]
name = "office"
networks = ["10.1.2.0/30"]
profile = "child"
[profile.child]
observe = ["astrology"]
block_names = ["never.example"]
"#;

fn ask(snapshot: &Snapshot, client: &str, label: &str) {
    let query = [
        b"\0\0\x01\0\0\x01\0\0\0\0\0\0".as_slice(),
        &[label.len() as u8],
        label.as_bytes(),
        b"\x07example\0\0\x01\0\x01",
    ]
    .concat();
    let group = snapshot.group_of(client.parse().unwrap());
    let answer = snapshot.answer(group, Transport::Datagram, &query, std::future::ready(()));
    Runtime::new().unwrap().block_on(answer).unwrap();
}

/// Whose, and what is not zero, in words.
fn told(stats: &Stats) -> Vec<String> {
    let mut told = Vec::new();
    for Counts { whose, outcomes, categories } in stats.counts() {
        let outcomes = outcomes.map(|(outcome, count)| (outcome.label().to_owned(), count));
        let categories = categories.into_iter().flat_map(|(name, refused, observed)| {
            [(format!("refused {name}"), refused), (format!("observed {name}"), observed)]
        });
        for (what, count) in outcomes.into_iter().chain(categories) {
            if count > 0 {
                told.push(format!("{whose:?} {what} {count}"));
            }
        }
    }
    told
}

#[test]
fn outcomes_are_counted_by_group() {
    let snapshot = testing::snapshot(CONFIG);
    for label in ["porn", "porn", "ads", "www", "never"] {
        ask(&snapshot, "10.0.0.1", label);
    }
    ask(&snapshot, "192.0.2.1", "porn");
    let expected = [
        "Group(\"school\") allowed 1",
        "Group(\"school\") refused 1",
        "Group(\"school\") refused ads 1",
        "Group(\"school\") refused porn 2",
    ];
    assert_eq!(told(&snapshot.stats), expected);
}

/// What upstream has no answer to is no allowed question, and a group's own trouble is its own.
#[test]
fn failures_are_counted_by_group() {
    let snapshot = testing::snapshot(CONFIG);
    for label in ["down", "down", "garbled", "servfail", "www"] {
        ask(&snapshot, "10.0.0.1", label);
    }
    ask(&snapshot, "10.1.1.1", "down");
    let expected = ["Group(\"school\") allowed 1", "Group(\"school\") failed 4"];
    assert_eq!(told(&snapshot.stats), expected);
    let snapshot = testing::snapshot(&CONFIG.replace("10.1.1.1", "10.1.1.0/30"));
    ask(&snapshot, "10.1.1.1", "down");
    assert_eq!(told(&snapshot.stats), ["SmallGroups failed 1"]);
}

#[test]
fn strangers_are_counted() {
    let snapshot = testing::snapshot(CONFIG);
    for label in ["www", "porn"] {
        ask(&snapshot, "192.0.2.1", label);
    }
    snapshot.stats.count_stranger(false);
    assert_eq!(snapshot.stats.strangers(), [2, 1]);
    assert_eq!(told(&snapshot.stats), Vec::<String>::new());
}

#[test]
fn connections_are_counted_while_they_are_open() {
    let stats = Stats::default();
    let open = |stats: &Stats| stats.connections().map(|(_, count)| count);
    let tls = [stats.open(Carrier::Tls), stats.open(Carrier::Tls)];
    let quic = stats.open(Carrier::Quic);
    // Those that outlast a reload.
    let after = Stats::after(&stats, &[], &testing::filter().manifest().categories);
    assert_eq!(open(&after), [0, 2, 0, 1]);
    drop(quic);
    assert_eq!(open(&after), [0, 2, 0, 0]);
    drop(tls);
    assert_eq!(open(&after), [0; 4]);
}

/// What is answered at once is in one histogram, what upstream is asked in the other.
#[test]
fn answers_are_timed() {
    let snapshot = testing::snapshot(CONFIG);
    // A thread times its first answer. Here all but one come at once, from the list or the cache.
    thread::scope(|scope| {
        scope.spawn(|| {
            ask(&snapshot, "10.0.0.1", "porn");
            (0..TIMED).for_each(|_| ask(&snapshot, "10.0.0.1", "www"));
        });
    });
    let (at_once, waits) = (snapshot.stats.at_once(), snapshot.stats.waits());
    assert_eq!((at_once.classes.len(), at_once.total), (AT_ONCE.len(), 2));
    assert_eq!((waits.classes.len(), waits.total), (WAITS.len(), 1));
    assert!(at_once.sum > 0.0 && waits.sum > 0.0);
}

#[test]
fn classes_of_times() {
    let histogram = Histogram::new(&AT_ONCE);
    for nanoseconds in [0, 1000, 1001, 5_000, 10_000_000, 10_000_001, u64::MAX / 4] {
        histogram.count(Duration::from_nanos(nanoseconds));
    }
    let times = histogram.times();
    let counts: Vec<_> = times.classes.iter().map(|(_, count)| *count).collect();
    assert_eq!(counts, [2, 3, 4, 4, 4, 4, 4, 4, 5]);
    assert_eq!(times.classes[0].0, 0.000_001);
    assert_eq!(times.total, 7);
}

/// Five addresses of two small groups: nothing of theirs is told, not even together.
#[test]
fn few_people_are_not_told_of() {
    let snapshot = testing::snapshot(CONFIG);
    ask(&snapshot, "10.1.1.1", "porn");
    ask(&snapshot, "10.1.2.1", "porn");
    assert_eq!(told(&snapshot.stats), Vec::<String>::new());

    // Nine of them: together, without names.
    let snapshot =
        testing::snapshot(&CONFIG.replace("\"10.1.1.1\"", "\"10.1.1.0/30\", \"10.1.1.9\""));
    ask(&snapshot, "10.1.1.1", "porn");
    ask(&snapshot, "10.1.2.1", "porn");
    assert_eq!(told(&snapshot.stats), ["SmallGroups refused porn 2"]);

    // Eight are enough.
    let snapshot = testing::snapshot(&CONFIG.replace("10.1.1.1", "10.1.1.0/29"));
    ask(&snapshot, "10.1.1.1", "porn");
    assert_eq!(told(&snapshot.stats), ["Group(\"head\") refused porn 1"]);
}

#[test]
fn counts_go_on_after_a_reload() {
    let snapshot = testing::snapshot(CONFIG);
    ask(&snapshot, "10.0.0.1", "porn");
    let filter = testing::filter();
    let all = &filter.manifest().categories;
    let group = |name: &str| Group {
        name: name.into(),
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        ..Group::default()
    };
    // In another place, beside another group.
    let after = Stats::after(&snapshot.stats, &[group("other"), group("school")], all);
    ask(&snapshot, "10.0.0.1", "porn");
    assert_eq!(told(&after), ["Group(\"school\") refused porn 2"], "one that was still under way");
    // Other categories.
    let other = filter_core::Filter::open(testing::bundle_without_astrology(2)).unwrap();
    let after = Stats::after(&after, &[group("school")], &other.manifest().categories);
    assert_eq!(told(&after), ["Group(\"school\") refused porn 2"]);
    let after = Stats::after(&after, &[group("other")], all);
    assert_eq!(told(&after), Vec::<String>::new());
}

#[test]
fn no_count_is_lost_between_threads() {
    let snapshot = testing::snapshot(CONFIG);
    thread::scope(|scope| {
        for _ in 0..2 * SHARDS {
            scope.spawn(|| (0..100).for_each(|_| ask(&snapshot, "10.0.0.1", "porn")));
        }
    });
    assert_eq!(told(&snapshot.stats), [format!("Group(\"school\") refused porn {}", 200 * SHARDS)]);
}

#[test]
fn waits_are_cumulated() {
    let stats = Stats::default();
    for _ in 0..3 {
        drop(stats.wait());
    }
    let waits = stats.waits();
    assert_eq!((waits.classes.len(), waits.total), (WAITS.len(), 3));
    assert!(waits.classes.is_sorted_by_key(|(_, count)| *count));
}
