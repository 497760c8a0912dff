//! Which hosts lists may come from, and by which proxies.

use std::{
    fs,
    net::{Ipv4Addr, ToSocketAddrs},
};

use crate::{
    maintainer::{Maintainer, Ran},
    server::{Server, answer},
};

#[test]
fn private_hosts_need_leave() {
    let server = Server::start();
    server.list("/a", "a.example\n");
    let port = server.port();
    let cases = [
        (format!("http://127.0.0.1:{port}/a"), "127.0.0.1 is a private address"),
        (format!("http://0x7f000001:{port}/a"), "127.0.0.1 is a private address"),
        (format!("http://[::ffff:127.0.0.1]:{port}/a"), "is a private address"),
        (format!("http://localhost:{port}/a"), "localhost is a private name"),
        ("http://10.0.0.1/a".into(), "10.0.0.1 is a private address"),
        ("http://[fd00::1]/a".into(), "fd00::1 is a private address"),
    ];
    for (url, message) in cases {
        let maintainer = Maintainer::new(&[("a", url.clone(), "allow_http = true")]);
        let ran = maintainer.update(&[]).expect(1);
        assert!(ran.error("a").contains(message), "{url}: {}", ran.error("a"));
        assert!(ran.error("a").contains("allow_private = true"), "{url}: {}", ran.error("a"));
    }
    // Leave for one source is not leave for another that shares its URL.
    let url = server.url("/a");
    let maintainer = Maintainer::new(&[("a", url.clone(), ""), ("b", url, "allow_http = true")]);
    maintainer.update(&[]).expect(1);
    assert_eq!(server.take_requests("/a").len(), 0);
}

/// What the name leads to shows only as it is resolved.
#[test]
fn names_that_lead_inside_need_leave() {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    let server = Server::start();
    let leads_here = (name, server.port())
        .to_socket_addrs()
        .is_ok_and(|mut found| found.all(|at| at.ip() == Ipv4Addr::LOCALHOST));
    if !leads_here || name == "localhost" {
        eprintln!("skipped: this machine's name does not lead to 127.0.0.1");
        return;
    }
    server.list("/a", "a.example\n");
    let url = format!("http://{name}:{}/a", server.port());
    let refused = format!("{name} is 127.0.0.1, on this machine or a private network");
    let maintainer = Maintainer::new(&[("a", url.clone(), "allow_http = true")]);
    let ran = maintainer.update(&[]).expect(1);
    assert!(ran.error("a").starts_with(&refused), "{}", ran.error("a"));
    assert_eq!(server.take_requests("/a").len(), 0);

    let redirected = url.clone();
    server
        .at("/b", move |_, stream| answer(stream, "302 Found", &[("Location", &redirected)], b""));
    maintainer.sources(&[("a", server.url("/b"), "")]);
    let ran = maintainer.update(&[]).expect(1);
    let refused = format!("it is redirected to {name}, which is 127.0.0.1");
    assert!(ran.error("a").starts_with(&refused), "{}", ran.error("a"));

    maintainer.sources(&[("a", url, "")]);
    maintainer.update(&[]).expect(0);
}

#[test]
fn unencrypted_lists_need_leave() {
    let server = Server::start();
    let maintainer = Maintainer::new(&[("a", server.url("/a"), "allow_private = true")]);
    let ran = maintainer.update(&[]).expect(3);
    assert!(ran.err.contains("allow_http = true"), "{}", ran.err);
}

#[test]
fn proxies_of_the_environment_are_used() {
    let proxy = Server::start();
    let target = "http://lists.example/a";
    proxy.list(target, "a.example\n");
    let maintainer = Maintainer::new(&[("a", target.into(), "allow_http = true")]);
    // By its name, too: that it is private does not matter.
    for address in
        [format!("http://127.0.0.1:{}", proxy.port()), format!("localhost:{}", proxy.port())]
    {
        let mut command = maintainer.update_command(&[]);
        let output = command.env("http_proxy", &address).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(proxy.take_requests(target).len(), 1, "{address}");
    }
    assert!(maintainer.refuses("a.example"));

    // It resolves names, but what is private by its looks is refused here.
    for location in ["http://127.0.0.1/", "http://intranet.local/", "http://localhost/"] {
        proxy.at(target, move |_, stream| {
            answer(stream, "302 Found", &[("Location", location)], b"")
        });
        let mut command = maintainer.update_command(&["--json"]);
        command.env("http_proxy", format!("http://127.0.0.1:{}", proxy.port()));
        let ran = Ran::from(command.output().unwrap()).expect(6);
        assert!(ran.error("a").contains("is a private "), "{location}: {}", ran.error("a"));
    }
}
