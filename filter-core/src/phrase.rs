//! Weighted phrases, the e2guardian model: combinations of words that add to a page's score.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use thiserror::Error;

/// Words or pieces of text that, all found in one page, add [`Weight`] to its score.
///
/// A term keeps its spaces: `" sex "` is the word, `"sex"` also a part of `Essex`. Within a term a space
/// is whatever stands between two words. Terms are in lower case and in order, so that two phrases that
/// say the same are equal. They are looked for as texts are read: see
/// [`BoundFilter::text`](crate::BoundFilter::text).
///
/// Notation, as e2guardian's phrase lists write it: `< sex >,<chat><50>`; `<ban>` and `<pass>` in
/// place of the score say what e2guardian's banned and exception lists do.
///
/// ```
/// # use filter_core::{Phrase, Weight};
/// let phrase: Phrase = "<Video>,< sex ><50>".parse()?;
/// assert_eq!(phrase.terms().collect::<Vec<_>>(), [" sex ", "video"]);
/// assert_eq!(phrase.weight(), Weight::Score(50));
/// assert_eq!(phrase.to_string(), "< sex >,<video><50>");
/// # Ok::<(), filter_core::PhraseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phrase {
    terms: Vec<Box<str>>,
    weight: Weight,
}

/// What a phrase does to the page that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Weight {
    /// Adds to the score; takes from it where negative.
    Score(i32),
    /// Refuses the page whatever its score.
    Banned,
    /// Takes away whatever the other phrases of its list do; of an allow list, lets the page through
    /// for the categories that the list lifts, whatever their score.
    Exception,
}

/// A number, `"ban"` or `"pass"`.
impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Score(score) => serializer.serialize_i32(*score),
            Self::Banned => serializer.serialize_str("ban"),
            Self::Exception => serializer.serialize_str("pass"),
        }
    }
}

/// Why a phrase is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PhraseError {
    /// Not `<term>,<term><weight>`.
    #[error("not a phrase: write <term>,<term><weight>")]
    Notation,
    /// No term, or one without any letter or digit.
    #[error("a term of a phrase needs a letter or digit")]
    EmptyTerm,
    /// More than [`Phrase::MAX_TERMS`] terms, or one longer than [`Phrase::MAX_TERM`] octets.
    #[error("a phrase has at most {} terms of {} octets", Phrase::MAX_TERMS, Phrase::MAX_TERM)]
    TooLong,
    /// A term with a character that the notation uses, or a control character.
    #[error("a term of a phrase cannot hold `<`, `>` or control characters")]
    Character,
}

impl Phrase {
    /// Most terms of one phrase.
    pub const MAX_TERMS: usize = 16;
    /// Longest term in octets.
    pub const MAX_TERM: usize = 256;

    /// A phrase of those terms, in any case and order.
    ///
    /// # Errors
    /// [`PhraseError`].
    pub fn new<'t>(
        terms: impl IntoIterator<Item = &'t str>,
        weight: Weight,
    ) -> Result<Self, PhraseError> {
        let mut lower = Vec::new();
        for term in terms {
            if term.len() > Self::MAX_TERM || lower.len() == Self::MAX_TERMS {
                return Err(PhraseError::TooLong);
            }
            if term.contains(|c: char| matches!(c, '<' | '>') || c.is_control()) {
                return Err(PhraseError::Character);
            }
            if !term.contains(char::is_alphanumeric) {
                return Err(PhraseError::EmptyTerm);
            }
            lower.push(term.to_lowercase().into_boxed_str());
        }
        if lower.is_empty() {
            return Err(PhraseError::EmptyTerm);
        }
        lower.sort_unstable();
        lower.dedup();
        Ok(Self { terms: lower, weight })
    }

    /// The terms, in order.
    pub fn terms(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().map(AsRef::as_ref)
    }

    /// What it does.
    pub fn weight(&self) -> Weight {
        self.weight
    }
}

impl FromStr for Phrase {
    type Err = PhraseError;

    fn from_str(text: &str) -> Result<Self, PhraseError> {
        let body = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
        let (terms, weight) =
            body.and_then(|body| body.rsplit_once("><")).ok_or(PhraseError::Notation)?;
        let weight = match weight {
            "ban" => Weight::Banned,
            "pass" => Weight::Exception,
            score => Weight::Score(score.trim().parse().map_err(|_| PhraseError::Notation)?),
        };
        Self::new(terms.split(">,<"), weight)
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.terms.join(">,<"))?;
        match self.weight {
            Weight::Score(score) => write!(f, "<{score}>"),
            Weight::Banned => f.write_str("<ban>"),
            Weight::Exception => f.write_str("<pass>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notation() {
        let cases = [
            ("<sex><10>", Ok("<sex><10>")),
            ("< Sex ><-10>", Ok("< sex ><-10>")),
            ("<b>,<a><50>", Ok("<a>,<b><50>")),
            ("<a>,<a><1>", Ok("<a><1>")),
            ("<été, été><+3>", Ok("<été, été><3>")),
            ("<word><ban>", Ok("<word><ban>")),
            ("<word><pass>", Ok("<word><pass>")),
            ("<word>", Err(PhraseError::Notation)),
            ("<word><10%>", Err(PhraseError::Notation)),
            ("<word><99999999999>", Err(PhraseError::Notation)),
            ("word<10>", Err(PhraseError::Notation)),
            ("< ><10>", Err(PhraseError::EmptyTerm)),
            ("<><10>", Err(PhraseError::EmptyTerm)),
            ("<a>,< ><10>", Err(PhraseError::EmptyTerm)),
            ("<a>b><10>", Err(PhraseError::Character)),
            ("<a\u{7}><10>", Err(PhraseError::Character)),
            ("", Err(PhraseError::Notation)),
        ];
        for (text, expected) in cases {
            let read = text.parse::<Phrase>().map(|phrase| phrase.to_string());
            assert_eq!(read, expected.map(str::to_owned), "{text:?}");
            if let Ok(text) = read {
                assert_eq!(text.parse::<Phrase>().unwrap().to_string(), text);
            }
        }
        let many = format!("<{}><1>", vec!["a"; Phrase::MAX_TERMS + 1].join(">,<"));
        assert_eq!(many.parse::<Phrase>(), Err(PhraseError::TooLong));
        let long = format!("<{}><1>", "a".repeat(Phrase::MAX_TERM + 1));
        assert_eq!(long.parse::<Phrase>(), Err(PhraseError::TooLong));
    }
}
