//! `list-compile explain`: list, line and rule, of every kind that a host can meet, from lists at
//! paths and from those that an update keeps.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    thread,
};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    /// Runs the program; gives its exit code, output and errors.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_list-compile"));
        command.args(arguments).current_dir(self.0.path());
        command.env_remove("CACHE_DIRECTORY").env("XDG_CACHE_HOME", self.0.path().join("default"));
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, 0, "{out}{err}");
        out
    }
}

fn source(name: &str, place: &str, more: &str) -> String {
    format!("[[source]]\nname = \"{name}\"\n{place}\ncategories = [\"ads\"]\n{more}\n")
}

#[test]
fn the_line_of_every_kind_of_rule() {
    let folder = Folder::new();
    folder.write(
        "rules.txt",
        "||plain.example^\n||important.example^$important\n@@||good.plain.example^\n\
         ||wide.example^$denyallow=kept.wide.example\n||trkfrag.\n/banner[0-9]+\\.example/\n",
    );
    folder.write("hosts", "0.0.0.0 exact.example\n127.0.0.1 192.0.2.1\n");
    folder.write(
        "zone.rpz",
        "$TTL 300\n@ SOA ns.example. a.example. (1 2 3 4 5)\n@ NS ns.example.\n\
         *.zone.example CNAME .\n24.0.2.0.192.rpz-ip CNAME .\n",
    );
    folder.write(
        "sources.toml",
        &(source("rules", "path = \"rules.txt\"", "format = \"adblock\"")
            + &source("hosts", "path = \"hosts\"", "")
            + &source("rpz", "path = \"zone.rpz\"", "format = \"rpz\"")),
    );
    folder.done(&["build", "--sources", "sources.toml", "--out", "out"]);
    let cases: &[(&str, bool, &[&str])] = &[
        ("www.plain.example", true, &["rules.txt:1: plain.example · rules"]),
        ("important.example", true, &["rules.txt:2: important important.example · rules"]),
        (
            "good.plain.example",
            false,
            &[
                "rules.txt:1: plain.example · rules",
                "rules.txt:3: exception good.plain.example · rules",
            ],
        ),
        ("x.wide.example", true, &["rules.txt:4: wide.example · rules"]),
        (
            "kept.wide.example",
            false,
            &[
                "rules.txt:4: kept.wide.example (left out: denyallow) · rules",
                "rules.txt:4: wide.example · rules",
            ],
        ),
        ("a.trkfrag.example", true, &["rules.txt:5: fragment .trkfrag. · rules"]),
        ("banner7.example", true, &["rules.txt:6: /banner[0-9]+\\.example/ · rules"]),
        ("exact.example", true, &["hosts:1: exact.example (exactly) · hosts"]),
        ("below.exact.example", false, &["no line of the lists, as they are now, matches"]),
        ("a.zone.example", true, &["zone.rpz:4: *.zone.example · rpz"]),
        (
            "192.0.2.1",
            true,
            &[
                "answers within 192.0.2.0/24: refused · rpz",
                "hosts:2: 192.0.2.1 (exactly) · hosts",
                "zone.rpz:5: network 192.0.2.0/24 · rpz",
            ],
        ),
        (
            "192.0.2.99",
            false,
            &[
                "answers within 192.0.2.0/24: refused · rpz",
                "zone.rpz:5: network 192.0.2.0/24 · rpz",
            ],
        ),
    ];
    for (name, refused, lines) in cases {
        let out = folder.done(&["explain", "out", name, "--sources", "sources.toml"]);
        let outcome = if *refused { "refused" } else { "allowed" };
        assert!(out.starts_with(&format!("{name} is {outcome} in profile child\n")), "{out}");
        // The candidates are numbered, or marked as decisive.
        let found: Vec<_> = out.lines().skip(1).filter(|l| !l.starts_with([' ', '→'])).collect();
        assert_eq!(found, *lines, "{name}:\n{out}");
    }
    let json =
        folder.done(&["explain", "out", "192.0.2.99", "--sources", "sources.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["networks"],
        serde_json::json!([{"network": "192.0.2.0/24", "source": "rpz", "exception": false}])
    );
    assert_eq!(json["lines"][0]["line"], 5);
}

/// Serves one list to whoever asks, until the test ends.
fn serve(list: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 1024];
            while !asked.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(length) if length > 0 => asked.extend_from_slice(&buffer[..length]),
                    _ => break,
                }
            }
            let length = list.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            // The other end may have gone.
            let _ = stream.write_all((head + list).as_bytes());
        }
    });
    format!("http://{address}/list.txt")
}

