//! Which hosts lists may come from, and by which proxies.

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
