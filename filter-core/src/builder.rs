//! From rules to the bytes of a bundle.
//!
//! Rules come in batches, one or more a source, which may be filled on different threads; names are
//! kept as keys in one arena a batch, about 35 octets a rule. [`FilterBuilder::build`] sorts all
//! keys together (batches are sorted runs already), merges what sources say of each name into rule
//! sets, drops names that an ancestor covers, and writes the dictionary in one pass.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    iter::successors,
};

use psl::Psl;
use thiserror::Error;

use crate::{
    Categories, Category, CategoryError, CategoryInfo, DomainName, RuleError,
    manifest::{Counts, Manifest, SourceRecord, Stamp},
    raw::{
        bundle::{self, SectionKind},
        domains::{self, is_below, parent_key, push_key},
        expressions,
        patterns::Patterns,
        rule_sets::{Entry, RuleSets},
    },
    rule::{Action, Fragment, Options, Scope, Source, Suffixes},
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
        Self { categories: Categories::builtin(), sources: Vec::new(), batches: Vec::new() }
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
        let names = merge_names(&self.sources, &self.batches, &mut interner);
        let fragments = merge_patterns(&self.batches, |batch| &batch.fragments, &mut interner);
        let expressions = merge_patterns(&self.batches, |batch| &batch.expressions, &mut interner);
        let order = interner.by_use();

        let mut writer = domains::Writer::new();
        for (row, set) in &names.kept {
            let key = self.batches[usize::from(row.batch)].key(row);
            writer.insert(key, order.numbers[*set as usize]);
        }
        let dictionary = writer.finish();
        let counts = Counts {
            names: names.rule_names,
            covered: names.covered,
            fragments: fragments.len() as u64,
            expressions: expressions.len() as u64,
            by_category: self.count_by_category(&interner),
        };
        let numbered = |patterns: &[(String, u32)]| {
            let number = |set: u32| order.numbers[set as usize];
            Patterns::write(patterns.iter().map(|(text, set)| (text.as_str(), number(*set))))
        };
        let records = self.sources.into_iter().zip(rules);
        let manifest = Manifest {
            stamp,
            categories: self.categories,
            sources: records.map(|(source, rules)| SourceRecord { source, rules }).collect(),
            counts,
        };
        let json = serde_json::to_vec(&manifest).expect("a manifest has string keys only");
        let sets = order.sets.iter().map(|&set| interner.sets[set as usize].as_ref());
        let bytes = bundle::write(&[
            (SectionKind::Manifest, &json),
            (SectionKind::RuleSets, &RuleSets::write(sets)),
            (SectionKind::Fragments, &numbered(&fragments)),
            (SectionKind::Expressions, &numbered(&expressions)),
            (SectionKind::Domains, &dictionary),
        ]);
        Built { bytes, manifest, dictionary_bytes: dictionary.len() }
    }

    /// Names and patterns that have a block rule of each category.
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

/// Rules of one source.
#[derive(Debug)]
pub struct Batch {
    source: SourceId,
    suffixes: Suffixes,
    /// Keys of the names, one after the other.
    keys: Vec<u8>,
    rows: Vec<Row>,
    fragments: Vec<String>,
    expressions: Vec<String>,
}

/// In place of scope and options: not a rule, an allow rule of the source lies below.
const ALLOW_BELOW: u8 = u8::MAX;

/// A rule on a name: where its key lies, and what the rule says.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// First octets of the key, so that most comparisons stay within the row.
    prefix: u64,
    start: u32,
    length: u8,
    /// [`Scope`] and [`Options`], or [`ALLOW_BELOW`].
    tag: u8,
    /// Index of the batch, once batches are put together.
    batch: u16,
}

impl Batch {
    /// Adds a rule on a domain.
    ///
    /// # Errors
    /// [`RuleError::PublicSuffix`] or [`RuleError::PrivateSuffix`], when the name is one;
    /// [`RuleError::NotAHostName`], when it came off the wire with octets that no list can write.
    pub fn domain(
        &mut self,
        name: &DomainName,
        scope: Scope,
        options: Options,
    ) -> Result<(), RuleError> {
        if !name.is_host_name() {
            return Err(RuleError::NotAHostName);
        }
        match public_suffix(name) {
            Some(psl::Type::Icann) => return Err(RuleError::PublicSuffix),
            Some(psl::Type::Private) if self.suffixes == Suffixes::Refuse => {
                return Err(RuleError::PrivateSuffix);
            }
            _ => {}
        }
        let start = u32::try_from(self.keys.len()).map_err(|_| RuleError::SourceTooLarge)?;
        push_key(name, &mut self.keys);
        self.push_row(start, tag(scope, options));
        Ok(())
    }

