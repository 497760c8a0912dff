//! Codes: what they let through, what never, who may try how often, and what is left of it.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use super::*;
use crate::{
    code::CodeDigest,
    policy::{decide::Asked, inspect::Element},
    state::audit,
    testing::{self, root},
};

const CONFIG: &str = r#"
[upstream]
servers = ["192.0.2.53"]
[lists]
bundle = "today.bundle"
cache = "state"
[control]
socket = "control.sock"
[floor]
profile = "academy"
[profile.academy]
block_names = ["never.example"]
[[group]]
name = "pupils"
networks = ["10.0.0.0/8", "2001:db8::/32"]
profile = "child"
[[group]]
name = "others"
networks = ["10.1.0.0/16"]
profile = "child"
[[group]]
name = "staff"
networks = ["10.2.0.0/16"]
profile = "staff"
[profile.child]
block_names = ["games.example", "mixed.example"]
[[code]]
id = "college"
file = "college.code"
groups = ["pupils"]
longest = "50m"
[[code]]
id = "primary"
file = "primary.code"
groups = ["others", "pupils"]
never = ["astrology"]
"#;

const COLLEGE: &str = "k7fq-29mx-p4tr";
const PRIMARY: &str = "ecole-2026-jaures";
const PUPILS: GroupId = GroupId::at(0);
const OTHERS: GroupId = GroupId::at(1);
const STAFF: GroupId = GroupId::at(2);
const MINUTE: Duration = Duration::from_secs(60);

fn keep_code(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
}

fn service(folder: &Path) -> Service {
    keep_code(&folder.join("college.code"), &CodeDigest::of(COLLEGE).unwrap().to_string());
    keep_code(&folder.join("primary.code"), PRIMARY);
    testing::service(folder, CONFIG)
}

fn client(last: u8) -> IpAddr {
    IpAddr::from([10, 66, 55, last])
}

impl Service {
    fn unlock(&self, name: &str, group: GroupId, code: &str) -> Result<Allowed, UnlockError> {
        self.unlock_with_code(name.parse().unwrap(), group, client(1), code, 10 * MINUTE)
    }

    fn may_see(&self, name: &str, group: GroupId) -> bool {
        self.sees_now(name, group.index())
    }

    /// How many codes were accepted, refused, wrong, and not looked at.
    fn counted(&self) -> Vec<u64> {
        self.snapshot().stats.codes().outcomes().map(|(_, count)| count).collect()
    }
}

