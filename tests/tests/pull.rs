//! Lists that are published somewhere: whatever comes instead of them, what is served stays good,
//! and the log says why.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

use std::{fs, thread, time::Duration};

use filter_core::Stamp;
use lists::{
    digest::Sha256Digest,
    pointer::{POINTER_NAME, Pointer},
};
use tests::{
    authority::Authority,
    preau::Preau,
    publisher::{Fault, Key, Publisher, bundle, stamp},
};

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");
/// 2001.
const PAST: &str = "2001-01-01T00:00:00Z";

/// A publisher, and a `preau` that pulls from it; nothing is published, nothing runs.
fn site(lists: &str) -> (Publisher, Key, Preau) {
    site_of(Publisher::start(), lists)
}

fn site_of(publisher: Publisher, lists: &str) -> (Publisher, Key, Preau) {
    let url = publisher.url();
    let mut preau = Preau::new(PREAU, &format!("url = \"{url}\"\nkeys = [\"k.pub\"]\n{lists}"));
    let key = Key::new(preau.folder(), "k");
    preau.kill();
    (publisher, key, preau)
}

fn refused_serial(preau: &Preau, serial: u64) -> bool {
    preau.refuses(&format!("v{serial}.example"))
}

/// Asserts that the bundle of this serial is served, whole.
fn assert_served(preau: &Preau, serial: u64, why: &str) {
    assert!(preau.refuses("refused.example"), "{why}:\n{}", preau.log());
    assert!(refused_serial(preau, serial), "{why}: serial {serial}:\n{}", preau.log());
    assert!(!refused_serial(preau, serial + 1), "{why}: serial {serial}:\n{}", preau.log());
    assert!(!preau.refuses("allowed.example"), "{why}");
}

/// What goes wrong with a publication, and what the log says of it.
struct Case {
    what: &'static str,
    /// Publishes the bundle of this serial, badly.
    publish: fn(&Publisher, &Key, u64),
    told: &'static str,
}

/// Publishes well; then names that end so are treated badly.
fn badly(publisher: &Publisher, key: &Key, serial: u64, name: &str, fault: Fault) {
    publisher.publish(&bundle(stamp(serial)), key);
    publisher.misbehave(name, fault);
}

