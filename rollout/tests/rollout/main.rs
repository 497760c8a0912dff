//! Every file that is written, as golden files; each read again by the rules of its format.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod browsers;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use rollout::{EXAMPLE, Files, Rollout, RolloutError, Written, write};
use serde_json::Value;

/// The files of the example, with an authority.
fn files() -> Files {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let text = EXAMPLE.replace("#authority = ", "authority = ");
    Rollout::parse("rollout.toml", &text, &tests).unwrap().files()
}

/// `UPDATE_GOLDEN=1` writes them.
#[test]
fn golden_files() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = files();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        let _ = fs::remove_dir_all(&golden);
        for (path, octets) in &files {
            let path = golden.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, octets).unwrap();
        }
    }
    let mut known = BTreeMap::new();
    collect(&golden, &golden, &mut known);
    assert_eq!(known.keys().collect::<Vec<_>>(), files.keys().collect::<Vec<_>>());
    for (path, octets) in &files {
        let (known, got) = (readable(&known[path]), readable(octets));
        assert_eq!(known, got, "{path} differs");
    }
    assert_eq!(files.len(), 42);
}

fn collect(root: &Path, folder: &Path, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read(path).unwrap());
        }
    }
}

/// Text, for a message; UTF-16 by its byte order mark.
fn readable(octets: &[u8]) -> String {
    match octets {
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<_> =
                rest.chunks(2).map(|unit| u16::from_le_bytes(unit.try_into().unwrap())).collect();
            String::from_utf16(&units).unwrap()
        }
        octets => String::from_utf8_lossy(octets).into_owned(),
    }
}

fn text<'a>(files: &'a Files, path: &str) -> &'a str {
    std::str::from_utf8(&files[path]).unwrap()
}

fn json(files: &Files, path: &str) -> Value {
    serde_json::from_slice(&files[path]).unwrap()
}

#[test]
fn the_same_lines_give_the_same_octets() {
    assert_eq!(files(), files());
}

#[test]
fn every_json_file_is_an_object_or_a_list() {
    let files = files();
    let names: Vec<_> = files.keys().filter(|path| path.ends_with(".json")).collect();
    assert_eq!(names.len(), 17);
    for name in names {
        let value = json(&files, name);
        assert!(value.as_object().map_or(value.as_array().map_or(0, Vec::len), |o| o.len()) > 0);
    }
}

/// What is firm for pupils is a default for offices.
#[test]
fn locked_or_changeable() {
    let files = files();
    let pupils = json(&files, "pupils/linux/etc/opt/edge/policies/managed/preau.json");
    assert_eq!(
        pupils["DefaultSearchProviderSearchURL"],
        "https://www.qwantjunior.com/?q={searchTerms}"
    );
    assert_eq!(
        (&pupils["ForceBingSafeSearch"], &pupils["InPrivateModeAvailability"]),
        (&2.into(), &1.into())
    );
    assert!(
        pupils.get("CACertificates").is_none() && pupils.get("IncognitoModeAvailability").is_none()
    );
    assert!(!files.contains_key("pupils/linux/etc/opt/edge/policies/recommended/preau.json"));

    let firm = json(&files, "offices/linux/etc/opt/chrome/policies/managed/preau.json");
    let keys: Vec<_> = firm.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["DnsOverHttpsMode", "BuiltInDnsClientEnabled"]);
    assert_eq!(firm["DnsOverHttpsMode"], "off");
    let default = json(&files, "offices/linux/etc/opt/chrome/policies/recommended/preau.json");
    assert_eq!(default["DefaultSearchProviderName"], "Qwant");
    assert_eq!(default["RestoreOnStartupURLs"][0], "https://intranet.town.example/");
    assert_eq!(default.as_object().unwrap().len(), 9);

    let firefox = |audience: &str| {
        json(&files, &format!("{audience}/linux/etc/firefox/policies/policies.json"))["policies"]
            .take()
    };
    let (pupils, offices) = (firefox("pupils"), firefox("offices"));
    assert_eq!(pupils["SearchEngines"]["PreventInstalls"], true);
    let removed = pupils["SearchEngines"]["Remove"].as_array().unwrap();
    assert!(removed.contains(&"Google".into()) && !removed.contains(&"Qwant Junior".into()));
    assert!(offices["SearchEngines"].get("Remove").is_none());
    // With `Fallback` there, Firefox would switch it on.
    assert_eq!(offices["DNSOverHTTPS"], serde_json::json!({ "Enabled": false, "Locked": true }));
}

