//! URLs and results of searches: host, page, words.

use std::collections::BTreeSet;

use super::{BoundFilter, By, ListRule, listed::Listed};
use crate::{
    DomainName, TextVerdict, Verdict,
    raw::{
        patterns::{Automata, Patterns},
        rule_sets::RuleSets,
    },
    url::{PageMatch, PageReason, Parts, SearchResult, UrlVerdict},
    url_prefix::authority,
};

impl BoundFilter {
    /// Asks about a URL: its host as [`host`](Self::host) does; then the beginnings of URLs that lists
    /// have, the most specific first, at equal length an allow for what it lifts; then the expressions on
    /// URLs; then the words of its query as [`text`](Self::text) does. A host that the operator allows has
    /// no refused pages; what is searched for there is judged all the same.
    ///
    /// Of a host that is refused every page is, whatever lists allow of its pages: a resolver, which
    /// sees no more than the host, refuses it too.
    pub fn url(&self, url: &str) -> UrlVerdict<'_> {
        self.judge(url, &[])
    }

    /// Judges a page of results, in its order: each result's URL, and its title and snippet as one text.
    /// Keep what is [`UrlVerdict::Allowed`].
    ///
    /// ```
    /// # use filter_core::{Filter, FilterBuilder, Profile, SearchResult, Source, Stamp, UrlVerdict};
    /// # let mut builder = FilterBuilder::new();
    /// # let source = builder.source(Source::block("phrases-fr", &["porn"]))?;
    /// # let mut batch = builder.batch(source);
    /// # batch.phrase(&"< porno ><160>".parse()?)?;
    /// # builder.add(batch.finish());
    /// # let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    /// # let child = Filter::open(builder.build(stamp).bytes)?.bind(&Profile::named("child")?)?;
    /// let found = [
    ///     SearchResult { url: "https://a.example/", title: "Le chat", snippet: "Un félin" },
    ///     SearchResult { url: "https://b.example/", title: "Vidéos", snippet: "p0rno gratuit" },
    /// ];
    /// let kept: Vec<_> = child
    ///     .results(&found)
    ///     .filter(|(_, verdict)| *verdict == UrlVerdict::Allowed)
    ///     .map(|(result, _)| result.title)
    ///     .collect();
    /// assert_eq!(kept, ["Le chat"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn results<'f, 'r>(
        &'f self,
        results: &'r [SearchResult<'r>],
    ) -> impl Iterator<Item = (&'r SearchResult<'r>, UrlVerdict<'f>)> {
        results.iter().map(|result| {
            let said = [result.title, "\n", result.snippet].concat();
            (result, self.judge(result.url, said.as_bytes()))
        })
    }

    /// What lists say of a URL beyond its host: why its page is refused, though the host may not be.
    /// For who decides about hosts by other rules as well; [`host_of`](crate::host_of) and
    /// [`query_of`](crate::query_of) tell the rest of it.
    pub fn page(&self, url: &str) -> Option<PageReason<'_>> {
        let parts = Parts::of(url);
        self.page_of(&DomainName::parse(parts.host).ok()?, &parts)
    }

    /// A URL, and what is said of it.
    fn judge(&self, url: &str, said: &[u8]) -> UrlVerdict<'_> {
        let parts = Parts::of(url);
        let name = match DomainName::parse(parts.host) {
            Ok(name) => name,
            Err(error) => return UrlVerdict::Invalid(error),
        };
        if let Verdict::Blocked(reason) = self.verdict(&name) {
            return UrlVerdict::BlockedHost(reason);
        }
        if let Some(reason) = self.page_of(&name, &parts) {
            return UrlVerdict::BlockedPage(reason);
        }
        let query = parts.query();
        for text in [&*query, said] {
            if let TextVerdict::Blocked(reason) = self.text(text) {
                return UrlVerdict::BlockedText(reason);
            }
        }
        UrlVerdict::Allowed
    }

    /// Why a page of a host that is not refused is.
    fn page_of(&self, name: &DomainName, parts: &Parts<'_>) -> Option<PageReason<'_>> {
        let filter = &self.shared.filter;
        let (pages, section) = filter.pages();
        let automata = filter.automata().filter(|automata| automata.has_url_expressions());
        if section.is_empty() && automata.is_none() {
            return None;
        }
        let listed = Listed::of(self, name);
        let decision = self.decide(name, &listed);
        if matches!(decision.by, By::Operator(rule) if rule.allows) {
            return None;
        }
        let url =
            authority(name, parts.port) + if parts.path.is_empty() { "/" } else { parts.path };
        let sets = &filter.rule_sets;
        let beginnings: Vec<_> = pages
            .beginnings(section, &url)
            .flat_map(|(text, set)| rules(sets, set, PageMatch::Beginning(text), text.len()))
            .collect();
        let found = automata.map(|automata| matching(automata, &url, parts.scheme));
        let expressions: Vec<_> = found
            .into_iter()
            .flatten()
            .flat_map(|index| {
                let Patterns { texts, rule_sets } = &filter.url_expressions;
                // Less specific than anything on a name, as patterns on names are.
                rules(sets, rule_sets[index], PageMatch::Expression(&texts[index]), 0)
            })
            .collect();

        let mut lifted = listed.lifted_at(0);
        let levels = beginnings.chunk_by(|a, b| a.1.labels == b.1.labels);
        for level in levels.chain([expressions.as_slice()]) {
            let own = || level.iter().filter(|(_, rule)| !rule.entry.is_exception());
            for (_, rule) in own() {
                lifted = lifted.union(self.in_force(rule.entry).lifts);
            }
            let left = |rule: ListRule| self.in_force(rule.entry).blocks.difference(lifted);
            let is_excepted = |rule: ListRule| {
                listed.is_excepted(rule) || beginnings.iter().any(|(_, other)| other.cancels(rule))
            };
            let blocking = own().find(|(_, rule)| !left(*rule).is_empty() && !is_excepted(*rule));
            if let Some(&(matched, rule)) = blocking {
                let categories = &filter.manifest.categories;
                return Some(PageReason {
                    category: left(rule).iter().next().map(|category| categories.info(category)),
                    source: self.source(rule.entry).map_or("", |source| &source.name),
                    matched,
                });
            }
        }
        None
    }
}

/// The rules of a set, with what they are rules on, and how specific that is.
fn rules<'f>(
    sets: &'f RuleSets,
    set: u32,
    matched: PageMatch<'f>,
    labels: usize,
) -> impl Iterator<Item = (PageMatch<'f>, ListRule)> {
    sets.get(set).iter().map(move |&entry| (matched, ListRule { labels, entry }))
}

/// The expressions that match a URL, with its scheme or without: lists are written for either.
fn matching(automata: &Automata, url: &str, scheme: &str) -> BTreeSet<usize> {
    let mut matching = BTreeSet::new();
    for text in [url, &format!("{scheme}://{url}")] {
        automata.url_expressions(text, |index| {
            matching.insert(index);
        });
    }
    matching
}
