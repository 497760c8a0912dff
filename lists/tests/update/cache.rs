//! The cache folder, from outside.

use std::{fs, process::Stdio, thread, time::Duration};

use crate::{
    archives::{gzip, tar},
    maintainer::{Maintainer, Ran},
    server::{Server, answer, hang},
};

#[test]
fn one_update_at_a_time() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    server.at("/a", |_, _| hang());
    let mut first = maintainer.update_command(&[]).stdout(Stdio::null()).spawn().unwrap();
    while server.take_requests("/a").is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    for (name, other, message) in [
        ("--out", "other.bundle", "another `list-compile update` uses cache: wait"),
        ("--cache", "other", "another `list-compile update` is about to replace out.bundle: wait"),
    ] {
        // As they would be without it, but for one.
        let mut arguments = vec!["update", "--sources", "sources.toml"];
        for (given, value) in [("--out", "out.bundle"), ("--cache", "cache")] {
            arguments.extend([given, if given == name { other } else { value }]);
        }
        let ran = Ran::from(maintainer.command(&arguments).output().unwrap()).expect(1);
        assert!(ran.err.contains(message), "{}", ran.err);
    }
    first.kill().unwrap();
    first.wait().unwrap();
    server.list("/a", "a.example\n");
    maintainer.update(&[]).expect(0);
}

#[test]
fn old_copies_are_told_and_may_be_refused() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    server.list("/a", "a.example\n");
    maintainer.update(&[]).expect(0);
    maintainer.age_cache(10 * 24 + 1);
    server.at("/a", |_, stream| answer(stream, "502 Bad Gateway", &[], b""));
    let ran = maintainer.update(&[]).expect(6);
    let age = ran.source("a")["age_seconds"].as_u64().unwrap();
    assert_eq!(age / 3600, 10 * 24 + 1);
    let text = maintainer.update_command(&["--attempts", "1"]).output().unwrap().stdout;
    assert!(String::from_utf8(text).unwrap().contains("cached       10 d"));

    maintainer.update(&["--max-age", "11"]).expect(6);
    let ran = maintainer.update(&["--max-age", "10"]).expect(1);
    assert!(ran.error("a").contains("502 Bad Gateway"), "{}", ran.error("a"));
    assert!(ran.error("a").contains("older than --max-age"), "{}", ran.error("a"));
    assert!(maintainer.refuses("a.example"));
}

#[test]
fn a_damaged_cache_is_mended() {
    let server = Server::start();
    let keys = "member = \"adult\"";
    let maintainer = Maintainer::new(&[("a", server.url("/a"), ""), ("b", server.url("/b"), keys)]);
    server.list("/a", "a.example\n");
    server.list("/b", tar(&[("adult/domains", "b.example\n")]));
    let parts = ["content", "pages", "good"];
    for part in parts {
        maintainer.update(&[]).expect(0);
        let files = maintainer.files(&format!("cache/{part}"));
        assert_eq!(files.len(), 2, "{part}");
        for damage in [b"".as_slice(), b"\0\xff{", b"{}"] {
            for file in &files {
                fs::write(file, damage).unwrap();
            }
            server.take_requests("/a");
            maintainer.update(&[]).expect(0);
            let asked = server.take_requests("/a");
            let conditional = asked[0].header("if-none-match").is_some();
            assert_eq!(conditional, part == "good", "what is damaged is asked for anew: {part}");
            assert!(maintainer.refuses("a.example") && maintainer.refuses("b.example"), "{part}");
        }
        for file in &files {
            fs::remove_file(file).unwrap();
        }
    }
    fs::remove_dir_all(maintainer.path("cache")).unwrap();
    maintainer.update(&[]).expect(0);
}

/// Lists that have a URL are looked through as `update` keeps them, and called by that.
#[test]
fn lint_reads_what_was_fetched() {
    let server = Server::start();
    let archive = gzip(&tar(&[("bl/adult/domains", "b.example\nb.example\n")]));
    server.list("/a", "a.example\na.example\n");
    server.list("/b", archive);
    let sources = [("a", server.url("/a"), ""), ("b", server.url("/b"), "member = \"adult\"")];
    let maintainer = Maintainer::new(&sources);
    fs::create_dir(maintainer.path("cache")).unwrap();
    let lint = || {
        let arguments = ["lint", "sources.toml", "--cache", "cache"];
        Ran::from(maintainer.command(&arguments).output().unwrap()).expect(0)
    };
    let none = lint().out;
    assert!(none.contains("not fetched yet, so not looked at: a, b\n"), "{none}");
    maintainer.update(&[]).expect(0);
    let said = lint().out;
    for place in [server.url("/a:2:1: "), server.url("/b/bl/adult/domains:2:1: ")] {
        assert!(said.contains(&place), "{place}: {said}");
    }
    assert!(!said.contains("not fetched yet") && !said.contains("cache/"), "{said}");
}

#[test]
fn the_cache_holds_what_is_used_and_no_more() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), ""), ("b", server.url("/b"), "")]);
    server.list("/b", "b.example\n");
    for number in 0..5 {
        server.list("/a", format!("a{number}.example\n"));
        maintainer.update(&[]).expect(0);
        assert_eq!(maintainer.files("cache/content").len(), 2);
        assert_eq!(maintainer.files("cache/new").len(), 0);
    }
}

#[test]
fn where_the_cache_is() {
    let server = Server::start();
    server.list("/a", "a.example\n");
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    let run = |variables: &[(&str, &str)]| {
        let mut command =
            maintainer.command(&["update", "--sources", "sources.toml", "--out", "out.bundle"]);
        for name in ["CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().map(|(name, value)| (name, maintainer.path(value))));
        command.output().unwrap()
    };
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[("HOME", "home")], "home/.cache/preau/lists"),
        (&[("HOME", "home"), ("XDG_CACHE_HOME", "xdg")], "xdg/preau/lists"),
        (&[("XDG_CACHE_HOME", "xdg"), ("CACHE_DIRECTORY", "systemd")], "systemd"),
    ];
    for (variables, folder) in cases {
        assert!(!maintainer.path(folder).exists());
        assert!(run(variables).status.success());
        assert!(maintainer.path(folder).join("content").is_dir(), "{folder}");
    }
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("say where with --cache"));
}
