//! Names let through: for whom, how long, against whom not, and what is left of it.

use std::fs;

use super::*;
use crate::{
    state::audit,
    testing::{root, service},
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
networks = ["10.0.0.0/8"]
profile = "child"
[[group]]
name = "teachers"
networks = ["10.1.0.0/16"]
profile = "staff"
"#;

impl Service {
    fn try_allow(&self, name: &str, group: &str, seconds: u64) -> Result<Allowed, ChangeError> {
        let time = Duration::from_secs(seconds);
        self.allow(name.parse().unwrap(), group.into(), time, "a lesson".into(), root())
    }
}

#[test]
fn a_name_for_a_group_and_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    assert!(!service.sees_now("porn.example", 0));
    let allowed = service.try_allow("porn.example", "pupils", 3000).unwrap();
    assert_eq!(allowed.lifts.as_deref(), Some("porn · ut1-adult"));
    assert!(service.sees_now("www.porn.example", 0));
    assert!(!service.sees_now("porn.example", 1), "for its group alone");
    assert!(!service.sees("porn.example", 0, allowed.until).0, "until then");
    assert!(service.sees("porn.example", 0, allowed.until - 1.second()).0);
    // Nothing that is refused at the moment.
    assert_eq!(service.try_allow("fine.example", "pupils", 60).unwrap().lifts, None);
    service.end(&"porn.example".parse().unwrap(), "pupils", root()).unwrap();
    assert!(!service.sees_now("porn.example", 0));
}

#[test]
fn what_is_not_let_through() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    let cases = [
        ("never.example", "pupils", 60, "the floor refuses never.example: "),
        ("www.never.example", "pupils", 60, "nobody here can let it through"),
        ("porn.example", "pupil", 60, "unknown group `pupil`; the groups are pupils, teachers"),
        ("porn.example", "pupils", 0, "for a second at least, and for 1 day at most"),
        ("porn.example", "pupils", 86_401, "for 1 day at most"),
        ("porn.example", "pupils", u64::MAX, "for 1 day at most"),
        ("com", "pupils", 60, "com is a public suffix"),
        ("co.uk", "pupils", 60, "co.uk is a public suffix"),
    ];
    for (name, group, seconds, message) in cases {
        let error = service.try_allow(name, group, seconds).unwrap_err().to_string();
        assert!(error.contains(message), "{name}: {error}");
    }
    for why in ["", "  \t", "two\nlines", &"x".repeat(301)] {
        let name = "porn.example".parse().unwrap();
        let time = Duration::from_secs(60);
        let allowed = service.allow(name, "pupils".into(), time, why.into(), root());
        assert!(matches!(allowed, Err(ChangeError::Reason)), "{why:?}");
    }
    let error = service.end(&"porn.example".parse().unwrap(), "pupils", root()).unwrap_err();
    assert_eq!(error.to_string(), "porn.example is not let through for pupils");
    assert_eq!(service.status().allowed, []);
}

#[test]
fn there_is_a_most() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    for index in 0..Unblocks::MOST {
        service.try_allow(&format!("n{index}.example"), "pupils", 60).unwrap();
    }
    assert!(matches!(service.try_allow("porn.example", "pupils", 60), Err(ChangeError::TooMany)));
    // Another time for one of them is no other one.
    service.try_allow("n7.example", "pupils", 90).unwrap();
    assert_eq!(service.status().allowed.len(), Unblocks::MOST);
}

/// A stub that keeps each answer for as long as it was told: whatever the time at which it asks, it
/// is locked out again when the allowance ends.
#[test]
fn no_cache_outlasts_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    let until = service.try_allow("porn.example", "pupils", 1000).unwrap().until;
    for start in 0..50 {
        let mut now = until - 1000.seconds() + i64::from(start).seconds();
        let mut kept: Option<Timestamp> = None;
        while now < until + 60.seconds() {
            if kept.is_none_or(|end| end <= now) {
                let (sees, ttl) = service.sees("porn.example", 0, now);
                kept = sees.then(|| now + i64::from(ttl).seconds());
            }
            let reaches = kept.is_some_and(|end| now < end);
            assert_eq!(reaches, now < until, "{now} {until}");
            now += 7.seconds();
        }
    }
}

