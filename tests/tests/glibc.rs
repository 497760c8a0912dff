//! Programs that ask glibc for names: `getent`, in a network of its own, where port 53 is ours.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, process::Command};

use tempfile::TempDir;

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");

/// Waits until the server listens, asks, and ends it.
const SCRIPT: &str = "ip link set lo up
mount --bind resolv.conf /etc/resolv.conf
mount --bind nsswitch.conf /etc/nsswitch.conf
$PREAU --config preau.toml >log 2>&1 &
for wait in $(seq 200); do grep -q 'listening on' log && break; sleep 0.1; done
getent ahosts pupils.example; echo exit $?
getent ahosts www.pornhub.com; echo exit $?
kill $!
wait";

#[test]
#[ignore = "needs unshare, ip and getent (Debian's util-linux, iproute2, libc-bin), and user namespaces"]
fn getent_through_glibc() {
    let folder = TempDir::new().unwrap();
    let config = "[listen]\ndns = [\"127.0.0.1:53\"]\n[upstream]\nservers = [\"127.0.0.1:9\"]\n\
                  [lists]\ncache = \"cache\"\n\
                  [[local]]\nname = \"pupils.example\"\naddresses = [\"127.0.0.7\"]\n";
    fs::write(folder.path().join("preau.toml"), config).unwrap();
    fs::write(folder.path().join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
    fs::write(folder.path().join("nsswitch.conf"), "hosts: dns\n").unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "--net", "sh", "-c", SCRIPT])
        .env("PREAU", PREAU)
        .current_dir(folder.path())
        .output()
        .expect("util-linux is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    let expected =
        said.contains("127.0.0.7       STREAM pupils.example") && said.contains("exit 0");
    assert!(expected, "{said}\n{}\n{log}", String::from_utf8_lossy(&output.stderr));
    // 2: no such name. Upstream, of whom this would be asked otherwise, does not exist.
    assert!(said.trim_end().ends_with("exit 2"), "{said}\n{log}");
}
