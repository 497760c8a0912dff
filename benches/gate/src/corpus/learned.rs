//! A made-up table for names that no list knows: as many pieces as a mined one has, of as many octets.

use std::collections::BTreeMap;

use filter_core::{Learned, LearnedCategory};

use super::random::Random;

/// Pieces of each category: `list-compile learn` keeps as many.
const PIECES: usize = 40_000;
/// Octets of a piece, as often as mined ones have so many.
const LENGTHS: [usize; 14] = [3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8];
const SEED: u64 = 6;

/// Pieces of listed names, for `porn`; and a score of one category that no unlisted name reaches.
pub(super) fn table(names: &[String]) -> Learned {
    let mut random = Random::new(SEED);
    let mut weights = BTreeMap::new();
    while weights.len() < PIECES {
        let name = format!(".{}|", names[random.below(names.len())]);
        let length = LENGTHS[random.below(LENGTHS.len())].min(name.len());
        let at = random.below(name.len() - length + 1);
        // More speak against than for, or most names would be refused.
        let weight = 10 + random.below(40) as i16;
        let weight = if random.per_cent(60) { -weight } else { weight };
        weights.insert(name[at..at + length].to_owned(), weight);
    }
    let mistakes = BTreeMap::from([(1, 700)]);
    let porn = LearnedCategory { name: "porn".into(), base: -14, mistakes, weights };
    Learned { from: vec!["made up".into()], categories: vec![porn] }
}
