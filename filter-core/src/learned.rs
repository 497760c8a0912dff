//! Names that no list knows: weighted pieces of the names that lists have, against those of others.
//!
//! The table is mined elsewhere (`list-compile learn`) and kept as text, one piece a line, so that
//! people can read it, change it and compare two of them. A bundle holds it as an automaton.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Weighted pieces of names, by category.
///
/// ```text
/// from ut1-adult CC-BY-SA-4.0
/// category porn
/// base -212
/// mistakes 1 561
/// mistakes 10 338
/// 310 porn
/// -58 hotel
/// ```
///
/// A name's score for a category is the `base` and the weights of all pieces in its *site*, the
/// registrable domain, once for each place. Scores are hundredths of a logarithm of odds. Pieces look at
/// `.example.co.uk|`: a `.` before each label, a `|` at the end; of more than three equal octets in a row
/// three are looked at. `mistakes 10 338` says that 10 of 10 000 harmless names that were not mined
/// reached 338. `#` begins a comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// What it was mined from: lists with their licences.
    pub from: Vec<String>,
    /// The categories, each once.
    pub categories: Vec<LearnedCategory>,
}

/// What was mined of one category.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LearnedCategory {
    /// The category's name.
    pub name: String,
    /// The score of a name without any piece.
    pub base: i32,
    /// Harmless names in 10 000 that reach a score, and that score.
    pub mistakes: BTreeMap<u32, i32>,
    /// Pieces and their weights.
    pub weights: BTreeMap<String, i16>,
}

impl Learned {
    /// Most categories of one table.
    pub const MAX_CATEGORIES: usize = 4;
    /// Most pieces of one table.
    pub const MAX_PIECES: usize = 200_000;
    /// Longest piece in octets.
    pub const MAX_PIECE: usize = 8;
    /// Largest weight, either way.
    pub const MAX_WEIGHT: i16 = 2_000;

    /// Checks what [`parse`](str::parse) checks.
    pub(crate) fn check(&self) -> Result<(), LearnedFault> {
        let weights = || self.categories.iter().flat_map(|category| &category.weights);
        match () {
            () if self.categories.len() > Self::MAX_CATEGORIES => Err(LearnedFault::Categories),
            () if weights().count() > Self::MAX_PIECES => Err(LearnedFault::Pieces),
            () if !weights().all(|(piece, _)| is_piece(piece)) => Err(LearnedFault::Piece),
            () if !weights().all(|(_, &weight)| is_weight(weight)) => Err(LearnedFault::Weight),
            () => Ok(()),
        }
    }

    fn read_line(&mut self, line: &str) -> Result<(), LearnedFault> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        if word == "from" {
            self.from.push(rest.to_owned());
            return Ok(());
        }
        if word == "category" {
            if self.categories.iter().any(|category| category.name == rest) {
                return Err(LearnedFault::Twice);
            }
            let name = rest.to_owned();
            self.categories.push(LearnedCategory { name, ..LearnedCategory::default() });
            let fits = self.categories.len() <= Self::MAX_CATEGORIES;
            return if fits { Ok(()) } else { Err(LearnedFault::Categories) };
        }
        let category = self.categories.last_mut().ok_or(LearnedFault::NoCategory)?;
        let number = |text: &str| text.parse::<i32>().map_err(|_| LearnedFault::Number);
        match word {
            "base" => category.base = number(rest)?,
            "mistakes" => {
                let (rate, score) = rest.split_once(' ').ok_or(LearnedFault::Number)?;
                let rate = rate.parse().map_err(|_| LearnedFault::Number)?;
                category.mistakes.insert(rate, number(score.trim())?);
            }
            weight => {
                let weight = weight.parse::<i16>().map_err(|_| LearnedFault::Line)?;
                if !is_weight(weight) {
                    return Err(LearnedFault::Weight);
                }
                if !is_piece(rest) {
                    return Err(LearnedFault::Piece);
                }
                if category.weights.insert(rest.to_owned(), weight).is_some() {
                    return Err(LearnedFault::Twice);
                }
            }
        }
        Ok(())
    }
}

fn is_weight(weight: i16) -> bool {
    (-Learned::MAX_WEIGHT..=Learned::MAX_WEIGHT).contains(&weight) && weight != 0
}

/// True for what may be a piece.
fn is_piece(text: &str) -> bool {
    let body = text.strip_suffix('|').unwrap_or(text);
    (2..=Learned::MAX_PIECE).contains(&text.len())
        && body.bytes().all(|octet| code(octet).is_some_and(|code| code < END))
}

/// Codes of the octets that names of sites consist of: 0 to 39.
pub(crate) const fn code(octet: u8) -> Option<u8> {
    match octet {
        b'a'..=b'z' => Some(octet - b'a'),
        b'0'..=b'9' => Some(octet - b'0' + 26),
        b'-' => Some(36),
        b'_' => Some(37),
        b'.' => Some(38),
        b'|' => Some(END),
        _ => None,
    }
}

/// The code of the end of a name.
pub(crate) const END: u8 = 39;
/// Bits of a code.
pub(crate) const CODE_BITS: u32 = 6;

