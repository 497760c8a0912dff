//! Telling a decision whole: every candidate in order, and the winner.

use std::collections::BTreeSet;

use super::{BoundFilter, By, Pattern, listed::Listed};
use crate::{
    Category, CategorySet, DomainName, Mode,
    verdict::{Candidate, Effect, Standing, Trace},
};

impl BoundFilter {
    /// Tells every rule that matches the name, in order, and which one decides.
    pub fn explain(&self, name: &DomainName) -> Trace<'_> {
        let listed = Listed::of(self, name);
        let decision = self.decide(name, &listed);
        let mut candidates = self.candidates(name, &listed);
        // The default is the last candidate, and decides where no rule did.
        let winner = candidates
            .iter()
            .position(|(by, _)| *by == decision.by)
            .unwrap_or(candidates.len() - 1);
        let decisive = &mut candidates[winner].1;
        decisive.standing = Standing::Decides;
        if !decision.blocked && decisive.effect == Effect::Block {
            // A closed profile opens to what a block list puts in an allowed category.
            decisive.effect = Effect::Allow;
        }
        Trace {
            name: name.clone(),
            profile: &self.shared.profile,
            blocked: decision.blocked,
            spares_descendants: decision.blocked
                && self.spares_descendants(name, &listed, &decision),
            candidates: candidates.into_iter().map(|(_, candidate)| candidate).collect(),
            winner,
        }
    }

    /// Every match in order of precedence, with what it would be for; the default last.
    fn candidates(&self, name: &DomainName, listed: &Listed<'_>) -> Vec<(By, Candidate<'_>)> {
        let mut candidates = Vec::new();
        let operator = self.shared.operator.iter().flat_map(|names| names.matching(name));
        candidates.extend(operator.map(|rule| self.candidate(name, listed, By::Operator(rule))));
        let important = listed.rules().filter(|rule| listed.is_important_block(*rule));
        candidates.extend(important.map(|rule| self.candidate(name, listed, By::Important(rule))));
        let rules = listed.rules().filter(|rule| !listed.is_important_block(*rule));
        candidates.extend(rules.map(|rule| self.candidate(name, listed, By::Rule(rule))));
        let mut patterns = BTreeSet::new();
        self.each_pattern(name, |kind, index, entries| {
            patterns.extend(entries.iter().map(|&entry| Pattern { kind, index, entry }));
        });
        let patterns = patterns.into_iter().map(By::Pattern);
        candidates.extend(patterns.map(|by| self.candidate(name, listed, by)));
        if !listed.is_listed() {
            let homograph = self.homograph(name, CategorySet::EMPTY, &|_| true).map(By::Homograph);
            candidates.extend(homograph.map(|by| self.candidate(name, listed, by)));
            let scored = self.scored(name).map(By::Score);
            candidates.extend(scored.map(|by| self.candidate(name, listed, by)));
        }
        candidates.push(self.candidate(name, listed, By::Default));
        candidates
    }

    fn candidate(&self, name: &DomainName, listed: &Listed<'_>, by: By) -> (By, Candidate<'_>) {
        let filter = &self.shared.filter;
        let names = |set: CategorySet| {
            let name = |category: Category| filter.manifest.categories.info(category).name.as_str();
            set.iter().map(name).collect::<Vec<_>>()
        };
        let source = by.entry().and_then(|entry| filter.sources.get(usize::from(entry.source())));
        let effect = match &by {
            By::Operator(rule) if rule.allows => Effect::Allow,
            By::Default if self.shared.mode == Mode::Open => Effect::Allow,
            By::Rule(rule) if rule.entry.is_exception() => Effect::Except,
            By::Rule(rule) if self.in_force(rule.entry).is_allow => Effect::Allow,
            _ => Effect::Block,
        };
        let lifts = by.entry().map_or(CategorySet::EMPTY, |entry| self.in_force(entry).lifts);
        let candidate = Candidate {
            step: by.step(),
            effect,
            matched: self.matcher(&by).on(name),
            source: by
                .entry()
                .and_then(|entry| self.source(entry).map(|source| source.name.as_str())),
            categories: match &by {
                By::Score(unlisted) => names(CategorySet::EMPTY.with(unlisted.category)),
                _ => source.map(|source| names(source.categories)).unwrap_or_default(),
            },
            lifts: if effect == Effect::Allow { names(lifts) } else { Vec::new() },
            standing: self.standing(listed, &by, effect),
        };
        (by, candidate)
    }

    /// What became of a candidate that did not decide.
    fn standing(&self, listed: &Listed<'_>, by: &By, effect: Effect) -> Standing {
        if matches!(by, By::Score(unlisted) if !unlisted.refuses) {
            return Standing::BelowThreshold;
        }
        let Some(rule) = by.list_rule() else { return Standing::Outranked };
        let source = self.in_force(rule.entry);
        let idle = match effect {
            Effect::Block => source.blocks.is_empty(),
            Effect::Allow => source.lifts.is_empty() && self.shared.mode == Mode::Open,
            Effect::Except => source.blocks.is_empty(),
        };
        let lifted = match by {
            By::Rule(rule) => listed.lifted_at(rule.labels),
            By::Pattern(_) | By::Homograph(_) => listed.lifted_at(0),
            _ => CategorySet::EMPTY,
        };
        match effect {
            _ if idle => Standing::NotInForce,
            Effect::Block if listed.is_excepted(rule) => Standing::Excepted,
            Effect::Block if source.blocks.difference(lifted).is_empty() => Standing::Lifted,
            _ => Standing::Outranked,
        }
    }
}