#[test]
fn lists_that_an_update_keeps() {
    let folder = Folder::new();
    let url = serve("# a list\nfetched.example\nother.example\n");
    let place = format!("url = \"{url}\"");
    let listed = source("fetched", &place, "allow_http = true\nallow_private = true");
    folder.write("sources.toml", &format!("{listed}\n[guard]\nwithout = [\"porn\"]\n"));
    let update = ["update", "--sources", "sources.toml", "--out", "out", "--cache", "cache"];
    let (code, out, err) = folder.run(&update);
    assert!(folder.0.path().join("out").is_file(), "exit code {code}\n{out}{err}");

    let asked = ["explain", "out", "www.fetched.example", "--sources", "sources.toml"];
    let out = folder.done(&[&asked[..], &["--cache", "cache"]].concat());
    let line = out.lines().last().unwrap();
    assert!(line.starts_with("cache/content/"), "{out}");
    assert!(line.ends_with(&format!(":2: fetched.example · fetched · {url}")), "{out}");
    let json = folder.done(&[&asked[..], &["--cache", "cache", "--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["lines"][0]["url"], url);

    // An update that goes on is no hindrance, and nothing is changed.
    let lock = fs::File::open(folder.0.path().join("cache/lock")).unwrap();
    lock.try_lock().unwrap();
    folder.write("cache/new/1", "being written");
    let again = folder.done(&[&asked[..], &["--cache", "cache", "--json"]].concat());
    assert_eq!(serde_json::from_str::<serde_json::Value>(&again).unwrap(), json);
    assert!(folder.0.path().join("cache/new/1").exists());
    drop(lock);

    // Both look in the same place.
    let (code, out, err) = folder.run(&update[..5]);
    assert!(code == 0 || code == 5, "{out}{err}");
    let out = folder.done(&asked);
    assert!(out.contains(":2: fetched.example · fetched"), "{out}");
    assert!(folder.0.path().join("default/preau/lists/good").is_dir());
    fs::remove_dir_all(folder.0.path().join("default")).unwrap();

    let out = folder.done(&asked);
    assert!(
        out.ends_with("not here: fetched; --cache DIR says where `update` keeps lists\n"),
        "{out}"
    );
    let (code, _, err) = folder.run(&[&asked[..], &["--cache", "none"]].concat());
    assert_eq!(code, 1, "{err}");
    assert!(!folder.0.path().join("none").exists(), "a mistyped cache is not made");
}

#[test]
fn names_that_look_like_others() {
    let folder = Folder::new();
    folder.write("sites.txt", "# Sites\nlumni.fr\nroblox.com\n!lumnì.fr\n");
    folder.write("popular.txt", "www.robox.com\n");
    let table = source(
        "sites",
        "path = \"sites.txt\"",
        "format = \"protected\"\nknown = [\"popular.txt\"]",
    );
    folder.write("sources.toml", &table.replace("ads", "lookalikes"));
    let built = folder.done(&["build", "--sources", "sources.toml", "--out", "out"]);
    assert!(built.contains("0 phrases, 3 protected sites"), "{built}");
    let asked = |name: &str, more: &[&str]| {
        folder.done(&[&["explain", "out", name, "--sources", "sources.toml"], more].concat())
    };
    let typo = asked("www.lunmi.fr", &["--lookalikes"]);
    let told =
        "→ 8 list rules: block lunmi.fr (lumni.fr with two letters exchanged) · lookalikes · sites";
    assert!(typo.contains(told), "{typo}");
    assert!(typo.contains("sites.txt:2: lunmi.fr · sites\n"), "{typo}");
    assert!(asked("www.lunmi.fr", &[]).starts_with("www.lunmi.fr is allowed"));
    let homograph = asked("lumnі.fr", &["--lookalikes"]);
    let told = "→ 9 homographs: block reads like lumni.fr: і (U+0456, Cyrillic) for i · lookalikes · sites";
    assert!(homograph.contains(told), "{homograph}");
    assert!(homograph.contains("sites.txt:2: protected lumni.fr · sites\n"), "{homograph}");
    // Its own name, and others that are known.
    for known in ["lumni.fr", "lumnì.fr", "robox.com", "www.robox.com"] {
        let told = asked(known, &["--lookalikes"]);
        assert!(told.contains(" is allowed in profile child"), "{told}");
    }
}
