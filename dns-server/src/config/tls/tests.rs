//! Certificates of every kind, and what is said about each.

use std::fs;

use tempfile::TempDir;

use crate::{Config, testing};

/// A folder with a good pair, `cert.pem` and `key.pem`, for `dns.school.example`.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let identity = testing::certificate("dns.school.example", 2020..2100);
    fs::write(folder.path().join("cert.pem"), identity.certificate).unwrap();
    fs::write(folder.path().join("key.pem"), identity.key).unwrap();
    folder
}

/// The configuration, or what is said about it, with `DIR` for the folder.
fn parse(folder: &TempDir, text: &str) -> Result<Config, String> {
    let path = folder.path().join("preau.toml");
    let shown = folder.path().to_string_lossy().into_owned();
    Config::parse(&path.to_string_lossy(), text)
        .map_err(|error| error.to_string().replace(&shown, "DIR"))
}

const GOOD: &str = "[listen]\ntls = [\"10.0.0.1:853\"]\n\
                    [tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";

#[test]
fn a_certificate_and_its_name() {
    let folder = folder();
    let config = parse(&folder, &format!("{GOOD}name = \"DNS.school.example\"\n")).unwrap();
    let tls = config.tls.unwrap();
    assert_eq!(tls.name.as_ref().unwrap().to_string(), "dns.school.example");
    assert_eq!(tls.complaint(), None);
    assert_eq!(config.listen.all().count(), 2);
    assert!(parse(&folder, GOOD).unwrap().tls.unwrap().name.is_none());
}

/// What is listened for, by ports; a wildcard is no hint.
#[test]
fn encrypted_transports_are_told() {
    let folder = folder();
    let text = GOOD.replace(
        "tls = [",
        "quic = [\"0.0.0.0:853\"]\nhttps = [\"10.0.0.1:443\", \"[2001:db8::1]:443\"]\n\
         tls = [\"10.0.0.1:8853\", ",
    );
    assert_eq!(parse(&folder, &text).unwrap().designation(), None);
    let named = format!("{text}name = \"dns.school.example\"\n");
    let designation = parse(&folder, &named).unwrap().designation().unwrap();
    assert_eq!(designation.target.to_string(), "dns.school.example");
    let told: Vec<_> = designation
        .endpoints
        .iter()
        .map(|endpoint| (endpoint.alpn[0], endpoint.port, endpoint.hints.len(), endpoint.doh_path))
        .collect();
    let expected = [
        ("doq", 853, 0, None),
        ("dot", 8853, 1, None),
        ("dot", 853, 1, None),
        ("h2", 443, 2, Some("/dns-query")),
    ];
    assert_eq!(told, expected);
    assert_eq!(Config::default().designation(), None);

    // Nobody is sent to port 0.
    let any =
        named.replace("10.0.0.1:8853\", ", "10.0.0.1:0\", ").replace("0.0.0.0:853", "0.0.0.0:0");
    let endpoints = parse(&folder, &any).unwrap().designation().unwrap().endpoints;
    let ports: Vec<_> = endpoints.iter().map(|endpoint| endpoint.port).collect();
    assert_eq!(ports, [853, 443]);
    let only = format!("{GOOD}name = \"dns.school.example\"\n").replace(":853", ":0");
    assert_eq!(parse(&folder, &only).unwrap().designation(), None);
}

#[test]
fn dates_are_told_and_stop_nothing() {
    let folder = folder();
    for (years, complaint) in [
        (2020..2021, "the certificate expired at 2021-01-01T00:00:00Z: renew it"),
        (2099..2100, "the certificate is not valid before 2099-01-01T00:00:00Z: check the clock"),
    ] {
        let identity = testing::certificate("dns.school.example", years);
        fs::write(folder.path().join("cert.pem"), identity.certificate).unwrap();
        fs::write(folder.path().join("key.pem"), identity.key).unwrap();
        let tls = parse(&folder, GOOD).unwrap().tls.unwrap();
        assert_eq!(tls.complaint().unwrap(), complaint);
    }
}

