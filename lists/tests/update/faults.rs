//! Everything that a server can do wrong: the last good copy is used, and the report says why.

use std::{
    fs,
    io::{self, Write},
    net::TcpStream,
    process::Command,
    sync::LazyLock,
    thread,
    time::Duration,
};

use crate::{
    archives::{gzip, tar},
    maintainer::{Maintainer, Ran},
    server::{Request, Server, answer, hang, head},
};

type Behaviour = fn(&Request, &mut TcpStream) -> io::Result<()>;

const LIST: &[u8] = b"b.example\nc.example\n";

/// A small body that unpacks to very much.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| gzip(&vec![b'\n'; 40 << 20]));

/// A body that unpacks to too much, under the ratio at which it would be a bomb.
static LARGE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut noise = 1_u32;
    let body: Vec<u8> = (0..52_000_000)
        .map(|at| {
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            if at % 32 == 0 { noise as u8 } else { b'\n' }
        })
        .collect();
    gzip(&body)
});

/// [`FAULTS`], once what takes long to make is made: clients do not wait for it.
fn faults() -> &'static [(&'static str, Behaviour)] {
    LazyLock::force(&BOMB);
    LazyLock::force(&LARGE);
    FAULTS
}

/// What a server does, and what the report says of it.
const FAULTS: &[(&str, Behaviour)] = &[
    ("nothing came for 1 seconds after the request", |_, _| hang()),
    ("nothing came for 1 seconds in the middle of it", |_, stream| {
        head(stream, "200 OK", &[("Content-Length", "20")])?;
        stream.write_all(&LIST[..10])?;
        hang()
    }),
    ("it did not come whole within 3 seconds", |_, stream| {
        head(stream, "200 OK", &[("Content-Length", "1000")])?;
        loop {
            stream.write_all(b"b.example\n")?;
            thread::sleep(Duration::from_millis(300));
        }
    }),
    ("the connection failed", |_, _| Ok(())),
    ("the connection failed", |_, stream| {
        head(stream, "200 OK", &[("Content-Length", "21")])?;
        stream.write_all(LIST)
    }),
    ("the connection failed", |_, stream| {
        head(stream, "200 OK", &[("Transfer-Encoding", "chunked")])?;
        stream.write_all(b"a\r\nb.example\n\r\n")
    }),
    ("the connection failed", |_, stream| stream.write_all(b"b.example\nc.example\n\r\n")),
    ("the connection failed", |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            stream
                .write_all(b"X-Padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")?;
        }
    }),
    ("it is not compressed, as its server says", |_, stream| {
        answer(stream, "200 OK", &[("Content-Encoding", "gzip")], LIST)
    }),
    ("the server sent it as \"br\", which was not asked for", |_, stream| {
        answer(stream, "200 OK", &[("Content-Encoding", "br")], LIST)
    }),
    ("cut off", |_, stream| {
        let body = gzip(LIST);
        answer(stream, "200 OK", &[("Content-Encoding", "gzip")], &body[..body.len() - 4])
    }),
    ("decompression bomb", |_, stream| {
        answer(stream, "200 OK", &[("Content-Encoding", "gzip")], &BOMB)
    }),
    ("it holds more than 50000000 octets", |_, stream| {
        answer(stream, "200 OK", &[("Content-Encoding", "gzip")], &LARGE)
    }),
    ("it has more than 50000000 octets", |_, stream| {
        head(stream, "200 OK", &[("Content-Length", "50000001")])?;
        stream.write_all(LIST)
    }),
    ("it has more than 50000000 octets", |_, stream| {
        head(stream, "200 OK", &[("Connection", "close")])?;
        let lines = LIST.repeat(10_000);
        loop {
            stream.write_all(&lines)?;
        }
    }),
    ("a web page came in place of the list", |_, stream| {
        answer(stream, "200 OK", &[], b"\n<!DOCTYPE html>\n<p>b.example\n</p>\n")
    }),
    ("there is no entry in this list", |_, stream| answer(stream, "200 OK", &[], b"")),
    ("there is no entry in this list", |_, stream| {
        answer(stream, "200 OK", &[], b"# b.example\n# c.example\n")
    }),
    ("no list format fits these lines", |_, stream| {
        answer(stream, "200 OK", &[], b"Service temporarily unavailable.\nCome back later!\n")
    }),
    ("not one of its 2 lines was accepted (2 public-suffix)", |_, stream| {
        answer(stream, "200 OK", &[], b"co.uk\ngouv.fr\n")
    }),
    ("this is a binary file", |_, stream| {
        answer(stream, "200 OK", &[], b"\x7fELF\x02\x01\x01\0\0\0\0")
    }),
    ("the server answered 404 Not Found: look for the list's new address", |_, stream| {
        answer(stream, "404 Not Found", &[], LIST)
    }),
    ("the server answered 403 Forbidden: it is not for everybody", |_, stream| {
        answer(stream, "403 Forbidden", &[], LIST)
    }),
    ("the server answered 500 Internal Server Error", |_, stream| {
        answer(stream, "500 Internal Server Error", &[], LIST)
    }),
    ("the server answered 206 Partial Content", |_, stream| {
        answer(stream, "206 Partial Content", &[("Content-Range", "bytes 0-9/20")], &LIST[..10])
    }),
    ("the server answered 204 No Content", |_, stream| head(stream, "204 No Content", &[])),
    ("503 Service Unavailable: it wants to be left alone for 0 seconds", |_, stream| {
        answer(stream, "503 Service Unavailable", &[("Retry-After", "0")], b"")
    }),
    ("more than 5 redirects", |_, stream| answer(stream, "302 Found", &[("Location", "/a")], b"")),
    ("it is redirected to \"\", which is not https", |_, stream| {
        answer(stream, "302 Found", &[], b"")
    }),
    ("it is redirected to file:///etc/passwd, which is not https", |_, stream| {
        answer(stream, "302 Found", &[("Location", "file:///etc/passwd")], b"")
    }),
    ("it is redirected to ftp://b.example/, which is not https", |_, stream| {
        answer(stream, "302 Found", &[("Location", "ftp://b.example/")], b"")
    }),
    ("it is redirected to 127.0.0.2, which is a private address, on this machine", |_, stream| {
        answer(stream, "302 Found", &[("Location", "http://127.0.0.2/")], b"")
    }),
    ("it is redirected to 169.254.169.254, which is a private address", |_, stream| {
        answer(stream, "302 Found", &[("Location", "http://169.254.169.254/latest/")], b"")
    }),
    ("it is redirected to ::1, which is a private address", |_, stream| {
        answer(stream, "307 Temporary Redirect", &[("Location", "https://[::1]/")], b"")
    }),
    ("it is redirected to localhost, which is a private name", |_, stream| {
        answer(stream, "308 Permanent Redirect", &[("Location", "https://localhost:1/")], b"")
    }),
];

