//! From rules to the bytes of a bundle.
//!
//! Rules come in batches, one or more a source, which may be filled on different threads; names are
//! kept as keys in one arena a batch, about 35 octets a rule. [`FilterBuilder::build`] sorts all
//! keys together (batches are sorted runs already), merges what sources say of each name into rule
//! sets, drops names that an ancestor covers, and writes the dictionary in one pass.

mod batch;
mod merge;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    iter::successors,
};

use thiserror::Error;

pub use self::batch::Batch;
use self::merge::{Interner, markers, merge_names, merge_patterns};
use crate::{
    Categories, Category, CategoryError, CategoryInfo, DomainName, Learned, LearnedCategory,
    LearnedError, LearnedFault, LearnedRecord, LearnedSummary,
    manifest::{Counts, Manifest, SourceRecord, Stamp},
    raw::{
        bundle::{self, SectionKind},
        domains, index, learned,
        patterns::{PatternKind, Patterns},
        rule_sets::{Entry, RuleSets},
    },
    rule::{Action, Source, Suffixes},
};

/// Categories that no allow source lifts: a list must not open the door to them.
pub const NEVER_LIFTED: [&str; 3] = ["malware", "phishing", "bypass"];

/// Collects rules and compiles them.
///
/// ```
/// # use filter_core::{FilterBuilder, Options, Scope, Source, Stamp};
/// let mut builder = FilterBuilder::new();
/// let source = builder.source(Source::block("my-list", &["porn"]))?;
/// let mut batch = builder.batch(source);
/// batch.domain(&"example.com".parse()?, Scope::Subtree, Options::default())?;
/// builder.add(batch.finish());
/// let built = builder.build(Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FilterBuilder {
    categories: Categories,
    sources: Vec<Source>,
    batches: Vec<Batch>,
    /// Keys of names that strangers share.
    shared: HashSet<Vec<u8>>,
    learned: Option<Learned>,
}

/// A source that a builder knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceId(u16);

/// A compiled bundle.
#[derive(Clone, Debug)]
pub struct Built {
    /// The file.
    pub bytes: Vec<u8>,
    /// What its manifest says.
    pub manifest: Manifest,
    /// Octets of the dictionary section.
    pub dictionary_bytes: usize,
}

impl Default for FilterBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl FilterBuilder {
    /// Most batches of one bundle: as many again may be needed for markers.
    pub const MAX_BATCHES: usize = 1 << 15;

    /// A builder that knows the built-in categories.
    pub fn new() -> Self {
        Self {
            categories: Categories::builtin(),
            sources: Vec::new(),
            batches: Vec::new(),
            shared: HashSet::new(),
            learned: None,
        }
    }

    /// Adds a category.
    ///
    /// # Errors
    /// [`CategoryError`], when the name is taken or malformed, or there is no place.
    pub fn category(&mut self, info: CategoryInfo) -> Result<Category, CategoryError> {
        self.categories.declare(info)
    }

    /// Adds a source. Sources that come first are named first where several list one name.
    ///
    /// # Errors
    /// [`SourceError`], when the source contradicts itself or another one.
    pub fn source(&mut self, mut source: Source) -> Result<SourceId, SourceError> {
        self.categories.set(&source.categories)?;
        self.categories.set(&source.lifts)?;
        if source.categories.is_empty() {
            return Err(SourceError::NoCategory { source_name: source.name });
        }
        if self.sources.iter().any(|other| other.name == source.name) {
            return Err(SourceError::Duplicate { source_name: source.name });
        }
        if source.action == Action::Block && !source.lifts.is_empty() {
            return Err(SourceError::BlockLifts { source_name: source.name });
        }
        if let Some(category) = source.lifts.iter().find(|l| NEVER_LIFTED.contains(&l.as_str())) {
            let category = category.clone();
            return Err(SourceError::NeverLifted { source_name: source.name, category });
        }
        if self.sources.len() == Entry::MAX_SOURCES {
            return Err(SourceError::TooMany);
        }
        source.categories.dedup();
        self.sources.push(source);
        Ok(SourceId(self.sources.len() as u16 - 1))
    }