#[test]
fn a_code_lets_a_name_through_for_its_groups_and_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let first = service(folder.path());
    let allowed = first.unlock("games.example", PUPILS, "K7FQ 29MX P4TR").unwrap();
    assert_eq!((&*allowed.group, allowed.lifts.as_deref()), ("pupils", Some("operator's names")));
    assert!(first.may_see("www.games.example", PUPILS));
    assert!(!first.may_see("games.example", OTHERS));
    let (sees, ttl) = first.sees("games.example", PUPILS.index(), allowed.until - 9.seconds());
    assert!(sees && ttl == 9, "{ttl}");
    assert!(!first.sees("games.example", PUPILS.index(), allowed.until).0);
    first.unlock("ads.example", OTHERS, PRIMARY).unwrap();
    let text = first.status().to_string();
    assert!(text.contains("by code college: on the block page"), "{text}");
    drop(first);

    // After a restart as before it, with the same end.
    let again = service(folder.path());
    assert!(again.may_see("games.example", PUPILS) && again.may_see("ads.example", OTHERS));
    assert!(!again.sees("games.example", PUPILS.index(), allowed.until).0);
    again.end(&"games.example".parse().unwrap(), "pupils", root()).unwrap();
    assert!(!again.may_see("games.example", PUPILS));
    again.unlock("games.example", PUPILS, COLLEGE).unwrap();

    // A code that is taken back takes along what it let through.
    let (before, rest) = CONFIG.split_once("[[code]]\nid = \"primary\"").unwrap();
    assert!(rest.contains("astrology"));
    fs::write(folder.path().join("preau.toml"), before).unwrap();
    again.reload().unwrap();
    assert!(again.may_see("games.example", PUPILS) && !again.may_see("ads.example", OTHERS));
    assert!(matches!(again.unlock("ads.example", OTHERS, PRIMARY), Err(UnlockError::NoCode)));
    drop(again);
    let log = fs::read(folder.path().join("state/audit.jsonl")).unwrap();
    audit::verify(&log).unwrap();
    let told = audit::told(&log);
    let by = ", which operator's names refused, by code college: on the block page\n";
    assert_eq!(told.matches(by).count(), 2, "{told}");
    assert_eq!(told.matches(" end of ads.example for others\n").count(), 1, "{told}");
    for secret in ["10.66", "k7fq", "sha256:"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn what_is_not_let_through() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let day = 1440 * MINUTE;
    let cases: &[(&str, GroupId, &str, Duration, &str)] = &[
        ("games.example", PUPILS, "", MINUTE, "that is not the code; 4 more may be tried"),
        ("games.example", OTHERS, COLLEGE, MINUTE, "that is not the code"),
        ("games.example", STAFF, COLLEGE, MINUTE, "no code holds for this group"),
        ("games.example", GroupId::at(9), COLLEGE, MINUTE, "no code holds for this group"),
        ("porn.example", PUPILS, COLLEGE, MINUTE, "no code lets porn.example through: porn · ut1"),
        ("www.porn.example", PUPILS, COLLEGE, MINUTE, "no code lets www.porn.example through"),
        ("never.example", PUPILS, COLLEGE, MINUTE, "the floor refuses never.example: "),
        ("co.uk", PUPILS, COLLEGE, MINUTE, "co.uk is a public suffix"),
        ("games.example", PUPILS, COLLEGE, Duration::ZERO, "for a second at least"),
        ("games.example", PUPILS, COLLEGE, 51 * MINUTE, "for 50 minutes at most"),
        ("games.example", PUPILS, COLLEGE, Duration::MAX, "for 50 minutes at most"),
        ("games.example", PUPILS, PRIMARY, 61 * MINUTE, "for 1 hour at most"),
        ("games.example", PUPILS, PRIMARY, day, "for 1 hour at most"),
    ];
    for (index, (name, group, code, time, message)) in cases.iter().enumerate() {
        let client = client(index as u8);
        let name = name.parse().unwrap();
        let error = service.unlock_with_code(name, *group, client, code, *time).unwrap_err();
        assert!(error.to_string().contains(message), "{index}: {error}");
    }
    assert_eq!(service.status().allowed, []);
}

/// A site that is let through may have worse below it, or behind it: that stays refused.
#[test]
fn what_a_code_never_lifts_stays_refused_below_the_name_and_in_answers() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    service.unlock("example", PUPILS, COLLEGE).unwrap_err();
    let name = "games.example";
    service.unlock(name, PUPILS, COLLEGE).unwrap();
    let leads_to = |target: &str, group| {
        let snapshot = service.snapshot();
        let name = name.parse().unwrap();
        let asked = Asked { name: &name, record_type: 1, internet: true, recursion_desired: true };
        let ruling = snapshot.policy.decide(asked, group, Timestamp::now()).unwrap();
        let alias = Element::Alias(target.parse().unwrap());
        snapshot.policy.judge(&name, &ruling, [alias].into_iter()).is_some()
    };
    assert!(leads_to("porn.example", PUPILS) && !leads_to("ads.example", PUPILS));

    // By the list, mixed.example is porn, and by the operator's name refused besides; below it is
    // what a list on health lifts.
    service.unlock("mixed.example", PUPILS, COLLEGE).unwrap_err();
    service.unlock("mixed.example", PUPILS, PRIMARY).unwrap();
    assert!(service.may_see("mixed.example", PUPILS));

    // An operator's own allowance has no limit, also where a code's stands beside it.
    let end = ("porn.example".parse().unwrap(), "pupils".to_owned());
    service.allow(end.0, end.1, 10 * MINUTE, "a lesson".into(), root()).unwrap();
    assert!(service.may_see("porn.example", PUPILS));
}

#[test]
fn engines_that_search_without_safety_stay_refused() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    assert!(!service.may_see("startpage.com", PUPILS));
    let error = service.unlock("startpage.com", PUPILS, COLLEGE).unwrap_err().to_string();
    assert!(error.starts_with("no code lets startpage.com through: search"), "{error}");
}

