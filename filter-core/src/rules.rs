//! Everything that a bundle holds, in order: for exports, comparisons and statistics.

use crate::{
    DomainName, Filter, Options, Scope,
    raw::{
        domains::Keys,
        patterns::{PatternKind, Patterns},
        rule_sets::{Entry, RuleSets},
    },
};

impl Filter {
    /// Every name that has a rule, in canonical order (RFC 4034 §6.1): an ancestor before what lies
    /// below it. Names that a build left out as covered by an ancestor are not there.
    ///
    /// It streams from the bundle. One that was made to harm may name far more names than it has
    /// octets: not for the path of queries.
    ///
    /// ```
    /// # use filter_core::{Filter, FilterBuilder, Options, Scope, Source, Stamp};
    /// # let mut builder = FilterBuilder::new();
    /// # let source = builder.source(Source::block("my-list", &["porn"]))?;
    /// # let mut batch = builder.batch(source);
    /// # batch.domain(&"example.com".parse()?, Scope::Subtree, Options::default())?;
    /// # builder.add(batch.finish());
    /// # let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    /// # let filter = Filter::open(builder.build(stamp).bytes)?;
    /// for listed in filter.names() {
    ///     for rule in listed.rules() {
    ///         let source = &filter.manifest().sources[rule.source].source.name;
    ///         println!("{} {:?} {source}", listed.name, rule.scope);
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn names(&self) -> Names<'_> {
        let keys = self.inner.domains().map(|domains| domains.keys());
        Names { keys, rule_sets: &self.inner.rule_sets }
    }

    /// Every pattern of a kind, in increasing order of text.
    pub fn patterns(&self, kind: PatternKind) -> impl Iterator<Item = ListedPattern<'_>> {
        let section = self.inner.section(kind.section()).unwrap_or_default();
        // Opening the bundle went through the whole section already.
        let patterns = Patterns::each(section).map_while(Result::ok);
        patterns.map(|(rule_set, text)| ListedPattern {
            text,
            rule_set,
            entries: self.inner.rule_sets.get(rule_set),
        })
    }
}

/// What [`Filter::names`] iterates with.
#[derive(Debug)]
pub struct Names<'f> {
    keys: Option<Keys<'f>>,
    rule_sets: &'f RuleSets,
}

impl<'f> Iterator for Names<'f> {
    type Item = ListedName<'f>;

    fn next(&mut self) -> Option<ListedName<'f>> {
        loop {
            let (name, rule_set) = self.keys.as_mut()?.next()?;
            let entries = self.rule_sets.get(rule_set);
            // Ancestors of allow rules are in the dictionary too, for answers to spare those.
            if entries.iter().any(|entry| !entry.is_allow_below()) {
                return Some(ListedName { name, rule_set, entries });
            }
        }
    }
}

/// A name and the rules on it.
#[derive(Clone, Debug)]
pub struct ListedName<'f> {
    /// The name.
    pub name: DomainName,
    /// A number that names share, within one bundle, when they have the same rules (and the same
    /// allow rules below them).
    pub rule_set: u32,
    entries: &'f [Entry],
}

impl<'f> ListedName<'f> {
    /// The rules on this name, by source.
    pub fn rules(&self) -> impl Iterator<Item = NameRule> + use<'f> {
        let rules = self.entries.iter().filter(|entry| !entry.is_allow_below());
        rules.map(|entry| NameRule {
            source: usize::from(entry.source()),
            scope: entry.scope(),
            options: entry.options(),
        })
    }
}

/// One source's rule on a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameRule {
    /// Index among the sources of the manifest.
    pub source: usize,
    /// Which names it matches.
    pub scope: Scope,
    /// What the list wrote beside it.
    pub options: Options,
}

/// A pattern and who lists it.
#[derive(Clone, Debug)]
pub struct ListedPattern<'f> {
    /// In the notation of its kind: see [`Fragment`](crate::Fragment), [`Network`](crate::Network),
    /// [`UrlPrefix`](crate::UrlPrefix), [`Phrase`](crate::Phrase).
    pub text: &'f str,
    /// As [`ListedName::rule_set`].
    pub rule_set: u32,
    entries: &'f [Entry],
}

impl<'f> ListedPattern<'f> {
    /// Who lists it.
    pub fn rules(&self) -> impl Iterator<Item = PatternRule> + use<'f> {
        self.entries.iter().map(|entry| PatternRule {
            source: usize::from(entry.source()),
            options: entry.options(),
        })
    }
}

/// One source's pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternRule {
    /// Index among the sources of the manifest.
    pub source: usize,
    /// What the list wrote beside it.
    pub options: Options,
}
