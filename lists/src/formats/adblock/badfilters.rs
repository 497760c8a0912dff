//! `$badfilter`: rules that take other rules of their list back.

use std::{collections::HashSet, io::BufRead};

use super::{is_comment, split_modifiers};
use crate::formats::{
    ReadError,
    lines::{Line, Lines},
};

/// Most `$badfilter` rules that one list may hold. EasyPrivacy, a large one, holds two.
const MAX_BADFILTERS: usize = 10_000;
/// Most octets of them all together: a list could hold ten thousand rules of 64 KiB.
const MAX_OCTETS: usize = 4 * 1024 * 1024;

/// The texts of the rules that a list takes back with `$badfilter`.
#[derive(Clone, Debug, Default)]
pub(in crate::formats) struct Badfilters(HashSet<Box<str>>);

impl Badfilters {
    /// Looks through a list for them: they may come after the rule that they take back. Those
    /// beyond the limits are left out; the reader counts them.
    pub(in crate::formats) fn scan(input: impl BufRead) -> Result<Self, ReadError> {
        let mut lines = Lines::new(input)?;
        let mut texts = HashSet::new();
        let mut room = MAX_OCTETS;
        while let Some(line) = lines.next()? {
            let Line::Whole(text) = line else { continue };
            if !text.contains("badfilter") || texts.len() == MAX_BADFILTERS {
                continue;
            }
            let Some(rule) = taken_back(&text).filter(|rule| rule.len() <= room) else { continue };
            room -= rule.len();
            texts.insert(rule);
        }
        Ok(Self(texts))
    }

    /// True when this list takes the rule back.
    pub(super) fn contains(&self, rule: &str) -> bool {
        !self.0.is_empty() && self.0.contains(rule)
    }

    /// True when the `$badfilter` rule is one of those within the limits.
    pub(super) fn honours(&self, text: &str) -> bool {
        taken_back(text).is_some_and(|rule| self.0.contains(&rule))
    }
}

/// The rule that a `$badfilter` rule takes back: itself without that modifier.
pub(crate) fn taken_back(text: &str) -> Option<Box<str>> {
    let text = text.trim();
    if is_comment(text) {
        return None;
    }
    let (pattern, modifiers) = split_modifiers(text);
    let modifiers = modifiers?.split(',').map(str::trim);
    let others: Vec<&str> = modifiers.clone().filter(|&name| name != "badfilter").collect();
    match others.len() {
        n if n == modifiers.count() => None,
        0 => Some(pattern.into()),
        _ => Some(format!("{pattern}${}", others.join(",")).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_badfilter_takes_back() {
        let cases = [
            ("||d^$badfilter", Some("||d^")),
            (" ||d^$important,badfilter ", Some("||d^$important")),
            ("||d^$script,badfilter,image", Some("||d^$script,image")),
            ("! ||d^$badfilter", None),
            ("||badfilter.example^", None),
            ("||badfilter.example^$important", None),
        ];
        for (text, expected) in cases {
            assert_eq!(taken_back(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn their_number_and_size_are_bounded() {
        let many: String = (0..MAX_BADFILTERS + 5)
            .map(|n| format!("||a{n}.example^$badfilter\n||a{n}.example^$badfilter\n"))
            .collect();
        let read = Badfilters::scan(many.as_bytes()).unwrap();
        assert_eq!(read.0.len(), MAX_BADFILTERS);
        assert!(read.honours("||a0.example^$badfilter"));
        assert!(!read.honours(&format!("||a{MAX_BADFILTERS}.example^$badfilter")));

        let large: String =
            (0..200).map(|n| format!("||{n}{}^$badfilter\n", "a".repeat(60_000))).collect();
        let read = Badfilters::scan(large.as_bytes()).unwrap();
        assert!(read.0.iter().map(|text| text.len()).sum::<usize>() <= MAX_OCTETS);
        assert!(!read.0.is_empty());
    }
}
