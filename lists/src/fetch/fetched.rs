//! What was fetched, until it is known to be good.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::{
    Cache, CacheError, FetchReport, SourceFetch,
    cache::{Copy, Good},
    settle::Settled,
};
use crate::source::{ListSource, Place, Sources};

/// What is here now.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// What became of each source.
    pub report: FetchReport,
    /// The same sources, each at a path: `None` where there is nothing at all for one of them.
    pub sources: Option<Sources>,
    /// Of each source that has a URL and a copy that can be read.
    held: BTreeMap<usize, Held>,
}

/// The copies of one source that can be read.
#[derive(Clone, Debug)]
pub(super) struct Held {
    url: String,
    source: ListSource,
    used: Usable,
    /// The last good copy where that is not the one used, and how to report it.
    earlier: Option<(SourceFetch, Usable)>,
}

impl Held {
    pub(super) fn new(
        source: &ListSource,
        used: Usable,
        earlier: Option<(SourceFetch, Usable)>,
    ) -> Self {
        let url = match &source.place {
            Place::Url(remote) => remote.url.to_string(),
            Place::Path(_) => String::new(),
        };
        Self { url, source: source.clone(), used, earlier }
    }
}

/// A copy that a reader accepts.
#[derive(Clone, Debug)]
pub(super) struct Usable {
    pub(super) copy: Copy,
    /// The source, at a path in the cache.
    pub(super) local: ListSource,
}

impl Fetched {
    /// Puts what became of each source in the order of the sources.
    pub(super) fn gather(sources: &Sources, mut settled: HashMap<usize, Settled>) -> Self {
        let mut local = Vec::new();
        let mut reports = Vec::new();
        let mut all = BTreeMap::new();
        for (index, source) in sources.sources.iter().enumerate() {
            let Some(Settled { report, held, .. }) = settled.remove(&index) else {
                reports.push(SourceFetch::local(source));
                local.push(source.clone());
                continue;
            };
            reports.push(report);
            if let Some(held) = held {
                local.push(held.used.local.clone());
                all.insert(index, held);
            }
        }
        let complete = local.len() == sources.sources.len();
        Self {
            report: FetchReport { sources: reports },
            sources: complete.then(|| Sources { sources: local, ..sources.clone() }),
            held: all,
        }
    }

    /// The same without what came of some sources, by name, with the reason: their last good copies
    /// take its place. `None` where none of them has one that differs.
    pub fn without(&self, reasons: &BTreeMap<String, String>) -> Option<Self> {
        let mut without = self.clone();
        let sources = &mut without.sources.as_mut()?.sources;
        let mut differs = false;
        for (&index, held) in &mut without.held {
            let report = &mut without.report.sources[index];
            let Some(reason) = reasons.get(&report.name) else { continue };
            let Some((earlier, usable)) = held.earlier.take() else { continue };
            *report = SourceFetch { error: Some(reason.clone()), ..earlier };
            sources[index] = usable.local.clone();
            held.used = usable;
            differs = true;
        }
        differs.then_some(without)
    }

    /// Makes the copies in use the last good ones, and forgets what was kept in vain: the bundle that
    /// was made with them may be published.
    ///
    /// `was_compared` tells by name whether a source was in the previous bundle too. One that was
    /// not was compared with nothing: an earlier good copy, of another bundle's, stays.
    ///
    /// # Errors
    /// [`CacheError`].
    pub fn approve(
        &self,
        cache: &Cache,
        was_compared: impl Fn(&str) -> bool,
    ) -> Result<(), CacheError> {
        for Held { url, source, used, .. } in self.held.values() {
            let (member, copy) = (source.member.clone(), used.copy.clone());
            let earlier = cache.copies().good(url, member.as_deref());
            let is_another = earlier.is_some_and(|good| good.copy.sha256 != copy.sha256);
            if !is_another || was_compared(&source.definition.name) {
                cache.save_good(&Good { url: url.clone(), member, copy })?;
            }
        }
        let urls = self.held.values().map(|held| held.url.clone()).collect();
        cache.sweep(&urls, Timestamp::now())
    }
}
