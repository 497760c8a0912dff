//! How much more or less a bundle holds than another, from their manifests.

use std::collections::BTreeMap;

use filter_core::{Manifest, Stamp};
use serde::Serialize;

/// Growth since an earlier bundle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Growth {
    /// Of the earlier bundle.
    pub since: Stamp,
    /// Distinct names.
    pub names: Change,
    /// Rules by source, of either bundle.
    pub sources: BTreeMap<String, Change>,
    /// Names and patterns blocked as each category.
    pub categories: BTreeMap<String, Change>,
}

/// One count in both bundles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Change {
    /// In the earlier one; 0 where it has no such source or category.
    pub before: u64,
    /// In this one.
    pub after: u64,
    /// Percent more, or less where negative; none where there was nothing before.
    pub percent: Option<f64>,
}

impl Growth {
    /// From `old` to `new`.
    pub fn between(old: &Manifest, new: &Manifest) -> Self {
        let sources = |manifest: &Manifest| {
            let rules =
                manifest.sources.iter().map(|record| (record.source.name.clone(), record.rules));
            rules.collect::<BTreeMap<_, _>>()
        };
        Self {
            since: old.stamp.clone(),
            names: Change::new(old.counts.names, new.counts.names),
            sources: changes(&sources(old), &sources(new)),
            categories: changes(&old.counts.by_category, &new.counts.by_category),
        }
    }
}

fn changes(old: &BTreeMap<String, u64>, new: &BTreeMap<String, u64>) -> BTreeMap<String, Change> {
    let count =
        |counts: &BTreeMap<String, u64>, name| counts.get(name).copied().unwrap_or_default();
    let names = old.keys().chain(new.keys());
    names.map(|name| (name.clone(), Change::new(count(old, name), count(new, name)))).collect()
}

impl Change {
    fn new(before: u64, after: u64) -> Self {
        let more = after as f64 - before as f64;
        let percent = (before > 0).then(|| 100.0 * more / before as f64);
        Self { before, after, percent }
    }
}