const CASES: &[Case] = &[
    Case {
        what: "connection refused",
        publish: |publisher, key, serial| {
            publisher.publish(&bundle(stamp(serial)), key);
            publisher.stop();
        },
        told: "current.json: Connection refused",
    },
    Case {
        what: "404",
        publish: |p, k, s| badly(p, k, s, POINTER_NAME, Fault::Status(404)),
        told: "current.json: the server answered with status 404",
    },
    Case {
        what: "500",
        publish: |p, k, s| badly(p, k, s, POINTER_NAME, Fault::Status(500)),
        told: "status 500",
    },
    Case {
        what: "a portal's page, 200",
        publish: |p, k, s| {
            let page = b"<!DOCTYPE html><title>Log in</title>".to_vec();
            badly(p, k, s, POINTER_NAME, Fault::Instead(page));
        },
        told: "is there a portal or a proxy between?",
    },
    Case {
        what: "an empty pointer",
        publish: |p, k, s| badly(p, k, s, POINTER_NAME, Fault::Instead(Vec::new())),
        told: "it is no pointer (EOF",
    },
    Case {
        what: "a huge pointer",
        publish: |p, k, s| badly(p, k, s, POINTER_NAME, Fault::Instead(vec![b' '; 1 << 20])),
        told: "current.json: more than 16384 octets",
    },
    Case {
        what: "a pointer without end",
        publish: |p, k, s| badly(p, k, s, POINTER_NAME, Fault::Endless),
        told: "current.json: more than 16384 octets",
    },
    Case {
        what: "a redirect loop",
        publish: |p, k, s| badly(p, k, s, POINTER_NAME, Fault::Redirect),
        told: "too many redirections",
    },
    Case {
        what: "half a pointer",
        publish: |p, k, s| badly(p, k, s, POINTER_NAME, Fault::Half),
        told: "it is no pointer (EOF",
    },
    Case {
        what: "a pointer out of its folder",
        publish: |publisher, key, serial| {
            let pointer = publisher.publish(&bundle(stamp(serial)), key);
            publisher.point(&Pointer { object: "../../etc/passwd".into(), ..pointer });
        },
        told: "it names \\\"../../etc/passwd\\\"",
    },
    Case {
        what: "a pointer of tomorrow",
        publish: |publisher, key, serial| {
            let json = publisher.publish(&bundle(stamp(serial)), key).to_json();
            publisher.put(POINTER_NAME, json.replace("\"format\": 1", "\"format\": 2").as_bytes());
        },
        told: "it is of format 2",
    },
    Case {
        what: "an object that is not there",
        publish: |p, k, s| badly(p, k, s, ".bundle", Fault::Status(404)),
        told: ".bundle: the server answered with status 404",
    },
    Case {
        what: "a connection cut halfway",
        publish: |p, k, s| badly(p, k, s, ".bundle", Fault::Truncate),
        told: ".bundle: end of file before message length reached",
    },
    Case {
        what: "half a bundle as if it were whole",
        publish: |p, k, s| badly(p, k, s, ".bundle", Fault::Half),
        told: "octets, and the pointer says",
    },
    Case {
        what: "a bundle without end",
        publish: |p, k, s| badly(p, k, s, ".bundle", Fault::Endless),
        told: "octets, and the pointer says",
    },
    Case {
        what: "a page in place of the bundle",
        publish: |p, k, s| badly(p, k, s, ".bundle", Fault::Instead(b"<h1>Hello</h1>".to_vec())),
        told: "14 octets, and the pointer says",
    },
    Case {
        what: "another bundle of the same length",
        publish: |publisher, key, serial| {
            let mut altered = bundle(stamp(serial));
            *altered.last_mut().unwrap() ^= 1;
            badly(publisher, key, serial, ".bundle", Fault::Instead(altered));
        },
        told: "its SHA-256 is",
    },
    Case {
        what: "a wrong SHA-256",
        publish: |publisher, key, serial| {
            let pointer = publisher.publish(&bundle(stamp(serial)), key);
            let sha256 = "0".repeat(64).parse().unwrap();
            publisher.point(&Pointer { sha256, ..pointer });
        },
        told: "and the pointer says 00000",
    },
    Case {
        what: "no signature",
        publish: |p, k, s| badly(p, k, s, ".minisig", Fault::Status(404)),
        told: ".minisig: the server answered with status 404",
    },
    Case {
        what: "a page in place of the signature",
        publish: |p, k, s| badly(p, k, s, ".minisig", Fault::Instead(b"<h1>Hello</h1>".to_vec())),
        told: "its signature is not one of minisign's",
    },
    Case {
        what: "a forged signature",
        publish: |publisher, key, serial| {
            let bundle = bundle(stamp(serial));
            let forged = key.sign(b"something else");
            badly(publisher, key, serial, ".minisig", Fault::Instead(forged.into_bytes()));
            publisher.publish(&bundle, key);
        },
        told: "altered, or another file's signature",
    },
    Case {
        what: "the signature of another bundle",
        publish: |publisher, key, serial| {
            let other = key.sign(&bundle(stamp(serial + 1)));
            badly(publisher, key, serial, ".minisig", Fault::Instead(other.into_bytes()));
        },
        told: "altered, or another file's signature",
    },
    Case {
        what: "somebody else's signature",
        publish: |publisher, key, serial| {
            let folder = tempfile::tempdir().unwrap();
            let mallory = Key::new(folder.path(), "mallory").sign(&bundle(stamp(serial)));
            badly(publisher, key, serial, ".minisig", Fault::Instead(mallory.into_bytes()));
        },
        told: "it is signed with key",
    },
    Case {
        what: "an old bundle",
        publish: |publisher, key, serial| {
            publisher.publish(&bundle(stamp(serial - 2)), key);
        },
        told: "which was served already; publish a newer one",
    },
    Case {
        what: "an old bundle under a new serial",
        publish: |publisher, key, serial| {
            let old = publisher.publish(&bundle(stamp(serial - 2)), key);
            publisher.point(&Pointer { stamp: stamp(serial), ..old });
        },
        told: "the pointer says serial",
    },
    Case {
        what: "an expired bundle",
        publish: |publisher, key, serial| {
            let expired = Stamp { expires: Some(PAST.into()), ..stamp(serial) };
            publisher.publish(&bundle(expired), key);
        },
        told: "expired at 2001-01-01T00:00:00Z; publish a new one",
    },
    Case {
        what: "an expired bundle whose pointer says nothing of it",
        publish: |publisher, key, serial| {
            let expired = Stamp { expires: Some(PAST.into()), ..stamp(serial) };
            let pointer = publisher.publish(&bundle(expired), key);
            publisher.point(&Pointer { stamp: stamp(serial), ..pointer });
        },
        told: "publish again",
    },
    Case {
        what: "something signed that is no bundle",
        publish: |publisher, key, serial| {
            let pointer = publisher.publish(b"rubbish", key);
            publisher.point(&Pointer { stamp: stamp(serial), ..pointer });
        },
        told: "not a usable bundle: not a Préau bundle",
    },
];

