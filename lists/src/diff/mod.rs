//! What a new bundle changes: names and patterns, by category and source, and the sources
//! themselves.
//!
//! Both bundles are streamed side by side, in canonical name order: memory does not grow with the
//! number of names. What counts is what is refused or allowed, not how it is stored: a name that
//! leaves the dictionary because an ancestor's rule of the same source now covers it is *folded*,
//! not removed.

mod change;
mod compare;
mod manifest;
mod sample;
mod shown;
mod tables;

use std::collections::BTreeMap;

use filter_core::{Filter, PatternKind, Stamp};
use serde::Serialize;

pub use self::{
    change::{Change, Entry, Kind, Said},
    manifest::{FieldChange, ManifestDiff, SourceBrief},
};

/// How two bundles differ. `Display` is for people, `Serialize` for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Serial, creation, expiry of the old bundle.
    pub old: Stamp,
    /// Those of the new one.
    pub new: Stamp,
    /// Names.
    pub names: Tally,
    /// Patterns, by kind: `fragments`, `expressions`, `networks`, `urls`, `phrases`.
    pub patterns: BTreeMap<&'static str, Tally>,
    /// Names and patterns that are blocked as each category. What changes category is removed from
    /// one and added to the other.
    pub categories: BTreeMap<String, Tally>,
    /// Names and patterns that each source lists; `moved` are those whose scope or options it
    /// changed.
    pub sources: BTreeMap<String, Tally>,
    /// Sources and categories that came, went or changed.
    pub manifest: ManifestDiff,
}

/// Entries of one kind, category or source, on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// In the old bundle.
    pub before: u64,
    /// In the new bundle.
    pub after: u64,
    /// Only new.
    pub added: u64,
    /// Only old.
    pub removed: u64,
    /// In both, by other sources, of other categories, or with other scope or options.
    pub moved: u64,
    /// No longer stored, and matched by an ancestor's rule as before: nothing changes.
    pub folded: u64,
    /// Stored anew, and matched by an ancestor's rule before: nothing changes.
    pub unfolded: u64,
    /// A few of those added, in order; the same ones in every run.
    pub added_sample: Vec<String>,
    /// A few of those removed.
    pub removed_sample: Vec<String>,
    /// A few of those moved.
    pub moved_sample: Vec<String>,
}

impl Tally {
    /// True when nothing was added, removed or moved.
    pub fn is_unchanged(&self) -> bool {
        self.added + self.removed + self.moved == 0
    }
}

/// Compares two bundles. Each tally shows up to `sample` entries of each kind of change; every
/// change is given to `each` as it is found: names in canonical order (RFC 4034 §6.1), then patterns
/// by kind in order of text.
///
/// # Errors
/// The first error of `each`.
pub fn compare<E>(
    old: &Filter,
    new: &Filter,
    sample: usize,
    each: impl FnMut(&Change<'_>) -> Result<(), E>,
) -> Result<Diff, E> {
    compare::Comparison::new(old, new, sample, each).run()
}

/// The name of a kind of patterns in reports.
fn plural(kind: PatternKind) -> &'static str {
    match kind {
        PatternKind::Fragment => "fragments",
        PatternKind::Expression => "expressions",
        PatternKind::Network => "networks",
        PatternKind::Url => "urls",
        PatternKind::UrlExpression => "url expressions",
        PatternKind::Phrase => "phrases",
        PatternKind::Protected => "protected sites",
    }
}
