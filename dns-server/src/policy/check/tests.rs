//! Everything that may be asked, for groups and for profiles, and in which order what refuses it does.

use filter_core::{Filter, FilterBuilder, Options, Scope, Source, Stamp};

use super::*;
use crate::{config::Config, service};

const CONFIG: &str = r#"
[check]
socket = "/run/preau/check.sock"

[floor]
profile = "academie"
groups = ["pupils"]

[profile.academie]
block = ["violence"]

[profile.child]
block_names = ["operator.example"]
allow_names = ["open.example"]
search = "only"
engines = ["qwant-junior"]

[[group]]
name = "pupils"
networks = ["10.0.0.0/8"]
profile = "child"

[[group]]
name = "teachers"
networks = ["10.1.0.0/16"]
profile = "nothing"

[profile.nothing]
block = []
"#;

const PUPILS: GroupId = GroupId::at(0);
const TEACHERS: GroupId = GroupId::at(1);
/// Profiles in order of their names, after the two groups: academie, child, nothing, staff, teen.
const CHILD: GroupId = GroupId::at(3);

fn filter() -> Filter {
    let mut builder = FilterBuilder::new();
    let source = builder.source(Source::block("adult", &["porn"])).unwrap();
    let mut batch = builder.batch(source);
    batch.domain(&"porn.example".parse().unwrap(), Scope::Subtree, Options::default()).unwrap();
    for url in ["www.example/adult/", "open.example/adult/"] {
        batch.url(&url.parse().unwrap(), Options::default()).unwrap();
    }
    batch.phrase(&"<porno><160>".parse().unwrap()).unwrap();
    builder.add(batch.finish());
    let source = builder.source(Source::block("war", &["violence"])).unwrap();
    let mut batch = builder.batch(source);
    batch.phrase(&"<tuer><160>".parse().unwrap()).unwrap();
    batch.url(&"www.example/war/".parse().unwrap(), Options::default()).unwrap();
    builder.add(batch.finish());
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    Filter::open(builder.build(stamp).bytes).unwrap()
}

fn policy() -> (Policy, Timestamp) {
    let (config, now) = (Config::parse("test.toml", CONFIG).unwrap(), Timestamp::now());
    let plans = service::plans(&config, &filter(), now).unwrap();
    (service::policy(&config, plans), now)
}

fn told(finding: &Finding<'_>) -> String {
    let grounds = match finding {
        Finding::Allowed => return "allowed".into(),
        Finding::Invalid(_) => return "invalid".into(),
        Finding::Refused(_, Grounds::Host(name, Cause::Rule(reason))) => reason.about(name),
        Finding::Refused(_, Grounds::Host(_, cause)) => {
            format!("{cause:?}").chars().take(6).collect()
        }
        Finding::Refused(_, Grounds::NoSuchName) => "no such name".into(),
        Finding::Refused(_, Grounds::Page(reason)) => reason.to_string(),
        Finding::Refused(_, Grounds::Text(reason)) => reason.to_string(),
    };
    match finding {
        Finding::Refused(Authority::Floor, _) => format!("floor: {grounds}"),
        _ => grounds,
    }
}

