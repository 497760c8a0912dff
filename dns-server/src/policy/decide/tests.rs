//! The order of precedence, and how long an answer holds. What goes over the wire is in
//! `tests/conversations`.

use jiff::{civil::date, tz::TimeZone};

use super::*;
use crate::{
    config::Config,
    policy::{
        refusal::RefusalForm,
        unblock::{Unblock, Unblocks},
    },
    service, testing,
};

/// Pupils have lessons from 08:30 to 11:30 and from 13:30 to 16:30; then they have `after`.
const CONFIG: &str = r#"
[calendar]
zone = "C"

[floor]
profile = "academie"

[profile.academie]
block_names = ["never.example"]

[[group]]
name = "pupils"
networks = ["10.0.0.0/8"]
profile = "pupils"

[profile.pupils]
block = ["porn", "ads"]
block_names = ["games.example"]

[[profile.pupils.slot]]
days = ["mon-fri"]
from = "16:30"
to = "08:30"
use = "after"

[[profile.pupils.slot]]
days = ["mon-fri"]
from = "11:30"
to = "13:30"
during = "term"
use = "after"

[[profile.pupils.exception]]
date = "2026-11-27"
use = "after"

[profile.after]
block = ["porn"]
"#;

const PUPILS: GroupId = GroupId::at(0);

fn policy(now: Timestamp) -> Policy {
    let config = Config::parse("test.toml", CONFIG).unwrap_or_else(|error| panic!("{error}"));
    service::policy(&config, service::plans(&config, &testing::filter(), now).unwrap())
}

/// In November 2026, in Paris.
fn moment(day: i8, hour: i8, minute: i8) -> Timestamp {
    let paris = TimeZone::get("Europe/Paris").unwrap();
    date(2026, 11, day).at(hour, minute, 0, 0).to_zoned(paris).unwrap().timestamp()
}

/// The decision in a word, and how long it holds.
fn decided(policy: &Policy, name: &str, now: Timestamp) -> (&'static str, u32) {
    let name: DomainName = name.parse().unwrap();
    let asked =
        Asked { name: &name, record_type: rr_type::A, internet: true, recursion_desired: true };
    let ruling = policy.decide(asked, PUPILS, now).unwrap();
    let word = match ruling.decision {
        Decision::Refuse(refusal) => match (refusal.authority, refusal.form) {
            (Authority::Floor, _) => "floor",
            (Authority::Profile, RefusalForm::NxDomain) => "refused",
            (Authority::Profile, _) => "refused, NODATA",
        },
        Decision::Resolve => "resolved",
        other => panic!("{other:?}"),
    };
    (word, ruling.ttl)
}

#[test]
fn lessons_and_breaks() {
    // Wednesday the 25th is a school day; Friday the 27th goes otherwise.
    let cases = [
        ("games.example", moment(25, 9, 0), ("refused", 9000)),
        ("games.example", moment(25, 11, 29), ("refused", 60)),
        ("games.example", moment(25, 11, 30), ("resolved", PASSING)),
        ("games.example", moment(25, 13, 29), ("resolved", 60)),
        ("games.example", moment(25, 13, 30), ("refused", 10_800)),
        ("games.example", moment(25, 23, 59), ("resolved", PASSING)),
        ("games.example", moment(26, 8, 29), ("resolved", 60)),
        ("games.example", moment(27, 10, 0), ("resolved", PASSING)),
        ("ads.example", moment(25, 9, 0), ("refused, NODATA", 9000)),
        ("ads.example", moment(25, 12, 0), ("resolved", PASSING)),
        ("porn.example", moment(25, 12, 0), ("refused", PASSING)),
        ("never.example", moment(25, 12, 0), ("floor", PASSING)),
        ("www.example", moment(25, 9, 0), ("resolved", 9000)),
    ];
    for (name, now, expected) in cases {
        assert_eq!(decided(&policy(now), name, now), expected, "{name} at {now}");
    }
}

/// What is let through for a while locks again, in whoever kept an answer as well; the floor does
/// not yield, and the names above are not denied meanwhile.
#[test]
fn a_name_is_let_through_for_a_while() {
    let start = moment(25, 9, 0);
    let unblock = |name: &str, minute| Unblock {
        group: PUPILS,
        name: name.parse().unwrap(),
        until: moment(25, 9, minute),
        limit: None,
    };
    let mut policy = policy(start);
    policy.unblocks = Unblocks::from_iter([
        unblock("games.example", 10),
        unblock("clip.porn.example", 50),
        unblock("never.example", 50),
    ]);
    let cases = [
        ("games.example", 0, ("resolved", PASSING)),
        ("www.games.example", 9, ("resolved", 60)),
        ("games.example", 10, ("refused", 2400)),
        ("other.example", 0, ("resolved", 600)),
        ("clip.porn.example", 46, ("resolved", 240)),
        ("porn.example", 0, ("refused, NODATA", 600)),
        ("other.porn.example", 0, ("refused", 600)),
        ("porn.example", 50, ("refused", 6000)),
        ("never.example", 0, ("floor", PASSING)),
    ];
    for (name, minute, expected) in cases {
        let now = moment(25, 9, minute);
        assert_eq!(decided(&policy, name, now), expected, "{name} at {now}");
    }
    // Another group's business.
    let name = "games.example".parse().unwrap();
    assert!(policy.unblocks.of_name(GroupId::at(1), &name, start).is_none());
}

