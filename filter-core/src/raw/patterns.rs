//! Host-name fragments (Aho-Corasick) and expressions (regex-automata).
//!
//! Their texts are stored; the automata are built when a profile is first bound, off the DNS path.
//! A search allocates nothing, takes no lock and is linear in the name: fragments run through one
//! automaton, expressions through fully built DFAs of bounded size, as few as that bound allows.
//!
//! Both look at the *match text* of a name, `|.www.example.com.|`, in which anchors are plain
//! octets; expressions see what is between the markers. An octet that no host name holds, a dot
//! inside a label among them, is shown as NUL: no pattern can take it for a label boundary.
//!
//! ```text
//! u32  number of patterns
//!      each: u32 rule set, u32 length, text; in increasing order of text
//! ```

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex_automata::{
    Input, MatchKind,
    dfa::{
        Automaton, OverlappingState, StartKind,
        dense::{self, DFA},
    },
    nfa::thompson,
    util::syntax,
};
use thiserror::Error;

use super::bundle::u32_at;
use crate::{DomainName, RuleError, name::is_host_octet};

/// Octets of an expression's NFA; larger ones are refused.
const NFA_LIMIT: usize = 1 << 20;
/// Octets of one DFA. An expression that does not fit alone is refused; together, they share DFAs
/// up to this size.
const DFA_LIMIT: usize = 1 << 20;
/// Longest expression in octets: longer ones are no longer something a person can review.
const MAX_EXPRESSION: usize = 4096;

/// Texts with the rule set of each.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    pub(crate) texts: Vec<String>,
    pub(crate) rule_sets: Vec<u32>,
}

impl Patterns {
    pub(crate) fn write<'p>(patterns: impl ExactSizeIterator<Item = (&'p str, u32)>) -> Vec<u8> {
        let mut section = (patterns.len() as u32).to_le_bytes().to_vec();
        for (text, rule_set) in patterns {
            section.extend_from_slice(&rule_set.to_le_bytes());
            section.extend_from_slice(&(text.len() as u32).to_le_bytes());
            section.extend_from_slice(text.as_bytes());
        }
        section
    }

    pub(crate) fn read(section: &[u8]) -> Result<Self, &'static str> {
        let count = u32_at(section, 0).ok_or("no length")?;
        let mut patterns = Self::default();
        let mut at = 4;
        for _ in 0..count {
            let rule_set = u32_at(section, at).ok_or("cut short")?;
            let length = u32_at(section, at + 4).ok_or("cut short")? as usize;
            let text = section.get(at + 8..).and_then(|rest| rest.get(..length));
            let text = std::str::from_utf8(text.ok_or("cut short")?).map_err(|_| "not UTF-8")?;
            patterns.texts.push(text.to_owned());
            patterns.rule_sets.push(rule_set);
            at += 8 + length;
        }
        if at != section.len() {
            return Err("octets after the last pattern");
        }
        if !patterns.texts.is_sorted_by(|a, b| a < b) {
            return Err("patterns out of order");
        }
        Ok(patterns)
    }
}

/// A name as patterns see it.
pub(crate) struct MatchText {
    octets: [u8; MatchText::MAX],
    len: usize,
}

impl MatchText {
    /// 253 characters between two markers of two.
    const MAX: usize = 257;

    pub(crate) fn new(name: &DomainName) -> Self {
        let mut text = Self { octets: [0; Self::MAX], len: 0 };
        text.push(b'|');
        text.push(b'.');
        for label in name.labels() {
            for &octet in label {
                text.push(if is_host_octet(octet) || octet == b':' { octet } else { 0 });
            }
            text.push(b'.');
        }
        text.push(b'|');
        text
    }

    fn push(&mut self, octet: u8) {
        self.octets[self.len] = octet;
        self.len += 1;
    }

