//! Regular expressions on host names and on URLs, as fully built DFAs of bounded size.
//!
//! A DFA needs no cache: a search allocates nothing, takes no lock, and looks at each octet of the
//! name once, whatever the expression. Every expression that matches is reported, so that a profile
//! that does not block one still sees the next. Expressions share DFAs as far as the size limit
//! allows.
//!
//! Nearly all expressions from real lists end in `$` (`||ads*.example.com^` is
//! `(?:^|\.)ads.*\.example\.com$`). Those are read backwards from the end of the name, where the
//! literal part is: most names are given up after a few octets, and the DFA stays small. Forwards,
//! anything might still begin at each octet, and the states multiply: DESIGN.md has the figures.

use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{
        Automaton, OverlappingState, StartKind,
        dense::{self, DFA},
    },
    nfa::thompson::{self, WhichCaptures},
    util::syntax,
};
use regex_syntax::hir::{Hir, Look};
use thiserror::Error;

use super::patterns::{BYSTANDERS, BYSTANDING_PAGES};
use crate::RuleError;

/// Octets of an expression's NFA; larger ones are refused.
const NFA_LIMIT: usize = 1 << 20;
/// Octets of one DFA. An expression that does not fit alone is refused.
const DFA_LIMIT: usize = 1 << 20;
/// DFAs of one bundle: more than any bundle of real lists needs, less than a school's server has.
const MAX_DFAS: usize = 64;
/// Longest expression in octets: longer ones are no longer something a person can review.
const MAX_LENGTH: usize = 4096;

/// The expressions of a bundle.
#[derive(Default)]
pub(crate) struct Expressions {
    groups: Vec<Group>,
}

/// Expressions that share a DFA.
struct Group {
    direction: Direction,
    dfa: DFA<Vec<u32>>,
    /// Number in the bundle of each of the DFA's expressions.
    numbers: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    /// From the start of the text, for expressions that may end anywhere.
    Forwards,
    /// From the end of the text, for expressions that can end nowhere else.
    Backwards,
}

/// Why an expression cannot be built.
#[derive(Debug, Error)]
pub(crate) enum ExpressionError {
    #[error("{0}")]
    Syntax(Box<regex_syntax::Error>),
    #[error("it is too large once compiled")]
    TooLarge,
    #[error("together they need more than {MAX_DFAS} MiB of automata")]
    TooMany,
    #[error("{0}")]
    Unsupported(String),
}

/// Checks that an expression on host names can be built within the limits, and is not too broad.
pub(crate) fn check(text: &str) -> Result<(), RuleError> {
    let alone = alone(text)?;
    for host in BYSTANDERS.into_iter().chain([""]) {
        if alone.matches(host) {
            return Err(RuleError::TooBroad { host });
        }
    }
    Ok(())
}

/// The same of an expression on URLs.
pub(crate) fn check_on_urls(text: &str) -> Result<(), RuleError> {
    let alone = alone(text)?;
    for host in BYSTANDING_PAGES.into_iter().chain([""]) {
        if alone.matches(host) || alone.matches(&format!("https://{host}")) {
            return Err(RuleError::TooBroad { host });
        }
    }
    Ok(())
}

fn alone(text: &str) -> Result<Expressions, RuleError> {
    if text.len() > MAX_LENGTH {
        return Err(RuleError::ExpressionTooLarge);
    }
    Expressions::build(&[text]).map_err(|error| match error {
        ExpressionError::TooLarge | ExpressionError::TooMany => RuleError::ExpressionTooLarge,
        ExpressionError::Unsupported(reason) => RuleError::Expression(reason),
        ExpressionError::Syntax(error) => {
            let shown = error.to_string();
            let reason = shown.lines().last().unwrap_or_default();
            RuleError::Expression(reason.trim_start_matches("error: ").to_owned())
        }
    })
}

