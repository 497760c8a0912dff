//! Logistic regression with an absolute penalty, one example after the other (FTRL-Proximal: McMahan and
//! others, "Ad click prediction", KDD 2013). Only additions, products and square roots, in one order.

use std::collections::{BTreeMap, HashMap};

use filter_core::Learned;

use super::{SCALE, pieces::each_piece, spread};

/// Sites that a piece is in at least.
const LEAST_SITES: usize = 6;
/// Pieces that are kept.
const KEPT: usize = 40_000;
/// The absolute penalty: what a piece has to be worth before it has any weight.
const PENALTY: f64 = 3.0;
/// The square penalty.
const SQUARE_PENALTY: f64 = 1.0;
/// How far one example moves a weight.
const RATE: f64 = 0.1;
/// How often all examples are gone through.
const PASSES: usize = 4;

/// A site, and whether lists name it for the category.
#[derive(Clone, Copy)]
pub(super) struct Example<'c> {
    pub(super) site: &'c str,
    pub(super) is_listed: bool,
}

/// Examples in the order that they are learned in, with their pieces numbered.
pub(super) struct Fit<'c> {
    examples: Vec<Example<'c>>,
    /// Packed pieces, by number.
    pieces: Vec<u64>,
    /// Sites that each is in.
    sites: Vec<u32>,
    /// Numbers of the pieces of each example, one example after the other.
    rows: Vec<u32>,
    /// Where each example's end.
    ends: Vec<usize>,
}

/// Weights, rounded.
#[derive(Clone, Debug, Default)]
pub(super) struct Fitted {
    pub(super) base: i32,
    /// By packed piece.
    pub(super) weights: BTreeMap<u64, i16>,
    by_piece: HashMap<u64, i32>,
}

impl Fitted {
    pub(super) fn score(&self, site: &str) -> i32 {
        let mut score = self.base;
        each_piece(site, |piece| score += self.by_piece.get(&piece).copied().unwrap_or_default());
        score
    }
}

impl<'c> Fit<'c> {
    pub(super) fn prepare(mut examples: Vec<Example<'c>>) -> Self {
        // Neither by name nor by kind: neighbours would teach the same again and again.
        examples.sort_unstable_by_key(|example| (spread(example.site), example.site));
        let mut all = Vec::new();
        let mut own = Vec::new();
        for example in &examples {
            own.clear();
            each_piece(example.site, |piece| own.push(piece));
            own.sort_unstable();
            own.dedup();
            all.extend_from_slice(&own);
        }
        all.sort_unstable();
        let frequent = all.chunk_by(|a, b| a == b).filter(|same| same.len() >= LEAST_SITES);
        let (pieces, sites): (Vec<u64>, Vec<u32>) =
            frequent.map(|same| (same[0], same.len() as u32)).unzip();
        let numbers: HashMap<u64, u32> = pieces.iter().copied().zip(0..).collect();
        let (mut rows, mut ends) = (Vec::new(), Vec::with_capacity(examples.len()));
        for example in &examples {
            each_piece(example.site, |piece| rows.extend(numbers.get(&piece)));
            ends.push(rows.len());
        }
        Self { examples, pieces, sites, rows, ends }
    }

    /// Fits the examples that are wanted: once to see which pieces are worth keeping, once with those.
    pub(super) fn run(&self, is_wanted: impl Fn(&Example<'_>) -> bool) -> Fitted {
        let mut is_kept = vec![true; self.pieces.len()];
        let (first, _) = self.descend(&is_wanted, &is_kept);
        let worth = |number: &usize| first[*number].abs() * f64::from(self.sites[*number]).sqrt();
        let mut order: Vec<usize> = (0..first.len()).filter(|&n| first[n] != 0.0).collect();
        order.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(a.cmp(b)));
        is_kept.fill(false);
        order.iter().take(KEPT).for_each(|&number| is_kept[number] = true);
        let (weights, base) = self.descend(&is_wanted, &is_kept);
        let limit = f64::from(Learned::MAX_WEIGHT);
        let rounded = |weight: f64| (weight * SCALE).round().clamp(-limit, limit) as i16;
        let weights =
            self.pieces.iter().zip(weights).map(|(&piece, weight)| (piece, rounded(weight)));
        let weights: BTreeMap<_, _> = weights.filter(|(_, weight)| *weight != 0).collect();
        let by_piece = weights.iter().map(|(&piece, &weight)| (piece, i32::from(weight))).collect();
        Fitted { base: (base * SCALE).round() as i32, weights, by_piece }
    }