/// A list that was longer in an earlier roll-out is emptied, also where nothing takes its place.
#[test]
fn no_extensions_at_all() {
    let text = "[[audience]]\nname = \"a\"\nextensions = {}\n";
    let files = Rollout::parse("x", text, Path::new("")).unwrap().files();
    let policies = json(&files, "a/linux/etc/chromium/policies/managed/preau.json");
    assert_eq!(policies["ExtensionInstallBlocklist"], serde_json::json!(["*"]));
    assert_eq!(policies["ExtensionInstallAllowlist"], serde_json::json!([]));
    let registry = readable(&files["a/windows/chrome.reg"]);
    let key = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Google\Chrome\ExtensionInstallAllowlist]";
    assert!(registry.contains(&format!("[-{key}")) && !registry.contains(&format!("\n[{key}")));
    assert!(!self::text(&files, "a/windows/settings.csv").contains("ExtensionInstallAllowlist"));
}

/// As `regedit` reads them: UTF-16, a header, keys in brackets, values of the three types.
#[test]
fn registry_files() {
    let files = files();
    let mut count = 0;
    for (path, octets) in files.iter().filter(|(path, _)| path.ends_with(".reg")) {
        assert_eq!(octets[..2], [0xff, 0xfe], "{path}");
        let text = readable(octets);
        let mut lines = text.split("\r\n");
        assert_eq!(lines.next(), Some("Windows Registry Editor Version 5.00"), "{path}");
        let mut key = None;
        for line in lines.filter(|line| !line.is_empty()) {
            assert!(!line.contains('\n'), "{path}: {line}");
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                let name = name.strip_prefix('-').unwrap_or(name);
                assert!(
                    name.starts_with(r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\"),
                    "{path}: {line}"
                );
                key = Some(name);
                continue;
            }
            assert!(key.is_some());
            let (name, data) = line.strip_prefix('"').unwrap().split_once("\"=").unwrap();
            assert!(!name.is_empty() && !name.contains(['"', '\\']), "{path}: {line}");
            count += 1;
            if let Some(number) = data.strip_prefix("dword:") {
                assert_eq!(number.len(), 8);
                u32::from_str_radix(number, 16).unwrap();
            } else if let Some(octets) = data.strip_prefix("hex(7):") {
                let octets: Vec<_> =
                    octets.split(',').map(|octet| u8::from_str_radix(octet, 16).unwrap()).collect();
                assert!(octets.ends_with(&[0, 0, 0, 0]) && octets.len() % 2 == 0);
                let line = readable(&[&[0xff, 0xfe], &octets[..octets.len() - 4]].concat());
                serde_json::from_str::<Value>(&line).unwrap();
            } else {
                let text = data.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
                assert!(
                    !text.replace(r"\\", "").replace("\\\"", "").contains(['"', '\\']),
                    "{line}"
                );
            }
        }
    }
    assert_eq!(count, 110, "values");
}

/// By another reader of property lists: types, and identifiers that are never the same twice.
#[test]
fn configuration_profiles() {
    let files = files();
    let mut uuids = Vec::new();
    let mut count = 0;
    for (path, octets) in files.iter().filter(|(path, _)| path.ends_with(".mobileconfig")) {
        count += 1;
        let profile = plist::Value::from_reader_xml(octets.as_slice()).unwrap();
        let profile = profile.as_dictionary().unwrap();
        let string = |dictionary: &plist::Dictionary, key: &str| {
            dictionary.get(key).and_then(plist::Value::as_string).unwrap().to_owned()
        };
        assert_eq!(string(profile, "PayloadType"), "Configuration", "{path}");
        uuids.push(string(profile, "PayloadUUID"));
        for payload in profile.get("PayloadContent").unwrap().as_array().unwrap() {
            let payload = payload.as_dictionary().unwrap();
            assert_eq!(payload.get("PayloadVersion").unwrap().as_signed_integer(), Some(1));
            uuids.push(string(payload, "PayloadUUID"));
            if string(payload, "PayloadType") == "com.apple.security.root" {
                let data = payload.get("PayloadContent").unwrap().as_data().unwrap();
                assert_eq!(data, files["pupils/windows/authority.cer"]);
            }
        }
    }
    assert_eq!((count, uuids.len()), (9, 21));
    let unlike: std::collections::BTreeSet<_> = uuids.iter().collect();
    assert_eq!(unlike.len(), uuids.len());
    for uuid in uuids {
        let parts: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "8", "a UUID of version 8 (RFC 9562)");
    }

    // A profile says what the file for Linux says.
    let profile = &files["pupils/macos/chrome.mobileconfig"];
    let profile = plist::Value::from_reader_xml(profile.as_slice()).unwrap();
    let payload = &profile.as_dictionary().unwrap()["PayloadContent"].as_array().unwrap()[0];
    let payload = payload.as_dictionary().unwrap();
    let linux = json(&files, "pupils/linux/etc/opt/chrome/policies/managed/preau.json");
    for (key, value) in linux.as_object().unwrap() {
        let same = match payload.get(key).unwrap() {
            plist::Value::Boolean(boolean) => value == boolean,
            plist::Value::Integer(integer) => value.as_i64() == integer.as_signed(),
            plist::Value::String(string) => value == string,
            plist::Value::Array(array) => array
                .iter()
                .map(|value| value.as_string().unwrap())
                .eq(value.as_array().unwrap().iter().map(|value| value.as_str().unwrap())),
            other => panic!("{other:?}"),
        };
        assert!(same, "{key}");
    }
}

