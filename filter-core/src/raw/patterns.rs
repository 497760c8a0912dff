//! Host-name fragments (Aho-Corasick) and expressions, over the text of a name; and expressions over URLs.
//!
//! Their texts are stored; the automata are built when a profile is first bound, off the DNS path.
//! A search allocates nothing, takes no lock and is linear in the name.
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
use thiserror::Error;

use super::{
    bundle::{SectionKind, u32_at},
    expressions::Expressions,
};
use crate::{DomainName, RuleError, name::is_host_octet};

/// Hosts that no pattern may match: one that does was meant for something else than hosts, or was
/// made to harm, and would refuse half of all names. Domains have the public suffix list for that.
pub(crate) const BYSTANDERS: [&str; 12] = [
    "www.bibliotheque-municipale.fr",
    "www.bibliotheque-municipale.com",
    "www.bibliotheque-municipale.org",
    "www.bibliotheque-municipale.net",
    "www.bibliotheque-municipale.eu",
    "www.bibliotheque-municipale.co.uk",
    "ecole.fr",
    "ecole.com",
    "ecole.org",
    "ecole.net",
    "ecole.info",
    "ecole.de",
];

/// Pages that no expression on URLs may match, for the same reason.
pub(crate) const BYSTANDING_PAGES: [&str; 4] = [
    "www.bibliotheque-municipale.fr/",
    "www.bibliotheque-municipale.fr/recherche?q=chat&page=2",
    "ecole.fr:8443/classes/cm2/index.html",
    "ecole.com/photos/2026/sortie_1.jpg",
];

/// Checks that a fragment, in its notation, is not found in a bystander.
pub(crate) fn check_fragment(text: &str) -> Result<(), RuleError> {
    match BYSTANDERS.into_iter().find(|host| format!("|.{host}.|").contains(text)) {
        Some(host) => Err(RuleError::TooBroad { host }),
        None => Ok(()),
    }
}

/// What a pattern is looked for in, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PatternKind {
    /// A piece of host name: [`Fragment`](crate::Fragment).
    Fragment,
    /// A regular expression on the host name.
    Expression,
    /// Addresses, which answers are compared with: [`Network`](crate::Network).
    Network,
    /// The beginning of a URL: [`UrlPrefix`](crate::UrlPrefix).
    Url,
    /// A regular expression on the whole URL.
    UrlExpression,
    /// Words of a text: [`Phrase`](crate::Phrase).
    Phrase,
    /// A site that impostors imitate, which homographs are told by: see
    /// [`Batch::protect`](crate::Batch::protect).
    Protected,
}

impl PatternKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Fragment,
        Self::Expression,
        Self::Network,
        Self::Url,
        Self::UrlExpression,
        Self::Phrase,
        Self::Protected,
    ];

    pub(crate) fn section(self) -> SectionKind {
        match self {
            Self::Fragment => SectionKind::Fragments,
            Self::Expression => SectionKind::Expressions,
            Self::Network => SectionKind::Networks,
            Self::Url => SectionKind::Urls,
            Self::UrlExpression => SectionKind::UrlExpressions,
            Self::Phrase => SectionKind::Phrases,
            Self::Protected => SectionKind::Protected,
        }
    }

    /// True for what a bundle has a section of even if it is empty.
    pub(crate) fn is_always_there(self) -> bool {
        matches!(self, Self::Fragment | Self::Expression)
    }
}