#[test]
fn whatever_comes_instead_of_a_bundle_what_is_served_stays() {
    // Only SIGHUP asks.
    let (publisher, key, mut preau) = site("poll = \"1h\"\n");
    let mut serial = 10;
    publisher.publish(&bundle(stamp(serial)), &key);
    preau.start();
    assert_served(&preau, serial, "at first");
    for Case { what, publish, told } in CASES {
        let before = preau.log().len();
        let news = || preau.log().split_off(before);
        publish(&publisher, &key, serial + 1);
        preau.signal("-HUP");
        preau.until(what, || news().contains("LISTS NOT UPDATED"));
        let line =
            news().lines().find(|line| line.contains("LISTS NOT UPDATED")).unwrap().to_owned();
        assert!(line.contains(&told.replace("\\\"", "\"")), "{what}: {line}");
        assert!(line.contains(&format!("Serving serial {serial} of 2026-")), "{what}: {line}");
        assert_served(&preau, serial, what);
        let cache = fs::read_dir(preau.path("cache")).unwrap().count();
        assert_eq!(cache, 3, "{what}: bundle, signature, highest serial");

        // And then all is well again.
        serial += 1;
        publisher.behave();
        if *what == "connection refused" {
            publisher.start_again();
        }
        publisher.publish(&bundle(stamp(serial)), &key);
        preau.signal("-HUP");
        preau.until("a new bundle", || refused_serial(&preau, serial));
        assert_served(&preau, serial, what);
    }
    assert_eq!(serial, 10 + CASES.len() as u64);
}

#[test]
fn a_publisher_that_hangs_is_given_up() {
    let (publisher, key, mut preau) = site("poll = \"1h\"\n");
    publisher.publish(&bundle(stamp(10)), &key);
    preau.start();
    assert_served(&preau, 10, "at first");
    badly(&publisher, &key, 11, ".bundle", Fault::Hang);
    preau.signal("-HUP");
    // Questions are answered all the while.
    preau.until("the time-out", || {
        assert_served(&preau, 10, "while it hangs");
        preau.log().contains("LISTS NOT UPDATED")
    });
    preau.wait_for(".bundle: no answer, or not all of it, in time");
    publisher.behave();
    preau.signal("-HUP");
    preau.until("a new bundle", || refused_serial(&preau, 11));
}

#[test]
fn polling_takes_what_is_new_and_fetches_nothing_twice() {
    let (publisher, key, mut preau) = site("poll = \"1s\"\n");
    publisher.publish(&bundle(stamp(10)), &key);
    preau.start();
    assert_served(&preau, 10, "at first");
    publisher.publish(&bundle(stamp(11)), &key);
    preau.until("a new bundle", || refused_serial(&preau, 11));
    let polls = |publisher: &Publisher| {
        publisher.requests().iter().filter(|path| path.ends_with(POINTER_NAME)).count()
    };
    let before = polls(&publisher);
    preau.until("more polls", || polls(&publisher) > before + 2);
    let fetched = publisher.requests().iter().filter(|path| path.ends_with(".bundle")).count();
    assert_eq!(fetched, 2);
    // A refused bundle is fetched once, too, and told once.
    let pointer = publisher.publish(b"rubbish", &key);
    publisher.point(&Pointer { stamp: stamp(12), ..pointer });
    preau.wait_for("LISTS NOT UPDATED");
    let before = polls(&publisher);
    preau.until("more polls", || polls(&publisher) > before + 2);
    let fetched = publisher.requests().iter().filter(|path| path.ends_with(".bundle")).count();
    assert_eq!(fetched, 3);
    assert_eq!(preau.log().matches("LISTS NOT UPDATED").count(), 1, "{}", preau.log());
    assert_served(&preau, 11, "in the end");
    publisher.publish(&bundle(stamp(13)), &key);
    preau.wait_for("gives good ones again");
    assert_served(&preau, 13, "after that");
}

