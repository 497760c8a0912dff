//! Figures of several rounds.

use std::fmt;

/// Least, median and greatest of some rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The one in the middle; of an even number, the greater of both.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of one round at least.
    ///
    /// # Panics
    /// If there is none.
    pub fn of(mut rounds: Vec<f64>) -> Self {
        assert!(!rounds.is_empty(), "a figure of no round");
        rounds.sort_by(f64::total_cmp);
        Self { min: rounds[0], median: rounds[rounds.len() / 2], max: rounds[rounds.len() - 1] }
    }

    /// Of the ratios round by round.
    pub fn of_ratios(rounds: &[f64], others: &[f64]) -> Self {
        Self::of(rounds.iter().zip(others).map(|(own, other)| own / other).collect())
    }
}

/// As `0.52 (0.48–0.61)`; of a single round, `0.52`.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = match self.median {
            0.0 => 0,
            ..10.0 => 2,
            ..100.0 => 1,
            _ => 0,
        };
        write!(f, "{:.decimals$}", self.median)?;
        match self.min == self.max {
            true => Ok(()),
            false => write!(f, " ({:.decimals$}–{:.decimals$})", self.min, self.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_each_round() {
        let spread = Spread::of_ratios(&[2.0, 30.0, 12.0], &[1.0, 10.0, 3.0]);
        assert_eq!(spread, Spread { min: 2.0, median: 3.0, max: 4.0 });
        assert_eq!(spread.to_string(), "3.00 (2.00–4.00)");
        assert_eq!(Spread::of(vec![120.4]).to_string(), "120");
    }
}
