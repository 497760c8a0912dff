//! The paved path: open a bundle, bind a profile, ask.

use std::{
    collections::BTreeSet,
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use thiserror::Error;

use crate::{
    BoundFilter, CategoryError, CategorySet, DomainName, Learned, OpenError, Profile,
    manifest::Manifest,
    raw::{
        bundle::{SectionKind, Sections},
        domains::Domains,
        index::{AskDictionary, Index},
        learned::Pieces,
        networks::Networks,
        pages::Pages,
        patterns::{Automata, AutomataError, Patterns},
        phrases::{self, PhraseIndex},
        rule_sets::RuleSets,
    },
    rule::Action,
};

/// An opened bundle. Cheap to clone: clones share the bytes.
///
/// ```
/// # use filter_core::{Filter, FilterBuilder, Options, Profile, Scope, Source, Stamp, Verdict};
/// # let mut builder = FilterBuilder::new();
/// # let source = builder.source(Source::block("my-list", &["porn"]))?;
/// # let mut batch = builder.batch(source);
/// # batch.domain(&"example.com".parse()?, Scope::Subtree, Options::default())?;
/// # builder.add(batch.finish());
/// # let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
/// # let bytes = builder.build(stamp).bytes;
/// let filter = Filter::open(bytes)?; // Vec<u8>, a mapping, &'static [u8]
/// let child = filter.bind(&Profile::named("child")?)?;
/// match child.host("www.example.com") {
///     Verdict::Blocked(reason) => {
///         assert_eq!(reason.to_string(), "porn · my-list");
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Filter {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    bytes: Box<dyn AsRef<[u8]> + Send + Sync>,
    sections: Sections,
    domains: Range<usize>,
    /// Where the bundle has one, with its section.
    index: Option<(Index, Range<usize>)>,
    pub(crate) manifest: Manifest,
    pub(crate) rule_sets: RuleSets,
    pub(crate) fragments: Patterns,
    pub(crate) expressions: Patterns,
    pub(crate) url_expressions: Patterns,
    pub(crate) networks: Networks,
    /// Sites that impostors imitate.
    pub(crate) protected: Patterns,
    automata: OnceLock<Result<Automata, AutomataError>>,
    learned: Option<Range<usize>>,
    phrases: OnceLock<PhraseIndex>,
    pages: OnceLock<Pages>,
    /// In the order of the manifest's sources.
    pub(crate) sources: Vec<SourceSets>,
}

/// A source's categories as sets.
pub(crate) struct SourceSets {
    pub(crate) action: Action,
    pub(crate) categories: CategorySet,
    pub(crate) lifts: CategorySet,
}

impl Filter {
    /// Checks every digest and every table of a bundle; its names are read in place, without
    /// building anything. `bytes` must not change while the filter lives: map only files that
    /// nobody writes.
    ///
    /// # Errors
    /// [`OpenError`]; whatever was served before should go on being served.
    pub fn open(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Self, OpenError> {
        let bytes: Box<dyn AsRef<[u8]> + Send + Sync> = Box::new(bytes);
        let file = (*bytes).as_ref();
        let sections = Sections::read(file)?;
        let section = |section| Ok(&file[sections.range(section)?]);

        let malformed =
            |section, what: &str| OpenError::Malformed { section, what: what.to_owned() };
        let mut manifest: Manifest = serde_json::from_slice(section(SectionKind::Manifest)?)
            .map_err(|error| malformed(SectionKind::Manifest, &error.to_string()))?;
        manifest.categories = manifest
            .categories
            .validate()
            .map_err(|error| malformed(SectionKind::Manifest, &error.to_string()))?;
        let sources = source_sets(&manifest)
            .map_err(|error| malformed(SectionKind::Manifest, &error.to_string()))?;
        let rule_sets = RuleSets::read(section(SectionKind::RuleSets)?, sources.len())
            .map_err(|what| malformed(SectionKind::RuleSets, what))?;
        let patterns = |kind| Patterns::read(section(kind)?).map_err(|what| malformed(kind, what));
        let fragments = patterns(SectionKind::Fragments)?;
        let expressions = patterns(SectionKind::Expressions)?;
        // Where there are any.
        let optional = |kind| sections.range(kind).map(|range| &file[range]).unwrap_or_default();
        let kind = SectionKind::UrlExpressions;
        let url_expressions =
            Patterns::read(optional(kind)).map_err(|what| malformed(kind, what))?;
        let networks = Networks::read(optional(SectionKind::Networks))
            .map_err(|what| malformed(SectionKind::Networks, what))?;
        let protected = Patterns::read(optional(SectionKind::Protected))
            .map_err(|what| malformed(SectionKind::Protected, what))?;
        if optional(SectionKind::Phrases).len() > phrases::MAX_SECTION {
            return Err(malformed(
                SectionKind::Phrases,
                "more phrases than texts can be searched for",
            ));
        }
        // These are read in place.
        for kind in [SectionKind::Urls, SectionKind::Phrases] {
            Patterns::check(optional(kind)).map_err(|what| malformed(kind, what))?;
        }
        Domains::open(section(SectionKind::Domains)?)
            .map_err(|error| malformed(SectionKind::Domains, &error.to_string()))?;

        let index = match sections.range(SectionKind::Index) {
            Ok(range) => {
                let dictionary = sections.digest(SectionKind::Domains)?;
                let index = Index::open(section(SectionKind::Index)?, dictionary)
                    .map_err(|what| malformed(SectionKind::Index, what))?;
                Some((index, range))
            }
            Err(_) => None,
        };

        let learned = manifest
            .learned
            .as_ref()
            .map(|record| {
                if record.categories.len() > Learned::MAX_CATEGORIES {
                    return Err(malformed(SectionKind::Manifest, "too many learned categories"));
                }
                manifest
                    .categories
                    .set(record.categories.iter().map(|category| &category.name))
                    .map_err(|error| malformed(SectionKind::Manifest, &error.to_string()))?;
                Pieces::open(section(SectionKind::Learned)?)
                    .map_err(|what| malformed(SectionKind::Learned, what))?;
                sections.range(SectionKind::Learned)
            })
            .transpose()?;

        let inner = Inner {
            domains: sections.range(SectionKind::Domains)?,
            index,
            sections,
            manifest,
            rule_sets,
            fragments,
            expressions,
            url_expressions,
            networks,
            protected,
            automata: OnceLock::new(),
            learned,
            phrases: OnceLock::new(),
            pages: OnceLock::new(),
            sources,
            bytes,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Prepares a profile for asking: category names become bits, the operator's names an overlay
    /// of the dictionary's kind. The first call on a bundle also builds its pattern automata, which
    /// takes milliseconds: keep it off the path of queries.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(&self, profile: &Profile) -> Result<BoundFilter, BindError> {
        let inner = &self.inner;
        let automata = inner.automata.get_or_init(|| {
            let texts = [&inner.fragments, &inner.expressions, &inner.url_expressions];
            let [fragments, expressions, url_expressions] = texts.map(|patterns| &patterns.texts);
            Automata::build(fragments, expressions, url_expressions)
        });
        automata.as_ref().map_err(|error| BindError::Automata(error.clone()))?;
        BoundFilter::new(Arc::clone(inner), profile)
    }

    /// What the bundle says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.inner.manifest
    }

    /// Octets of heap that the pattern automata take; 0 before the first [`bind`](Self::bind).
    pub fn automata_memory(&self) -> usize {
        self.inner.automata().map_or(0, Automata::memory)
    }

    /// Builds what texts and pages are searched with, unless it is there. It takes some tens of milliseconds for
    /// the usual ten thousand phrases: keep it off the path of queries.
    pub fn prepare_text(&self) {
        self.inner.phrases();
        self.inner.pages();
    }

    /// Octets of heap that this takes, about; 0 before the first text, and before
    /// [`prepare_text`](Self::prepare_text).
    pub fn text_memory(&self) -> usize {
        self.inner.phrases.get().map_or(0, PhraseIndex::memory)
    }

    /// Each section's kind and size in octets.
    pub fn section_sizes(&self) -> Vec<(SectionKind, usize)> {
        self.inner.sections.sizes()
    }
}

impl Inner {
    /// A section's octets, if the bundle has it.
    pub(crate) fn section(&self, kind: SectionKind) -> Option<&[u8]> {
        (*self.bytes).as_ref().get(self.sections.range(kind).ok()?)
    }

    /// Calls `found(labels, is the name itself, rule set)` for the name and each ancestor that the hot
    /// index holds, root first.
    ///
    /// # Errors
    /// [`AskDictionary`].
    #[inline]
    pub(crate) fn find(
        &self,
        name: &DomainName,
        found: impl FnMut(usize, bool, u32),
    ) -> Result<(), AskDictionary> {
        let (index, range) = self.index.as_ref().ok_or(AskDictionary)?;
        let section = (*self.bytes).as_ref().get(range.clone()).ok_or(AskDictionary)?;
        index.find(section, name, found)
    }

    #[inline]
    pub(crate) fn domains(&self) -> Option<Domains<'_>> {
        let section = (*self.bytes).as_ref().get(self.domains.clone())?;
        Domains::open(section).ok()
    }

    /// The sources that protect sites, by their numbers.
    pub(crate) fn protecting(&self) -> BTreeSet<usize> {
        let sets = self.protected.rule_sets.iter();
        let entries = sets.flat_map(|&set| self.rule_sets.get(set));
        let entries = entries.filter(|entry| !entry.is_exception());
        entries.map(|entry| usize::from(entry.source())).collect()
    }

    /// The learned pieces; none where the bundle has no table.
    #[inline]
    pub(crate) fn learned(&self) -> Option<Pieces<'_>> {
        Pieces::open((*self.bytes).as_ref().get(self.learned.clone()?)?).ok()
    }

    /// The index of phrases, built if it is not there.
    pub(crate) fn phrases(&self) -> &PhraseIndex {
        self.phrases.get_or_init(|| {
            PhraseIndex::build(self.section(SectionKind::Phrases).unwrap_or_default())
        })
    }

    /// The text of a phrase by its number; nothing for a number that no phrase has.
    pub(crate) fn phrase_text(&self, number: u32) -> &str {
        let section = self.section(SectionKind::Phrases).unwrap_or_default();
        let phrase = Patterns::each(section).map_while(Result::ok).nth(number as usize);
        phrase.map_or("", |(_, text)| text)
    }

    /// The beginnings of URLs, and their section.
    pub(crate) fn pages(&self) -> (&Pages, &[u8]) {
        let section = self.section(SectionKind::Urls).unwrap_or_default();
        (self.pages.get_or_init(|| Pages::build(section)), section)
    }

    #[inline]
    pub(crate) fn automata(&self) -> Option<&Automata> {
        self.automata.get().and_then(|built| built.as_ref().ok())
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let manifest = &self.inner.manifest;
        f.debug_struct("Filter")
            .field("stamp", &manifest.stamp)
            .field("counts", &manifest.counts)
            .finish_non_exhaustive()
    }
}

fn source_sets(manifest: &Manifest) -> Result<Vec<SourceSets>, CategoryError> {
    let sets = |record: &crate::SourceRecord| {
        let source = &record.source;
        Ok(SourceSets {
            action: source.action,
            categories: manifest.categories.set(&source.categories)?,
            lifts: manifest.categories.set(&source.lifts)?,
        })
    };
    manifest.sources.iter().map(sets).collect()
}

/// Why a profile does not fit a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BindError {
    /// The profile names a category that the bundle does not have: the operator's to mend.
    #[error(transparent)]
    Category(#[from] CategoryError),
    /// One of the operator's names is not a host name.
    #[error("`{name}` is not a host name")]
    NotAHostName {
        /// As it displays.
        name: String,
    },
    /// The bundle's patterns cannot be built: the bundle's maker's to mend.
    #[error(transparent)]
    Automata(AutomataError),
}