#[test]
fn a_server_that_errs_changes_nothing() {
    let server = Server::start();
    let url = server.url("/a");
    let maintainer = Maintainer::new(&[("a", url, "max_octets = 50000000")]);
    server.list("/a", "a.example\n");
    maintainer.update(&[]).expect(0);
    let copy = maintainer.files("cache/content");
    let mut serial = 0;
    for (message, fault) in faults() {
        server.at("/a", fault);
        let ran = maintainer.update(&[]).expect(6);
        assert_eq!(ran.status("a"), "cached", "{message}");
        assert!(ran.error("a").contains(message), "{message}: {}", ran.error("a"));
        assert!(ran.err.starts_with("warning: 1 of 1 sources come from the cache"), "{}", ran.err);

        let newer = maintainer.bundle().manifest().stamp.serial;
        assert!(newer > serial, "{message}");
        serial = newer;
        assert!(maintainer.refuses("a.example") && !maintainer.refuses("b.example"), "{message}");
        assert_eq!(maintainer.files("cache/content"), copy, "{message}");
        assert_eq!(maintainer.files("cache/new").len(), 0, "{message}");
    }
    server.list("/a", "b.example\n");
    assert_eq!(maintainer.update(&[]).expect(0).status("a"), "fresh");
    assert!(maintainer.refuses("b.example") && !maintainer.refuses("a.example"));
}

