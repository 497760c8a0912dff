//! The same lists and stamp give the same bytes: whatever the number of threads, the folder that
//! the program is started in, the way in which paths are written, and the age of the files.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use filter_core::Filter;

const THREADS: [&str; 3] = ["1", "2", "7"];

/// Runs `list-compile build` and returns the bundle and its JSON report.
fn build(threads: &str, started_in: &Path, sources: &Path) -> (Vec<u8>, serde_json::Value) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.bundle");
    let output = Command::new(env!("CARGO_BIN_EXE_list-compile"))
        .args(["build", "--json", "--created", "2026-11-22T00:00:00Z"])
        .args(["--expires", "2026-12-22T00:00:00Z", "--serial", "7", "--sources"])
        .arg(sources)
        .arg("--out")
        .arg(&out)
        .current_dir(started_in)
        .env("RAYON_NUM_THREADS", threads)
        // What else a cron job and a terminal may differ in.
        .env("LANG", if threads == "1" { "C" } else { "fr_FR.UTF-8" })
        .env("TZ", if threads == "1" { "UTC" } else { "Pacific/Noumea" })
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (fs::read(out).unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

/// Lists in several formats that say much of the same, differently.
fn write_lists(folder: &Path) {
    let mut sources =
        String::from("[[category]]\nname = \"own\"\nfr = \"à soi\"\nen = \"own\"\n\n");
    for n in 0..10_u64 {
        // A generator without state: as many names are shared between lists as not.
        let name = |k: u64| {
            let mixed = (k ^ (k << 7)).wrapping_mul(2_654_435_761 + 2 * (n % 3));
            format!("n{}.shared{}.example", mixed % 5000, k % 50)
        };
        let line = |k| match n % 3 {
            0 => name(k),
            1 => format!("0.0.0.0 {}", name(k)),
            _ => format!("||{}^{}", name(k), if k % 9 == 0 { "$important" } else { "" }),
        };
        let mut list: String = (0..2000).map(|k| line(k) + "\n").collect();
        if n % 3 == 2 {
            list += "@@||n1.shared1.example^\n||frag";
            list += &format!("{n}.\n/banner{n}[0-9]+\\./\n");
        }
        fs::write(folder.join(format!("{n}.txt")), list).unwrap();
        let categories = ["\"porn\"", "\"ads\", \"own\"", "\"games\""][n as usize % 3];
        let action = if n == 9 { "action = \"allow\"\nlifts = [\"porn\"]\n" } else { "" };
        sources += &format!(
            "[[source]]\nname = \"s{n}\"\npath = \"{n}.txt\"\ncategories = [{categories}]\n{action}\n"
        );
    }
    let category = folder.join("ut1");
    fs::create_dir(&category).unwrap();
    fs::write(category.join("domains"), "ut1.example\nn3.shared3.example\n").unwrap();
    fs::write(category.join("urls"), "ut1.example/a\nhost.example\n").unwrap();
    fs::write(category.join("expressions"), "(^|\\.)banner[0-9]+\\.\n").unwrap();
    sources +=
        "[[source]]\nname = \"ut1\"\npath = \"ut1\"\nformat = \"ut1\"\ncategories = [\"porn\"]\n";
    fs::write(folder.join("sources.toml"), sources).unwrap();
}

/// Makes every file of a folder look older, each by another time.
fn age(folder: &Path) {
    for (index, entry) in fs::read_dir(folder).unwrap().enumerate() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age(&path);
            continue;
        }
        let then = SystemTime::now() - Duration::from_secs(86_400 * (index as u64 + 1));
        fs::File::options().append(true).open(path).unwrap().set_modified(then).unwrap();
    }
}

#[test]
fn threads_folders_and_file_times_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    write_lists(folder.path());
    let sources = folder.path().join("sources.toml");
    let root = PathBuf::from("/");

    let (expected, report) = build("1", folder.path(), Path::new("sources.toml"));
    assert_eq!(report["sources"].as_array().unwrap().len(), 11);
    assert!(Filter::open(expected.clone()).unwrap().manifest().counts.names > 5_000);
    age(folder.path());
    for threads in THREADS {
        let (absolute, other) = build(threads, &root, &sources);
        assert!(absolute == expected, "{threads} threads, started in /");
        assert_eq!(other["totals"], report["totals"]);
        let (relative, same) = build(threads, folder.path(), Path::new("./sources.toml"));
        assert!(relative == expected, "{threads} threads, started beside the lists");
        assert_eq!(same["totals"], report["totals"]);
    }

    // The same lists elsewhere, on other inodes and in another order of creation.
    let elsewhere = tempfile::tempdir().unwrap();
    copy_backwards(folder.path(), elsewhere.path());
    let (copied, _) = build("2", &root, &elsewhere.path().join("sources.toml"));
    assert!(copied == expected, "a copy of the lists");

    // What must make a difference does.
    fs::write(folder.path().join("0.txt"), "another.example\n").unwrap();
    let (changed, _) = build("2", &root, &sources);
    assert!(changed != expected, "another list, the same bytes");
}

fn copy_backwards(from: &Path, to: &Path) {
    let mut entries: Vec<_> =
        fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries.into_iter().rev() {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy_backwards(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
#[ignore = "compiles two million lines four times; .ci/run runs it"]
fn the_real_lists_give_the_same_bytes() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        return println!("skipped: no ../shared");
    }
    let data = fs::canonicalize(data).unwrap();
    let (expected, report) = build("1", &data, Path::new("sources.toml"));
    assert!(report["totals"]["lines"].as_u64().unwrap() > 2_000_000);
    for (threads, folder, sources) in [
        ("2", "/", data.join("sources.toml")),
        ("7", "/tmp", data.join("lists/../sources.toml")),
        ("2", data.to_str().unwrap(), PathBuf::from("./sources.toml")),
    ] {
        let (bundle, _) = build(threads, Path::new(folder), &sources);
        assert!(bundle == expected, "{threads} threads, started in {folder}");
    }
    println!("{} octets, four times the same", expected.len());
}
