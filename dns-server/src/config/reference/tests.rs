//! The printed configuration holds every key that the parser takes, and each value is accepted.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use super::*;
use crate::{
    config::{Config, ConfigError},
    policy::calendar::Calendars,
    testing,
    web::certificates::Authority,
};

/// A key that there is not.
const STRANGER: &str = "no-such-key";

/// The same with nothing in comments but comments.
fn uncommented(text: &str) -> String {
    let of_line = |line: &str| match line.strip_prefix('#') {
        Some(key) if !key.starts_with([' ', '\n']) => key.to_owned(),
        _ => line.to_owned(),
    };
    text.split_inclusive('\n').map(of_line).collect()
}

#[test]
fn the_packaged_file_is_current() {
    let packaged = include_str!("../../../../packaging/preau.toml");
    assert!(
        packaged == default_config(),
        "packaging/preau.toml is not what the types say. Print it anew:\n\
         cargo run -- default-config > packaging/preau.toml"
    );
}

#[test]
fn it_sets_nothing() {
    let default = Config::default();
    let same = |config: Config| {
        // Not where it stands, and not the table of engines, which is as long as it is unordered.
        let engines = default.engines.clone();
        let config = Config { files: None, category_names: Vec::new(), engines, ..config };
        let differs = format!("{config:?}") != format!("{default:?}");
        assert!(!differs, "{:?}\n{:?}", config.profiles, config.operations);
    };
    same(Config::parse("preau.toml", default_config()).unwrap());

    // Nor do its defaults, where they are set.
    let text = default_config();
    let mut defaults = String::new();
    let mut is_live = false;
    for line in text.lines() {
        match line {
            header if header.starts_with('[') => is_live = true,
            header if header.starts_with("#[") => is_live = false,
            _ => {}
        }
        // `poll` goes with `url`, which has no default.
        if is_live && !line.ends_with(EXAMPLE) && !line.starts_with("#poll = ") {
            defaults.push_str(&uncommented(line));
            defaults.push('\n');
        }
    }
    let count = defaults.lines().filter(|line| line.contains(" = ") && !line.starts_with('#'));
    assert!(count.count() >= 28, "{defaults}");
    same(Config::parse("preau.toml", defaults).unwrap());
}

/// What the parser says of a key that there is not lists those that there are.
#[test]
fn it_has_every_key() {
    let text = uncommented(&default_config());
    let printed: toml::Table = text.parse().unwrap();
    let mut tables = 0;
    let mut keys = 0;
    let mut rest = vec![(String::new(), printed)];
    while let Some((header, table)) = rest.pop() {
        let error = toml::from_str::<typed::File>(&format!("{header}\n{STRANGER} = 1\n"));
        let error = error.unwrap_err().message().to_owned();
        let mut words = error.split('`').skip(1).step_by(2);
        assert_eq!(words.next(), Some(STRANGER), "{header}: {error}");
        let mut known: Vec<_> = words.collect();
        known.sort_unstable();
        let printed: Vec<_> = table.keys().map(String::as_str).collect();
        assert_eq!(printed, known, "{header}");
        tables += 1;
        keys += printed.len();
        let path = header.lines().last().unwrap_or_default().trim_matches(['[', ']']);
        // What stands in a row needs the row.
        let row_above =
            if header.starts_with("[[") { format!("{header}\n") } else { String::new() };
        for (key, value) in &table {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match value {
                toml::Value::Table(names) if key == "profile" => {
                    let (name, profile) = names.iter().next().unwrap();
                    let profile = profile.as_table().unwrap().clone();
                    rest.push((format!("[{path}.{name}]"), profile));
                }
                toml::Value::Table(table) => rest.push((format!("[{path}]"), table.clone())),
                toml::Value::Array(rows) => {
                    let row = rows[0].as_table().cloned();
                    rest.extend(row.map(|row| (format!("{row_above}[[{path}]]"), row)));
                }
                _ => {}
            }
        }
    }
    assert_eq!(tables, 27);
    assert!(keys >= 100, "{keys}");
}

