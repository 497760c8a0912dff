//! What came and the guards refuse: it replaces neither the bundle nor the last good copies, and
//! stops no other list.

use std::{fs, process::Command};

use filter_core::Filter;

use crate::{
    maintainer::{Maintainer, Ran},
    server::{Server, answer},
};

fn names(count: u32) -> String {
    (0..count).map(|number| format!("n{number}.example\n")).collect()
}

fn serial(maintainer: &Maintainer) -> u64 {
    maintainer.bundle().manifest().stamp.serial
}

/// The bundle that was refused, and is kept.
fn refused(maintainer: &Maintainer) -> Filter {
    Filter::open(fs::read(maintainer.path("out.bundle.refused")).unwrap()).unwrap()
}

#[test]
fn a_list_that_collapsed_is_taken_from_its_last_good_copy_until_somebody_accepts_it() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), ""), ("b", server.url("/b"), "")]);
    server.list("/a", names(1000));
    server.list("/b", "b0.example\n");
    maintainer.update(&[]).expect(0);

    // One line came in place of a thousand; the other list goes on, night after night.
    server.list("/a", "n0.example\n");
    for (night, status) in [(1, "fresh"), (2, "unchanged"), (3, "unchanged")] {
        server.list("/b", format!("b{night}.example\n"));
        let before = serial(&maintainer);
        let ran = maintainer.update(&[]).expect(6);
        assert_eq!(ran.status("a"), "cached", "night {night}, in place of {status}");
        let error = ran.error("a");
        assert!(error.starts_with("source a lost 99 % of its rules, 1,000 → 1;"), "{error}");
        assert!(error.ends_with("pass --accept-shrink=a"), "{error}");
        assert_eq!((ran.status("b"), ran.error("b")), ("fresh".into(), String::new()));
        assert_eq!(ran.source("a")["octets"], names(1000).len());
        assert_eq!(ran.json()["written"], true);
        assert_eq!(ran.json()["refused"], "out.bundle.refused");
        assert!(ran.err.contains("1 of 2 sources come from the cache"), "{}", ran.err);
        assert!(maintainer.refuses("n999.example"), "night {night}");
        assert!(maintainer.refuses(&format!("b{night}.example")), "night {night}");
        assert!(serial(&maintainer) > before);
        assert_eq!(refused(&maintainer).manifest().counts.names, 2);
    }

    // Neither is the one line taken for good when nothing comes.
    server.at("/a", |_, stream| answer(stream, "502 Bad Gateway", &[], b""));
    for _ in 0..2 {
        let ran = maintainer.update(&[]).expect(6);
        assert_eq!(ran.status("a"), "cached");
        assert!(maintainer.refuses("n999.example"));
    }

    // Somebody looked, and found it right.
    server.list("/a", "n0.example\n");
    let ran = maintainer.update(&["--accept-shrink=a"]).expect(0);
    assert_eq!(ran.json()["refused"], serde_json::Value::Null);
    assert!(!maintainer.path("out.bundle.refused").exists());
    assert!(maintainer.refuses("n0.example") && !maintainer.refuses("n999.example"));
    server.at("/a", |_, stream| answer(stream, "502 Bad Gateway", &[], b""));
    maintainer.update(&[]).expect(6);
    assert!(maintainer.refuses("n0.example") && !maintainer.refuses("n999.example"));
    assert_eq!(maintainer.files("cache/content").len(), 2, "what is not used is removed");
}

#[test]
fn a_list_that_swelled_or_harms_is_taken_from_its_last_good_copy() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), ""), ("b", server.url("/b"), "")]);
    server.list("/b", "b.example\n");
    let cases = [
        (names(3000), "source a gained 29900 %, 10 → 3,000 rules"),
        (names(10) + "education.gouv.fr\n", "cyclades.education.gouv.fr is refused to child"),
    ];
    for (body, reason) in cases {
        server.list("/a", names(10));
        maintainer.update(&[]).expect(0);
        assert!(!maintainer.path("out.bundle.refused").exists());
        server.list("/a", body);
        let ran = maintainer.update(&[]).expect(6);
        assert!(ran.error("a").starts_with(reason), "{}", ran.error("a"));
        assert_eq!(maintainer.bundle().manifest().counts.names, 11);
    }
}