    fn marked(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    fn bare(&self) -> &[u8] {
        self.octets[..self.len].get(2..self.len.saturating_sub(2)).unwrap_or_default()
    }
}

/// The automata of one bundle.
pub(crate) struct Automata {
    fragments: Option<AhoCorasick>,
    /// Each with the index of its first expression.
    expressions: Vec<(usize, DFA<Vec<u32>>)>,
}

/// Why automata cannot be built: a bundle whose compiler did not check its patterns.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the bundle's patterns cannot be built: {0}")]
pub struct AutomataError(String);

impl Automata {
    pub(crate) fn build(
        fragments: &[String],
        expressions: &[String],
    ) -> Result<Self, AutomataError> {
        let fragments = match fragments {
            [] => None,
            texts => Some(
                AhoCorasick::builder()
                    .kind(Some(AhoCorasickKind::ContiguousNFA))
                    .build(texts)
                    .map_err(|error| AutomataError(error.to_string()))?,
            ),
        };
        let mut groups = Vec::new();
        group(expressions, 0, &mut groups).map_err(|error| AutomataError(error.to_string()))?;
        Ok(Self { fragments, expressions: groups })
    }

    /// True when no name can match.
    pub(crate) fn is_empty(&self) -> bool {
        self.fragments.is_none() && self.expressions.is_empty()
    }

    /// Calls `found` with the index of each fragment in the text, once for each place.
    pub(crate) fn fragments(&self, text: &MatchText, mut found: impl FnMut(usize)) {
        let Some(automaton) = &self.fragments else { return };
        let mut state = aho_corasick::automaton::OverlappingState::start();
        while automaton.try_find_overlapping(text.marked(), &mut state).is_ok() {
            match state.get_match() {
                Some(hit) => found(hit.pattern().as_usize()),
                None => return,
            }
        }
    }

    /// Calls `found` with the index of each expression that matches, once for each place it ends.
    pub(crate) fn expressions(&self, text: &MatchText, mut found: impl FnMut(usize)) {
        for (first, dfa) in &self.expressions {
            let input = Input::new(text.bare());
            let mut state = OverlappingState::start();
            while dfa.try_search_overlapping_fwd(&input, &mut state).is_ok() {
                match state.get_match() {
                    Some(hit) => found(first + hit.pattern().as_usize()),
                    None => break,
                }
            }
        }
    }

    /// Octets of heap.
    pub(crate) fn memory(&self) -> usize {
        let fragments = self.fragments.as_ref().map_or(0, AhoCorasick::memory_usage);
        let expressions = self.expressions.iter().map(|(_, dfa)| dfa.memory_usage());
        fragments + expressions.sum::<usize>()
    }
}

/// Checks that an expression can be built within the limits.
pub(crate) fn check_expression(text: &str) -> Result<(), RuleError> {
    if text.len() > MAX_EXPRESSION {
        return Err(RuleError::ExpressionTooLarge);
    }
    match dfa(std::slice::from_ref(&text)) {
        Ok(_) => Ok(()),
        Err(error) if error.is_size_limit_exceeded() || is_nfa_limit(&error) => {
            Err(RuleError::ExpressionTooLarge)
        }
        Err(error) => Err(RuleError::Expression(innermost(&*error))),
    }
}

/// Builds as few DFAs as fit the limit, halving the list where one does not.
fn group(
    texts: &[String],
    first: usize,
    groups: &mut Vec<(usize, DFA<Vec<u32>>)>,
) -> Result<(), Box<dense::BuildError>> {
    match (texts, dfa(texts)) {
        ([], _) => Ok(()),
        (_, Ok(dfa)) => {
            groups.push((first, dfa));
            Ok(())
        }
        ([_], Err(error)) => Err(error),
        (texts, Err(_)) => {
            let (left, right) = texts.split_at(texts.len() / 2);
            group(left, first, groups)?;
            group(right, first + left.len(), groups)
        }
    }
}

/// One automaton that reports every expression found anywhere in the text, ASCII case ignored.
fn dfa<T: AsRef<str>>(texts: &[T]) -> Result<DFA<Vec<u32>>, Box<dense::BuildError>> {
    dense::Builder::new()
        .configure(
            dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(StartKind::Unanchored)
                .dfa_size_limit(Some(DFA_LIMIT))
                .determinize_size_limit(Some(DFA_LIMIT)),
        )
        .thompson(thompson::Config::new().nfa_size_limit(Some(NFA_LIMIT)))
        // Host names are ASCII: `\w` and the like need no Unicode tables.
        .syntax(syntax::Config::new().case_insensitive(true).unicode(false).utf8(false))
        .build_many(texts)
        .map_err(Box::new)
}

fn is_nfa_limit(error: &dense::BuildError) -> bool {
    innermost(error).contains("size limit")
}

/// The cause that says what is wrong with the text.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