    /// Says that strangers share a name, and those above it: a rule on it does not count in what
    /// answers lead to ([`Answers::name`](crate::Answers::name)), so that what lies below is kept,
    /// even where the rule covers it. Public suffixes are known to be shared.
    pub fn shared(&mut self, name: &DomainName) {
        let mut key = Vec::new();
        domains::push_key(name, &mut key);
        let above = successors(Some(key.as_slice()), |key| domains::parent_key(key));
        self.shared.extend(above.map(<[u8]>::to_vec));
    }

    /// The table for names that no list knows.
    ///
    /// # Errors
    /// [`LearnedFault::UnknownCategory`], and what would not have been read either.
    pub fn learned(&mut self, learned: Learned) -> Result<(), LearnedError> {
        let error = |fault| LearnedError { line: 0, fault };
        let known = self.categories.set(learned.categories.iter().map(|c| &c.name));
        known.map_err(|_| error(LearnedFault::UnknownCategory))?;
        learned.check().map_err(error)?;
        self.learned = Some(learned);
        Ok(())
    }

    /// An empty batch of rules of a source. Fill it wherever you like.
    ///
    /// # Panics
    /// If `source` is another builder's.
    pub fn batch(&self, source: SourceId) -> Batch {
        Batch::new(source, self.sources[usize::from(source.0)].suffixes)
    }

    /// Records the digest of a source once it has been read.
    ///
    /// # Panics
    /// If `source` is another builder's.
    pub fn set_sha256(&mut self, source: SourceId, sha256: String) {
        self.sources[usize::from(source.0)].sha256 = Some(sha256);
    }

    /// Adds a batch. The order in which batches come makes no difference to the bundle.
    ///
    /// # Panics
    /// Beyond [`MAX_BATCHES`](Self::MAX_BATCHES).
    pub fn add(&mut self, batch: Batch) {
        assert!(self.batches.len() < Self::MAX_BATCHES, "too many batches for one bundle");
        self.batches.push(batch);
    }

    /// Compiles everything. The same sources and rules give the same bytes.
    pub fn build(mut self, stamp: Stamp) -> Built {
        let rules: Vec<u64> = (0..self.sources.len())
            .map(|source| {
                let own = self.batches.iter().filter(|batch| usize::from(batch.source.0) == source);
                own.map(|batch| batch.len() as u64).sum()
            })
            .collect();
        self.batches.extend(markers(&self.sources, &self.batches));

        let mut interner = Interner::default();
        let names = merge_names(&self.sources, &self.batches, &self.shared, &mut interner);
        let patterns =
            PatternKind::ALL.map(|kind| merge_patterns(&self.batches, kind, &mut interner));
        let order = interner.by_use();

        let numbered_names = names.kept.iter().map(|(row, set)| {
            (self.batches[usize::from(row.batch)].key(row), order.numbers[*set as usize])
        });
        let mut writer = domains::Writer::new();
        for (key, set) in numbered_names.clone() {
            writer.insert(key, set);
        }
        let dictionary = writer.finish();
        let index = index::write(blake3::hash(&dictionary).as_bytes(), numbered_names);
        let [fragments, expressions, networks, prefixes, url_expressions, phrases, protected] =
            patterns.each_ref().map(|patterns| patterns.len() as u64);
        let counts = Counts {
            names: names.rule_names,
            covered: names.covered,
            fragments,
            expressions,
            networks,
            urls: prefixes + url_expressions,
            phrases,
            protected,
            by_category: self.count_by_category(&interner),
        };
        let numbered = |patterns: &Vec<(String, u32)>| {
            let number = |set: u32| order.numbers[set as usize];
            Patterns::write(patterns.iter().map(|(text, set)| (text.as_str(), number(*set))))
        };
        let pattern_sections = patterns.each_ref().map(numbered);
        let records = self.sources.into_iter().zip(rules);
        let manifest = Manifest {
            stamp,
            categories: self.categories,
            sources: records.map(|(source, rules)| SourceRecord { source, rules }).collect(),
            counts,
            learned: self.learned.as_ref().map(record),
        };
        let json = serde_json::to_vec(&manifest).expect("a manifest has string keys only");
        let sets = order.sets.iter().map(|&set| interner.sets[set as usize].as_ref());
        let rule_sets = RuleSets::write(sets);
        let mut sections: Vec<(SectionKind, &[u8])> =
            vec![(SectionKind::Manifest, &json), (SectionKind::RuleSets, &rule_sets)];
        for kind in PatternKind::ALL {
            let is_empty = patterns[kind as usize].is_empty();
            if !is_empty || kind.is_always_there() {
                sections.push((kind.section(), &pattern_sections[kind as usize]));
            }
        }
        let learned = self.learned.as_ref().map(learned::write);
        sections.extend(learned.iter().map(|states| (SectionKind::Learned, states.as_slice())));
        sections.push((SectionKind::Domains, &dictionary));
        sections.push((SectionKind::Index, &index));
        let bytes = bundle::write(&sections);
        Built { bytes, manifest, dictionary_bytes: dictionary.len() }
    }