    /// Weights of all pieces, and the base.
    fn descend(
        &self,
        is_wanted: impl Fn(&Example<'_>) -> bool,
        is_kept: &[bool],
    ) -> (Vec<f64>, f64) {
        let mut weights = vec![Weight::default(); self.pieces.len()];
        let mut base = Weight::default();
        let mut row = Vec::new();
        for _ in 0..PASSES {
            let mut start = 0;
            for (example, &end) in self.examples.iter().zip(&self.ends) {
                let all = &self.rows[start..end];
                start = end;
                if !is_wanted(example) {
                    continue;
                }
                row.clear();
                row.extend(all.iter().map(|&n| n as usize).filter(|&n| is_kept[n]));
                let sum: f64 = row.iter().map(|&n| weights[n].value(PENALTY)).sum();
                let likely = logistic(base.value(0.0) + sum);
                let gradient = likely - f64::from(u8::from(example.is_listed));
                // What is certain teaches nothing, and most are, soon.
                if gradient.abs() < 1e-5 {
                    continue;
                }
                row.iter().for_each(|&n| weights[n].learn(gradient, PENALTY));
                base.learn(gradient, 0.0);
            }
        }
        (weights.iter().map(|weight| weight.value(PENALTY)).collect(), base.value(0.0))
    }
}

#[derive(Clone, Copy, Default)]
struct Weight {
    sum: f64,
    squares: f64,
}

impl Weight {
    fn value(self, penalty: f64) -> f64 {
        if self.sum.abs() <= penalty {
            return 0.0;
        }
        let slowed = (1.0 + self.squares.sqrt()) / RATE + SQUARE_PENALTY;
        -(self.sum - self.sum.signum() * penalty) / slowed
    }

    fn learn(&mut self, gradient: f64, penalty: f64) {
        let squares = self.squares + gradient * gradient;
        let step = (squares.sqrt() - self.squares.sqrt()) / RATE;
        self.sum += gradient - step * self.value(penalty);
        self.squares = squares;
    }
}

/// 1 ÷ (1 + e⁻ˣ), by squaring: the system's `exp` may differ in its last bit from machine to machine.
fn logistic(x: f64) -> f64 {
    let small = 1.0 - x.clamp(-30.0, 30.0) / 1024.0;
    let exponential = (0..10).fold(small, |power, _| power * power);
    1.0 / (1.0 + exponential)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sets_sites_apart_has_weight() {
        let listed: Vec<String> = (0..300).map(|n| format!("porn{n}.com")).collect();
        let harmless: Vec<String> = (0..300).map(|n| format!("ecole{n}.fr")).collect();
        let example = |is_listed| move |site: &'static str| Example { site, is_listed };
        let leak = |sites: Vec<String>| sites.into_iter().map(|site| &*site.leak());
        let examples = leak(listed).map(example(true)).chain(leak(harmless).map(example(false)));
        let fit = Fit::prepare(examples.collect());
        let fitted = fit.run(|_| true);
        assert!(fitted.score("newporn.com") > 200, "{}", fitted.score("newporn.com"));
        assert!(fitted.score("ecole-jeanne.fr") < -200);
        assert_eq!(fitted.score("qqq.zz"), fitted.base);
        let again = fit.run(|_| true);
        assert_eq!((fitted.base, fitted.weights), (again.base, again.weights));
    }
}
