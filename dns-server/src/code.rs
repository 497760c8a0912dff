//! A teacher's code: how one is made, compared and told from a weak one.
//!
//! It is typed by hand, so capitals, spaces and hyphens make no difference, and letters that look
//! like digits are those. What is kept is a digest: it need not be slow to work out, since a code
//! that is made here has [`SYMBOLS`] symbols of five bits each.

use std::{fmt, hint::black_box, str::FromStr};

use lists::digest::{DigestError, Sha256Digest};
use rand::random;
use thiserror::Error;

/// What a code is compared with.
#[derive(Clone, PartialEq, Eq)]
pub struct CodeDigest(String);

/// Why a text is no code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodeError {
    /// A pupil could try them all.
    #[error(
        "a code has {SYMBOLS} letters and digits at least, some of each, and {DISTINCT} different \
         ones"
    )]
    Weak,
    /// It begins as a digest, and is none.
    #[error("{0}")]
    Digest(#[from] DigestError),
}

/// Letters and digits of a code that is made here: 60 bits.
const SYMBOLS: usize = 12;
/// Different ones among them, at least.
const DISTINCT: usize = 6;
/// Digits and letters, without those that look like others (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// What a digest begins with, in a file.
const PREFIX: &str = "sha256:";

/// A new code, in groups of four.
pub(crate) fn generate() -> String {
    loop {
        let mut bits = random::<u64>();
        let mut code = String::new();
        for place in 0..SYMBOLS {
            if place > 0 && place % 4 == 0 {
                code.push('-');
            }
            code.push(char::from(ALPHABET[(bits % 32) as usize]));
            bits /= 32;
        }
        if !is_weak(&as_typed(&code)) {
            return code;
        }
    }
}

impl CodeDigest {
    /// The digest of a code.
    ///
    /// # Errors
    /// [`CodeError::Weak`].
    pub fn of(code: &str) -> Result<Self, CodeError> {
        let code = as_typed(code);
        if is_weak(&code) { Err(CodeError::Weak) } else { Ok(Self::of_typed(&code)) }
    }

    fn of_typed(code: &str) -> Self {
        Self(Sha256Digest::of(format!("preau code {code}").as_bytes()).to_string())
    }

    /// Whether this is what was typed. How long it takes does not depend on how much of it is right.
    pub fn is(&self, typed: &str) -> bool {
        let typed = Self::of_typed(&as_typed(typed));
        let pairs = self.0.bytes().zip(typed.0.bytes());
        let differences = pairs.fold(0, |found, (one, other)| black_box(found | (one ^ other)));
        black_box(differences) == 0
    }
}

/// A code, or a digest as it is displayed.
impl FromStr for CodeDigest {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        match text.trim().strip_prefix(PREFIX) {
            Some(digest) => Ok(Self(digest.parse::<Sha256Digest>()?.to_string())),
            None => Self::of(text),
        }
    }
}

impl fmt::Display for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", self.0)
    }
}

impl fmt::Debug for CodeDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeDigest")
    }
}

/// What makes no difference, taken away.
fn as_typed(code: &str) -> String {
    let symbols = code.chars().filter(|symbol| !symbol.is_whitespace() && *symbol != '-');
    let plain = |symbol| match symbol {
        'o' => '0',
        'i' | 'l' => '1',
        symbol => symbol,
    };
    symbols.flat_map(char::to_lowercase).map(plain).collect()
}

fn is_weak(code: &str) -> bool {
    let symbols: Vec<_> = code.chars().filter(|symbol| symbol.is_alphanumeric()).collect();
    let mut distinct = symbols.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let digits = symbols.iter().filter(|symbol| symbol.is_numeric()).count();
    symbols.len() < SYMBOLS || distinct.len() < DISTINCT || digits == 0 || digits == symbols.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_are_made_are_strong_and_different() {
        let codes: std::collections::BTreeSet<_> = (0..200).map(|_| generate()).collect();
        assert_eq!(codes.len(), 200);
        for code in codes {
            assert_eq!(code.len(), 14, "{code}");
            let digest = CodeDigest::of(&code).unwrap();
            assert!(digest.is(&code) && !digest.is(&generate()));
            assert_eq!(digest.to_string().parse(), Ok(digest.clone()));
        }
    }

    #[test]
    fn however_it_is_typed() {
        let digest = CodeDigest::of("k7fq-01mx-p4tr").unwrap();
        for typed in ["K7FQ-01MX-P4TR", " k7fq01mxp4tr\n", "k7fq oimx p4tr", "k7-fq ol mx p4tr"] {
            assert!(digest.is(typed), "{typed}");
        }
        for typed in ["", "k7fq-01mx-p4t", "k7fq-01mx-p4trr", "k7fq-01mx-p4ts", "\0", "💥"] {
            assert!(!digest.is(typed), "{typed}");
        }
        // What is kept opens nothing by itself.
        assert!(!digest.is(&digest.to_string()));
    }

    #[test]
    fn weak_ones() {
        for code in
            ["", "1234", "abcdefghjkmn", "123456789012345", "aaaaaaaaaaa1", "a1-a1-a1-a1-a1"]
        {
            assert_eq!(code.parse::<CodeDigest>(), Err(CodeError::Weak), "{code}");
        }
        for code in ["ecole-2026-jaures", "k7fq-29mx-p4tr"] {
            code.parse::<CodeDigest>().unwrap();
        }
        assert_eq!("sha256:12".parse::<CodeDigest>(), Err(CodeError::Digest(DigestError)));
    }
}