    /// Adds a host-name fragment; the name is refused where it is found.
    ///
    /// # Errors
    /// [`RuleError::ExceptionPattern`], when options ask for more than a plain rule.
    pub fn fragment(&mut self, fragment: &Fragment, options: Options) -> Result<(), RuleError> {
        plain(options)?;
        self.fragments.push(fragment.as_str().to_owned());
        Ok(())
    }

    /// Adds a regular expression, found anywhere in the lower-case host name (no trailing dot),
    /// ASCII case ignored. Syntax of the `regex` crate without Unicode classes; no look-around.
    ///
    /// # Errors
    /// [`RuleError::Expression`], [`RuleError::ExpressionTooLarge`],
    /// [`RuleError::ExceptionPattern`].
    pub fn expression(&mut self, text: &str, options: Options) -> Result<(), RuleError> {
        plain(options)?;
        expressions::check(text)?;
        self.expressions.push(text.to_owned());
        Ok(())
    }

    /// Sorts the batch and drops its duplicates: half the work of a build, best done on the thread
    /// that read the list. A batch may also be added as it is.
    #[must_use]
    pub fn finish(mut self) -> Self {
        let keys = std::mem::take(&mut self.keys);
        let key = |row: &Row| &keys[row.start as usize..][..usize::from(row.length)];
        self.rows.sort_unstable_by(|a, b| {
            a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b))).then_with(|| a.tag.cmp(&b.tag))
        });
        self.rows.dedup_by(|a, b| a.tag == b.tag && a.prefix == b.prefix && key(a) == key(b));
        self.rows.shrink_to_fit();
        self.keys = keys;
        self.keys.shrink_to_fit();
        for texts in [&mut self.fragments, &mut self.expressions] {
            texts.sort_unstable();
            texts.dedup();
        }
        self
    }

    /// Rules in the batch.
    pub fn len(&self) -> usize {
        self.rows.len() + self.fragments.len() + self.expressions.len()
    }

    /// True when there is no rule.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn new(source: SourceId, suffixes: Suffixes) -> Self {
        let (keys, rows) = (Vec::new(), Vec::new());
        Self { source, suffixes, keys, rows, fragments: Vec::new(), expressions: Vec::new() }
    }

    fn push(&mut self, key: &[u8], tag: u8) {
        let start = self.keys.len() as u32;
        self.keys.extend_from_slice(key);
        self.push_row(start, tag);
    }

    /// Adds a row for the key that runs from `start` to the end of the arena.
    fn push_row(&mut self, start: u32, tag: u8) {
        let key = &self.keys[start as usize..];
        let (prefix, length) = (key_prefix(key), key.len() as u8);
        self.rows.push(Row { prefix, start, length, tag, batch: 0 });
    }

    fn key(&self, row: &Row) -> &[u8] {
        &self.keys[row.start as usize..][..usize::from(row.length)]
    }

    fn entry(&self, row: &Row) -> Entry {
        if row.tag == ALLOW_BELOW {
            return Entry::allow_below(self.source.0);
        }
        let (scope, options) = untag(row.tag);
        Entry::new(self.source.0, scope, options)
    }
}

fn key_prefix(key: &[u8]) -> u64 {
    let mut octets = [0; 8];
    let length = key.len().min(8);
    octets[..length].copy_from_slice(&key[..length]);
    u64::from_be_bytes(octets)
}

fn tag(scope: Scope, options: Options) -> u8 {
    scope as u8 | u8::from(options.important) << 2 | u8::from(options.exception) << 3
}

fn untag(tag: u8) -> (Scope, Options) {
    let scope = match tag & 3 {
        0 => Scope::Exact,
        1 => Scope::Subtree,
        _ => Scope::SubdomainsOnly,
    };
    (scope, Options { important: tag & 4 != 0, exception: tag & 8 != 0 })
}

