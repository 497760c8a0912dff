//! Start, reload, and what replaces what.

use jiff::Timestamp;
use std::{fs, path::Path};

use super::*;
use crate::{
    answer::Immediate,
    policy::{
        refusal::{Detail, RefusalForm, Telling},
        search::{SearchMode, YouTube},
    },
    testing,
    wire::question::Transport,
};

const CONFIG: &str = r#"
[listen]
dns = ["127.0.0.1:0"]
[upstream]
servers = ["192.0.2.53"]
[lists]
bundle = "today.bundle"
cache = "cache"
[[group]]
name = "everyone"
networks = ["0.0.0.0/0"]
profile = "child"
"#;

fn site(folder: &Path) -> Service {
    testing::service(folder, CONFIG)
}

/// Response code of an immediate answer about a name of two labels below `example`.
fn rcode(service: &Service, label: &str) -> Option<u8> {
    let mut buffer = [0; 1300];
    let query = [
        b"\0\0\x01\0\0\x01\0\0\0\0\0\0".as_slice(),
        &[label.len() as u8],
        label.as_bytes(),
        b"\x07example\0\0\x01\0\x01",
    ]
    .concat();
    buffer[..query.len()].copy_from_slice(&query);
    let snapshot = service.snapshot();
    let group = snapshot.group_of("10.0.0.1".parse().unwrap());
    match snapshot.answer_at_once(
        group,
        Transport::Datagram,
        Timestamp::now(),
        &mut buffer,
        query.len(),
    ) {
        Immediate::Silence => None,
        Immediate::Reply(_) => Some(buffer[3] & 0x0f),
        Immediate::Resolve(_) => Some(0),
    }
}

const NXDOMAIN: Option<u8> = Some(3);
const FORWARDED: Option<u8> = Some(0);

#[test]
fn reload_takes_the_new_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let service = site(folder.path());
    assert_eq!(rcode(&service, "porn"), NXDOMAIN);
    let resolver = service.origin().resolver.clone();
    let open = CONFIG.to_owned() + "[profile.child]\nallow_names = [\"porn.example\"]\n";
    fs::write(folder.path().join("preau.toml"), &open).unwrap();
    service.reload().unwrap();
    assert_eq!(rcode(&service, "porn"), FORWARDED);
    // The same servers: connections and cache are kept.
    assert!(Arc::ptr_eq(&resolver, &service.origin().resolver));
    fs::write(folder.path().join("preau.toml"), open.replace(".53", ".54")).unwrap();
    service.reload().unwrap();
    assert!(!Arc::ptr_eq(&resolver, &service.origin().resolver));
}

#[test]
fn any_error_keeps_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let service = site(folder.path());
    // The new configuration would open `porn.example`, and it is never taken.
    let open = CONFIG.to_owned() + "[profile.child]\nallow_names = [\"porn.example\"]\n";
    let good = testing::bundle(2);
    type Expected = fn(&Failure) -> bool;
    let cases: [(&str, &str, &[u8], Expected); 5] = [
        ("unknown key", &(open.clone() + "x = 1\n"), &good, |f| f.exit_code() == 3),
        ("unknown category", &(open.clone() + "block = [\"pron\"]\n"), &good, |f| {
            f.exit_code() == 3
        }),
        ("not TOML", "\0", &good, |f| f.exit_code() == 3),
        ("broken bundle", &open, &good[..99], |f| f.exit_code() == 4),
        ("no bundle", &open.replace("today", "tomorrow"), &good, |f| f.exit_code() == 4),
    ];
    for (what, config, bundle, expected) in cases {
        fs::write(path("preau.toml"), config).unwrap();
        fs::write(path("today.bundle"), bundle).unwrap();
        let before = Arc::clone(&service.snapshot());
        let failure = service.reload().expect_err(what);
        assert!(expected(&failure), "{what}: {failure}");
        assert!(Arc::ptr_eq(&before, &service.snapshot()), "{what}");
        assert_eq!(rcode(&service, "porn"), NXDOMAIN, "{what}");
    }
    fs::remove_file(path("preau.toml")).unwrap();
    assert_eq!(service.reload().unwrap_err().exit_code(), 3);
}

