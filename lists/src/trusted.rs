//! Names known to be good or bad, which ship with the product and by which bundles are judged.
//!
//! | file | what it holds | what becomes of a bundle that gets one wrong |
//! |---|---|---|
//! | `data/must-allow.txt` | what schools and their machines cannot do without | it is refused |
//! | `data/must-block.txt` | the best known names of some categories | it is refused |
//! | `data/trusted/*.txt` | schools, public service, health, culture, learning | its report says so |
//!
//! One name a line, which stands for itself and for `www.` in front of it; `#` begins a comment.

use std::collections::BTreeMap;

use filter_core::DomainName;

const MUST_ALLOW: &str = include_str!("../data/must-allow.txt");
const MUST_BLOCK: &str = include_str!("../data/must-block.txt");
const TRUSTED: &[(&str, &str)] = &[
    ("culture.txt", include_str!("../data/trusted/culture.txt")),
    ("health.txt", include_str!("../data/trusted/health.txt")),
    ("learning.txt", include_str!("../data/trusted/learning.txt")),
    ("public-service.txt", include_str!("../data/trusted/public-service.txt")),
    ("schools.txt", include_str!("../data/trusted/schools.txt")),
    ("universities.txt", include_str!("../data/trusted/universities.txt")),
];

/// What the expectations below rest on.
const CHECKED: &str = "the shipped tables are read by a test of this module";

/// Names that no built-in profile may refuse.
pub fn must_allow() -> Vec<DomainName> {
    names(MUST_ALLOW).collect()
}

/// Names that must be refused, by category: sections `[category]` of their file.
pub fn must_block() -> BTreeMap<String, Vec<DomainName>> {
    let mut sections = BTreeMap::<String, Vec<_>>::new();
    let mut section = None;
    for line in lines(MUST_BLOCK) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(category) => section = Some(sections.entry(category.to_owned()).or_default()),
            None => section.as_mut().expect(CHECKED).push(line.parse().expect(CHECKED)),
        }
    }
    sections
}

/// Names that profile `child` should not refuse, file by file.
pub fn trusted() -> Vec<DomainName> {
    TRUSTED.iter().flat_map(|(_, text)| names(text)).collect()
}

fn names(text: &str) -> impl Iterator<Item = DomainName> {
    lines(text).map(|line| line.parse().expect(CHECKED))
}

/// What is left of each line without its comment, where that is anything.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    text.filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use filter_core::Categories;

    use super::*;

    fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
        [("must-allow.txt", MUST_ALLOW), ("must-block.txt", MUST_BLOCK)]
            .into_iter()
            .chain(TRUSTED.iter().copied())
    }

    #[test]
    fn every_file_says_what_it_is() {
        for (file, text) in files() {
            for header in ["# Title: ", "# Description: ", "# Licence: CC0-1.0\n", "# Date: 20"] {
                assert!(text.contains(header), "{file}: no `{header}`");
            }
        }
    }

    #[test]
    fn every_name_can_be_a_rule_and_stands_once() {
        for (file, text) in files() {
            let mut seen = BTreeSet::new();
            for line in lines(text).filter(|line| !line.starts_with('[')) {
                let name: DomainName =
                    line.parse().unwrap_or_else(|e| panic!("{file}: {line}: {e}"));
                assert_eq!(name.to_string(), line, "{file}: not in its plain form");
                assert!(!line.starts_with("www."), "{file}: {line}: `www.` is asked for anyway");
                assert!(psl::domain(line.as_bytes()).is_some(), "{file}: {line}: a public suffix");
                assert!(seen.insert(line), "{file}: {line} is there twice");
            }
            assert!(!seen.is_empty(), "{file}");
        }
    }

    #[test]
    fn sections_are_sorted() {
        for (file, text) in files() {
            let mut previous = "";
            for line in text.lines() {
                let name = lines(line).next().unwrap_or_default();
                // A section ends at a blank line, at a comment of its own, or with the next title.
                let previous_name = std::mem::replace(&mut previous, name);
                assert!(
                    name.is_empty() || previous_name < name || name.starts_with('['),
                    "{file}: {previous_name} before {name}"
                );
            }
        }
    }

    #[test]
    fn tables_do_not_contradict_each_other() {
        let blocked: Vec<_> = must_block().into_values().flatten().collect();
        for name in must_allow().iter().chain(&trusted()) {
            let clash = blocked.iter().find(|b| b.is_within(name) || name.is_within(b));
            assert_eq!(clash, None, "{name}");
        }
    }

    #[test]
    fn categories_exist() {
        let sections = must_block();
        assert!(Categories::builtin().set(sections.keys()).is_ok(), "{:?}", sections.keys());
        assert!(sections.contains_key("porn"));
    }

    #[test]
    fn there_are_enough_to_judge_by() {
        let names = |names: &[&str], all: Vec<DomainName>| {
            names.iter().filter(|name| !all.contains(&name.parse().unwrap())).count()
        };
        assert_eq!(names(&["education.gouv.fr", "pix.fr"], must_allow()), 0);
        assert!(trusted().len() >= 1_000, "{}", trusted().len());
    }
}