/// The authority is known by `SSL_CERT_FILE`, as OpenSSL's programs know theirs.
#[test]
fn over_tls_from_whom_a_known_authority_vouches_for() {
    let (publisher, key, mut preau) = site_of(Publisher::start_with_tls(), "poll = \"1h\"\n");
    let ours = Authority::new("Town of Example");
    let theirs = Authority::new("Mallory");
    fs::write(preau.path("ca.pem"), &ours.pem).unwrap();
    publisher.identify(ours.identity("127.0.0.1"));
    publisher.publish(&bundle(stamp(10)), &key);

    // Nobody told it of that authority.
    preau.start();
    preau.wait_for("LISTS NOT UPDATED");
    let unknown = "of an authority that is not known here";
    assert!(preau.log().contains(unknown), "{}", preau.log());
    assert!(preau.refuses("pornhub.com"), "the starter list");
    preau.kill();

    preau.variables.push(("SSL_CERT_FILE", preau.path("ca.pem")));
    preau.start();
    preau.until("the lists", || refused_serial(&preau, 10));
    let cases = [
        (theirs.identity("127.0.0.1"), unknown),
        (ours.identity("192.0.2.1"), "is for other names than 127.0.0.1"),
        (ours.expired_identity("127.0.0.1"), "has expired"),
    ];
    for (serial, (identity, told)) in (11..).zip(cases) {
        publisher.identify(identity);
        publisher.publish(&bundle(stamp(serial)), &key);
        let before = preau.log().len();
        preau.signal("-HUP");
        preau.until("a refusal", || preau.log()[before..].contains("LISTS NOT UPDATED"));
        assert!(preau.log()[before..].contains(told), "{told}: {}", &preau.log()[before..]);
        assert_served(&preau, serial - 1, told);
        publisher.identify(ours.identity("127.0.0.1"));
        preau.signal("-HUP");
        preau.until("a new bundle", || refused_serial(&preau, serial));
    }
    assert_served(&preau, 13, "in the end");
}