/// Wrong ones are counted by address; a right one is not, and forgives.
#[tokio::test(start_paused = true)]
async fn how_often_codes_may_be_tried() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let attempt = |client, code: &str| {
        let name = "games.example".parse().unwrap();
        service.unlock_with_code(name, PUPILS, client, code, MINUTE)
    };
    for left in (0..OF_CLIENT).rev() {
        let error = attempt(client(1), "wrong").unwrap_err();
        assert!(matches!(error, UnlockError::WrongCode { left: l } if l == left), "{error}");
    }
    let error = attempt(client(1), COLLEGE).unwrap_err();
    assert!(matches!(error, UnlockError::TooManyTries(left) if left == WINDOW), "{error}");
    assert!(error.to_string().ends_with("may be tried in 15 minutes"), "{error}");
    // The teacher in another room.
    attempt(client(2), "wrong").unwrap_err();
    for _ in 0..3 * OF_CLIENT {
        attempt(client(2), COLLEGE).unwrap();
    }
    tokio::time::advance(WINDOW).await;
    attempt(client(1), COLLEGE).unwrap();
    assert_eq!(service.counted(), [3 * u64::from(OF_CLIENT) + 1, 0, u64::from(OF_CLIENT) + 1, 1]);
}

/// At other hours the right code lets nothing through, and costs no try.
#[test]
fn hours_of_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let hour = Timestamp::now().to_zoned(TimeZone::get("Europe/Paris").unwrap()).hour();
    let between = |from, to| {
        let [from, to] = [from, to].map(|later| (hour + later) % 24);
        // Of the last code.
        let config =
            format!("{CONFIG}[[code.hours]]\nfrom = \"{from:02}:00\"\nto = \"{to:02}:00\"\n");
        fs::write(folder.path().join("preau.toml"), config).unwrap();
        service.reload().unwrap();
    };
    between(3, 20);
    for _ in 0..2 * OF_CLIENT {
        let error = service.unlock("games.example", OTHERS, PRIMARY).unwrap_err();
        assert!(matches!(error, UnlockError::OutOfHours), "{error}");
    }
    assert!(!service.may_see("games.example", OTHERS));
    service.unlock("games.example", PUPILS, COLLEGE).unwrap();
    between(23, 3);
    service.unlock("games.example", OTHERS, PRIMARY).unwrap();
    assert_eq!(service.counted(), [2, 2 * u64::from(OF_CLIENT), 0, 0]);
}

/// Somebody has as many addresses as there are: their network is held up, and others are not.
#[tokio::test(start_paused = true)]
async fn many_addresses_are_no_way_around() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let attempt = |client: String, code: &str| {
        let name = "games.example".parse().unwrap();
        let client = client.parse().unwrap();
        service.unlock_with_code(name, PUPILS, client, code, MINUTE)
    };
    let guesses = |host| match attempt(format!("2001:db8:0:1::{host:x}"), "wrong") {
        Err(UnlockError::WrongCode { .. }) => true,
        Err(UnlockError::TooManyTries(_)) => false,
        other => panic!("{other:?}"),
    };
    assert_eq!((0..5000).filter(|&host| guesses(host)).count(), OF_GROUP as usize);
    attempt("2001:db8:0:1::ffff:1".to_owned(), COLLEGE).unwrap_err();
    attempt("2001:db8:0:2::1".to_owned(), COLLEGE).unwrap();
    attempt("10.66.55.44".to_owned(), COLLEGE).unwrap();
    attempt("10.66.55.45".to_owned(), "wrong").unwrap_err();
    let again = attempt("10.66.55.45".to_owned(), COLLEGE).unwrap_err();
    assert!(matches!(again, UnlockError::TooManyTries(_)), "{again}");
    // Codes of other groups are no concern of theirs.
    service.unlock("games.example", OTHERS, PRIMARY).unwrap();
}

#[test]
fn a_reload_takes_new_codes() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let file = folder.path().join("college.code");
    keep_code(&file, "new-2027-code-x");
    service.unlock("games.example", PUPILS, COLLEGE).unwrap();
    service.reload().unwrap();
    service.unlock("games.example", PUPILS, COLLEGE).unwrap_err();
    service.unlock("games.example", PUPILS, "new-2027-code-x").unwrap();
    // One that cannot be read leaves everything as it was.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let failure = service.reload().unwrap_err().to_string();
    assert!(failure.contains("everybody on this machine may read"), "{failure}");
    service.unlock("games.example", PUPILS, "new-2027-code-x").unwrap();
}

#[test]
fn what_cannot_be_recorded_is_not_let_through() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path());
    let file = folder.path().join("state/allowances.json");
    fs::create_dir(&file).unwrap();
    let error = service.unlock("games.example", PUPILS, COLLEGE).unwrap_err();
    assert!(matches!(error, UnlockError::Change(ChangeError::Record(_))), "{error}");
    assert!(!service.may_see("games.example", PUPILS));
}
