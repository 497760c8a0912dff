//! Texts: what the phrases that are found add up to in one profile.

use std::collections::BTreeSet;

use super::BoundFilter;
use crate::{
    Categories, CategorySet, Weight,
    raw::phrases::{
        IndexedPhrase,
        search::{Hit, search},
    },
    text::{CategoryScore, FoundPhrase, FoundTerm, TextReason, TextTrace, TextVerdict},
};

impl BoundFilter {
    /// Asks about a text in UTF-8: a query, a title, a page without its markup. What is not UTF-8 ends
    /// words.
    ///
    /// Weights of the phrases found are added up by category, each phrase once; a text is refused from
    /// the profile's [`text_threshold`](crate::Profile::text_threshold) on. Case, diacritics, invisible
    /// characters and the ways of writing a letter make no difference, and disguised words are read
    /// (`p0rn`, `p.o.r.n`).
    ///
    /// Time is linear in the text, memory bounded by a few megabytes; no text is cut, however long. The
    /// first call on a bundle builds its phrase index, unless
    /// [`Filter::prepare_text`](crate::Filter::prepare_text) did.
    ///
    /// ```
    /// # use filter_core::{Filter, FilterBuilder, Profile, Source, Stamp, TextVerdict};
    /// let mut builder = FilterBuilder::new();
    /// let source = builder.source(Source::block("phrases-fr", &["porn"]))?;
    /// let mut batch = builder.batch(source);
    /// batch.phrase(&"< vidéo porno ><160>".parse()?)?;
    /// builder.add(batch.finish());
    /// # let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    /// let filter = Filter::open(builder.build(stamp).bytes)?;
    /// let child = filter.bind(&Profile::named("child")?)?;
    ///
    /// let TextVerdict::Blocked(reason) = child.text("VIDEO P0RNO gratuite") else { panic!() };
    /// assert_eq!(reason.to_string(), "porn · phrases-fr · score 160 of 50");
    /// assert_eq!(child.text("vidéos de pornic"), TextVerdict::Allowed);
    /// println!("{}", child.explain_text("vidéo porno"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn text(&self, text: &(impl AsRef<[u8]> + ?Sized)) -> TextVerdict<'_> {
        let hits = self.hits(text.as_ref());
        if hits.is_empty() {
            return TextVerdict::Allowed;
        }
        let phrases = self.complete(&hits);
        let tally = Tally::of(self, &phrases);
        match tally.reason(self, &phrases) {
            Some(reason) => TextVerdict::Blocked(reason),
            None => TextVerdict::Allowed,
        }
    }

    /// Tells every phrase in a text, with its weight and places, and what they add up to.
    pub fn explain_text(&self, text: &(impl AsRef<[u8]> + ?Sized)) -> TextTrace<'_> {
        let hits = self.hits(text.as_ref());
        let phrases = self.complete(&hits);
        let tally = Tally::of(self, &phrases);
        let categories = &self.shared.filter.manifest.categories;
        let scored = categories.iter().filter(|(category, _)| tally.named.contains(*category));
        TextTrace {
            profile: self.profile(),
            threshold: self.shared.text_threshold,
            blocked: tally.reason(self, &phrases).is_some(),
            scores: scored
                .map(|(category, info)| CategoryScore {
                    category: &info.name,
                    score: tally.scores[category.index()],
                    banned: tally.banned.contains(category),
                    lifted: tally.lifted.contains(category),
                })
                .collect(),
            phrases: phrases.iter().map(|&found| self.found(found, &tally, &hits)).collect(),
        }
    }

    fn hits(&self, text: &[u8]) -> Vec<Hit> {
        search(self.shared.filter.phrases(), text)
    }

    /// The phrases that have all their terms among those found, by index.
    fn complete(&self, hits: &[Hit]) -> Vec<(u32, &IndexedPhrase)> {
        let phrases = self.shared.filter.phrases();
        let complete = phrases.complete(hits.iter().map(|hit| hit.term));
        complete.into_iter().map(|index| (index, phrases.phrase(index))).collect()
    }

    fn found(
        &self,
        (index, phrase): (u32, &IndexedPhrase),
        tally: &Tally,
        hits: &[Hit],
    ) -> FoundPhrase<'_> {
        let filter = &self.shared.filter;
        let named = |set: CategorySet| {
            let name = |category| filter.manifest.categories.info(category).name.as_str();
            set.iter().map(name).collect()
        };
        let entries = filter.rule_sets.get(phrase.rule_set);
        let of_phrase = hits.iter().filter(|hit| filter.phrases().has_term(index, hit.term));
        let mut terms: Vec<_> = of_phrase
            .map(|hit| FoundTerm { at: hit.at.clone(), disguised: hit.disguised })
            .collect();
        terms.sort_unstable_by_key(|term| (term.at.start, term.at.end));
        FoundPhrase {
            text: filter.phrase_text(phrase.number),
            weight: phrase.weight,
            sources: entries
                .iter()
                .filter_map(|&entry| self.source(entry))
                .map(|source| source.name.as_str())
                .collect(),
            categories: named(tally.touched(self, phrase)),
            terms,
        }
    }
}