fn plain(options: Options) -> Result<(), RuleError> {
    match options {
        Options { important: false, exception: false } => Ok(()),
        _ => Err(RuleError::ExceptionPattern),
    }
}

/// The section of the public suffix list that names this very name; a top-level domain that the
/// list does not know counts as ICANN's.
fn public_suffix(name: &DomainName) -> Option<psl::Type> {
    let written_as_ipv6 = name.as_wire().contains(&b':');
    if written_as_ipv6 {
        return None;
    }
    // The root's text has no octet, and the list says as much of its suffix.
    let text_length = name.as_wire().len().saturating_sub(2);
    let suffix = psl::List.find(name.labels().rev());
    (suffix.len == text_length).then_some(suffix.typ.unwrap_or(psl::Type::Icann))
}

/// What says of a name that an allow rule or exception of a source lies below it: one batch for
/// each that has such rules.
fn markers(sources: &[Source], batches: &[Batch]) -> Vec<Batch> {
    let below = |batch: &Batch| {
        let allows = sources[usize::from(batch.source.0)].action == Action::Allow;
        let mut keys = BTreeSet::new();
        for row in &batch.rows {
            let (scope, options) = untag(row.tag);
            if allows || options.exception {
                let key = batch.key(row);
                // The apex of a subdomains-only rule has an allowed name below itself.
                keys.extend((scope == Scope::SubdomainsOnly).then_some(key));
                keys.extend(successors(parent_key(key), |key| parent_key(key)));
            }
        }
        let mut markers = Batch::new(batch.source, Suffixes::Keep);
        for key in keys {
            // Fewer octets than the keys of `batch`, whose places fit a row.
            markers.push(key, ALLOW_BELOW);
        }
        markers
    };
    batches.iter().map(below).filter(|markers| !markers.is_empty()).collect()
}

/// Names in order, each with the rule set of all that sources say of it.
#[derive(Default)]
struct Merged {
    kept: Vec<(Row, u32)>,
    /// Distinct names that have a rule.
    rule_names: u64,
    covered: u64,
}

fn merge_names(sources: &[Source], batches: &[Batch], interner: &mut Interner) -> Merged {
    let key = |row: &Row| batches[usize::from(row.batch)].key(row);
    let mut rows = Vec::with_capacity(batches.iter().map(|batch| batch.rows.len()).sum());
    for (index, batch) in batches.iter().enumerate() {
        rows.extend(batch.rows.iter().map(|row| Row { batch: index as u16, ..*row }));
    }
    // Stable sorting finds the batches' sorted runs and merges them.
    rows.sort_by(|a, b| a.prefix.cmp(&b.prefix).then_with(|| key(a).cmp(key(b))));

    let mut merged = Merged::default();
    let mut ancestors: Vec<(Row, u32)> = Vec::new();
    let mut entries = Vec::new();
    for name in rows.chunk_by(|a, b| a.prefix == b.prefix && key(a) == key(b)) {
        let row = name[0];
        entries.clear();
        entries.extend(name.iter().map(|row| batches[usize::from(row.batch)].entry(row)));
        entries.sort_unstable();
        entries.dedup();
        let has_rule = entries.iter().any(|entry| !entry.is_allow_below());
        merged.rule_names += u64::from(has_rule);

        while ancestors.last().is_some_and(|(last, _)| !is_below(key(&row), key(last))) {
            ancestors.pop();
        }
        if is_covered(sources, interner, &ancestors, &entries) {
            merged.covered += 1;
            continue;
        }
        let set = interner.intern(&entries);
        merged.kept.push((row, set));
        ancestors.push((row, set));
    }
    merged
}

