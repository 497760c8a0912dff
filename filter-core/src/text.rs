//! Texts: a verdict with its reason, and the trace that explains it.

use std::{fmt, ops::Range};

use serde::Serialize;

use crate::{CategoryInfo, Weight};

/// The answer to "is this text fit for this audience?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextVerdict<'a> {
    /// Its phrases do not add up to a refusal.
    Allowed,
    /// Refused, and why.
    Blocked(TextReason<'a>),
}

impl TextVerdict<'_> {
    /// True when refused.
    pub fn is_blocked(&self) -> bool {
        matches!(self, Self::Blocked(_))
    }
}

/// Why a text is refused.
///
/// Displays as `porn · phrases-fr · score 160 of 50`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextReason<'a> {
    /// A category with a banned phrase, or the one with the highest score.
    pub category: &'a CategoryInfo,
    /// The list that banned it, or that gave most of the score.
    pub source: &'a str,
    /// Sum of the weights of the category's phrases that were found.
    pub score: i64,
    /// Of the profile: [`Profile::text_threshold`](crate::Profile::text_threshold).
    pub threshold: u32,
    /// A phrase was found that is refused whatever the score.
    pub is_banned: bool,
}

impl fmt::Display for TextReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} · {} · ", self.category.name, self.source)?;
        match self.is_banned {
            true => f.write_str("banned phrase"),
            false => write!(f, "score {} of {}", self.score, self.threshold),
        }
    }
}

/// Every phrase that was found in a text, and what they add up to. It holds nothing of the text itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TextTrace<'a> {
    /// The profile.
    pub profile: &'a str,
    /// The score from which on it refuses a text.
    pub threshold: u32,
    /// The outcome.
    pub blocked: bool,
    /// Of the categories that the profile blocks, those with a phrase in the text.
    pub scores: Vec<CategoryScore<'a>>,
    /// In the order of the bundle.
    pub phrases: Vec<FoundPhrase<'a>>,
}

/// What phrases say of one category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CategoryScore<'a> {
    /// Its name.
    pub category: &'a str,
    /// Sum of the weights.
    pub score: i64,
    /// A phrase refuses it whatever the score.
    pub banned: bool,
    /// An allow list lets it pass whatever the score.
    pub lifted: bool,
}

/// A phrase whose terms were all found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundPhrase<'a> {
    /// In the notation of [`Phrase`](crate::Phrase).
    pub text: &'a str,
    /// What it does.
    pub weight: Weight,
    /// The lists that hold it.
    pub sources: Vec<&'a str>,
    /// The categories, of those that the profile blocks, that it counts for. None where an exception
    /// of its own list cancels it.
    pub categories: Vec<&'a str>,
    /// Where each of its terms was found first, in order of place.
    pub terms: Vec<FoundTerm>,
}

/// Where a term was found first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundTerm {
    /// Octets of the text as it was given: the words that hold the term.
    pub at: Range<usize>,
    /// It does not stand there as it is, but was read so: `p0rn`, `p.o.r.n`.
    pub disguised: bool,
}

impl fmt::Display for TextTrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = if self.blocked { "refused" } else { "allowed" };
        writeln!(f, "text is {outcome} in profile {} (from {})", self.profile, self.threshold)?;
        for CategoryScore { category, score, banned, lifted } in &self.scores {
            let banned = if *banned { ", banned" } else { "" };
            let lifted = if *lifted { ", lifted by an allow list" } else { "" };
            writeln!(f, "  {category}: {score}{banned}{lifted}")?;
        }
        self.phrases.iter().try_for_each(|phrase| writeln!(f, "  {phrase}"))
    }
}

impl fmt::Display for FoundPhrase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)?;
        for (number, FoundTerm { at, disguised }) in self.terms.iter().enumerate() {
            let comma = if number == 0 { " at" } else { "," };
            let disguised = if *disguised { " (disguised)" } else { "" };
            write!(f, "{comma} {}–{}{disguised}", at.start, at.end)?;
        }
        write!(f, " · {}", self.sources.join(", "))?;
        match &*self.categories {
            [] => f.write_str(" · counts for nothing in this profile"),
            categories => write!(f, " · {}", categories.join(", ")),
        }
    }
}