#[test]
fn without_any_copy_there_is_no_bundle() {
    let server = Server::start();
    server.list("/good", "good.example\n");
    for (message, fault) in faults() {
        if message.contains("seconds") {
            continue; // The same code; they only take long.
        }
        server.at("/a", fault);
        let maintainer = Maintainer::new(&[
            ("a", server.url("/a"), "max_octets = 50000000"),
            ("good", server.url("/good"), ""),
        ]);
        let ran = maintainer.update(&[]).expect(1);
        assert_eq!((ran.status("a"), ran.status("good")), ("failed".into(), "fresh".into()));
        assert!(ran.err.contains(message), "{message}: {}", ran.err);
        assert!(ran.err.ends_with("out.bundle is not written\n"), "{}", ran.err);
        assert_eq!(ran.json()["written"], false);
        assert!(!maintainer.path("out.bundle").exists());
    }
}

#[test]
fn half_of_the_servers_down() {
    let server = Server::start();
    let names: Vec<_> = (0..8).map(|number| format!("/{number}")).collect();
    let sources: Vec<_> = names.iter().map(|name| (&name[1..], server.url(name), "")).collect();
    let maintainer = Maintainer::new(&sources);
    for name in &names {
        server.list(name, format!("old{}.example\n", &name[1..]));
    }
    maintainer.update(&[]).expect(0);
    for (number, name) in names.iter().enumerate() {
        server.list(name, format!("new{}.example\n", &name[1..]));
        if number % 2 == 0 {
            server.at(name, |_, stream| answer(stream, "502 Bad Gateway", &[], b""));
        }
    }
    let ran = maintainer.update(&[]).expect(6);
    assert!(ran.err.contains("4 of 8 sources"), "{}", ran.err);
    for (number, name) in names.iter().enumerate() {
        let (status, has) = if number % 2 == 0 { ("cached", "old") } else { ("fresh", "new") };
        assert_eq!(ran.status(&name[1..]), status);
        assert!(maintainer.refuses(&format!("{has}{}.example", &name[1..])), "{name}");
    }
}

#[test]
fn a_passing_failure_is_tried_again() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    let attempts = std::sync::atomic::AtomicU32::new(0);
    server.at("/a", move |_, stream| {
        match attempts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Ok(()),
            1 => answer(stream, "502 Bad Gateway", &[], b""),
            _ => answer(stream, "200 OK", &[], b"a.example\n"),
        }
    });
    maintainer.update(&["--attempts", "3", "--timeout", "20"]).expect(0);
    assert_eq!(server.take_requests("/a").len(), 3);
    assert!(maintainer.refuses("a.example"));
}

#[test]
fn connections_that_drop_at_random_points() {
    let server = Server::start();
    let text: String = (0..2000).map(|number| format!("n{number}.example\n")).collect();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "")]);
    server.list("/a", text.clone());
    maintainer.update(&[]).expect(0);
    let names = maintainer.bundle().manifest().counts.names;
    assert_eq!(names, 2000);
    let mut seed = 0x5eed_u64;
    for _ in 0..30 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let sent = (seed >> 33) as usize % (text.len() - 1);
        let body = text.clone();
        server.at("/a", move |_, stream| {
            head(stream, "200 OK", &[("Content-Length", &body.len().to_string())])?;
            stream.write_all(&body.as_bytes()[..sent])
        });
        assert_eq!(maintainer.update(&[]).expect(6).status("a"), "cached", "after {sent} octets");
        assert_eq!(maintainer.bundle().manifest().counts.names, names, "after {sent} octets");
    }
}