    /// Names and patterns of any kind that have a block rule of each category.
    fn count_by_category(&self, interner: &Interner) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for (set, uses) in interner.sets.iter().zip(&interner.uses) {
            let blocking = set
                .iter()
                .filter(|entry| !entry.is_allow_below() && !entry.is_exception())
                .map(|entry| &self.sources[usize::from(entry.source())])
                .filter(|source| source.action == Action::Block);
            let categories: BTreeSet<_> = blocking.flat_map(|source| &source.categories).collect();
            for category in categories {
                *counts.entry(category.clone()).or_default() += uses;
            }
        }
        counts
    }
}

/// What the manifest says of a table.
fn record(learned: &Learned) -> LearnedRecord {
    let summary = |category: &LearnedCategory| LearnedSummary {
        name: category.name.clone(),
        base: category.base,
        mistakes: category.mistakes.clone(),
        pieces: category.weights.len() as u64,
    };
    LearnedRecord {
        from: learned.from.clone(),
        categories: learned.categories.iter().map(summary).collect(),
    }
}

/// Why a source is refused. The fault is in the list of sources.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A category that is not in the table, in `categories` or `lifts`.
    #[error(transparent)]
    Category(#[from] CategoryError),
    /// No category at all.
    #[error("source `{source_name}` has no category")]
    NoCategory {
        /// The source.
        source_name: String,
    },
    /// Two sources of one name.
    #[error("two sources are named `{source_name}`")]
    Duplicate {
        /// The name.
        source_name: String,
    },
    /// `lifts` on a block source.
    #[error("source `{source_name}` blocks, so it lifts nothing: drop `lifts`, or make it allow")]
    BlockLifts {
        /// The source.
        source_name: String,
    },
    /// `lifts` of a category in [`NEVER_LIFTED`].
    #[error("source `{source_name}` lifts `{category}`, which no list may lift")]
    NeverLifted {
        /// The source.
        source_name: String,
        /// The category.
        category: String,
    },
    /// More sources than rule sets can tell apart.
    #[error("more than {} sources", Entry::MAX_SOURCES)]
    TooMany,
}

impl Source {
    /// A block source of those categories, with nothing else said.
    pub fn block(name: &str, categories: &[&str]) -> Self {
        Self {
            name: name.into(),
            action: Action::Block,
            categories: categories.iter().map(|&category| category.into()).collect(),
            lifts: Vec::new(),
            suffixes: Suffixes::Refuse,
            legal: false,
            licence: None,
            attribution: None,
            homepage: None,
            url: None,
            sha256: None,
        }
    }

    /// An allow source of those categories that lifts those others.
    pub fn allow(name: &str, categories: &[&str], lifts: &[&str]) -> Self {
        let lifts = lifts.iter().map(|&category| category.into()).collect();
        Self { action: Action::Allow, lifts, ..Self::block(name, categories) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_contradict_themselves() {
        let refused = |source: Source| FilterBuilder::new().source(source).unwrap_err().to_string();
        assert!(refused(Source::block("a", &["pron"])).starts_with("unknown category `pron`"));
        assert_eq!(refused(Source::block("a", &[])), "source `a` has no category");
        let lifts = Source::allow("a", &["education"], &["malware"]);
        assert_eq!(refused(lifts), "source `a` lifts `malware`, which no list may lift");
        let block = Source { lifts: vec!["porn".into()], ..Source::block("a", &["porn"]) };
        assert!(refused(block).contains("lifts nothing"));
        let mut builder = FilterBuilder::new();
        builder.source(Source::block("a", &["porn"])).unwrap();
        let twice = builder.source(Source::block("a", &["ads"])).unwrap_err();
        assert_eq!(twice, SourceError::Duplicate { source_name: "a".into() });
    }
}