#[test]
fn a_start_without_the_bundle_serves_the_last_good_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(site(folder.path()));
    fs::write(folder.path().join("today.bundle"), "garbage").unwrap();
    let config = Config::load(&folder.path().join("preau.toml")).unwrap();
    let service = Service::start(config).unwrap();
    assert_eq!(rcode(&service, "porn"), NXDOMAIN);
    assert_eq!(rcode(&service, "www"), FORWARDED);
}

/// Its digests are right; but the profiles ask for a category that it does not have.
#[test]
fn a_bundle_that_does_not_fit_is_never_the_last_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let config = CONFIG.to_owned() + "[profile.child]\nblock = [\"porn\", \"astrology\"]\n";
    drop(site(folder.path()));
    fs::write(path("preau.toml"), &config).unwrap();
    let load = || Config::load(&path("preau.toml")).unwrap();
    let service = Service::start(load()).unwrap();
    fs::write(path("today.bundle"), testing::bundle_without_astrology(2)).unwrap();
    let failure = service.reload().unwrap_err();
    assert!(failure.to_string().contains("unknown category `astrology`"), "{failure}");
    assert_eq!(rcode(&service, "porn"), NXDOMAIN);
    drop(service);

    let service = Service::start(load()).unwrap();
    assert_eq!(rcode(&service, "porn"), NXDOMAIN);
    let kept = service.origin().store.as_ref().unwrap().kept(&PublicKeys::default());
    let serials: Vec<_> = kept.iter().map(|kept| kept.filter.manifest().stamp.serial).collect();
    assert_eq!(serials, [1]);
    drop(service);
    // What no bundle knows is a mistake in the configuration.
    fs::write(path("preau.toml"), config.replace("astrology", "astronomy")).unwrap();
    assert_eq!(Service::start(load()).err().unwrap().exit_code(), 3);
}

#[test]
fn the_lists_served_are_called_by_their_name() {
    let filter = Filter::open(testing::bundle(1)).unwrap();
    for (origin, expected) in [
        (bundle::Origin::Starter, "lists: starter list of 2026-11-22T00:00:00Z, serial 1, "),
        (bundle::Origin::Bundle("a".into()), "lists: bundle a of 2026-"),
        (bundle::Origin::LastGood("a".into()), "lists: last good copy, not bundle a, of 2026-"),
    ] {
        let summary = summary(&origin, &filter);
        assert!(summary.starts_with(expected), "{summary}");
    }
}

#[test]
fn only_a_newer_bundle_replaces_another() {
    const PAST: Option<&str> = Some("2020-01-01T00:00:00Z");
    const AHEAD: Option<&str> = Some("9999-01-01T00:00:00Z");
    let folder = tempfile::tempdir().unwrap();
    let publish = |serial, expires| {
        let bytes = testing::bundle_that_expires(serial, expires);
        fs::write(folder.path().join("today.bundle"), bytes).unwrap();
    };
    let service = site(folder.path());
    let served = |service: &Service| service.origin().lists.stamp().serial;
    let cases = [
        (1, None, Ok(())),
        (1, AHEAD, Ok(())),
        (3, AHEAD, Ok(())),
        (2, AHEAD, Err("serial 2, older than 3")),
        (4, PAST, Err("expired at 2020")),
        (4, Some("some day"), Err("expired at some day")),
        (4, None, Ok(())),
    ];
    for (serial, expires, expected) in cases {
        publish(serial, expires);
        let before = served(&service);
        match (service.reload(), expected) {
            (Ok(_), Ok(())) => assert_eq!(served(&service), serial),
            (Err(failure), Err(text)) => {
                assert_eq!(failure.exit_code(), 4);
                assert!(failure.to_string().contains(text), "{failure}");
                assert!(failure.to_string().contains("; publish a new"), "{failure}");
                assert_eq!(served(&service), before);
            }
            (outcome, expected) => panic!("{serial} {expires:?}: {outcome:?}, {expected:?}"),
        }
    }
    drop(service);
    // A start serves it all the same; and may reload the rest of its configuration.
    publish(5, PAST);
    let config = Config::load(&folder.path().join("preau.toml")).unwrap();
    let service = Service::start(config).unwrap();
    assert_eq!((served(&service), rcode(&service, "porn")), (5, NXDOMAIN));
    service.reload().unwrap();
}