/// What the phrases of a text add up to.
struct Tally {
    /// By category.
    scores: [i64; Categories::MAX],
    banned: CategorySet,
    /// Let pass by an exception of an allow list.
    lifted: CategorySet,
    /// Any phrase speaks of them.
    named: CategorySet,
    /// Sources one of whose exceptions was found: their other phrases do not count.
    excepted: BTreeSet<u16>,
}

impl Tally {
    fn of(bound: &BoundFilter, phrases: &[(u32, &IndexedPhrase)]) -> Self {
        let none = CategorySet::EMPTY;
        let mut tally = Self {
            scores: [0; Categories::MAX],
            banned: none,
            lifted: none,
            named: none,
            excepted: BTreeSet::new(),
        };
        let rule_sets = &bound.shared.filter.rule_sets;
        for (_, phrase) in phrases.iter().filter(|(_, phrase)| phrase.weight == Weight::Exception) {
            for &entry in rule_sets.get(phrase.rule_set) {
                tally.excepted.insert(entry.source());
                tally.lifted = tally.lifted.union(bound.in_force(entry).lifts);
            }
        }
        for &(_, phrase) in phrases {
            let touched = tally.touched(bound, phrase);
            tally.named = tally.named.union(touched);
            match phrase.weight {
                Weight::Score(weight) => touched.iter().for_each(|category| {
                    tally.scores[category.index()] += i64::from(weight);
                }),
                Weight::Banned => tally.banned = tally.banned.union(touched),
                Weight::Exception => {}
            }
        }
        tally
    }

    /// The categories that a phrase counts for: of the profile's, those of the lists that refuse it, and
    /// those that lists lift, where it speaks for the text.
    fn touched(&self, bound: &BoundFilter, phrase: &IndexedPhrase) -> CategorySet {
        let lifts = match phrase.weight {
            Weight::Score(weight) => weight < 0,
            Weight::Banned => false,
            Weight::Exception => true,
        };
        let entries = bound.shared.filter.rule_sets.get(phrase.rule_set).iter();
        entries.fold(CategorySet::EMPTY, |touched, &entry| {
            let source = bound.in_force(entry);
            touched.union(match (source.is_allow, phrase.weight) {
                (true, _) if lifts => source.lifts,
                (true, _) => CategorySet::EMPTY,
                (false, Weight::Exception) => source.blocks,
                (false, _) if self.excepted.contains(&entry.source()) => CategorySet::EMPTY,
                (false, _) => source.blocks,
            })
        })
    }

    fn reason<'f>(
        &self,
        bound: &'f BoundFilter,
        phrases: &[(u32, &IndexedPhrase)],
    ) -> Option<TextReason<'f>> {
        let threshold = bound.shared.text_threshold;
        let refused = self.named.difference(self.lifted).iter().filter(|&category| {
            let score = self.scores[category.index()];
            self.banned.contains(category) || score > 0 && score >= i64::from(threshold)
        });
        // Of equals the first.
        let category = refused.max_by_key(|&category| {
            let rank = (self.banned.contains(category), self.scores[category.index()]);
            (rank, std::cmp::Reverse(category.index()))
        })?;
        let is_banned = self.banned.contains(category);

        // What each source gave to it.
        let mut given = vec![0i64; bound.shared.sources.len()];
        for (_, phrase) in phrases {
            let weight = match phrase.weight {
                Weight::Banned => 1,
                Weight::Score(weight) if !is_banned => i64::from(weight),
                _ => 0,
            };
            for &entry in bound.shared.filter.rule_sets.get(phrase.rule_set) {
                let counts = bound.in_force(entry).blocks.contains(category)
                    && !self.excepted.contains(&entry.source());
                if counts {
                    given[usize::from(entry.source())] += weight;
                }
            }
        }
        let source = (0..given.len()).rev().max_by_key(|&source| given[source])?;
        let filter = &bound.shared.filter;
        Some(TextReason {
            category: filter.manifest.categories.info(category),
            source: &filter.manifest.sources.get(source)?.source.name,
            score: self.scores[category.index()],
            threshold,
            is_banned,
        })
    }
}
