//! Names that no list knows: the end of step 9.

use std::array;

use super::{BoundFilter, Unlisted, listed::Listed};
use crate::{
    Category, CategorySet, DomainName, Learned, LearnedRecord, Profile,
    filter::{BindError, Inner},
    raw::learned::{Needs, Pieces, Scores},
};

/// What the table means for one profile.
#[derive(Clone, Copy)]
pub(super) struct LearnedInForce {
    bases: Scores,
    /// The score from which on a name is refused; out of reach for what the profile does not refuse.
    thresholds: Scores,
    categories: [Option<Category>; Learned::MAX_CATEGORIES],
    /// None where no screen can tell.
    needs: Option<Needs>,
}

const OUT_OF_REACH: i32 = i32::MAX;

impl LearnedInForce {
    /// None when the profile refuses nothing for its pieces.
    pub(super) fn of(
        filter: &Inner,
        profile: &Profile,
        blocked: CategorySet,
    ) -> Result<Option<Self>, BindError> {
        let Some(LearnedRecord { categories, .. }) = &filter.manifest.learned else {
            return Ok(None);
        };
        let mut in_force = Self {
            bases: Scores::default(),
            thresholds: [OUT_OF_REACH; Learned::MAX_CATEGORIES],
            categories: [None; Learned::MAX_CATEGORIES],
            needs: None,
        };
        for (lane, summary) in categories.iter().enumerate().take(Learned::MAX_CATEGORIES) {
            let own = filter.manifest.categories.set([&summary.name])?.intersection(blocked);
            let (Some(category), Some(threshold)) =
                (own.iter().next(), summary.threshold(profile.unlisted))
            else {
                continue;
            };
            in_force.bases[lane] = summary.base;
            in_force.thresholds[lane] = threshold;
            in_force.categories[lane] = Some(category);
        }
        let screen = filter.learned().and_then(|pieces| pieces.screen);
        in_force.needs = screen.and_then(|screen| {
            let sought = |lane: usize| in_force.categories[lane].map(|_| in_force.thresholds[lane]);
            screen.needs(in_force.bases, array::from_fn(sought))
        });
        let any = in_force.categories.iter().any(Option::is_some);
        Ok(any.then_some(in_force))
    }

    fn scored(
        &self,
        pieces: Pieces<'_>,
        name: &DomainName,
        site: usize,
    ) -> impl Iterator<Item = Unlisted> {
        let scores = pieces.automaton.scores(name, site);
        (0..Learned::MAX_CATEGORIES).filter_map(move |lane| {
            let score = self.bases[lane].saturating_add(scores[lane]);
            Some(Unlisted {
                lane,
                threshold: self.thresholds[lane],
                category: self.categories[lane]?,
                refuses: score >= self.thresholds[lane],
            })
        })
    }
}

impl BoundFilter {
    /// The first category of the table that refuses a name which no list knows, of those that are not
    /// lifted.
    #[inline]
    pub(super) fn unlisted(
        &self,
        name: &DomainName,
        lifted: CategorySet,
        counts: &impl Fn(usize) -> bool,
    ) -> Option<Unlisted> {
        self.shared.learned.as_ref()?;
        self.refused_by_score(name, lifted, counts)
    }

    /// Kept apart, so that profiles without the switch do not pay for the room that this takes.
    #[inline(never)]
    fn refused_by_score(
        &self,
        name: &DomainName,
        lifted: CategorySet,
        counts: &impl Fn(usize) -> bool,
    ) -> Option<Unlisted> {
        let (in_force, pieces) = self.pieces()?;
        let site = match (pieces.screen, in_force.needs) {
            (Some(screen), Some(needs)) => screen.site_in_reach(name, needs)?,
            _ => name.site_labels()?,
        };
        let mut scored = counts(site).then(|| in_force.scored(pieces, name, site))?;
        scored.find(|unlisted| {
            unlisted.refuses
                && !CategorySet::EMPTY.with(unlisted.category).difference(lifted).is_empty()
        })
    }

    /// What the table says of a name for each category in force.
    pub(super) fn scored(&self, name: &DomainName) -> impl Iterator<Item = Unlisted> {
        let pieces = self.pieces().zip(name.site_labels());
        let scored = pieces.map(|((in_force, pieces), site)| in_force.scored(pieces, name, site));
        scored.into_iter().flatten()
    }

    fn pieces(&self) -> Option<(&LearnedInForce, Pieces<'_>)> {
        self.shared.learned.as_ref().zip(self.shared.filter.learned())
    }
}

impl Listed<'_> {
    /// True when some list has a rule for the name, whatever it does.
    pub(super) fn is_listed(&self) -> bool {
        self.rules().next().is_some()
    }
}