#[test]
fn it_outlasts_restarts_and_reloads() {
    let folder = tempfile::tempdir().unwrap();
    let first = service(folder.path(), CONFIG);
    let until = first.try_allow("porn.example", "pupils", 3000).unwrap().until;
    first.try_allow("porn.example", "teachers", 3000).unwrap();
    drop(first);
    let again = service(folder.path(), CONFIG);
    let allowed = again.status().allowed;
    assert_eq!((allowed.len(), allowed[0].until, &*allowed[0].why), (2, until, "a lesson"));
    assert!(again.sees_now("porn.example", 0) && again.sees_now("porn.example", 1));

    // Groups change their place; a group that is gone takes its names along.
    let (pupils, _) = CONFIG.split_once("[[group]]").unwrap();
    let teachers = pupils.to_owned()
        + "[[group]]\nname = \"others\"\nnetworks = [\"10.2.0.0/16\"]\nprofile = \"child\"\n\
           [[group]]\nname = \"teachers\"\nnetworks = [\"10.1.0.0/16\"]\nprofile = \"child\"\n";
    fs::write(folder.path().join("preau.toml"), teachers).unwrap();
    again.reload().unwrap();
    assert!(!again.sees_now("porn.example", 0) && again.sees_now("porn.example", 1));
    assert_eq!(again.status().allowed.len(), 1);
    drop(again);
    let log = fs::read(folder.path().join("state/audit.jsonl")).unwrap();
    let told = audit::told(&log);
    audit::verify(&log).unwrap();
    assert_eq!(told.matches(" start of ").count(), 2, "{told}");
    assert_eq!(told.matches(" allow porn.example for ").count(), 2, "{told}");
    assert_eq!(
        told.matches(", which porn · ut1-adult refused, by root (uid 0): a lesson").count(),
        2,
        "{told}"
    );
    assert_eq!(told.matches(" end of porn.example for pupils").count(), 1, "{told}");
    assert_eq!(told.matches(" reload, configuration ").count(), 1, "{told}");
}

/// Time passes, or the clock is set back.
#[tokio::test(start_paused = true)]
async fn it_ends_by_itself_also_when_the_clock_is_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    service.try_allow("porn.example", "pupils", 3000).unwrap();
    tokio::time::advance(Duration::from_secs(2999)).await;
    service.tidy();
    assert!(service.sees_now("porn.example", 0));
    // The calendar says that nothing has passed.
    tokio::time::advance(Duration::from_secs(1)).await;
    service.tidy();
    assert!(!service.sees_now("porn.example", 0));
    let kept = fs::read_to_string(folder.path().join("state/allowances.json")).unwrap();
    assert_eq!(kept, "[]");
}

/// Kept by a server whose clock was ahead, or since set back: no longer than anybody may give.
#[test]
fn a_clock_set_back_meanwhile_lengthens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = service(folder.path(), CONFIG);
    let until = first.try_allow("porn.example", "pupils", 3000).unwrap().until;
    drop(first);
    let path = folder.path().join("state/allowances.json");
    let text = fs::read_to_string(&path).unwrap();
    let later = until + (365 * 24).hours();
    fs::write(&path, text.replace(&until.to_string(), &later.to_string())).unwrap();
    let again = service(folder.path(), CONFIG);
    let now = Timestamp::now();
    assert!(again.sees("porn.example", 0, now + 23.hours()).0);
    assert!(!again.sees("porn.example", 0, now + 24.hours()).0);
    drop(again);

    // One that was set forward ends it; what is over stays so.
    let earlier = until - 3000.seconds();
    fs::write(&path, text.replace(&until.to_string(), &earlier.to_string())).unwrap();
    let again = service(folder.path(), CONFIG);
    assert!(!again.sees_now("porn.example", 0));
    assert!(!again.sees("porn.example", 0, now - 1.hour()).0);
}

/// Whichever way the clock jumps, and however far: what it says holds once it is looked at, and no
/// client keeps an answer past the next change.
#[test]
fn schedules_follow_a_clock_that_jumps() {
    let slot = "\
[[profile.child.slot]]
from = \"08:00\"
to = \"16:00\"
use = \"strict\"
[profile.strict]
block_names = [\"fine.example\"]
";
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), &(CONFIG.to_owned() + slot));
    let now: Timestamp = "2027-03-10T00:00:00Z".parse().unwrap();
    let mut seen = Vec::new();
    for days in [0, 400, -3, 9, -700, 30] {
        for hours in [4, 12, 20] {
            let now = now + (24 * days + hours).hours();
            service.keep_plans(now);
            let (sees, ttl) = service.sees("fine.example", 0, now);
            let change = now + i64::from(ttl).seconds();
            assert_eq!(service.sees("fine.example", 0, change - 1.second()).0, sees, "{now}");
            seen.push(sees);
        }
    }
    assert_eq!(seen, [true, false, true].repeat(6));
}