/// Texts with the rule set of each.
#[derive(Debug, Default, PartialEq, Eq)]
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
        let mut patterns = Self::default();
        for pattern in Self::each(section) {
            let (rule_set, text) = pattern?;
            patterns.texts.push(text.to_owned());
            patterns.rule_sets.push(rule_set);
        }
        Ok(patterns)
    }

    /// The rule set of a text.
    pub(crate) fn find(&self, text: &[u8]) -> Option<u32> {
        let at = self.texts.binary_search_by(|own| own.as_bytes().cmp(text)).ok()?;
        self.rule_sets.get(at).copied()
    }

    /// Those that begin so: number, text and rule set of each.
    pub(crate) fn beginning_with<'p>(
        &'p self,
        start: &'p [u8],
    ) -> impl Iterator<Item = (usize, &'p str, u32)> {
        let first = self.texts.partition_point(|own| own.as_bytes() < start);
        let texts = self.texts.iter().zip(&self.rule_sets).enumerate().skip(first);
        let texts = texts.take_while(move |(_, (text, _))| text.as_bytes().starts_with(start));
        texts.map(|(number, (text, &set))| (number, text.as_str(), set))
    }

    /// Checks a section whose texts are not kept.
    pub(crate) fn check(section: &[u8]) -> Result<(), &'static str> {
        Self::each(section).try_for_each(|pattern| pattern.map(|_| ()))
    }

    /// Rule set and text of each pattern, in place. An error is the last item.
    pub(crate) fn each(section: &[u8]) -> Each<'_> {
        match (section, u32_at(section, 0)) {
            // A kind of pattern that the bundle has none of has no section.
            ([], _) => Each { rest: section, left: 0, last: None, failed: false },
            (_, Some(left)) => Each { rest: &section[4..], left, last: None, failed: false },
            (_, None) => Each { rest: section, left: 1, last: None, failed: false },
        }
    }
}

/// Iterates over a section of patterns.
pub(crate) struct Each<'s> {
    rest: &'s [u8],
    left: u32,
    last: Option<&'s str>,
    failed: bool,
}

impl<'s> Each<'s> {
    fn take(&mut self) -> Result<(u32, &'s str), &'static str> {
        let rule_set = u32_at(self.rest, 0).ok_or("cut short")?;
        let length = u32_at(self.rest, 4).ok_or("cut short")? as usize;
        let (text, rest) = self.rest[8..].split_at_checked(length).ok_or("cut short")?;
        let text = std::str::from_utf8(text).map_err(|_| "not UTF-8")?;
        if self.last.is_some_and(|last| last >= text) {
            return Err("patterns out of order");
        }
        (self.rest, self.last) = (rest, Some(text));
        Ok((rule_set, text))
    }
}

impl<'s> Iterator for Each<'s> {
    type Item = Result<(u32, &'s str), &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let item = match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                self.take()
            }
            None if self.rest.is_empty() => return None,
            None => Err("octets after the last pattern"),
        };
        self.failed = item.is_err();
        Some(item)
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
    expressions: Expressions,
    /// On whole URLs.
    url_expressions: Expressions,
}

/// Why automata cannot be built: a bundle whose compiler did not check its patterns.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the bundle's patterns cannot be built: {0}")]
pub struct AutomataError(String);

impl Automata {
    pub(crate) fn build(
        fragments: &[String],
        expressions: &[String],
        url_expressions: &[String],
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
        let build = |texts: &[String]| {
            Expressions::build(texts).map_err(|error| AutomataError(error.to_string()))
        };
        let (expressions, url_expressions) = (build(expressions)?, build(url_expressions)?);
        Ok(Self { fragments, expressions, url_expressions })
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

    /// Calls `found` with the index of each expression that matches, perhaps more than once.
    pub(crate) fn expressions(&self, text: &MatchText, found: impl FnMut(usize)) {
        self.expressions.search(text.bare(), found);
    }

    /// True when some expression is looked for in URLs.
    pub(crate) fn has_url_expressions(&self) -> bool {
        !self.url_expressions.is_empty()
    }

    /// Calls `found` with the index of each expression that matches a URL, perhaps more than once.
    pub(crate) fn url_expressions(&self, url: &str, found: impl FnMut(usize)) {
        self.url_expressions.search(url.as_bytes(), found);
    }

    /// Octets of heap.
    pub(crate) fn memory(&self) -> usize {
        let fragments = self.fragments.as_ref().map_or(0, AhoCorasick::memory_usage);
        fragments + self.expressions.memory() + self.url_expressions.memory()
    }
}
