//! `list-compile update` against servers that are good, and against servers that are not.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod archives;
mod cache;
mod faults;
mod guards;
mod hosts;
mod kills;
mod maintainer;
mod server;
mod stock;

use std::{fs, thread, time::Duration};

use maintainer::Maintainer;
use server::{Server, answer};

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let server = Server::start();
    server.list("/a", "a.example\n");
    server.at("/b", |request, stream| {
        let since = "Sat, 21 Nov 2026 10:00:00 GMT";
        let (status, body): (_, &[u8]) = match request.header("if-modified-since") {
            Some(stated) if stated == since => ("304 Not Modified", b""),
            _ => ("200 OK", b"0.0.0.0 b.example\n"),
        };
        answer(stream, status, &[("Last-Modified", since)], body)
    });
    let maintainer = Maintainer::new(&[
        ("a", server.url("/a"), ""),
        ("b", server.url("/b"), "format = \"hosts\""),
    ]);

    let ran = maintainer.update(&[]).expect(0);
    assert_eq!(ran.err, "", "quiet without a terminal");
    assert_eq!((ran.status("a"), ran.status("b")), ("fresh".into(), "fresh".into()));
    assert_eq!(ran.json()["written"], true);
    let first = &server.take_requests("/a")[0];
    assert_eq!(first.header("if-none-match"), None);
    let agent = format!("preau-list-compile/{} (+https://", env!("CARGO_PKG_VERSION"));
    assert!(first.header("user-agent").unwrap().starts_with(&agent));
    assert_eq!(first.header("accept-encoding"), Some("gzip, zstd"));
    assert!(maintainer.refuses("www.a.example") && maintainer.refuses("b.example"));

    let ran = maintainer.update(&[]).expect(0);
    for name in ["a", "b"] {
        assert_eq!(ran.status(name), "unchanged");
        assert_eq!(ran.source(name)["transferred"], 0);
    }
    let seen = server.take_requests("/a");
    assert_eq!(seen.len(), 1);
    assert!(seen[0].header("if-none-match").unwrap().starts_with('"'));

    server.list("/a", "new.example\n");
    let ran = maintainer.update(&[]).expect(0);
    assert_eq!((ran.status("a"), ran.status("b")), ("fresh".into(), "unchanged".into()));
    assert!(maintainer.refuses("new.example") && !maintainer.refuses("a.example"));
}

#[test]
fn the_manifest_says_where_lists_came_from() {
    let server = Server::start();
    server.list("/new-place", "learn.example.com\n");
    server.at("/a", |_, stream| {
        answer(stream, "301 Moved Permanently", &[("Location", "/new-place")], b"")
    });
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    let ran = maintainer.update(&[]).expect(0);
    assert_eq!(ran.source("a")["final_url"], server.url("/new-place"));
    let bundle = maintainer.bundle();
    let source = &bundle.manifest().sources[0].source;
    assert_eq!(source.url, Some(server.url("/a")));
    // printf 'learn.example.com\n' | sha256sum
    let digest = "3d91c493b728721db4b3aa39ac836b30e3c325c6f16bcafdc89f115ebcfef4b5";
    assert_eq!(source.sha256.as_deref(), Some(digest));
    assert_eq!(ran.source("a")["sha256"], digest);
}

#[test]
fn a_url_is_downloaded_once_however_many_sources_share_it() {
    let server = Server::start();
    server.list("/a", "a.example\n");
    let maintainer = Maintainer::new(&[
        ("one", server.url("/a"), ""),
        ("two", server.url("/a"), "scope = \"exact\""),
    ]);
    maintainer.update(&[]).expect(0);
    assert_eq!(server.take_requests("/a").len(), 1);
    assert_eq!(maintainer.bundle().manifest().sources.len(), 2);
}