/// Without a record nothing is let through; locking needs none.
#[test]
fn what_cannot_be_recorded_is_not_let_through() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    service.try_allow("porn.example", "pupils", 3000).unwrap();
    let file = folder.path().join("state/allowances.json");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let error = service.try_allow("ads.example", "pupils", 60).unwrap_err().to_string();
    assert!(error.starts_with("not let through, since it cannot be recorded: "), "{error}");
    assert!(!service.sees_now("ads.example", 0));
    let error = service.end(&"porn.example".parse().unwrap(), "pupils", root()).unwrap_err();
    assert!(error.to_string().starts_with("locked again, but "), "{error}");
    assert!(!service.sees_now("porn.example", 0));

    // A server that is tried by hand keeps no record at all.
    let folder = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("socket = ", "# ");
    let service = self::service(folder.path(), &config);
    let error = service.try_allow("porn.example", "pupils", 60).unwrap_err().to_string();
    assert!(error.contains("this server keeps no record"), "{error}");
    assert!(!folder.path().join("state/audit.jsonl").exists());
}

#[test]
fn status_tells_what_holds() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    service.try_allow("porn.example", "pupils", 3000).unwrap();
    fs::write(folder.path().join("preau.toml"), "[lisen]\n").unwrap();
    service.reload().unwrap_err();
    let text = service.status().to_string();
    for line in [
        "serial 1, 5 names, made ",
        "group pupils: profile child, floor academy",
        "group teachers: profile staff",
        "allowed: porn.example for pupils until ",
        "by root (uid 0): a lesson",
        "upstream: 192.0.2.53:53",
        "cache: 0 answers, 0 KiB; 0 hits, 0 misses",
        "everything as before: error: unknown field `lisen`",
        "record: ",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let json = serde_json::to_string(&service.status()).unwrap();
    assert_eq!(serde_json::from_str::<Status>(&json).unwrap().groups.len(), 2);
    let changed =
        CONFIG.replace("control.sock", "other.sock") + "[listen]\ndns=[\"127.0.0.1:9\"]\n";
    fs::write(folder.path().join("preau.toml"), changed).unwrap();
    let reloaded = service.reload().unwrap();
    assert_eq!(reloaded.not_applied, ["[listen]", "[control] socket"]);
    let text = service.status().to_string();
    assert!(text.contains("[control] socket takes a restart to take effect"), "{text}");
}

/// Whatever a reload leaves as it is, it names, each time until a restart.
#[test]
fn a_reload_names_what_it_did_not_apply() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(folder.path(), CONFIG);
    let cases: &[(&str, &str, &[&str])] = &[
        ("", "", &[]),
        ("\"state\"", "\"elsewhere\"", &["[lists] cache, as the folder of records,"]),
        ("\"control.sock\"", "\"other.sock\"", &["[control] socket"]),
        ("[control]", "[limits]\nwaiting = 512\n[control]", &["[limits] waiting"]),
        ("[control]", "[metrics]\nlisten = \"127.0.0.1:9\"\n[control]", &["[metrics] listen"]),
        ("[control]", "[listen]\ndns = [\"127.0.0.1:9\"]\n[control]", &["[listen]"]),
        ("[control]", "[audit]\nkeep = \"7d\"\n[control]", &[]),
        ("[control]", "[control]\nlongest_allow = \"1h\"", &[]),
    ];
    for (from, to, expected) in cases {
        fs::write(folder.path().join("preau.toml"), CONFIG.replace(from, to)).unwrap();
        for _ in 0..2 {
            assert_eq!(service.reload().unwrap().not_applied, *expected, "{to}");
        }
    }
    // What it says it did not move is where it was.
    assert!(service.status().to_string().contains(&*folder.path().join("state").to_string_lossy()));
}

/// `[audit] keep` is applied: records that are too old by it go, and a record says so.
#[test]
fn a_reload_shortens_how_long_records_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let ago = Timestamp::now() - (3 * 24).hours();
    let mut log = State::open(state.clone(), Duration::from_secs(60), ago).unwrap();
    let event = Event::Flush { name: None };
    log.record(&Entry { at: ago, event, by: Some(Author::Peer(root())), why: None }).unwrap();
    drop(log);
    let service = service(folder.path(), CONFIG);
    let told = || audit::told(&fs::read(state.join("audit.jsonl")).unwrap());
    service.tidy();
    assert!(told().contains(" flush, by root"), "{}", told());
    let shorter = CONFIG.replace("[control]", "[audit]\nkeep = \"2d\"\n[control]");
    fs::write(folder.path().join("preau.toml"), shorter).unwrap();
    service.reload().unwrap();
    service.tidy();
    assert!(!told().contains(" flush, by root"), "{}", told());
    assert!(told().contains(" 1 old records dropped"), "{}", told());
}