#[test]
fn every_key_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let identity = testing::certificate("dns.school.example", 2020..2100);
    fs::write(folder.path().join("town.pem"), &identity.certificate).unwrap();
    fs::write(folder.path().join("fullchain.pem"), identity.certificate).unwrap();
    fs::write(folder.path().join("privkey.pem"), identity.key).unwrap();
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    fs::write(folder.path().join("school.key.pub"), format!("untrusted comment:\n{KEY}\n"))
        .unwrap();
    for table in ["calendars.toml", "search-engines.toml", "services.toml"] {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(table);
        fs::copy(shipped, folder.path().join(table)).unwrap();
    }
    let code = folder.path().join("college-jaures.code");
    fs::write(&code, "k7fq-29mx-p4tr").unwrap();
    fs::set_permissions(&code, fs::Permissions::from_mode(0o640)).unwrap();
    let authority = folder.path().join("authority");
    fs::create_dir(&authority).unwrap();
    let new = Authority::generate(&[]).unwrap();
    fs::write(authority.join("authority.pem"), new.certificate).unwrap();
    fs::write(authority.join("authority.key"), new.key).unwrap();
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(authority.join("authority.key"), private).unwrap();
    let token = folder.path().join("check.token");
    fs::write(&token, "0123456789abcdef0123456789abcdef").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let path = folder.path().join("preau.toml");
    let parse = |text: &str| Config::parse(&path.to_string_lossy(), text);

    // Of three pairs, one key or the other is for an operator to choose.
    let text = uncommented(&default_config()).replace("/etc/preau/check.token", "check.token");
    let Err(ConfigError::Invalid(faults)) = parse(&text) else { panic!("three faults") };
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    let titles: Vec<_> = faults.iter().filter_map(|fault| fault.lines().next()).collect();
    let expected = [
        "error: `listen` and `socket` exclude each other",
        "error: `url` and `bundle` exclude each other",
        "error: `engines` without search = \"only\"",
    ];
    assert_eq!(titles, expected);
    let without = |key: &str| {
        let others = text.lines().filter(|line| !line.starts_with(key));
        others.map(|line| format!("{line}\n")).collect::<String>()
    };
    let text = without("bundle = ").replace("socket = \"/run/preau/check.sock\"", "");
    let chosen = text.replace("search = \"forced\"", "search = \"only\"");
    let config = parse(&chosen).unwrap();
    config.check_categories(&filter_core::Categories::builtin()).unwrap();
    assert_eq!(config.groups[0].floor.as_deref(), Some("teen"));
}

/// Every value that a key offers is one that the parser takes.
#[test]
fn choices_are_accepted() {
    let schema = schema();
    let mut seen = 0;
    let mut rest: Vec<_> = Node(schema.as_value())
        .properties()
        .map(|(name, node)| match node.map() {
            Some((of, node)) => (format!("[{name}.{of}]"), node),
            None => (format!("[{name}]"), node),
        })
        .collect();
    while let Some((header, node)) = rest.pop() {
        for (key, node) in node.properties() {
            for (value, meaning) in node.choices() {
                assert!(!meaning.is_empty(), "{header} {key} {value}");
                toml::from_str::<typed::File>(&format!("{header}\n{key} = {value}\n")).unwrap();
                seen += 1;
            }
        }
        rest.extend(node.rows().map(|rows| (header, rows)));
    }
    assert_eq!(seen, 23);
}

/// Documents for operators, by name.
const DOCUMENTS: &[(&str, &str)] = &[
    ("README.md", include_str!("../../../../README.md")),
    ("docs/block-page.md", include_str!("../../../../docs/block-page.md")),
    ("docs/check-api.md", include_str!("../../../../docs/check-api.md")),
    ("docs/lists.md", include_str!("../../../../docs/lists.md")),
    ("docs/operations.md", include_str!("../../../../docs/operations.md")),
    ("docs/policy.md", include_str!("../../../../docs/policy.md")),
    ("docs/transports.md", include_str!("../../../../docs/transports.md")),
    ("docs/upstream.md", include_str!("../../../../docs/upstream.md")),
];

/// Their examples and references are of keys that there are, and no key is left out.
#[test]
fn the_documents_know_the_keys() {
    let printed: toml::Table = uncommented(&default_config()).parse().unwrap();
    let keys_of = |section: &str| {
        let table = match &printed[section] {
            toml::Value::Array(rows) => &rows[0],
            toml::Value::Table(names) if section == "profile" => names.values().next().unwrap(),
            table => table,
        };
        table.as_table().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let (mut examples, mut references) = (0, 0);
    for (document, text) in DOCUMENTS {
        for block in text.split("```toml\n").skip(1) {
            let (block, _) = block.split_once("```").unwrap();
            // What `list-compile` reads has keys of its own.
            if block.contains("[[source]]") || block.contains("[guard") {
                continue;
            }
            if let Err(error) = toml::from_str::<typed::File>(block) {
                panic!("{document}: {error}\n{block}");
            }
            examples += 1;
        }
        // `[section] key, key`
        for code in text.split('`').skip(1).step_by(2) {
            let Some((section, keys)) = code.split_once("] ") else { continue };
            let section = section.trim_start_matches('[').trim_end_matches(']');
            let section = section.split('.').next().unwrap();
            if !code.starts_with('[') || section == "source" {
                continue;
            }
            let known = keys_of(section);
            for key in keys.split(", ") {
                let key = key.split(' ').next().unwrap();
                assert!(known.iter().any(|known| known == key), "{document}: [{section}] {key}");
                references += 1;
            }
        }
    }
    assert!(examples >= 12 && references >= 12, "{examples} {references}");
    for section in printed.keys() {
        for key in keys_of(section) {
            let is_told = DOCUMENTS.iter().any(|(_, text)| {
                let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                words.any(|word| word == key)
            });
            assert!(is_told, "no document says anything of [{section}] {key}");
        }
    }
}

/// What a comment lists is what there is.
#[test]
fn every_calendar_is_named() {
    for id in Calendars::shipped().ids() {
        let named = default_config().contains(&format!(" {id},"));
        assert!(named, "{id}");
    }
}