#[test]
fn a_start_needs_no_network() {
    let (publisher, key, mut preau) = site("poll = \"1h\"\n");
    publisher.stop();
    preau.start();
    // The starter list, loudly.
    preau.wait_for("NO PUBLISHED LISTS YET");
    preau.wait_for("Serving THE SMALL STARTER LIST on");
    assert!(preau.refuses("pornhub.com"));
    publisher.start_again();
    let soon = Stamp { expires: Some(in_seconds(3)), ..stamp(10) };
    publisher.publish(&bundle(soon), &key);
    preau.signal("-HUP");
    preau.until("published lists", || refused_serial(&preau, 10));

    // What was kept is served, after a summer, too.
    publisher.stop();
    preau.kill();
    thread::sleep(Duration::from_secs(4));
    preau.start();
    preau.wait_for("kept copy from http://127.0.0.1:");
    preau.wait_for("THE LISTS EXPIRED at ");
    assert_served(&preau, 10, "after a summer");
    let (code, said) = preau.run(&["check-config"]);
    assert_eq!(code, Some(0), "{said}");
    for part in [
        "asked for every 1 hour",
        "kept copy from http",
        "serial 10",
        "made ",
        " ago",
        "expired at",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

/// What happens here and now says nothing of the bundle: it is fetched again.
#[test]
fn a_full_cache_is_no_fault_of_the_bundle() {
    let (publisher, key, mut preau) = site("poll = \"1s\"\n");
    publisher.publish(&bundle(stamp(10)), &key);
    preau.start();
    assert_served(&preau, 10, "at first");
    let next = bundle(stamp(11));
    // Where its signature would be written.
    let taken = preau.path("cache").join(format!("{}.bundle.minisig.tmp", Sha256Digest::of(&next)));
    fs::create_dir(&taken).unwrap();
    publisher.publish(&next, &key);
    preau.wait_for("LISTS NOT UPDATED: cannot keep bundles in");
    assert_served(&preau, 10, "meanwhile");
    fs::remove_dir(&taken).unwrap();
    preau.wait_for("gives good ones again");
    assert_served(&preau, 11, "then");
}

/// Nobody signs pointers: a stale or false one must not keep a good bundle away.
#[test]
fn a_pointer_that_lies_harms_a_bundle_no_longer_than_it_stands() {
    let (publisher, key, mut preau) = site("poll = \"1s\"\n");
    publisher.publish(&bundle(stamp(10)), &key);
    preau.start();
    assert_served(&preau, 10, "at first");
    for (number, serial) in [(1, 9), (2, 30)] {
        let good = publisher.publish(&bundle(stamp(10 + number)), &key);
        publisher.point(&Pointer { stamp: stamp(serial), ..good.clone() });
        preau.until("a refusal", || {
            preau.log().matches("LISTS NOT UPDATED").count() as u64 == number
        });
        publisher.point(&good);
        preau.until("the bundle", || refused_serial(&preau, 10 + number));
    }
}

#[test]
fn expired_lists_replace_the_starter_list() {
    let (publisher, key, mut preau) = site("poll = \"1s\"\n");
    let expired = |serial| Stamp { expires: Some(PAST.into()), ..stamp(serial) };
    publisher.publish(&bundle(expired(10)), &key);
    preau.start();
    preau.until("the lists", || refused_serial(&preau, 10));
    preau.wait_for("THE LISTS EXPIRED at 2001");
    // But no others.
    publisher.publish(&bundle(expired(11)), &key);
    preau.wait_for("expired at 2001-01-01T00:00:00Z; publish a new one");
    assert_served(&preau, 10, "in the end");
}

fn in_seconds(seconds: u64) -> String {
    let date = std::process::Command::new("date")
        .args(["-u", "-d", &format!("{seconds} seconds"), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_highest_serial_outlasts_the_bundle() {
    let (publisher, key, mut preau) = site("poll = \"1h\"\n");
    publisher.publish(&bundle(stamp(20)), &key);
    preau.start();
    assert_served(&preau, 20, "at first");
    preau.kill();
    for entry in fs::read_dir(preau.path("cache")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "bundle") {
            fs::remove_file(path).unwrap();
        }
    }
    publisher.publish(&bundle(stamp(19)), &key);
    preau.start();
    preau.wait_for("has serial 19, older than 20");
    assert!(!refused_serial(&preau, 19));
    publisher.publish(&bundle(stamp(20)), &key);
    preau.signal("-HUP");
    preau.until("the same serial", || refused_serial(&preau, 20));
}

#[test]
fn keys_are_changed_without_a_gap() {
    let (publisher, key, mut preau) = site("poll = \"1h\"\n");
    let next = Key::new(preau.folder(), "next");
    publisher.publish(&bundle(stamp(10)), &key);
    preau.start();
    preau.until("the old key's", || refused_serial(&preau, 10));
    publisher.publish(&bundle(stamp(11)), &next);
    preau.signal("-HUP");
    preau.wait_for("it is signed with key");
    assert_served(&preau, 10, "with the old key");
    let config = fs::read_to_string(preau.path("preau.toml")).unwrap();
    let both = config.replace("[\"k.pub\"]", &format!("[\"k.pub\", \"{}\"]", next.public));
    fs::write(preau.path("preau.toml"), &both).unwrap();
    preau.signal("-HUP");
    preau.until("the new key's", || refused_serial(&preau, 11));
    // Without the old one; and what only the old one signed is nothing to start on.
    fs::write(preau.path("preau.toml"), config.replace("k.pub", "next.pub")).unwrap();
    preau.kill();
    preau.start();
    assert_served(&preau, 11, "with the new key only");
    fs::write(preau.path("preau.toml"), &config).unwrap();
    preau.kill();
    publisher.stop();
    preau.start();
    preau.wait_for("cannot serve a kept bundle: ");
    preau.wait_for("NO PUBLISHED LISTS YET");
}

#[test]
fn a_file_of_the_operators_must_be_signed_where_there_are_keys() {
    let mut preau = Preau::new(PREAU, "bundle = \"b\"\nkeys = [\"k.pub\"]\n");
    let key = Key::new(preau.folder(), "k");
    let put = |preau: &Preau, bundle: &[u8], signature: &str| {
        fs::write(preau.path("b.minisig"), signature).unwrap();
        fs::write(preau.path("b"), bundle).unwrap();
    };
    fs::write(preau.path("b"), bundle(stamp(10))).unwrap();
    for command in ["run", "check-config"] {
        let (code, said) = preau.run(&[command]);
        assert_eq!(code, Some(4), "{said}");
        assert!(
            said.contains("it is not signed: there is no ./b.minisig")
                || said.contains("b.minisig; sign it"),
            "{said}"
        );
    }
    put(&preau, &bundle(stamp(10)), &key.sign(&bundle(stamp(10))));
    preau.start();
    assert_served(&preau, 10, "at first");
    for (serial, signed, told) in [
        (11, bundle(stamp(12)), "altered, or another file's signature"),
        (9, bundle(stamp(9)), "has serial 9, older than 10"),
    ] {
        put(&preau, &bundle(stamp(serial)), &key.sign(&signed));
        preau.signal("-HUP");
        preau.wait_for(told);
        assert_served(&preau, 10, told);
    }
    // Nor does a start go back.
    preau.kill();
    preau.start();
    preau.wait_for("SERVING THE LAST GOOD BUNDLE instead, serial 10");
    assert_served(&preau, 10, "after a restart");
    put(&preau, &bundle(stamp(11)), &key.sign(&bundle(stamp(11))));
    preau.signal("-HUP");
    preau.until("a signed one", || refused_serial(&preau, 11));
}

/// Killed while it pulls, verifies, keeps or swaps: `PREAU_KILLS` times (200).
#[test]
#[ignore = "a minute or more"]
fn killed_anywhere_it_starts_on_a_complete_good_bundle() {
    let kills = std::env::var("PREAU_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let (publisher, key, mut preau) = site("poll = \"1h\"\n");
    publisher.publish(&bundle(stamp(1)), &key);
    preau.start();
    assert_served(&preau, 1, "at first");
    preau.kill();
    publisher.misbehave(".bundle", Fault::Slow);
    let (mut published, mut served, mut steps) = (1, 1, 0);
    for kill in 0..kills {
        preau.start();
        let log = preau.log();
        let started_on = log.lines().find(|line| line.contains("kept copy from")).unwrap();
        let serial = started_on.split("serial ").nth(1).unwrap().split(',').next().unwrap();
        let serial = serial.parse().unwrap();
        // None but what was published, whole, and never one older than before.
        assert!((served..=published).contains(&serial), "kill {kill}: {serial}\n{log}");
        assert!(preau.refuses("refused.example"), "kill {kill}:\n{log}");
        let has_polled = || preau.log().contains("INFO lists: http");
        assert!(refused_serial(&preau, serial) || has_polled(), "kill {kill}:\n{}", preau.log());
        assert!(!log.contains("ERROR"), "kill {kill}:\n{log}");
        steps += u64::from(serial > served);
        served = serial;
        published += 1;
        publisher.publish(&bundle(stamp(published)), &key);
        preau.signal("-HUP");
        // Some 50 ms are fetching; then comes verifying and keeping. A busy machine takes longer.
        thread::sleep(Duration::from_millis(kill * 7 % 250));
        preau.kill();
    }
    publisher.behave();
    preau.start();
    preau.signal("-HUP");
    preau.until("the newest", || refused_serial(&preau, published));
    println!("{kills} kills; {steps} times a newer bundle than before was served afterwards");
    assert!(steps > 0 && steps < kills, "{steps}");
}