/// Neither list lost more than it may, and their category did: the last good copies of all its lists
/// stand in, and what is of other categories goes on.
#[test]
fn a_category_that_collapsed_is_taken_from_last_good_copies() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[]);
    let source = |name: &str, category: &str| {
        let url = server.url(&format!("/{name}"));
        format!(
            "[[source]]\nname = \"{name}\"\nurl = \"{url}\"\ncategories = [\"{category}\"]\n\
             allow_http = true\nallow_private = true\nmax_loss = 60\n"
        )
    };
    let sources = [source("a", "weapons"), source("b", "weapons"), source("c", "cheating")];
    fs::write(
        maintainer.path("sources.toml"),
        format!("{}[guard]\nwithout = [\"porn\"]\n", sources.concat()),
    )
    .unwrap();
    let names = |list: &str, count: u32| -> String {
        (0..count).map(|number| format!("{list}{number}.example\n")).collect()
    };
    for list in ["a", "b", "c"] {
        server.list(&format!("/{list}"), names(list, 100));
    }
    maintainer.update(&[]).expect(0);
    for list in ["a", "b", "c"] {
        server.list(&format!("/{list}"), names(list, 50) + "new." + list + ".example\n");
    }
    let ran = maintainer.update(&["--accept-shrink=cheating"]).expect(6);
    for list in ["a", "b"] {
        assert_eq!(ran.status(list), "cached");
        let error = ran.error(list);
        assert!(error.starts_with("category weapons lost 49 % of its rules"), "{error}");
        assert!(maintainer.refuses(&format!("{list}99.example")), "{list}");
        assert!(!maintainer.refuses(&format!("new.{list}.example")), "{list}");
    }
    assert_eq!((ran.status("c"), ran.error("c")), ("fresh".into(), String::new()));
    assert!(maintainer.refuses("new.c.example") && !maintainer.refuses("c99.example"));

    // As many rules, other names: this only shows in what is refused.
    for list in ["a", "b"] {
        let exchanged = names("other", 50).replace("other", &format!("other-{list}"));
        server.list(&format!("/{list}"), names(list, 50) + &exchanged);
    }
    let limits = fs::read_to_string(maintainer.path("sources.toml")).unwrap();
    fs::write(maintainer.path("sources.toml"), limits.replace("max_loss = 60\n", "")).unwrap();
    let ran = maintainer.update(&[]).expect(6);
    for list in ["a", "b"] {
        assert_eq!(ran.status(list), "cached");
        assert!(maintainer.refuses(&format!("{list}99.example")), "{list}");
    }
}

#[test]
fn a_bundle_that_stays_refused_replaces_nothing() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), ""), ("b", server.url("/b"), "")]);
    server.list("/a", names(1000));
    server.list("/b", "b.example\n");
    maintainer.update(&[]).expect(0);
    let good = maintainer.files("cache/good");
    let content = |paths: &[std::path::PathBuf]| -> Vec<_> {
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    };
    let (bundle, records) = (fs::read(maintainer.path("out.bundle")).unwrap(), content(&good));
    let unchanged = |ran: &Ran| {
        assert_eq!(ran.json()["written"], false);
        assert_eq!(ran.json()["refused"], "out.bundle.refused");
        assert!(fs::read(maintainer.path("out.bundle")).unwrap() == bundle);
    };

    // One of them is refused, and so is what no source is to blame for: b was taken out.
    server.list("/a", "n0.example\n");
    maintainer.sources(&[("a", server.url("/a"), "")]);
    let ran = maintainer.update(&[]).expect(5);
    unchanged(&ran);
    // The report is of what came.
    assert_eq!((ran.status("a"), ran.error("a")), ("fresh".into(), String::new()));
    let findings = ran.json()["guard"]["findings"].as_array().unwrap().len();
    assert_eq!(findings, 4, "a, b, their category, and no porn lists: {}", ran.out);
    assert_eq!(refused(&maintainer).manifest().counts.names, 1);
    assert!(content(&good) == records, "last good copies are as they were");
    let ran = maintainer.update(&["--accept-shrink=b"]).expect(6);
    assert!(ran.error("a").contains("a lost 99 %"), "{}", ran.error("a"));
    assert!(maintainer.refuses("n999.example") && !maintainer.refuses("b.example"));

    // There is no other copy.
    let bundle = fs::read(maintainer.path("out.bundle")).unwrap();
    fs::remove_dir_all(maintainer.path("cache")).unwrap();
    maintainer.update(&[]).expect(5);
    assert!(fs::read(maintainer.path("out.bundle")).unwrap() == bundle);
    assert_eq!(maintainer.files("cache/good").len(), 0);
}

#[test]
fn the_report_says_how_to_look_at_what_was_refused() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    server.list("/a", "education.gouv.fr\n");
    let text = |arguments: &[&str]| {
        String::from_utf8(maintainer.update_command(arguments).output().unwrap().stdout).unwrap()
    };
    // With nothing to compare.
    let out = text(&[]);
    assert!(out.ends_with("what was refused is kept as out.bundle.refused\n"), "{out}");
    assert!(!maintainer.path("out.bundle").exists());

    server.list("/a", names(1000));
    maintainer.update(&[]).expect(0);
    server.list("/a", "n0.example\n");
    let out = text(&[]);
    let (_, command) = out.split_once("to see what it changes: ").unwrap();
    let command = command.lines().next().unwrap();
    assert_eq!(command, "list-compile diff out.bundle out.bundle.refused");
    let words: Vec<_> = command.split(' ').skip(1).collect();
    let mut diff: Command = maintainer.command(&words);
    let output = diff.output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("999"));
}

/// Two sources files that share a cache: the second one's first bundle is compared with nothing, and
/// makes no copy the last good one of the first.
#[test]
fn what_was_compared_with_nothing_replaces_no_good_copy() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    server.list("/a", names(1000));
    maintainer.update(&[]).expect(0);
    server.list("/a", "n0.example\n");
    let other = ["update", "--sources", "sources.toml", "--out", "new.bundle", "--cache", "cache"];
    assert!(maintainer.command(&other).output().unwrap().status.success());
    maintainer.update(&[]).expect(6);
    assert!(maintainer.refuses("n999.example"));
}