/// Its network is down, and its profile names what the starter list does not have.
#[test]
fn a_start_before_the_first_published_lists() {
    let folder = tempfile::tempdir().unwrap();
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let published = format!("url = \"https://lists.invalid\"\nkeys = [\"{key}\"]");
    let config = CONFIG.replace("bundle = \"today.bundle\"", &published)
        + "[profile.child]\nblock = [\"porn\", \"astrology\"]\n";
    fs::write(folder.path().join("preau.toml"), &config).unwrap();
    let load = || Config::load(&folder.path().join("preau.toml")).unwrap();
    let service = Service::start(load()).unwrap();
    assert!(service.subscription().unwrap().is_starter);
    let asked = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x07pornhub\x03com\0\0\x01\0\x01";
    let mut buffer = [0; 4096];
    buffer[..asked.len()].copy_from_slice(asked);
    let group = service.snapshot().group_of("10.0.0.1".parse().unwrap());
    let reply = service.snapshot().answer_at_once(
        group,
        Transport::Datagram,
        Timestamp::now(),
        &mut buffer,
        asked.len(),
    );
    assert!(matches!(reply, Immediate::Reply(_)));
    assert_eq!(buffer[3] & 0x0f, 3, "NXDOMAIN");
    // A bundle of the operator's again, and back: what is served stays until the publisher gives
    // better.
    fs::write(folder.path().join("today.bundle"), testing::bundle(1)).unwrap();
    let own = config.replace(&published, "bundle = \"today.bundle\"");
    fs::write(folder.path().join("preau.toml"), own).unwrap();
    service.reload().unwrap();
    assert!(service.subscription().is_none());
    fs::write(folder.path().join("preau.toml"), &config).unwrap();
    service.reload().unwrap();
    let subscription = service.subscription().unwrap();
    assert!(!subscription.is_starter);
    assert_eq!(rcode(&service, "porn"), NXDOMAIN);
}

/// What protects holds, whichever of both says so; how it is told is for the group's own profile to
/// say, whoever refuses.
#[test]
fn what_a_group_has_of_its_floor() {
    let config = |group: &str, floor: &str| {
        format!(
            "[floor]\nprofile = \"floor\"\n[[group]]\nname = \"g\"\n\
             networks = [\"10.0.0.0/8\"]\nprofile = \"own\"\n\
             [profile.own]\n{group}[profile.floor]\n{floor}"
        )
    };
    let audience = |text: String| {
        let config = Config::parse("preau.toml", text).unwrap();
        let plans = plans(&config, &testing::filter(), Timestamp::now()).unwrap();
        plans[0].at(Timestamp::now()).audience.clone()
    };
    let strict = "block = [\"bypass\"]\nremove_ech = true\nsearch = \"forced\"\n\
                  youtube = \"strict\"\n";
    let loose = "canaries = false\nsearch = \"off\"\nyoutube = \"off\"\n";
    for (own, floor) in [(strict, loose), (loose, strict)] {
        let audience = audience(config(own, floor));
        assert!(audience.canaries && audience.remove_ech);
        assert_eq!(audience.own.search, SearchMode::Forced);
        assert_eq!(audience.own.youtube, YouTube::Strict);
    }
    let told = "refusal = \"null\"\nreasons = \"code\"\nlanguage = \"fr\"\non_request = true\n\
                structured_errors = true\n";
    let own = audience(config(told, ""));
    assert_eq!((&own.refusal, own.telling.detail), (&RefusalForm::Null, Detail::Code));
    assert!(own.telling.on_request && own.structured_errors.is_some());
    let of_floor = audience(config("", told));
    assert_eq!(of_floor.refusal, RefusalForm::default());
    assert_eq!(of_floor.telling, Telling::default());
    assert!(of_floor.structured_errors.is_none());
}

/// Unmapping lists takes milliseconds.
#[test]
fn whoever_answers_is_not_the_last_to_hold_lists() {
    let snapshot = || testing::snapshot("[upstream]\nservers = [\"192.0.2.53\"]\n");
    let service = Service::of_snapshot(snapshot());
    let answering = service.snapshot();
    let replaced = Arc::downgrade(&answering);
    service.serve(Arc::new(snapshot()));
    service.let_go();
    drop(answering);
    assert_eq!(replaced.strong_count(), 1);
    service.let_go();
    assert_eq!(replaced.strong_count(), 0);
}