impl FromStr for Learned {
    type Err = LearnedError;

    fn from_str(text: &str) -> Result<Self, LearnedError> {
        let mut learned = Self::default();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default().trim();
            if !text.is_empty() {
                learned.read_line(text).map_err(|fault| LearnedError { line, fault })?;
            }
        }
        learned.check().map_err(|fault| LearnedError { line: 0, fault })?;
        Ok(learned)
    }
}

/// The text that [`parse`](str::parse) reads.
impl fmt::Display for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for from in &self.from {
            writeln!(f, "from {from}")?;
        }
        for category in &self.categories {
            writeln!(f, "\ncategory {}\nbase {}", category.name, category.base)?;
            for (rate, score) in &category.mistakes {
                writeln!(f, "mistakes {rate} {score}")?;
            }
            for (piece, weight) in &category.weights {
                writeln!(f, "{weight} {piece}")?;
            }
        }
        Ok(())
    }
}

/// A line of a table that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct LearnedError {
    /// The line, from 1; 0 for the whole.
    pub line: usize,
    /// What is wrong with it.
    pub fault: LearnedFault,
}

/// What is wrong with a table of learned pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LearnedFault {
    /// Not one of the forms of a line.
    #[error("expected `from`, `category`, `base`, `mistakes`, or a weight and a piece")]
    Line,
    /// Something of a category before any `category`.
    #[error("a `category` comes first")]
    NoCategory,
    /// A category or a piece that is there already.
    #[error("a second time")]
    Twice,
    /// Not a whole number.
    #[error("expected a whole number")]
    Number,
    /// Zero, or too large.
    #[error("a weight lies between 1 and {max}, either way", max = Learned::MAX_WEIGHT)]
    Weight,
    /// Not a piece of a name.
    #[error(
        "a piece has 2 to {max} octets: lower-case letters, digits, `-`, `_`, `.`, and `|` at its end",
        max = Learned::MAX_PIECE
    )]
    Piece,
    /// Too many categories.
    #[error("more than {} categories", Learned::MAX_CATEGORIES)]
    Categories,
    /// Too many pieces.
    #[error("more than {} pieces", Learned::MAX_PIECES)]
    Pieces,
    /// The bundle does not know the category.
    #[error("the bundle has no such category")]
    UnknownCategory,
}

/// What the manifest says of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedRecord {
    /// What it was mined from: lists with their licences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// Its categories, in the order of the automaton's sums.
    pub categories: Vec<LearnedSummary>,
}

/// One category of a table, without the pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedSummary {
    /// The category's name.
    pub name: String,
    /// The score of a name without any piece.
    pub base: i32,
    /// Harmless names in 10 000 that reach a score, and that score.
    pub mistakes: BTreeMap<u32, i32>,
    /// Number of pieces.
    pub pieces: u64,
}

impl LearnedSummary {
    /// The score from which on a name is refused where so many mistakes in 10 000 are accepted; none
    /// where that is fewer than was ever measured.
    pub fn threshold(&self, accepted: u32) -> Option<i32> {
        let (&rate, &score) = self.mistakes.range(..=accepted).next_back()?;
        (rate > 0).then_some(score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "from a list CC0-1.0\n\ncategory porn\nbase -212\nmistakes 1 561\n\
                        mistakes 10 338\n-58 hotel\n310 porn\n40 xx|\n";

    #[test]
    fn a_table_is_read_as_it_is_written() {
        let learned: Learned = TEXT.parse().unwrap();
        assert_eq!(learned.to_string(), TEXT);
        assert_eq!(learned.categories[0].weights["porn"], 310);
    }

    #[test]
    fn faults_are_told_by_line() {
        use LearnedFault::*;
        let cases = [
            ("base 1", 1, NoCategory),
            ("category a\nhello world", 2, Line),
            ("category a\nbase x", 2, Number),
            ("category a\nmistakes 1", 2, Number),
            ("category a\n\n12 A", 3, Piece),
            ("category a\n12 a|b", 2, Piece),
            ("category a\n12 a", 2, Piece),
            ("category a\n12 abcdefghi", 2, Piece),
            ("category a\n0 abc", 2, Weight),
            ("category a\n2001 abc", 2, Weight),
            ("category a\n1 abc\n2 abc", 3, Twice),
            ("category a\ncategory a", 2, Twice),
            ("category a\ncategory b\ncategory c\ncategory d\ncategory e", 5, Categories),
        ];
        for (text, line, fault) in cases {
            assert_eq!(text.parse::<Learned>(), Err(LearnedError { line, fault }), "{text:?}");
        }
    }

    #[test]
    fn thresholds() {
        let summary = LearnedSummary {
            name: "porn".into(),
            base: 0,
            mistakes: BTreeMap::from([(1, 561), (10, 338)]),
            pieces: 0,
        };
        let thresholds = [0, 1, 9, 10, 10_000].map(|accepted| summary.threshold(accepted));
        assert_eq!(thresholds, [None, Some(561), Some(561), Some(338), Some(338)]);
    }
}