/// Rows of as many fields, all quoted; settings of known templates, values of the documented forms.
#[test]
fn tables_of_settings() {
    let files = files();
    let mut uris = 0;
    for audience in ["pupils", "offices"] {
        let table = text(&files, &format!("{audience}/windows/settings.csv"));
        let mut rows = table.strip_prefix('\u{feff}').unwrap().split_terminator("\r\n");
        assert_eq!(rows.next().unwrap().split(',').count(), 6);
        for row in rows {
            let fields = fields(row);
            let [browser, changeable, place, set_to, uri, value] = fields.as_slice() else {
                panic!("{row}")
            };
            assert!(["Chrome", "Edge", "Firefox"].contains(&browser.as_str()));
            assert!(["yes", "no"].contains(&changeable.as_str()) && !set_to.is_empty(), "{row}");
            assert_eq!(place.is_empty(), uri.is_empty(), "{row}");
            if uri.is_empty() {
                continue;
            }
            uris += 1;
            let recommended = uri.contains("_recommended");
            assert_eq!(recommended, changeable == "yes", "{row}");
            assert_eq!(recommended, place.contains("(users can override)"), "{row}");
            assert!(
                uri.starts_with(&format!("./Device/Vendor/MSFT/Policy/Config/{browser}~Policy~"))
            );
            assert!(!place.ends_with("> "), "{row}");
            if value != "<disabled/>" {
                let mut rest = value.strip_prefix("<enabled/>").unwrap();
                while let Some(data) = rest.strip_prefix("<data id=\"") {
                    let (data, after) = data.split_once("\"/>").unwrap();
                    let (id, value) = data.split_once("\" value=\"").unwrap();
                    assert!(!id.is_empty() && !value.contains(['<', '>', '"']), "{row}");
                    rest = after;
                }
                assert_eq!(rest, "", "{row}");
            }
        }
    }
    assert_eq!(uris, 88);
}

/// The fields of a row, each in quotes (RFC 4180).
fn fields(row: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut rest = row.strip_prefix('"').unwrap();
    loop {
        let mut field = String::new();
        loop {
            let (text, after) = rest.split_once('"').unwrap();
            field.push_str(text);
            rest = after;
            match rest.strip_prefix('"') {
                Some(after) => {
                    field.push('"');
                    rest = after;
                }
                None => break,
            }
        }
        fields.push(field);
        match rest.strip_prefix(",\"") {
            Some(after) => rest = after,
            None => break,
        }
    }
    assert_eq!(rest, "");
    fields
}

#[test]
fn guides_say_what_nobody_has_tried() {
    let files = files();
    for (guide, words) in [
        ("LISEZMOI.md", "**non validé en conditions réelles**"),
        ("README.md", "**not validated on the real thing**"),
    ] {
        let text = text(&files, guide);
        assert_eq!(text.matches(words).count(), 4, "{guide}");
        assert!(text.contains("`pupils`, `offices`") && text.contains("authority.cer"), "{guide}");
        assert!(!text.contains("AUTHORITY") && !text.contains("AUDIENCES"), "{guide}");
    }
    // Without an authority nothing is said of one.
    let few = Rollout::parse("x", "[[audience]]\nname = \"a\"\n", Path::new("")).unwrap().files();
    assert!(!text(&few, "README.md").contains("authority"));
    assert!(!few.keys().any(|path| path.contains("authority") || path.contains("preau.crt")));
}

/// As the pages of docs/fr are held to.
#[test]
fn the_french_guide_has_french_typography() {
    let files = files();
    for fault in ["'", " :", " ;", " !", " ?", " »", "« "] {
        let line = text(&files, "LISEZMOI.md").lines().find(|line| line.contains(fault));
        assert_eq!(line, None, "{fault:?}: a no-break space, or ’");
    }
}

