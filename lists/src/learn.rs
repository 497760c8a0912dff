//! Mines pieces of names that tell what no list knows yet: [`Learned`].
//!
//! Of each category, the sites that lists name are set against harmless ones: popular sites, schools,
//! public service, and what lists name for being a shop or a game. Every piece of three to eight octets
//! that is frequent enough gets a weight by logistic regression with an absolute penalty, which leaves
//! most of them at nothing; the best are kept, fitted again and rounded. No random number, no clock, one
//! order: the same lists give the same table.
//!
//! What a score is worth is measured on harmless sites that were not mined: all of them in four turns, a
//! quarter left out each time.

mod corpus;
mod evaluate;
mod logistic;
mod pieces;

use std::collections::BTreeMap;

use filter_core::{Learned, LearnedCategory};

pub use self::{
    corpus::{Benign, Corpus, CorpusError, Listed},
    evaluate::{BenignGroup, Evaluation, Found, Interval, Mistakes, Scored, Split, evaluate},
};
use self::{
    logistic::{Example, Fit, Fitted},
    pieces::piece_text,
};

/// Parts that harmless sites are left out by, one after the other.
const FOLDS: u64 = 4;
/// Mistakes in 10 000 that scores are told for.
const RATES: [u32; 6] = [1, 2, 5, 10, 20, 50];
/// Scores are told in hundredths.
const SCALE: f64 = 100.0;

/// Mines one table for some categories.
///
/// # Errors
/// [`CorpusError::Nothing`], for a category without listed sites.
pub fn mine(corpus: &Corpus, categories: &[String]) -> Result<Learned, CorpusError> {
    let mined = categories.iter().map(|category| {
        let listed = corpus.listed_as(category, None);
        if listed.is_empty() {
            return Err(CorpusError::Nothing { category: category.clone() });
        }
        let task = Task::new(corpus, &listed);
        let held_out = task.held_out_scores();
        let fitted = task.fit(None);
        Ok(LearnedCategory {
            name: category.clone(),
            base: fitted.base,
            mistakes: mistakes(&held_out),
            weights: fitted
                .weights
                .iter()
                .map(|(&piece, &weight)| (piece_text(piece), weight))
                .collect(),
        })
    });
    let mined = mined.collect::<Result<Vec<_>, _>>()?;
    Ok(Learned { from: corpus.provenance(categories), categories: mined })
}

/// The lowest score that no more than a rate of harmless sites reach, for each rate that there are
/// enough of them for.
fn mistakes(scores: &[(i32, &str)]) -> BTreeMap<u32, i32> {
    let mut sorted: Vec<i32> = scores.iter().map(|(score, _)| *score).collect();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let reached = |rate: u32| {
        let allowed = sorted.len() * rate as usize / 10_000;
        (allowed > 0).then(|| sorted.get(allowed).map(|&score| (rate, score + 1))).flatten()
    };
    RATES.into_iter().filter_map(reached).collect()
}

/// Sites of a category against harmless ones.
struct Task<'c> {
    fit: Fit<'c>,
    /// Harmless sites that no list names: what a score is asked about.
    asked: Vec<&'c str>,
}

impl<'c> Task<'c> {
    fn new(corpus: &'c Corpus, listed: &[&'c str]) -> Self {
        let harmless = corpus.harmless(listed);
        let examples = listed.iter().map(|&site| Example { site, is_listed: true });
        let examples = examples
            .chain(harmless.iter().map(|&site| Example { site, is_listed: false }))
            .collect();
        Self { fit: Fit::prepare(examples), asked: corpus.unlisted_benign() }
    }

    /// Leaves one part of the harmless sites out, or none.
    fn fit(&self, left_out: Option<u64>) -> Fitted {
        self.fit.run(|example| example.is_listed || Some(fold(example.site)) != left_out)
    }

    /// One fit for each part that is left out.
    fn folds(&self) -> Vec<Fitted> {
        use rayon::prelude::*;
        (0..FOLDS).into_par_iter().map(|part| self.fit(Some(part))).collect()
    }

    /// Scores of harmless sites, each by the fit that it was left out of; highest first.
    fn held_out_scores(&self) -> Vec<(i32, &'c str)> {
        self.scores_by(&self.folds())
    }

    fn scores_by(&self, folds: &[Fitted]) -> Vec<(i32, &'c str)> {
        let scored = self.asked.iter().map(|&site| (folds[fold(site) as usize].score(site), site));
        let mut scored: Vec<_> = scored.collect();
        scored.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
        scored
    }
}

/// The part that a site is left out with.
fn fold(site: &str) -> u64 {
    spread(site) % FOLDS
}

/// A number that depends on the text alone, and on all of it (FNV-1a, with its bits mixed).
fn spread(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^ hash >> 32
}