#[test]
fn faults() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("other.pem", &testing::certificate("x", 2020..2100).key);
    write("empty.pem", "");
    write("text.pem", "-----BEGIN CERTIFICATE-----\nnonsense!\n-----END CERTIFICATE-----\n");
    write("der.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    write(
        "locked.pem",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    write("badkey.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    let listen = "[listen]\ntls = [\"10.0.0.1:853\"]\n";
    let pair = |certificate: &str, key: &str| {
        format!("{listen}[tls]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n")
    };
    let group = |path: &str| {
        format!(
            "[[group]]\nname = \"a\"\nnetworks = [\"10.0.0.0/16\"]\nprofile = \"staff\"\n\
             doh_path = \"{path}\"\n"
        )
    };
    #[rustfmt::skip]
    let cases = [
        (pair("nowhere.pem", "key.pem"), "4:15", "cannot read DIR/nowhere.pem: No such file or directory (os error 2)"),
        (pair("empty.pem", "key.pem"), "4:15", "DIR/empty.pem holds no certificate"),
        (pair("key.pem", "key.pem"), "4:15", "DIR/key.pem holds no certificate"),
        (pair("text.pem", "key.pem"), "4:15", "DIR/text.pem is not a PEM file: "),
        (pair("der.pem", "key.pem"), "4:15", "the first certificate of the file is no X.509 certificate"),
        (pair("cert.pem", "nowhere.pem"), "5:7", "cannot read DIR/nowhere.pem: "),
        (pair("cert.pem", "empty.pem"), "5:7", "DIR/empty.pem holds no private key that is not encrypted"),
        (pair("cert.pem", "locked.pem"), "5:7", "DIR/locked.pem holds no private key that is not encrypted"),
        (pair("cert.pem", "badkey.pem"), "5:7", "the private key cannot be used: "),
        (pair("cert.pem", "other.pem"), "5:7", "the key is not the certificate's"),
        (format!("{GOOD}name = \"www.school.example\"\n"), "6:8", "the certificate is not for `www.school.example`"),
        (format!("{GOOD}name = \"a b\"\n"), "6:8", "`a b` is not a host name"),
        (listen.to_owned(), "2:7", "`tls` without a certificate"),
        ("[listen]\nhttps = [\"10.0.0.1:443\"]\n".into(), "2:9", "`https` without a certificate"),
        ("[listen]\nquic = [\"10.0.0.1:853\"]\n".into(), "2:8", "`quic` without a certificate"),
        (GOOD.replace("tls = [\"10.0.0.1:853\"]", ""), "3:1", "[tls] without anything that uses it"),
        (GOOD.replace("key = \"key.pem\"\n", ""), "3:1", "missing field `key`"),
        (GOOD.replace("[\"10.0.0.1:853\"]", "[]"), "2:7", "no address to listen on"),
        (GOOD.replace("10.0.0.1:853", "10.0.0.1"), "2:8", "`10.0.0.1` is not an address and a port"),
        (GOOD.replace("tls = [", "https = [\"10.0.0.1:853\"]\ntls = ["), "2:10", "10.0.0.1:853 stands twice"),
        (GOOD.replace("tls = [", "dns = [\"10.0.0.1:853\"]\ntls = ["), "3:8", "10.0.0.1:853 stands twice"),
        (format!("{GOOD}{}", group("/staff/0123456789abcdef")), "10:12", "`doh_path` without DNS over HTTPS"),
        (format!("{GOOD}{}", group("staff/0123456789abcdef")), "10:12", "`staff/0123456789abcdef` is not a path"),
        (format!("{GOOD}{}", group("/staff?0123456789abcdef")), "10:12", "`/staff?0123456789abcdef` is not a path"),
        (format!("{GOOD}{}", group("/staff/0123456789abcde")), "10:12", "`/staff/0123456789abcde` is easily guessed"),
        (format!("{GOOD}{}", group("/dns-query")), "10:12", "`/dns-query` is easily guessed"),
        (
            GOOD.replace("tls = [", "https = [\"10.0.0.1:443\"]\ntls = [")
                + &group("/staff/0123456789abcdef")
                + &group("/staff/0123456789abcdef").replace("10.0", "10.1").replace("\"a\"", "\"b\""),
            "16:12", "two groups have the path `/staff/0123456789abcdef`",
        ),
    ];
    for (text, place, title) in cases {
        let said = parse(&folder, &text).unwrap_err();
        assert!(said.starts_with(&format!("error: {title}")), "{text}\n{said}");
        assert!(said.contains(&format!(" --> DIR/preau.toml:{place}\n")), "{text}\n{said}");
        let syntax = title.starts_with("missing field");
        assert!(syntax || said.contains("\nhelp: "), "{text}\n{said}");
    }
    // Both files are looked at, whatever is wrong with one.
    let both = parse(&folder, &pair("nowhere.pem", "empty.pem")).unwrap_err();
    assert_eq!(both.matches("error: ").count(), 2, "{both}");
}

/// `[upstream] ca`: who vouches for encrypted servers, those of zones too.
#[test]
fn authorities_of_upstream() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let [one, two] = [2100, 2101].map(|end| testing::certificate("ca", 2020..end).certificate);
    write("ca.pem", &one);
    write("both.pem", &format!("{one}{two}"));
    write("empty.pem", "");
    write("der.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let upstream =
        |servers: &str, ca: &str| format!("[upstream]\nservers = [{servers}]\nca = \"{ca}\"\n");
    let encrypted = "\"tls://10.0.0.1#dns.town.example\"";
    let zone = "[[forward]]\nzone = \"town.example\"\nservers = [\"quic://10.0.0.1#ns\"]\n";
    for (text, expected) in [
        (format!("[upstream]\nservers = [{encrypted}]\n"), 0),
        (upstream(encrypted, "ca.pem"), 1),
        (upstream(encrypted, "both.pem"), 2),
        (format!("{}{zone}", upstream("\"10.0.0.2\"", "ca.pem")), 1),
    ] {
        let config = parse(&folder, &text).unwrap();
        assert_eq!(config.upstream.roots.len(), expected, "{text}");
    }
    // Another file content is another upstream: connections are made anew on reload.
    let before = parse(&folder, &upstream(encrypted, "ca.pem")).unwrap().upstream;
    write("ca.pem", &two);
    assert_ne!(parse(&folder, &upstream(encrypted, "ca.pem")).unwrap().upstream, before);
    for (text, title) in [
        (upstream(encrypted, "nowhere.pem"), "cannot read DIR/nowhere.pem: "),
        (upstream(encrypted, "empty.pem"), "DIR/empty.pem holds no certificate"),
        (upstream(encrypted, "key.pem"), "DIR/key.pem holds no certificate"),
        (upstream(encrypted, "der.pem"), "certificate 1 of the file cannot be used: "),
        (upstream("\"10.0.0.2\"", "ca.pem"), "`ca` without an encrypted server"),
    ] {
        let said = parse(&folder, &text).unwrap_err();
        assert!(said.starts_with(&format!("error: {title}")), "{text}\n{said}");
        assert!(said.contains(" --> DIR/preau.toml:3:6\n"), "{text}\n{said}");
        assert!(said.contains("\nhelp: "), "{text}\n{said}");
    }
}

/// UDP and TCP ports are two; port 0 is another one each time.
#[test]
fn one_number_may_be_two_ports() {
    let folder = folder();
    for listen in [
        "tls = [\"10.0.0.1:853\"]\nquic = [\"10.0.0.1:853\"]",
        "dns = [\"127.0.0.1:0\"]\ntls = [\"127.0.0.1:0\"]\nhttps = [\"127.0.0.1:0\"]",
    ] {
        let text = GOOD.replace("tls = [\"10.0.0.1:853\"]", listen);
        parse(&folder, &text).unwrap();
    }
}