/// A server that promises fewer octets than it has cuts the list short, and nothing shows it but
/// the loss.
#[test]
fn a_list_that_lost_too_much() {
    let server = Server::start();
    let text: String = (0..2000).map(|number| format!("n{number}.example\n")).collect();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), ""), ("b", server.url("/b"), "")]);
    server.list("/a", text.clone());
    server.list("/b", "b.example\n");
    maintainer.update(&[]).expect(0);

    server.at("/a", move |_, stream| {
        head(stream, "200 OK", &[("Content-Length", "2000"), ("Connection", "close")])?;
        stream.write_all(text.as_bytes())
    });
    for more in [&[][..], &["--accept-shrink=b"]] {
        let ran = maintainer.update(more).expect(6);
        let error = ran.error("a");
        assert!(error.starts_with("source a lost 91 % of its rules, 2,000 → 162"), "{error}");
        assert!(maintainer.refuses("n1999.example"));
    }
    let ran = maintainer.update(&["--accept-shrink"]).expect(0);
    assert_eq!(ran.json()["written"], true);
    assert!(maintainer.refuses("n1.example") && !maintainer.refuses("n1999.example"));
}

/// Files may not grow beyond a limit: for what is written, the same as a disk that is full.
#[test]
fn a_disk_that_is_full() {
    let server = Server::start();
    let names: Vec<_> = (0..8).map(|number| format!("/{number}")).collect();
    let sources: Vec<_> = names.iter().map(|name| (&name[1..], server.url(name), "")).collect();
    let maintainer = Maintainer::new(&sources);
    for name in &names {
        server.list(name, format!("old{}.example\n", &name[1..]));
    }
    maintainer.update(&[]).expect(0);
    let old = fs::read(maintainer.path("out.bundle")).unwrap();
    for name in &names {
        // Names that share so little that the bundle is larger than any list.
        let list: u64 = name[1..].parse().unwrap();
        let spread = |number: u64| (number * 8 + list).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let line = |number| format!("{:016x}.example\n", spread(number));
        let lines: String = (1..=20_000).map(line).collect();
        // What was refused stays refused: the guards have nothing to say.
        server.list(name, format!("{lines}old{list}.example\n"));
    }
    // No room for a list of 500 KB; room for each, but not for the bundle of them all.
    for (kilobytes, message) in [(64, "the cache: cache/new/"), (600, "cannot write out.bundle: ")]
    {
        let ran = limited(&maintainer, kilobytes).expect(1);
        assert!(ran.err.starts_with(&format!("error: {message}")), "{}", ran.err);
        assert!(ran.err.contains("File too large"), "{}", ran.err);
        assert!(fs::read(maintainer.path("out.bundle")).unwrap() == old);
        let files = maintainer.files(".");
        assert!(
            !files.iter().any(|path| path.extension().is_some_and(|e| e == "new")),
            "{files:?}"
        );
    }
    maintainer.update(&["--accept-growth"]).expect(0);
    assert_eq!(maintainer.bundle().manifest().counts.names, 160_008);

    // An archive that fits, whose files do not.
    let files = "n.example\n".repeat(100_000);
    server.list("/archive", gzip(&tar(&[("adult/domains", &files)])));
    let keys = "member = \"adult\"";
    let maintainer = Maintainer::new(&[("a", server.url("/archive"), keys)]);
    let ran = limited(&maintainer, 600).expect(1);
    assert!(ran.err.starts_with("error: the cache: "), "{}", ran.err);
    assert!(ran.err.contains("File too large"), "{}", ran.err);
    assert_eq!(maintainer.files("cache/unpacked").len(), 0);
    maintainer.update(&[]).expect(0);
}

/// An update whose files may not grow beyond so many KiB.
fn limited(maintainer: &Maintainer, kilobytes: u32) -> Ran {
    let update = maintainer.update_command(&["--accept-growth"]);
    let mut shell = Command::new("bash");
    let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$@\"");
    shell.args(["-c", &script, "bash"]).arg(update.get_program()).args(update.get_args());
    shell.current_dir(update.get_current_dir().unwrap());
    shell.output().unwrap().into()
}
