//! Where and with what it was measured.

use std::{fs, process::Command};

/// Programs that are measured or measure, by their Debian packages.
const PACKAGES: [&str; 9] = [
    "bind9",
    "dnsdist",
    "dnsmasq-base",
    "dnsperf",
    "knot-resolver",
    "pdns-recursor",
    "unbound",
    "valgrind",
    "libc6",
];
/// Crates that are measured.
const CRATES: [&str; 5] = ["adblock", "ahash", "aho-corasick", "fst", "hickory-server"];

/// Machine, versions and commit, in Markdown.
pub(crate) fn description() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".into());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kib = field("/proc/meminfo", "MemTotal");
    let kib = kib.and_then(|kib| kib.split(' ').next()?.parse::<f64>().ok()).unwrap_or_default();
    let debian = fs::read_to_string("/etc/debian_version").unwrap_or_default();
    format!(
        "**Machine.** {cores} cores of {cpu}, {:.1} GB of memory, Linux {}, Debian {}.\n\
         **Versions.** Commit `{}`, {}, release profile; crates {}; Debian's {}.\n\
         **Names** are made up, from a fixed seed, unless `PREAU_BENCH_NAMES` says others \
         (benches/README.md). CPU time throughout, of user and system together where nothing else is said.\n",
        kib * 1024.0 / 1e9,
        said("uname", &["-r"]),
        debian.trim(),
        commit(),
        said("rustc", &["--version"]),
        crates(),
        packages()
    )
}

/// Today, as RFC 3339 has it.
pub(crate) fn date() -> String {
    said("date", &["-u", "+%F"])
}

/// Of the last minute.
pub(crate) fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().unwrap_or_default().to_owned()
}

/// What is checked out, and whether it was changed since.
pub(crate) fn commit() -> String {
    let changed = match said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty() {
        true => "",
        false => ", changed since",
    };
    format!("{}{changed}", said("git", &["rev-parse", "--short", "HEAD"]))
}

fn crates() -> String {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let version = |name: &&str| {
        let package = lock
            .split("[[package]]")
            .find(|package| package.lines().any(|line| line == format!("name = \"{name}\"")))?;
        let version = package.lines().find_map(|line| line.strip_prefix("version = "))?;
        Some(format!("{name} {}", version.trim_matches('"')))
    };
    CRATES.iter().filter_map(version).collect::<Vec<_>>().join(", ")
}

fn packages() -> String {
    let version = |name: &&str| {
        let output =
            Command::new("dpkg-query").args(["-W", "-f=${Version}", name]).output().ok()?;
        let version =
            String::from_utf8(output.stdout).ok().filter(|version| !version.is_empty())?;
        Some(format!("{name} {version}"))
    };
    PACKAGES.iter().filter_map(version).collect::<Vec<_>>().join(", ")
}

/// The value of the first `name : value` of a file of the kernel's.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// What a program prints; nothing where there is none.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok();
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.unwrap_or_default().trim().to_owned()
}
