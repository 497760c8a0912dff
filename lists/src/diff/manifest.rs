//! What changed in what the bundles say of themselves.

use std::collections::BTreeMap;

use filter_core::{Action, Manifest, Source};
use serde::Serialize;

/// Sources and categories that came, went or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ManifestDiff {
    /// Sources of the new bundle only.
    pub sources_added: Vec<SourceBrief>,
    /// Sources of the old bundle only.
    pub sources_removed: Vec<SourceBrief>,
    /// What else is said of sources that are in both.
    pub sources_changed: Vec<FieldChange>,
    /// Sources in both whose list is the same to the octet.
    pub lists_unchanged: u64,
    /// Sources in both whose list is another.
    pub lists_changed: u64,
    /// Categories of the new bundle only.
    pub categories_added: Vec<String>,
    /// Categories of the old bundle only.
    pub categories_removed: Vec<String>,
}

/// A source in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceBrief {
    /// Its name.
    pub name: String,
    /// Blocks or allows.
    pub action: Action,
    /// Its categories.
    pub categories: Vec<String>,
    /// Its licence, if stated.
    pub licence: Option<String>,
    /// Distinct rules that it gave.
    pub rules: u64,
}

/// Something that is said otherwise of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The source.
    pub source: String,
    /// `licence`, `action`, `categories` and so on, as in `sources.toml`.
    pub field: &'static str,
    /// In the old bundle.
    pub before: Option<String>,
    /// In the new bundle.
    pub after: Option<String>,
}

impl ManifestDiff {
    pub(super) fn new(old: &Manifest, new: &Manifest) -> Self {
        let mut diff = Self::default();
        let (before, after) = (by_name(old), by_name(new));
        for (name, (source, rules)) in &after {
            match before.get(name) {
                None => diff.sources_added.push(brief(source, *rules)),
                Some((old, _)) => diff.compare(old, source),
            }
        }
        let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
        diff.sources_removed = gone.map(|(_, (source, rules))| brief(source, *rules)).collect();
        let missing = |from: &Manifest, other: &Manifest| {
            let names = from.categories.names().map(str::to_owned);
            names.filter(|name: &String| other.categories.get(name).is_none()).collect()
        };
        diff.categories_added = missing(new, old);
        diff.categories_removed = missing(old, new);
        diff
    }

    fn compare(&mut self, old: &Source, new: &Source) {
        let same = old.sha256.is_some() && old.sha256 == new.sha256;
        *(if same { &mut self.lists_unchanged } else { &mut self.lists_changed }) += 1;
        for ((field, before), (_, after)) in fields(old).into_iter().zip(fields(new)) {
            if before != after {
                let source = new.name.clone();
                self.sources_changed.push(FieldChange { source, field, before, after });
            }
        }
    }
}

fn by_name(manifest: &Manifest) -> BTreeMap<&str, (&Source, u64)> {
    let records = manifest.sources.iter();
    records.map(|record| (record.source.name.as_str(), (&record.source, record.rules))).collect()
}

fn brief(source: &Source, rules: u64) -> SourceBrief {
    SourceBrief {
        name: source.name.clone(),
        action: source.action,
        categories: source.categories.clone(),
        licence: source.licence.clone(),
        rules,
    }
}

/// What is compared, but for the digest, which changes with every new list.
fn fields(source: &Source) -> [(&'static str, Option<String>); 8] {
    let words = |words: &[String]| (!words.is_empty()).then(|| words.join(", "));
    let action = match source.action {
        Action::Block => "block",
        Action::Allow => "allow",
    };
    let suffixes = match source.suffixes {
        filter_core::Suffixes::Refuse => "refuse",
        filter_core::Suffixes::Keep => "keep",
    };
    [
        ("action", Some(action.into())),
        ("categories", words(&source.categories)),
        ("lifts", words(&source.lifts)),
        ("suffixes", Some(suffixes.into())),
        ("licence", source.licence.clone()),
        ("attribution", source.attribution.clone()),
        ("homepage", source.homepage.clone()),
        ("url", source.url.clone()),
    ]
}
