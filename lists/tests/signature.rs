//! Keys and signatures as a maintainer makes and checks them, also with the stock minisign.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
};

use filter_core::{FilterBuilder, Stamp};
use tempfile::TempDir;

/// A folder with a bundle in it.
struct Publisher(TempDir);

/// Exit code, then everything that was printed.
type Ran = (Option<i32>, String);

impl Publisher {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        this.write("a.bundle", &bundle(7));
        this
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path().join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.run_program(env!("CARGO_BIN_EXE_list-compile"), arguments, "")
    }

    fn run_program(&self, program: &str, arguments: &[&str], input: &str) -> Ran {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that asks for nothing may have ended by now.
        if let Err(error) = child.stdin.take().unwrap().write_all(input.as_bytes()) {
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        }
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }

    /// Runs it, and expects that it succeeds.
    fn done(&self, arguments: &[&str]) -> String {
        let (code, said) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    }
}

fn bundle(serial: u64) -> Vec<u8> {
    let created = "2026-11-22T00:00:00Z".into();
    FilterBuilder::new().build(Stamp { serial, created, expires: None }).bytes
}

#[test]
fn keygen_sign_verify() {
    let publisher = Publisher::new();
    let said = publisher.done(&["keygen", "--out", "k", "--no-password"]);
    let base64 = publisher.read("k.pub").lines().nth(1).unwrap().to_owned();
    assert!(said.contains(&format!("keys = [\"{base64}\"]")), "{said}");
    let mode = |name: &str| {
        fs::metadata(publisher.path().join(name)).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("k"), 0o600);
    assert_eq!(mode("k.pub") & 0o600, 0o600);

    let said = publisher.done(&["sign", "a.bundle", "--key", "k"]);
    let id = publisher.read("k.pub").lines().next().unwrap().rsplit(' ').next().unwrap().to_owned();
    assert!(
        said.contains(&format!("a.bundle.minisig: signed with key {id}: serial:7, ")),
        "{said}"
    );
    let comment = publisher.read("a.bundle.minisig").lines().nth(2).unwrap().to_owned();
    let expected = "trusted comment: serial:7\tcreated:2026-11-22T00:00:00Z\tsha256:";
    assert!(comment.starts_with(expected), "{comment}");
    for key in ["k.pub", &base64] {
        let said = publisher.done(&["verify", "a.bundle", "--key", key]);
        assert!(said.starts_with(&format!("a.bundle: signed with key {id}: serial:7, ")), "{said}");
    }
    // Rotation: another key may have signed.
    publisher.done(&["keygen", "--out", "new", "--no-password"]);
    publisher.done(&["verify", "a.bundle", "--key", "new.pub", "--key", "k.pub"]);
    let json = publisher.done(&["verify", "a.bundle", "--key", "k.pub", "--json"]);
    assert!(json.contains(&format!("\"key\": \"{id}\"")), "{json}");
}

#[test]
fn refusals() {
    let publisher = Publisher::new();
    publisher.write("note.txt", b"not a bundle");
    publisher.write("b.bundle", &bundle(8));
    publisher.write("empty", b"");
    for name in ["k", "other"] {
        publisher.done(&["keygen", "--out", name, "--no-password"]);
    }
    publisher.done(&["sign", "a.bundle", "--key", "k"]);
    fs::copy(publisher.path().join("a.bundle.minisig"), publisher.path().join("c.bundle.minisig"))
        .unwrap();
    publisher.write("c.bundle", &bundle(9));
    let cases: &[(&[&str], i32, &str)] = &[
        (&["keygen", "--out", "k", "--no-password"], 1, "k is there already"),
        (&["keygen", "--out", "absent/k", "--no-password"], 1, "cannot write absent/k"),
        (&["keygen", "--out", "x", "--password-file", "empty"], 1, "empty holds no password"),
        (&["sign", "note.txt", "--key", "k"], 4, "not a Préau bundle"),
        (&["sign", "a.bundle", "--key", "k.pub"], 1, "k.pub is not a minisign secret key"),
        (&["sign", "a.bundle", "--key", "absent"], 1, "cannot read the secret key absent"),
        (&["verify", "a.bundle", "--key", "other.pub"], 4, "and only key"),
        (&["verify", "b.bundle", "--key", "k.pub"], 4, "there is no b.bundle.minisig; sign it"),
        (&["verify", "c.bundle", "--key", "k.pub"], 4, "altered, or another file's signature"),
        (&["verify", "a.bundle", "--key", "k"], 2, "this is a secret key"),
        (&["verify", "a.bundle", "--key", "absent"], 2, "absent: No such file"),
        (&["verify", "a.bundle"], 2, "--key"),
    ];
    for (arguments, code, message) in cases {
        let (got, said) = publisher.run(arguments);
        assert_eq!(got, Some(*code), "{arguments:?}: {said}");
        assert!(said.contains(message), "{arguments:?}: {said}");
    }
    assert!(!publisher.path().join("note.txt.minisig").exists());
}

/// Debian's package `minisign`.
#[test]
#[ignore = "needs minisign; and deriving a key from a password takes seconds"]
fn minisign_reads_what_we_write_and_we_what_it_writes() {
    let publisher = Publisher::new();
    publisher.write("password", b"correct horse\n");
    let minisign = |arguments: &[&str], input: &str| {
        let (code, said) = publisher.run_program("minisign", arguments, input);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        said
    };
    let password = ["--password-file", "password"];
    publisher.done(&["keygen", "--out", "open", "--no-password"]);
    publisher.done(&[&["keygen", "--out", "ours"][..], &password].concat());
    minisign(&["-G", "-p", "theirs.pub", "-s", "theirs"], "correct horse\ncorrect horse\n");

    // Our signature, with whoever's key, is one for minisign; and its own, with ours, for us.
    for key in ["open", "ours", "theirs"] {
        let public = format!("{key}.pub");
        publisher.done(&[&["sign", "a.bundle", "--key", key][..], &password].concat());
        let said = minisign(&["-V", "-p", &public, "-m", "a.bundle"], "");
        assert!(said.contains("Signature and comment signature verified"), "{said}");
        assert!(said.contains("serial:7\tcreated:2026-11-22T00:00:00Z\tsha256:"), "{said}");
        publisher.done(&["verify", "a.bundle", "--key", &public]);

        for kind in ["-H", "-l"] {
            fs::remove_file(publisher.path().join("a.bundle.minisig")).unwrap();
            let comment = format!("{key} {kind}");
            let arguments = ["-S", kind, "-s", key, "-m", "a.bundle", "-t", &comment];
            minisign(&arguments, "correct horse\n");
            let said = publisher.done(&["verify", "a.bundle", "--key", &public]);
            assert!(said.contains(&comment), "{said}");
        }
    }
    // A wrong password opens nothing.
    publisher.write("password", b"battery staple\n");
    let (code, said) =
        publisher.run(&[&["sign", "a.bundle", "--key", "ours"][..], &password].concat());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("Wrong password"), "{said}");
}