#[test]
fn whatever_is_asked() {
    let (policy, now) = policy();
    let result = |url, title, snippet| Subject::Result(SearchResult { url, title, snippet });
    let cases = [
        (PUPILS, Subject::Host("www.Example"), "allowed"),
        (PUPILS, Subject::Host("a.porn.example"), "porn · adult · matched porn.example"),
        (PUPILS, Subject::Host("operator.example"), "operator's names · matched operator.example"),
        (PUPILS, Subject::Host("no name"), "invalid"),
        (PUPILS, Subject::Host(""), "invalid"),
        (PUPILS, Subject::Host("www.bing.com"), "Engine"),
        (PUPILS, Subject::Host("use-application-dns.net"), "no such name"),
        (TEACHERS, Subject::Host("a.porn.example"), "allowed"),
        (CHILD, Subject::Host("a.porn.example"), "porn · adult · matched porn.example"),
        (PUPILS, Subject::Url("https://www.example/a?q=chat"), "allowed"),
        (
            PUPILS,
            Subject::Url("http://porn.example/?q=tuer"),
            "porn · adult · matched porn.example",
        ),
        (PUPILS, Subject::Url("www.example/adult/1"), "porn · adult · matched www.example/adult/"),
        (
            PUPILS,
            Subject::Url("www.example/war/1"),
            "floor: violence · war · matched www.example/war/",
        ),
        (CHILD, Subject::Url("www.example/war/1"), "violence · war · matched www.example/war/"),
        (TEACHERS, Subject::Url("www.example/war/1"), "allowed"),
        // A host that the operator allows has no refused pages; what is searched there is judged.
        (PUPILS, Subject::Url("http://open.example/adult/"), "allowed"),
        (PUPILS, Subject::Url("http://open.example/?q=p0rno"), "porn · adult · score 160 of 50"),
        (PUPILS, Subject::Url("javascript:alert(1)"), "invalid"),
        (PUPILS, Subject::Text("le chat dort"), "allowed"),
        (PUPILS, Subject::Text("PORNO"), "porn · adult · score 160 of 50"),
        // The floor's own threshold, and the floor first.
        (PUPILS, Subject::Text("porno, tuer"), "floor: violence · war · score 160 of 50"),
        (CHILD, Subject::Text("tuer"), "violence · war · score 160 of 50"),
        (TEACHERS, Subject::Text("tuer"), "allowed"),
        (PUPILS, result("http://www.example/", "Le chat", "dort"), "allowed"),
        (
            PUPILS,
            result("http://www.example/", "Vidéos", "po\u{200b}rno"),
            "porn · adult · score 160 of 50",
        ),
        (
            PUPILS,
            result("http://porn.example/", "Le chat", "dort"),
            "porn · adult · matched porn.example",
        ),
        (PUPILS, result("", "Le chat", "dort"), "invalid"),
    ];
    for (group, subject, expected) in cases {
        let finding = policy.check(subject, group, now).unwrap();
        assert_eq!(told(&finding), expected, "{group:?} {subject:?}");
    }
    assert_eq!(policy.check(Subject::Host("a"), GroupId::at(99), now), None);
    assert_eq!(policy.profile(CHILD, now), Some("child"));
}

/// What is told of a host is what its question is told.
#[test]
fn hosts_are_decided_as_questions_are() {
    let (policy, now) = policy();
    for host in ["www.example", "a.porn.example", "www.bing.com", "operator.example", "localhost"] {
        let name: DomainName = host.parse().unwrap();
        let ruling = policy.decide(asked(&name), PUPILS, now).unwrap();
        let finding = policy.check(Subject::Host(host), PUPILS, now).unwrap();
        match (&ruling.decision, &finding) {
            (Decision::Refuse(refusal), Finding::Refused(_, Grounds::Host(_, cause))) => {
                assert_eq!(&refusal.cause, cause, "{host}");
            }
            (decision, finding) => {
                assert!(!matches!(decision, Decision::Refuse(_)), "{host}");
                assert_eq!(*finding, Finding::Allowed, "{host}");
            }
        }
        let explained = policy.explain(&name, PUPILS, now).unwrap().blocked;
        assert_eq!(explained, finding != Finding::Allowed, "{host}");
    }
}

#[test]
fn what_is_let_through_for_a_while_has_no_refused_pages_but_the_floors() {
    let (mut policy, now) = policy();
    let until = now.saturating_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let unblock =
        Unblock { group: PUPILS, name: "www.example".parse().unwrap(), until, limit: None };
    policy.unblocks = [unblock].into_iter().collect();
    for (url, expected) in [
        ("www.example/adult/1", "allowed"),
        ("www.example/war/1", "floor: violence · war · matched www.example/war/"),
        ("www.example/?q=porno", "porn · adult · score 160 of 50"),
    ] {
        let finding = policy.check(Subject::Url(url), PUPILS, now).unwrap();
        assert_eq!(told(&finding), expected, "{url}");
        let explained = policy.explain_url(url, PUPILS, now).unwrap().unwrap();
        assert_eq!(explained.blocked, expected != "allowed", "{url}");
    }
    let elsewhere = policy.check(Subject::Url("www.example/adult/1"), CHILD, now).unwrap();
    assert!(matches!(elsewhere, Finding::Refused(Authority::Profile, Grounds::Page(_))));
}
