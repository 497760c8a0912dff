//! The real lists beside the repository, where they are.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use filter_core::Stamp;
use lists::{
    compile::build,
    formats::detect,
    source::{Format, Sources},
};

/// The folder of real lists; says so where there is none.
fn real_lists() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let there = folder.is_dir();
    if !there {
        println!("skipped: no ../shared");
    }
    there.then_some(folder)
}

#[test]
fn every_real_source_is_read_and_every_line_counted() {
    let Some(folder) = real_lists() else { return };
    let sources = Sources::load(&folder.join("sources.toml")).unwrap();
    assert_eq!(sources.sources.len(), 79);
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let report = build(&sources, stamp, &()).unwrap().report;
    for source in &report.sources {
        for file in &source.files {
            let counts = &file.report;
            let accounted = counts.accepted.total() + counts.skipped_lines();
            assert_eq!(counts.lines, accounted, "{}", file.path.display());
        }
    }
    let totals = report.totals;
    assert_eq!(totals.lines, totals.accepted + totals.skipped);
    assert_eq!(totals.lines, 2_388_781);
    assert_eq!(totals.accepted, 2_345_969);
    let kinds = totals.accepted_by_kind;
    let kinds = [kinds.names, kinds.fragments, kinds.expressions, kinds.urls];
    assert_eq!(kinds, [2_336_354, 59, 98, 9_458]);
    assert_eq!(report.bundle.counts.names, 1_943_104);
    assert!(report.bundle.dictionary_bytes <= 14 * report.bundle.counts.names);
}

#[test]
fn formats_are_found_out() {
    let Some(folder) = real_lists() else { return };
    let sources = Sources::load(&folder.join("sources.toml")).unwrap();
    for source in &sources.sources {
        if source.format != Some(Format::Ut1) {
            let found = detect(&head(source.path().unwrap())).ok();
            assert_eq!(found, source.format, "{}", source.path().unwrap().display());
        }
    }

    // By the beginning of a file's name, for those that no source names.
    let expected: &[(&str, Result<Format, &str>)] = &[
        ("adblock_", Ok(Format::Adblock)),
        ("adguard_blp_drugs", Ok(Format::Adblock)),
        ("adguard_dnr_domains", Ok(Format::Domains)),
        ("adguard_urlfilter_hosts", Ok(Format::Hosts)),
        ("blp_crypto", Ok(Format::Domains)),
        ("blp_gambling_20200615", Ok(Format::Hosts)),
        ("blp_malware_dnsmasq_20210611_all_lines_corrupt", Err("no list format fits")),
        ("blp_redirect", Ok(Format::Domains)),
        ("blp_torrent", Ok(Format::Domains)),
        ("dnsbunker_cti_rpz", Ok(Format::Rpz)),
        ("dnsmasq_", Ok(Format::Dnsmasq)),
        ("domains_", Ok(Format::Domains)),
        ("easylist_ubo", Ok(Format::Adblock)),
        ("hosts_", Ok(Format::Hosts)),
        ("rpz_", Ok(Format::Rpz)),
        ("squidguard_diffs_2001", Err("a gzip file")),
        ("ubo_urlhaus", Ok(Format::Adblock)),
        ("unbound_", Ok(Format::Unbound)),
        ("urlhaus_ubo", Ok(Format::Adblock)),
        ("ut1_adult_urls_20210918", Ok(Format::Domains)),
        ("ut1_cryptojacking_20230207", Ok(Format::Domains)),
        ("ut1_gambling_20250824", Ok(Format::Domains)),
        ("ut1_phishing_20250713", Ok(Format::Domains)),
        ("ut1_with_aliases", Err("a gzip file")),
        ("wildcard_", Ok(Format::Wildcard)),
    ];
    let mut checked = 0;
    for path in files(&folder) {
        if sources.sources.iter().any(|source| same(source.path().unwrap(), &path)) {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let row = expected.iter().find(|(start, _)| name.starts_with(start));
        let (_, expected) = row.unwrap_or_else(|| panic!("{name}: which format is it?"));
        match (detect(&head(&path)), expected) {
            (Ok(found), Ok(format)) => assert_eq!(found, *format, "{name}"),
            (Err(error), Err(message)) => {
                assert!(error.to_string().contains(message), "{name}: {error}");
            }
            (found, _) => panic!("{name}: {found:?}, not {expected:?}"),
        }
        checked += 1;
    }
    assert!(checked >= expected.len(), "only {checked} files");
}

/// Every file under `lists`, `formats` and `dirty`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<_> = ["lists", "formats", "dirty"].map(|name| folder.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    fs::File::open(path).unwrap().take(64 * 1024).read_to_end(&mut head).unwrap();
    head
}

fn same(a: &Path, b: &Path) -> bool {
    fs::canonicalize(a).unwrap() == fs::canonicalize(b).unwrap()
}

/// What a build of the real lists may take, for each accepted line; unoptimised tests get by with
/// it too. CPU time is the process's own, however busy the machine is.
const USER_MICROSECONDS: f64 = 3.0;
const RESIDENT_OCTETS: u64 = 150;

#[test]
#[ignore = "measures a build of two million lines; .ci/run runs it"]
fn a_build_of_the_real_lists_stays_within_its_means() {
    let Some(folder) = real_lists() else { return };
    let target = tempfile::tempdir().unwrap();
    let before = children_user_ticks();
    let mut child = Command::new(env!("CARGO_BIN_EXE_list-compile"))
        .args(["build", "--created", "2026-11-22T00:00:00Z", "--sources"])
        .arg(folder.join("sources.toml"))
        .arg("--out")
        .arg(target.path().join("lists.bundle"))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        peak = peak.max(peak_octets(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(1));
    };
    assert!(status.success());
    let ticks = children_user_ticks() - before;
    // USER_HZ is 100 on every Linux that Rust runs on.
    let (lines, microseconds) = (2_345_969, ticks as f64 * 10_000.0);
    let a_line = microseconds / lines as f64;
    println!("{a_line:.2} µs of user CPU a line, {} octets resident a line", peak / lines);
    assert!(a_line > 0.0 && a_line <= USER_MICROSECONDS, "{a_line}");
    assert!(peak > 0 && peak <= RESIDENT_OCTETS * lines, "{peak}");
}

/// User CPU time of children that have ended: the 16th field of `/proc/self/stat`.
fn children_user_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    after_name.split_whitespace().nth(13).unwrap().parse().unwrap()
}

/// Peak resident set of a running process.
fn peak_octets(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.split_whitespace().next()?.parse::<u64>().ok()?)
}