#[test]
fn a_host_gets_no_more_than_two_connections() {
    let server = Server::start();
    let names: Vec<_> = (0..12).map(|number| format!("list-{number}")).collect();
    for name in &names {
        let text = format!("{name}.example\n");
        server.at(&format!("/{name}"), move |_, stream| {
            thread::sleep(Duration::from_millis(50));
            answer(stream, "200 OK", &[], text.as_bytes())
        });
    }
    let sources: Vec<_> =
        names.iter().map(|name| (name.as_str(), server.url(&format!("/{name}")), "")).collect();
    let maintainer = Maintainer::new(&sources);
    maintainer.update(&["--timeout", "30"]).expect(0);
    assert_eq!(server.most_open(), 2);
    assert!(maintainer.refuses("list-11.example"));
}

#[test]
fn a_host_that_wants_to_be_left_alone_is() {
    let server = Server::start();
    let names: Vec<_> = (0..8).map(|number| format!("/{number}")).collect();
    let sources: Vec<_> = names.iter().map(|name| (&name[1..], server.url(name), "")).collect();
    let maintainer = Maintainer::new(&sources);
    for name in &names {
        server.list(name, format!("n{}.example\n", &name[1..]));
    }
    maintainer.update(&[]).expect(0);
    for name in &names {
        server.take_requests(name);
        server.at(name, |_, stream| {
            answer(stream, "429 Too Many Requests", &[("Retry-After", "3600")], b"")
        });
    }
    // Not even where further attempts are allowed.
    let ran = maintainer.update(&["--attempts", "3"]).expect(6);
    let asked = names
        .iter()
        .filter(|name| ran.error(&name[1..]).starts_with("the server answered 429"))
        .count();
    assert!((1..=2).contains(&asked), "one or two were on their way: {asked}");
    assert!(names.iter().all(|name| ran.error(&name[1..]).contains("left alone")), "{ran:?}");
    assert!(ran.err.contains("8 of 8 sources come from the cache"), "{}", ran.err);
    assert!(maintainer.refuses("n7.example"));

    // Nor by the next update.
    for name in &names {
        server.list(name, format!("n{}.example\nnew.example\n", &name[1..]));
    }
    server.take_requests("/0");
    let ran = maintainer.update(&[]).expect(6);
    assert!(ran.error("0").starts_with("its server wants to be left alone until 20"), "{ran:?}");
    assert_eq!(server.take_requests("/0").len(), 0);
    // Its hour has come.
    let resting = &maintainer.files("cache/resting")[0];
    let past = r#"{ "host": "127.0.0.1", "until": "2026-01-01T00:00:00Z" }"#;
    fs::write(resting, past).unwrap();
    assert_eq!(maintainer.update(&[]).expect(0).status("0"), "fresh");
}

#[test]
fn windows_are_respected() {
    let server = Server::start();
    server.list("/a", "a.example\n");
    let now = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC);
    // Wide enough that no test waits until it is over.
    let window = |from: i8, to: i8| {
        let hour = |offset: i8| (now.hour() + offset).rem_euclid(24);
        format!("window = \"{:02}:00-{:02}:00\"", hour(from), hour(to))
    };
    let (open, closed) = (window(-2, 3), window(3, 6));
    let maintainer = Maintainer::new(&[("a", server.url("/a"), &closed)]);
    let ran = maintainer.update(&[]).expect(1);
    assert_eq!(ran.status("a"), "failed");
    assert!(ran.error("a").contains("there is no copy yet, and it is fetched from "), "{ran:?}");
    assert!(ran.error("a").contains("--ignore-windows"), "{ran:?}");
    assert_eq!(server.take_requests("/a").len(), 0);
    assert!(!maintainer.path("out.bundle").exists());

    maintainer.update(&["--ignore-windows"]).expect(0);
    assert_eq!(server.take_requests("/a").len(), 1);
    let ran = maintainer.update(&[]).expect(0);
    assert_eq!(ran.status("a"), "outside");
    assert_eq!(server.take_requests("/a").len(), 0);

    // Whoever updates at the wrong hour every day is told.
    maintainer.age_cache(50);
    let ran = maintainer.update(&[]).expect(6);
    assert_eq!(ran.status("a"), "cached");
    assert!(ran.error("a").contains("update within those hours"), "{}", ran.error("a"));

    maintainer.sources(&[("a", server.url("/a"), &open)]);
    assert_eq!(maintainer.update(&[]).expect(0).status("a"), "unchanged");
    // Of sources that share a URL, the strictest condition holds.
    maintainer.sources(&[("a", server.url("/a"), &open), ("b", server.url("/a"), &closed)]);
    assert_eq!(maintainer.update(&[]).expect(0).status("a"), "outside");
}

