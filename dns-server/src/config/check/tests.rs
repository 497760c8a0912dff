//! Sections `[check]`, and what is said about each.

use std::{fs, fs::Permissions, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::{Config, testing};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn write(folder: &Path, name: &str, mode: u32, content: &str) {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
}

/// A folder of tokens, good and bad, and of a certificate.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    write(at, "token", 0o640, &format!("{TOKEN}\n"));
    write(at, "public", 0o644, TOKEN);
    write(at, "shared", 0o602, TOKEN);
    write(at, "short", 0o600, &TOKEN[1..]);
    write(at, "empty", 0o600, "\n");
    write(at, "two", 0o600, &format!("{TOKEN}\n{TOKEN}\n"));
    write(at, "accents", 0o600, &TOKEN.replace('0', "é"));
    let identity = testing::certificate("dns.school.example", 2020..2100);
    write(at, "cert.pem", 0o600, &identity.certificate);
    write(at, "key.pem", 0o600, &identity.key);
    folder
}

/// The configuration, or what is said about it, with `DIR` for the folder.
fn parse(folder: &TempDir, text: &str) -> Result<CheckApi, String> {
    let path = folder.path().join("preau.toml");
    let shown = folder.path().to_string_lossy().into_owned();
    Config::parse(&path.to_string_lossy(), text)
        .map(|config| config.check)
        .map_err(|error| error.to_string().replace(&shown, "DIR"))
}

const TLS: &str = "[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";

#[test]
fn where_it_is_and_what_it_takes() {
    let folder = folder();
    assert_eq!(parse(&folder, "[check]\nitems = 7\n").unwrap().place, None);
    let api = parse(
        &folder,
        "[check]\nlisten = \"127.0.0.1:9380\"\ntoken_file = \"token\"\nbody = \"8MiB\"\n\
         text = \"4MiB\"\nitems = 7\nrequests = 3\ntimeout = \"2s\"\n",
    );
    let expected = CheckApi {
        place: Some(CheckPlace::Tcp("127.0.0.1:9380".parse().unwrap())),
        token: Some(Token(TOKEN.into())),
        body: 8 << 20,
        text: 4 << 20,
        items: 7,
        requests: 3,
        timeout: Duration::from_secs(2),
    };
    let api = api.unwrap();
    assert_eq!(api, expected);
    assert!(!api.is_encrypted() && !format!("{api:?}").contains(TOKEN), "{api:?}");
    let token = api.token.unwrap();
    assert!(token.is(TOKEN.as_bytes()) && !token.is(b"") && !token.is(&TOKEN.as_bytes()[1..]));

    let api = parse(&folder, "[check]\nsocket = \"check.sock\"\n").unwrap();
    let socket = CheckPlace::Unix(folder.path().join("check.sock"));
    assert_eq!((api.place, api.token), (Some(socket), None));

    for (address, is_encrypted) in
        [("127.9.9.9:1", false), ("[::1]:1", false), ("0.0.0.0:1", true), ("10.0.0.1:1", true)]
    {
        let text = format!("{TLS}[check]\nlisten = \"{address}\"\ntoken_file = \"token\"\n");
        // Where nothing is encrypted, nothing uses the certificate.
        let text = if is_encrypted { text } else { text.replace(TLS, "") };
        let api = parse(&folder, &text).unwrap();
        assert_eq!(api.is_encrypted(), is_encrypted, "{address}");
    }
}

#[test]
fn faults() {
    let folder = folder();
    let at = |keys: &str| format!("[check]\nlisten = \"127.0.0.1:1\"\n{keys}");
    let cases = [
        (at(""), "2:10", "`listen` without `token_file`", "openssl rand -hex 32"),
        (
            at("token_file = \"token\"\nsocket = \"s\""),
            "4:10",
            "`listen` and `socket` exclude each other",
            "drop one of them",
        ),
        (
            "[check]\nsocket = \"s\"\ntoken_file = \"token\"".into(),
            "3:14",
            "`token_file` without `listen`",
            "permissions of its file",
        ),
        (
            "[check]\nlisten = \"9380\"\ntoken_file = \"token\"".into(),
            "2:10",
            "`9380` is not an address and a port",
            "write \"127.0.0.1:9380\"",
        ),
        (
            "[check]\nlisten = \"10.0.0.1:9380\"\ntoken_file = \"token\"".into(),
            "2:10",
            "the check API without a certificate",
            "its token would be read on the way",
        ),
        (
            at("token_file = \"absent\""),
            "3:14",
            "cannot read DIR/absent: No such file",
            "to make one",
        ),
        (
            at("token_file = \"public\""),
            "3:14",
            "every user of this machine may read or write DIR/public",
            "chmod o-rwx DIR/public",
        ),
        (at("token_file = \"shared\""), "3:14", "may read or write DIR/shared", "another token"),
        (at("token_file = \"short\""), "3:14", "has 31 characters", "from 32 to 4096, at random"),
        (at("token_file = \"empty\""), "3:14", "has 0 characters", "openssl"),
        (at("token_file = \"two\""), "3:14", "more than one token", "one line without spaces"),
        (at("token_file = \"accents\""), "3:14", "or characters that none may have", "ASCII"),
        ("[check]\nbody = \"2MB\"".into(), "2:8", "`2MB` is not a size", "\"1MiB\" to \"64MiB\""),
        ("[check]\nbody = \"65MiB\"".into(), "2:8", "`65MiB` is not a size", "\"64MiB\""),
        ("[check]\ntext = \"0MiB\"".into(), "2:8", "`0MiB` is not a size", "\"1MiB\""),
        (
            "[check]\ntext = \"3MiB\"".into(),
            "2:8",
            "a text may be of 3145728 octets, all of a request of 2097152",
            "or raise `body`",
        ),
        ("[check]\nitems = 0".into(), "2:9", "0 is out of range", "from 1 to 100000"),
        ("[check]\nrequests = 1001".into(), "2:12", "1001 is out of range", "from 1 to 1000"),
        ("[check]\ntimeout = \"61s\"".into(), "2:11", "`61s` is not a length", "\"1s\" to \"1m\""),
        ("[check]\ntoken = \"a\"".into(), "2:1", "unknown field `token`", ""),
    ];
    for (text, place, title, help) in cases {
        let said = parse(&folder, &text).unwrap_err();
        assert!(said.contains(&format!("preau.toml:{place}")), "{text}: {said}");
        assert!(said.contains(title) && said.contains(help), "{text}: {said}");
        assert!(!said.contains(&TOKEN[..16]), "{said}");
    }
}