impl Expressions {
    pub(crate) fn build<T: AsRef<str>>(texts: &[T]) -> Result<Self, ExpressionError> {
        let (mut forwards, mut backwards) = (Vec::new(), Vec::new());
        for (number, text) in texts.iter().enumerate() {
            let hir = parse(text.as_ref())?;
            match hir.properties().look_set_suffix().contains(Look::End) {
                true => backwards.push((number, hir)),
                false => forwards.push((number, hir)),
            }
        }
        let mut groups = Vec::new();
        group(&forwards, Direction::Forwards, &mut groups)?;
        group(&backwards, Direction::Backwards, &mut groups)?;
        Ok(Self { groups })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn matches(&self, text: &str) -> bool {
        let mut matches = false;
        self.search(text.as_bytes(), |_| matches = true);
        matches
    }

    /// Calls `found` with the number of each expression that matches, perhaps more than once.
    pub(crate) fn search(&self, text: &[u8], mut found: impl FnMut(usize)) {
        for Group { direction, dfa, numbers } in &self.groups {
            let mut state = OverlappingState::start();
            loop {
                let searched = match direction {
                    Direction::Forwards => {
                        dfa.try_search_overlapping_fwd(&Input::new(text), &mut state)
                    }
                    Direction::Backwards => {
                        let from_the_end = Input::new(text).anchored(Anchored::Yes);
                        dfa.try_search_overlapping_rev(&from_the_end, &mut state)
                    }
                };
                match state.get_match() {
                    Some(hit) if searched.is_ok() => found(numbers[hit.pattern().as_usize()]),
                    _ => break,
                }
            }
        }
    }

    /// Octets of heap.
    pub(crate) fn memory(&self) -> usize {
        self.groups.iter().map(|group| group.dfa.memory_usage()).sum()
    }
}

/// Host names and URLs are ASCII: `\w` and the like need no Unicode tables.
fn parse(text: &str) -> Result<Hir, ExpressionError> {
    let config = syntax::Config::new().case_insensitive(true).unicode(false).utf8(false);
    syntax::parse_with(text, &config).map_err(|error| ExpressionError::Syntax(Box::new(error)))
}

/// Builds as few DFAs as fit the limit, halving the list where one does not.
fn group(
    expressions: &[(usize, Hir)],
    direction: Direction,
    groups: &mut Vec<Group>,
) -> Result<(), ExpressionError> {
    if expressions.is_empty() {
        return Ok(());
    }
    if groups.len() == MAX_DFAS {
        return Err(ExpressionError::TooMany);
    }
    let hirs: Vec<&Hir> = expressions.iter().map(|(_, hir)| hir).collect();
    match dfa(&hirs, direction) {
        Ok(dfa) => {
            let numbers = expressions.iter().map(|(number, _)| *number).collect();
            groups.push(Group { direction, dfa, numbers });
            Ok(())
        }
        Err(ExpressionError::TooLarge) if expressions.len() > 1 => {
            let (left, right) = expressions.split_at(expressions.len() / 2);
            group(left, direction, groups)?;
            group(right, direction, groups)
        }
        Err(error) => Err(error),
    }
}

fn dfa(hirs: &[&Hir], direction: Direction) -> Result<DFA<Vec<u32>>, ExpressionError> {
    let (reverse, start) = match direction {
        Direction::Forwards => (false, StartKind::Unanchored),
        Direction::Backwards => (true, StartKind::Anchored),
    };
    let nfa = thompson::NFA::compiler()
        .configure(
            thompson::Config::new()
                .reverse(reverse)
                .which_captures(WhichCaptures::None)
                .nfa_size_limit(Some(NFA_LIMIT)),
        )
        .build_many_from_hir(hirs)
        .map_err(|error| match error.size_limit() {
            Some(_) => ExpressionError::TooLarge,
            None => ExpressionError::Unsupported(error.to_string()),
        })?;
    let config = dense::Config::new()
        .match_kind(MatchKind::All)
        .start_kind(start)
        .dfa_size_limit(Some(DFA_LIMIT))
        .determinize_size_limit(Some(DFA_LIMIT));
    dense::Builder::new().configure(config).build_from_nfa(&nfa).map_err(|error| {
        match error.is_size_limit_exceeded() {
            true => ExpressionError::TooLarge,
            false => ExpressionError::Unsupported(error.to_string()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: &[&str] = &[
        r"(?:^|\.)ad.*\.example\.com$",
        r"(?:^|\.)ads[0-9]+\.",
        r"^shop",
        r"^shop\.example$",
        r"casino",
        r"(porn|xxx)s?([-.]|$)",
        r"a$|b",
        r"\.test$",
        r"^(?:[a-z]+\.)*x\.test$",
        r"z{3}$",
        r"",
    ];

    const HOSTS: &[&str] = &[
        "ad.example.com",
        "ad7.srv.example.com",
        "bad7.srv.example.com",
        "ad.example.com.fr",
        "ads12.net",
        "shop.example",
        "shop.example.org",
        "myshop.example",
        "casino.casino",
        "pornsite.fr",
        "porns-x.fr",
        "xxx",
        "xxxs",
        "bca",
        "x.test",
        "a.b.x.test",
        "a1.x.test",
        "zzz",
        "zzzz.z",
        "",
    ];

    /// Alone, forwards, in a DFA without limits: as plain as this library gets.
    fn matches_alone(text: &str, host: &str) -> bool {
        let dfa = dense::Builder::new()
            .syntax(syntax::Config::new().case_insensitive(true).unicode(false).utf8(false))
            .build(text)
            .unwrap();
        dfa.try_search_fwd(&Input::new(host.as_bytes())).unwrap().is_some()
    }

    #[test]
    fn together_they_match_as_alone() {
        let together = Expressions::build(TEXTS).unwrap();
        let directions: Vec<_> = together.groups.iter().map(|group| group.direction).collect();
        assert_eq!(directions, [Direction::Forwards, Direction::Backwards]);
        let mut matches = 0;
        for host in HOSTS {
            let mut found = std::collections::BTreeSet::new();
            together.search(host.as_bytes(), |number| {
                found.insert(number);
            });
            for (number, text) in TEXTS.iter().enumerate() {
                let alone = matches_alone(text, host);
                assert_eq!(found.contains(&number), alone, "{text:?} on {host:?}");
                matches += usize::from(alone);
            }
        }
        assert_eq!(matches, 39);
    }

    #[test]
    fn what_does_not_fit_one_dfa_takes_several() {
        // Each alone is small; together, forwards, their DFAs multiply.
        let texts: Vec<_> = (0..6).map(|n| format!("a.{{{}}}b{n}", n + 6)).collect();
        let together = Expressions::build(&texts).unwrap();
        assert!(together.groups.len() > 1);
        assert!(together.groups.iter().all(|group| group.dfa.memory_usage() <= 2 * DFA_LIMIT));
        for n in 0..6 {
            let host = format!("xa{}b{n}", "-".repeat(n + 6));
            let mut found = Vec::new();
            together.search(host.as_bytes(), |number| found.push(number));
            assert!(found.contains(&n), "{host}: {found:?}");
        }
    }

    #[test]
    fn together_they_are_bounded() {
        // As in the test above, but of so many that no division into 64 DFAs will do.
        let texts: Vec<_> = (0..400).map(|n| format!("x{n}[a-m].{{11}}[n-z]k")).collect();
        assert!(matches!(Expressions::build(&texts), Err(ExpressionError::TooMany)));
    }

    #[test]
    fn what_matches_bystanders_is_too_broad() {
        for (text, host) in [
            (".*", BYSTANDERS[0]),
            ("^", BYSTANDERS[0]),
            ("[a-z]", BYSTANDERS[0]),
            (r"^www\.", BYSTANDERS[0]),
            (r"\.com$", BYSTANDERS[1]),
            ("^[a-z]{5}\\.de$", "ecole.de"),
            ("^$", ""),
        ] {
            assert_eq!(check(text), Err(RuleError::TooBroad { host }), "{text}");
        }
    }

    #[test]
    fn limits_and_faults_have_their_own_errors() {
        for text in ["(a{1000}){1000}", "a.{20}b", &format!("x{}", "a?".repeat(3000))] {
            assert_eq!(check(text), Err(RuleError::ExpressionTooLarge), "{text:.20}");
        }
        for (text, reason) in [
            ("(", "unclosed group"),
            ("a**b(", "unclosed group"),
            (r"(?=a)", "look-around, including look-ahead and look-behind, is not supported"),
            (r"(a)\1", "backreferences are not supported"),
        ] {
            assert_eq!(check(text), Err(RuleError::Expression(reason.into())), "{text}");
        }
        assert_eq!(check(r"^ads\d+\.example\.com$"), Ok(()));
    }
}
