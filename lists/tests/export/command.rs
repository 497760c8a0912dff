//! `list-compile export` as a maintainer runs it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use filter_core::{FilterBuilder, Options, Scope, Source, Stamp};

/// A folder with a bundle.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut builder = FilterBuilder::new();
    let id = builder.source(Source::block("porn-list", &["porn"])).unwrap();
    let mut batch = builder.batch(id);
    for (name, scope) in [("example.com", Scope::Subtree), ("alone.example", Scope::Exact)] {
        batch.domain(&name.parse().unwrap(), scope, Options::default()).unwrap();
    }
    builder.add(batch.finish());
    let created = "2026-11-22T00:00:00Z".to_owned();
    let built = builder.build(Stamp { serial: 5, created, expires: None });
    fs::write(folder.path().join("lists.bundle"), built.bytes).unwrap();
    folder
}

fn export(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_list-compile"))
        .args(["export", "lists.bundle", "--profile", "child"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn texts(output: Output, code: i32) -> (String, String) {
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    (out, err)
}

#[test]
fn a_file_is_replaced_and_its_limits_are_told() {
    let folder = folder();
    let path = folder.path().join("names.txt");
    fs::write(&path, "before").unwrap();
    let arguments = ["--format", "domains", "--out", "names.txt"];
    let (out, err) = texts(export(folder.path(), &arguments), 0);
    assert_eq!(out, "");
    assert_eq!(
        err,
        "domains, profile `child`: 2 refusals, 0 passes, 0 patterns\n           \
         1  names refused with all below them, meant alone\n"
    );
    let first = fs::read_to_string(&path).unwrap();
    assert!(
        first.ends_with("porn-list · no licence stated\nexample.com\nalone.example\n"),
        "{first}"
    );
    texts(export(folder.path(), &arguments), 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), first, "the same bundle, the same file");

    let (out, _) = texts(export(folder.path(), &[&arguments[..], &["--json"]].concat()), 0);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["limits"], serde_json::json!({ "below-too": 1 }));
    assert_eq!(report["refusals"], 2);

    let (out, err) = texts(export(folder.path(), &["--format", "domains", "--out", "-"]), 0);
    assert_eq!(out, first);
    assert!(err.starts_with("domains, profile `child`"), "{err}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside the file");
}

#[test]
fn a_folder_keeps_what_is_not_ours() {
    let folder = folder();
    let at = |name: &str| folder.path().join("categories").join(name);
    fs::create_dir_all(at("refused")).unwrap();
    fs::write(at("refused/domains.diff"), "+new.example\n").unwrap();
    texts(export(folder.path(), &["--format", "squidguard", "--out", "categories"]), 0);
    assert_eq!(fs::read_to_string(at("refused/domains")).unwrap(), "example.com\nalone.example\n");
    assert_eq!(fs::read_to_string(at("refused/domains.diff")).unwrap(), "+new.example\n");
    assert!(fs::read_to_string(at("README")).unwrap().contains("porn-list"));
}

#[test]
fn wrong_usage() {
    let folder = folder();
    let cases: [(&[&str], i32, &str); 6] = [
        (&["--format", "bind", "--out", "x"], 2, "formats are: domains, wildcard, hosts"),
        (&["--format", "rpz", "--out", "-", "--json"], 2, "--json and --out - do not go together"),
        (&["--format", "ut1", "--out", "-"], 2, "a folder and --out - do not go together"),
        (&["--format", "rpz", "--out", "x", "--zone", "a..b"], 2, "--zone a..b: "),
        (&["--format", "rpz", "--out", "no/such/folder"], 1, "cannot write no/such/folder: "),
        (&["--format", "rpz"], 2, "--out <PATH>"),
    ];
    for (arguments, code, message) in cases {
        let (out, err) = texts(export(folder.path(), arguments), code);
        assert!(err.contains(message), "{arguments:?}: {err}");
        assert_eq!(out, "");
    }
    fs::write(folder.path().join("lists.bundle"), "no bundle").unwrap();
    let (_, err) = texts(export(folder.path(), &["--format", "rpz", "--out", "x"]), 4);
    assert!(err.contains("not a Préau bundle"), "{err}");
}