/// True when an ancestor has, for every entry, one that covers it, and no allow rule in between
/// would then have the last word (it lifts what is as deep as itself, not what is deeper).
fn is_covered(
    sources: &[Source],
    interner: &Interner,
    ancestors: &[(Row, u32)],
    entries: &[Entry],
) -> bool {
    let allows = |entry: &Entry| sources[usize::from(entry.source())].action == Action::Allow;
    let plain_block =
        |entry: &Entry| !entry.is_allow_below() && !entry.is_exception() && !allows(entry);
    if !entries.iter().all(plain_block) {
        return false;
    }
    for &(_, set) in ancestors.iter().rev() {
        let set = &interner.sets[set as usize];
        if set.iter().any(|entry| allows(entry) && !entry.is_allow_below()) {
            return false;
        }
        let covers = |entry: &Entry| set.iter().any(|ancestor| ancestor.covers(*entry));
        if entries.iter().all(covers) {
            return true;
        }
    }
    false
}

/// Distinct texts in order, each with its rule set.
fn merge_patterns(
    batches: &[Batch],
    texts: impl Fn(&Batch) -> &Vec<String>,
    interner: &mut Interner,
) -> Vec<(String, u32)> {
    let mut by_text: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
    for batch in batches {
        for text in texts(batch) {
            let entry = Entry::new(batch.source.0, Scope::Subtree, Options::default());
            by_text.entry(text).or_default().push(entry);
        }
    }
    let mut set = |mut entries: Vec<Entry>| {
        entries.sort_unstable();
        entries.dedup();
        interner.intern(&entries)
    };
    by_text.into_iter().map(|(text, entries)| (text.to_owned(), set(entries))).collect()
}

/// Gives equal rule sets one number, and counts their uses.
#[derive(Default)]
struct Interner {
    numbers: HashMap<Box<[Entry]>, u32>,
    sets: Vec<Box<[Entry]>>,
    uses: Vec<u64>,
}

impl Interner {
    fn intern(&mut self, entries: &[Entry]) -> u32 {
        let number = match self.numbers.get(entries) {
            Some(&number) => number,
            None => {
                let number = self.sets.len() as u32;
                self.sets.push(entries.into());
                self.uses.push(0);
                self.numbers.insert(entries.into(), number);
                number
            }
        };
        self.uses[number as usize] += 1;
        number
    }

    /// Final numbers, by how often a set is used: small ones take fewer octets in the dictionary.
    fn by_use(&self) -> ByUse {
        let mut sets: Vec<u32> = (0..self.sets.len() as u32).collect();
        // The content decides between equals: the order must not depend on how batches came.
        sets.sort_by_key(|&set| (Reverse(self.uses[set as usize]), &self.sets[set as usize]));
        let mut numbers = vec![0; sets.len()];
        for (new, &old) in sets.iter().enumerate() {
            numbers[old as usize] = new as u32;
        }
        ByUse { sets, numbers }
    }
}

struct ByUse {
    /// Interned numbers in their final order.
    sets: Vec<u32>,
    /// Final number of each interned one.
    numbers: Vec<u32>,
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
            licence: None,
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
    fn public_suffixes() {
        use psl::Type::{Icann, Private};
        let cases = [
            (".", Some(Icann)),
            ("com", Some(Icann)),
            ("co.uk", Some(Icann)),
            ("gouv.fr", Some(Icann)),
            ("anything.ck", Some(Icann)),
            ("www.ck", None),
            ("xn--p1ai", Some(Icann)),
            ("xn--55qx5d.cn", Some(Icann)),
            ("no-such-tld", Some(Icann)),
            ("github.io", Some(Private)),
            ("s3.amazonaws.com", Some(Private)),
            ("example.com", None),
            ("example.github.io", None),
            ("192.0.2.1", None),
            ("2001:db8::1", None),
        ];
        for (name, expected) in cases {
            assert_eq!(public_suffix(&name.parse().unwrap()), expected, "{name}");
        }
    }

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

    #[test]
    fn tags_round_trip() {
        for scope in [Scope::Exact, Scope::Subtree, Scope::SubdomainsOnly] {
            for (important, exception) in
                [(false, false), (true, false), (false, true), (true, true)]
            {
                let options = Options { important, exception };
                assert_eq!(untag(tag(scope, options)), (scope, options));
            }
        }
    }

    #[test]
    fn key_prefixes_order_as_keys_do() {
        let mut keys: Vec<&[u8]> =
            vec![b"", b"com", b"com+a", b"com+a+b", b"com+aaaaaaaa", b"com-a"];
        keys.sort();
        assert!(keys.is_sorted_by_key(|key| key_prefix(key)));
    }
}