#[test]
fn serials_only_grow() {
    let server = Server::start();
    server.list("/a", "a.example\n");
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    let serial = || maintainer.bundle().manifest().stamp.serial;
    maintainer.update(&[]).expect(0);
    let first = serial();
    maintainer.update(&[]).expect(0);
    assert!(serial() > first);
    maintainer.update(&["--serial", "99999999999"]).expect(0);
    maintainer.update(&[]).expect(0);
    assert_eq!(serial(), 100_000_000_000);
    let ran = maintainer.update(&["--serial", "100000000000"]).expect(2);
    assert!(ran.err.contains("--serial must be at least 100000000001"), "{}", ran.err);

    let expires = |maintainer: &Maintainer| {
        let stamp = maintainer.bundle().manifest().stamp.clone();
        let instant = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        instant(&stamp.expires.unwrap()).duration_since(instant(&stamp.created)).as_hours()
    };
    assert_eq!(expires(&maintainer), 30 * 24);
    maintainer.update(&["--expires-in", "2"]).expect(0);
    assert_eq!(expires(&maintainer), 48);
}

#[test]
fn a_damaged_bundle_in_place_is_not_replaced_unseen() {
    let server = Server::start();
    server.list("/a", "a.example\n");
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    fs::write(maintainer.path("out.bundle"), "hello").unwrap();
    let ran = maintainer.update(&[]).expect(4);
    assert!(ran.err.contains("remove it to begin anew"), "{}", ran.err);
    assert_eq!(fs::read(maintainer.path("out.bundle")).unwrap(), b"hello");
}

#[test]
fn paths_and_urls_together() {
    let server = Server::start();
    server.list("/a", "a.example\n");
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    let mut text = fs::read_to_string(maintainer.path("sources.toml")).unwrap();
    text += "[[source]]\nname = \"here\"\npath = \"here.txt\"\ncategories = [\"weapons\"]\n";
    fs::write(maintainer.path("sources.toml"), text).unwrap();
    fs::write(maintainer.path("here.txt"), "here.example\n").unwrap();
    let ran = maintainer.update(&[]).expect(0);
    assert_eq!((ran.status("a"), ran.status("here")), ("fresh".into(), "local".into()));
    assert!(maintainer.refuses("a.example") && maintainer.refuses("here.example"));

    let old = fs::read(maintainer.path("out.bundle")).unwrap();
    fs::remove_file(maintainer.path("here.txt")).unwrap();
    let ran = maintainer.update(&[]).expect(1);
    assert!(ran.err.contains("source `here`"), "{}", ran.err);
    assert_eq!(ran.json()["written"], false);
    assert!(fs::read(maintainer.path("out.bundle")).unwrap() == old);
}

#[test]
fn the_report_reads_well() {
    let server = Server::start();
    server.list("/a", "a.example\n");
    let maintainer = Maintainer::new(&[("a", server.url("/a"), ""), ("bee", server.url("/b"), "")]);
    server.list("/b", "b.example\n");
    maintainer.update(&[]).expect(0);
    server.at("/b", |_, stream| answer(stream, "410 Gone", &[], b""));
    let output = maintainer.update_command(&[]).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let expected = "\
source  status        age       octets         sent
a       unchanged     now           10            0
bee     cached        now           10            0
  the server answered 410 Gone: look for the list's new address

source  format";
    assert!(out.starts_with(expected), "{out}");
    assert!(out.ends_with("\nwritten to out.bundle\n"), "{out}");
}