/// Upstream takes its time; policy does not wait.
#[test]
fn what_is_left_after_a_wait() {
    let now = moment(25, 11, 29);
    let policy = policy(now);
    let name: DomainName = "www.example".parse().unwrap();
    let asked =
        Asked { name: &name, record_type: rr_type::A, internet: true, recursion_desired: true };
    let ruling = policy.decide(asked, PUPILS, now).unwrap();
    for (waited, left) in [(0, 60), (1, 59), (1000, 59), (1001, 58), (59_999, 0), (70_000, 0)] {
        let moment = now.saturating_add(jiff::SignedDuration::from_millis(waited)).unwrap();
        assert_eq!(ruling.ttl_at(moment), left, "{waited} ms");
    }
    // A clock that was put back.
    assert_eq!(ruling.ttl_at(moment(25, 11, 0)), 60);
}

/// An engine that is let through is still made safe where it can be: by the operator's names, for a
/// while, and above all where the floor says so.
#[test]
fn an_engine_that_is_let_through_is_made_safe() {
    const CONFIG: &str = r#"
[floor]
profile = "academie"
groups = ["strict"]

[profile.academie]
search = "forced"

[[group]]
name = "strict"
networks = ["10.0.0.0/8"]
profile = "only"

[[group]]
name = "no floor"
networks = ["10.1.0.0/16"]
profile = "only"

[profile.only]
search = "only"
engines = ["qwant-junior"]
allow_names = ["www.bing.com", "search.yahoo.com"]
"#;
    let config = Config::parse("test.toml", CONFIG).unwrap_or_else(|error| panic!("{error}"));
    let now = moment(25, 9, 0);
    let plans = service::plans(&config, &testing::filter(), now).unwrap();
    let mut policy = service::policy(&config, plans);
    let unblock = |group| Unblock {
        group: GroupId::at(group),
        name: "www.ecosia.org".parse().unwrap(),
        until: moment(25, 10, 0),
        limit: None,
    };
    policy.unblocks = Unblocks::from_iter([unblock(0), unblock(1)]);
    let cases = [
        ("www.bing.com", "strict.bing.com", "strict.bing.com"),
        ("www.ecosia.org", "strict-safe-search.ecosia.org", "strict-safe-search.ecosia.org"),
        ("duckduckgo.com", "refused", "refused"),
        // It cannot be made safe: the floor refuses it, the operator alone lets it through.
        ("search.yahoo.com", "floor", "resolved"),
    ];
    for (name, with_floor, without) in cases {
        for (group, expected) in [(0, with_floor), (1, without)] {
            let name: DomainName = name.parse().unwrap();
            let asked = Asked {
                name: &name,
                record_type: rr_type::A,
                internet: true,
                recursion_desired: true,
            };
            let told = match policy.decide(asked, GroupId::at(group), now).unwrap().decision {
                Decision::Rewrite(targets) => targets[0].to_string(),
                Decision::Refuse(refusal) if refusal.authority == Authority::Floor => {
                    "floor".into()
                }
                Decision::Refuse(_) => "refused".into(),
                Decision::Resolve => "resolved".into(),
                other => panic!("{other:?}"),
            };
            assert_eq!(told, expected, "{name}, group {group}");
        }
    }
}

/// A client that keeps an answer as long as it is told never has it after the policy changed.
#[test]
fn nothing_outlives_its_policy() {
    let mut now = moment(25, 0, 0);
    let policy = policy(now);
    let mut kept: Option<(&str, Timestamp)> = None;
    let mut asked = 0;
    while now < moment(28, 0, 0) {
        if kept.is_none_or(|(_, until)| until <= now) {
            let (word, ttl) = decided(&policy, "games.example", now);
            let until = now.saturating_add(jiff::SignedDuration::from_secs(ttl.into())).unwrap();
            kept = Some((word, until));
            asked += 1;
        }
        let (word, _) = decided(&policy, "games.example", now);
        assert_eq!(kept.map(|(word, _)| word), Some(word), "{now}");
        now = now.saturating_add(jiff::SignedDuration::from_secs(30)).unwrap();
    }
    assert!(asked > 100, "{asked}");
}
