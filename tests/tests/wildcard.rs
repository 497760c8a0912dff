//! A machine with several addresses, and one socket for all of them: a reply leaves from the one that was
//! asked, or the client does not take it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, process::Command};

use tempfile::TempDir;

const PREAU: &str = env!("CARGO_BIN_EXE_preau-under-test");

/// In a network of its own. The clients' address is none of those that are asked: what the kernel
/// would choose for the reply by itself is wrong.
const SCRIPT: &str = "ip link set lo up
for address in fd00::5 fd00::6; do ip -6 address add $address/128 dev lo nodad; done
$PREAU --config preau.toml >log 2>&1 &
for wait in $(seq 200); do grep -q 'listening on .::' log && break; sleep 0.1; done
ask() { dig @$1 -b $2 -p 5300 $3 +tries=1 +timeout=9 | grep -c -e \"status: $4\"; }
for asked in 127.0.0.2 127.0.0.3; do
    ask $asked 127.0.0.9 pornhub.com NXDOMAIN; ask $asked 127.0.0.9 nobody.here SERVFAIL
done
for asked in fd00::5 fd00::6; do
    ask $asked ::1 pornhub.com NXDOMAIN; ask $asked ::1 nobody.here SERVFAIL
done
kill $!
wait";

#[test]
#[ignore = "needs unshare, ip and dig (Debian's util-linux, iproute2, dnsutils), and user namespaces"]
fn replies_leave_from_the_address_that_was_asked() {
    let folder = TempDir::new().unwrap();
    // Nobody answers at port 9: a failure, which takes the way of all that upstream is asked.
    let config = "[listen]\ndns = [\"0.0.0.0:5300\", \"[::]:5300\"]\n\
                  [upstream]\nservers = [\"127.0.0.1:9\"]\n[lists]\ncache = \"cache\"\n";
    fs::write(folder.path().join("preau.toml"), config).unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", SCRIPT])
        .env("PREAU", PREAU)
        .current_dir(folder.path())
        .output()
        .expect("util-linux is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
    assert_eq!(said, "1\n".repeat(8), "{}\n{log}", String::from_utf8_lossy(&output.stderr));
}