/// The script for one machine, in a folder that stands for it: one audience's files, then another's,
/// whose predecessors go.
#[test]
fn install_script() {
    let around = tempfile::TempDir::new().unwrap();
    write(&files(), &around.path().join("out")).unwrap();
    let machine = around.path().join("machine");
    let own = machine.join("etc/chromium/policies/managed/own.json");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "{}").unwrap();
    for (audience, count) in [("pupils", 5), ("offices", 7), ("offices", 7), ("pupils", 5)] {
        let linux = around.path().join("out").join(audience).join("linux");
        let done = Command::new("sh")
            .arg(linux.join("install.sh"))
            .env("DESTDIR", &machine)
            .output()
            .unwrap();
        assert!(done.status.success() && done.stdout.is_empty(), "{done:?}");
        let mut there = Files::new();
        collect(&machine, &machine, &mut there);
        assert_eq!(there.remove("etc/chromium/policies/managed/own.json").unwrap(), b"{}");
        let mut expected = Files::new();
        collect(&linux, &linux, &mut expected);
        expected.retain(|path, _| path.contains('/'));
        assert_eq!(there, expected, "{audience}");
        assert_eq!(there.len(), count);
    }
}

fn one(path: &str, content: &str) -> Files {
    Files::from([(path.to_owned(), content.as_bytes().to_vec())])
}

#[test]
fn a_folder_is_replaced_as_a_whole() {
    let around = tempfile::TempDir::new().unwrap();
    let folder = around.path().join("below/out");
    let there = || {
        let mut files = Files::new();
        collect(&folder, &folder, &mut files);
        files.remove(".preau-rollout.json").unwrap();
        files
    };
    let (first, second) = (one("a/b", "1"), one("c", "2"));
    assert_eq!(write(&first, &folder).unwrap(), Written::New);
    assert_eq!(there(), first);
    assert_eq!(write(&first, &folder).unwrap(), Written::Replaced);
    assert_eq!(write(&second, &folder).unwrap(), Written::Replaced);
    assert_eq!(there(), second);
    // Nothing stays beside it.
    assert_eq!(fs::read_dir(around.path().join("below")).unwrap().count(), 1);
    // An empty folder is as good as none.
    let empty = around.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(write(&first, &empty).unwrap(), Written::New);
}

#[test]
fn what_others_wrote_stays() {
    let around = tempfile::TempDir::new().unwrap();
    let folder = around.path().join("out");
    let spoiled = [
        ("`own` is none of its files", "own", Some("x")),
        ("`a/b` was changed", "a/b", Some("x")),
        ("`a/b` is none of its files", ".preau-rollout.json", None),
        ("`a/b` is none of its files", ".preau-rollout.json", Some("[\"no record\"")),
    ];
    for (expected, path, content) in spoiled {
        let _ = fs::remove_dir_all(&folder);
        write(&one("a/b", "1"), &folder).unwrap();
        match content {
            Some(content) => fs::write(folder.join(path), content).unwrap(),
            None => fs::remove_file(folder.join(path)).unwrap(),
        }
        let mut before = Files::new();
        collect(&folder, &folder, &mut before);
        let error = write(&one("c", "2"), &folder).unwrap_err();
        assert!(matches!(error, RolloutError::NotOurs { .. }));
        let told = format!(
            "{} is left as it is: {expected}; move it away, or choose another folder",
            folder.display()
        );
        assert_eq!(error.to_string(), told);
        let mut after = Files::new();
        collect(&folder, &folder, &mut after);
        assert_eq!(before, after);
    }
    let full = around.path().join("full");
    fs::create_dir(&full).unwrap();
    for number in 0..9 {
        fs::write(full.join(number.to_string()), "").unwrap();
    }
    let told = write(&one("c", "2"), &full).unwrap_err().to_string();
    assert!(told.contains("and 4 more"), "{told}");
    // A file is no folder, and stays.
    let file = around.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = write(&one("c", "2"), &file).unwrap_err();
    assert!(matches!(error, RolloutError::Write { .. }), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "x");
}

#[test]
fn a_configuration_that_is_not_there() {
    let path = PathBuf::from("/nonexistent/rollout.toml");
    let told = Rollout::load(&path).unwrap_err().to_string();
    assert!(
        told.starts_with("cannot read the configuration /nonexistent/rollout.toml: "),
        "{told}"
    );
}
