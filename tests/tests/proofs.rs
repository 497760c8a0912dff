//! What `docs/peers.md` claims stands in tests that exist, and what the pages of `docs/fr` tell families is
//! what the product does.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use filter_core::{Categories, Profile};

/// Every `path` and `path::test` between backticks, of folders that hold proofs.
fn proofs(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let folders = ["tests/", "dns-server/", "filter-core/", "lists/", "benches/"];
    quoted.filter(move |quoted| folders.iter().any(|folder| quoted.starts_with(folder)))
}

#[test]
fn every_proof_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("docs/peers.md")).unwrap();
    let mut count = 0;
    for proof in proofs(&text) {
        let (path, test) = proof.split_once("::").unwrap_or((proof, ""));
        let source = fs::read_to_string(root.join(path));
        let source = source.unwrap_or_else(|error| panic!("docs/peers.md: {path}: {error}"));
        let is_test = |at: usize| source[..at].trim_end().ends_with(']');
        let named = |at: &(usize, &str)| {
            let line = source[..at.0].rfind('\n').map_or(0, |newline| newline + 1);
            is_test(line)
        };
        let function = format!("fn {test}(");
        assert!(
            test.is_empty() || source.match_indices(&function).any(|(at, text)| named(&(at, text))),
            "docs/peers.md: {path} has no test `{test}`"
        );
        count += 1;
    }
    // A feature of the table that we have has a proof.
    let rows = text.lines().filter(|line| line.contains("| **Y**"));
    assert!(rows.clone().all(|row| proofs(row).count() > 0), "a claim without proof");
    assert!(count > 40 && rows.count() > 20, "{count} proofs");
}

/// Pages for people, and the profile whose refusals they list, where they do so by label.
const PAGES: &[(&str, Option<&str>)] = &[
    ("parents", Some("child")),
    ("enseignants", Some("child")),
    ("directions", Some("child")),
    ("agents-municipaux", Some("staff")),
    ("seniors", Some("staff")),
    ("enfants", None),
    ("affiche", None),
];

fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fr")
}

/// A page of the kit without its code.
fn page(name: &str) -> String {
    let text = fs::read_to_string(kit().join(name).with_extension("md"));
    let text = text.unwrap_or_else(|error| panic!("docs/fr/{name}.md: {error}"));
    let prose: Vec<&str> = text.split('`').step_by(2).collect();
    prose.concat()
}

/// What stands in brackets, and whether a link's target follows, which is given then.
fn brackets(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split('[').skip(1).map(|rest| {
        let (within, after) = rest.split_once(']').expect("a bracket is closed");
        let target = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        (within, target.map(|(target, _)| target))
    })
}

#[test]
fn the_kit_says_what_is_refused() {
    let categories = Categories::builtin();
    let mut count = 0;
    for (name, profile) in PAGES {
        let Some(profile) = profile else { continue };
        let refused = Profile::named(profile).unwrap().block;
        let label = |name: &String| categories.info(categories.get(name).unwrap()).fr.clone();
        let expected: BTreeSet<String> = refused.iter().map(label).collect();

        let text = page(name).replace('\u{a0}', " ");
        let section =
            text.split("\n## ").find(|section| section.starts_with("Ce qui est refusé\n"));
        let section = section.unwrap_or_else(|| panic!("docs/fr/{name}.md: no section"));
        // From the bold heading of each item to its full stop.
        let items = section.split("\n- **").skip(1).map(|item| {
            let item = item.split_once(":** ").expect("a heading ends in a colon").1;
            item.split_once('.').expect("an item ends in a full stop").0
        });
        let labels = items.flat_map(|item| item.split(','));
        let words = |label: &str| label.split_whitespace().collect::<Vec<_>>().join(" ");
        let said: Vec<String> = labels.map(words).collect();
        assert_eq!(said.iter().cloned().collect::<BTreeSet<_>>(), expected, "docs/fr/{name}.md");
        assert_eq!(said.len(), expected.len(), "docs/fr/{name}.md: something is said twice");
        count += said.len();
    }
    assert_eq!(count, 3 * 26 + 2 * 8);
}

#[test]
fn the_kit_is_whole() {
    let index = page("README");
    let rows = index.lines().filter(|line| line.starts_with("| ["));
    let declared: BTreeSet<&str> =
        rows.flat_map(brackets).filter(|(_, link)| link.is_none()).map(|(name, _)| name).collect();
    let linked: BTreeSet<&str> = brackets(&index).filter_map(|(_, link)| link).collect();

    let mut used = BTreeSet::new();
    let mut pages = 0;
    for entry in fs::read_dir(kit()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(name == "README" || linked.contains(&*format!("{name}.md")), "{name}: not linked");
        let text = page(name);
        for (within, link) in brackets(&text) {
            match link {
                Some(link) if link.starts_with("https:") => {}
                Some(link) => assert!(kit().join(link).exists(), "{name}: {link} leads nowhere"),
                None => {
                    assert!(declared.contains(within), "{name}: [{within}] is not in the table");
                    if name != "README" {
                        used.insert(within.to_owned());
                    }
                }
            }
        }
        pages += 1;
    }
    assert_eq!(pages, PAGES.len() + 2, "pages");
    let declared: BTreeSet<String> = declared.into_iter().map(str::to_owned).collect();
    assert_eq!(used, declared, "what is in the table is in the pages");
}

/// The numbers for whoever needs help stand on every page, and the typography is French.
#[test]
fn the_kit_is_fit_to_print() {
    for (name, _) in PAGES {
        for number in ["**3018**", "**119**", "**3114**", "**17**", "**112**"] {
            assert!(page(name).contains(number), "{name}: {number}");
        }
    }
    for name in PAGES.iter().map(|(name, _)| *name).chain(["README", "donnees-personnelles"]) {
        for fault in ["'", " :", " ;", " !", " ?", " »", "« "] {
            let text = page(name);
            let line = text.lines().find(|line| line.contains(fault));
            assert_eq!(line, None, "{name}: {fault:?}: a no-break space, or ’");
        }
    }
}
