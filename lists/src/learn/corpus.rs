//! What is mined: sites that lists name, and harmless ones.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    path::PathBuf,
};

use filter_core::{Action, DomainName, Options, RuleError, Scope, Source};
use rayon::prelude::*;
use thiserror::Error;

use crate::{
    compile::{ListError, read_source},
    formats::{Rule, Sink},
    source::{Format, ListSource, Sources},
};

/// Categories of sites that are like any other: against which the rest can be told.
const ORDINARY: [&str; 6] = ["ecommerce", "games", "video", "radio", "comics", "education"];

/// Sites, each the registrable domain of names that lists have.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// What each source names.
    pub listed: Vec<Listed>,
    /// Harmless sites, by group.
    pub benign: Vec<Benign>,
    /// Sites of those files that are not harmless, as somebody found who looked.
    pub struck: BTreeSet<String>,
}

/// A source of the sources file.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its licence.
    pub licence: Option<String>,
    /// Whether it refuses or passes.
    pub action: Action,
    /// Its categories.
    pub categories: Vec<String>,
    /// The sites that it names: as such, or with `www.` before.
    pub sites: BTreeSet<String>,
}

/// Harmless sites of one kind.
#[derive(Clone, Debug)]
pub struct Benign {
    /// What kind, in a word: it names the group in reports.
    pub group: String,
    /// The sites.
    pub sites: BTreeSet<String>,
}

/// Why nothing can be mined.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CorpusError {
    /// A list cannot be read.
    #[error(transparent)]
    List(#[from] ListError),
    /// No list of a category.
    #[error("no source names a site of category `{category}`")]
    Nothing {
        /// The category.
        category: String,
    },
}

impl Corpus {
    /// Reads lists, files of harmless names (`group`, file), and files of names that are not.
    ///
    /// # Errors
    /// [`CorpusError::List`].
    pub fn read(
        sources: &Sources,
        benign: &[(String, PathBuf)],
        struck: &[PathBuf],
    ) -> Result<Self, CorpusError> {
        let listed = sources.sources.par_iter().map(|source| {
            let definition = &source.definition;
            Ok(Listed {
                name: definition.name.clone(),
                licence: definition.licence.clone(),
                action: definition.action,
                categories: definition.categories.clone(),
                sites: sites(source, Only::Sites)?,
            })
        });
        let listed = listed.collect::<Result<Vec<_>, ListError>>()?;
        let mut groups = BTreeMap::<String, BTreeSet<String>>::new();
        for (group, path) in benign {
            groups.entry(group.clone()).or_default().extend(sites(&plain(path), Only::Any)?);
        }
        let benign = groups.into_iter().map(|(group, sites)| Benign { group, sites }).collect();
        let mut struck_sites = BTreeSet::new();
        for path in struck {
            struck_sites.extend(sites(&plain(path), Only::Any)?);
        }
        Ok(Self { listed, benign, struck: struck_sites })
    }

    /// Sites that block lists name for a category, but for those of one source.
    pub fn listed_as(&self, category: &str, without: Option<&str>) -> Vec<&str> {
        let own = self.sources_of(category).filter(|listed| Some(listed.name.as_str()) != without);
        let sites: BTreeSet<&str> = own.flat_map(|l| l.sites.iter().map(String::as_str)).collect();
        sites.into_iter().collect()
    }

    /// Block lists of a category.
    pub fn sources_of(&self, category: &str) -> impl Iterator<Item = &Listed> {
        self.listed.iter().filter(move |listed| {
            listed.action == Action::Block && listed.categories.iter().any(|own| own == category)
        })
    }

    /// Sites to set those of `listed` against: harmless ones and those of ordinary categories. A list that
    /// is left out says nothing of them either.
    pub(super) fn harmless(&self, listed: &[&str]) -> Vec<&str> {
        let bad: HashSet<&str> = listed.iter().copied().collect();
        let is_ordinary =
            |listed: &&Listed| listed.categories.iter().all(|own| ORDINARY.contains(&own.as_str()));
        let ordinary = self.listed.iter().filter(is_ordinary).map(|listed| &listed.sites);
        let sites = self.benign.iter().map(|benign| &benign.sites).chain(ordinary).flatten();
        let sites: BTreeSet<&str> = sites.map(String::as_str).collect();
        let is_harmless = |site: &&str| !bad.contains(site) && !self.struck.contains(*site);
        sites.into_iter().filter(is_harmless).collect()
    }

    /// Harmless sites that no list names at all: the engine asks no score of the others.
    pub(super) fn unlisted_benign(&self) -> Vec<&str> {
        let listed: HashSet<&str> =
            self.listed.iter().flat_map(|l| l.sites.iter().map(String::as_str)).collect();
        let sites = self.benign.iter().flat_map(|benign| &benign.sites).map(String::as_str);
        let sites: BTreeSet<&str> = sites.collect();
        let is_asked = |site: &&str| !listed.contains(site) && !self.struck.contains(*site);
        sites.into_iter().filter(is_asked).collect()
    }

    /// Lists that some categories are mined from, with their licences.
    pub(super) fn provenance(&self, categories: &[String]) -> Vec<String> {
        let is_used = |listed: &&Listed| {
            listed.action == Action::Block
                && listed.categories.iter().any(|own| categories.contains(own))
        };
        let told = |listed: &Listed| {
            format!("{} {}", listed.name, listed.licence.as_deref().unwrap_or("unknown licence"))
        };
        self.listed.iter().filter(is_used).map(told).collect()
    }
}

/// A file of names, one a line.
fn plain(path: &PathBuf) -> ListSource {
    let definition = Source::block(&path.display().to_string(), &["education"]);
    ListSource { format: Some(Format::Domains), ..ListSource::at(definition, path) }
}

/// Which names tell of a site.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Only {
    /// Those of the site itself: `example.com`, `www.example.com`.
    Sites,
    /// All.
    Any,
}

fn sites(source: &ListSource, only: Only) -> Result<BTreeSet<String>, ListError> {
    let mut sink = SiteSink { only, sites: BTreeSet::new() };
    read_source(source, &mut sink)?;
    Ok(sink.sites)
}

struct SiteSink {
    only: Only,
    sites: BTreeSet<String>,
}

impl Sink for SiteSink {
    fn rule(&mut self, _line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        let Rule::Domain { name, scope } = rule else { return Ok(()) };
        if options.exception || scope == Scope::SubdomainsOnly {
            return Ok(());
        }
        self.sites.extend(site_of(name, self.only));
        Ok(())
    }
}

fn site_of(name: &DomainName, only: Only) -> Option<String> {
    let site = name.site()?;
    let before = name.label_count() - site.label_count();
    let is_www = || before == 1 && name.labels().next() == Some(b"www");
    let is_site = before == 0 || is_www();
    (only == Only::Any || is_site).then(|| site.to_string())
}
