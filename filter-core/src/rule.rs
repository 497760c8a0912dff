//! Rules, and the sources that they come from.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Batch, DomainName, NameError, name::is_host_octet};

/// Where a list comes from and what its rules do. A rule has the categories of its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Unique name, such as `ut1-adult`; it is what a refusal names.
    pub name: String,
    /// What a match means.
    pub action: Action,
    /// Names of the categories that every rule of the source belongs to.
    pub categories: Vec<String>,
    /// Allow sources only: the categories that a match lifts. Without any, the source only fills
    /// closed profiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifts: Vec<String>,
    /// Whether rules on private public suffixes are kept.
    #[serde(default)]
    pub suffixes: Suffixes,
    /// Whether a law or an order of a court or a ministry asks for the list, rather than the school:
    /// a refusal says so (RFC 8914 §4.17).
    #[serde(default, skip_serializing_if = "is_false")]
    pub legal: bool,
    /// Licence of the list, as an SPDX expression where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Whom the licence wants named, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
    /// Where people read about the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Where the list is published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// SHA-256 of the list as it was read, in lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What a rule's match means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Refused, where the profile blocks the source's categories.
    #[default]
    Block,
    /// Lifts categories, fills closed profiles.
    Allow,
}

/// What becomes of a source's rules on *private* public suffixes (`github.io`). Those on ICANN
/// suffixes (`co.uk`) are never kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Suffixes {
    /// Refused: nobody's customers answer for their neighbours.
    #[default]
    Refuse,
    /// Kept: the source means the whole suffix, as lists of dynamic-DNS zones do.
    Keep,
}

/// Which names a domain rule on `d` matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// `d` only: hosts files, RPZ owner `d`.
    Exact,
    /// `d` and everything under it: plain domains, UT1, `||d^`.
    Subtree,
    /// Everything under `d`, not `d`: RPZ owner `*.d`.
    #[serde(rename = "subdomains")]
    SubdomainsOnly,
}

impl Scope {
    /// True when a rule on an ancestor or self matches; `at_apex` tells which.
    pub(crate) fn applies(self, at_apex: bool) -> bool {
        match self {
            Self::Exact => at_apex,
            Self::Subtree => true,
            Self::SubdomainsOnly => !at_apex,
        }
    }

    /// True when a rule matches all that one of the other scope, on the same name, does.
    pub(crate) fn contains(self, other: Self) -> bool {
        self == Self::Subtree || self == other
    }

    /// True when a match says that every name below is matched too.
    pub(crate) fn covers_descendants(self) -> bool {
        self != Self::Exact
    }
}

/// What a list wrote beside a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `$important`: not lifted by any allow rule of lists.
    pub important: bool,
    /// `@@`: cancels the block rules of its own source for the names it matches; of another source,
    /// none. An important exception cancels important rules too.
    pub exception: bool,
    /// Of an exception: the most specific line decides, as in dnsmasq, Unbound and response policy
    /// zones. It cancels only patterns, and rules that match all that it does. A rule on a name below
    /// its own stands, and one on its own name that matches less, such as the name alone. Between
    /// equals the exception wins. Of networks, the longer prefix is the more specific.
    pub nearest: bool,
    /// `$denyallow=a|b` on a rule; and on the exceptions for `a` and `b` that it stands for. Such an
    /// exception cancels rules that have the option, and no other rule, of its source.
    pub narrow: bool,
}

/// A piece of host name, found anywhere in it: `.` at either end anchors at a label boundary, `|.`
/// at the start and `.|` at the end anchor at the name's own ends.
///
/// | fragment | matches |
/// |---|---|
/// | `casino` | `mycasino7.example`, `a.casino.example` |
/// | `.casino` | `casino7.example`, not `mycasino.example` |
/// | `\|.ads.` | names whose first label is `ads` |
/// | `.example.\|` | `example` and everything under it |
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fragment(Box<str>);

impl Fragment {
    /// Fewest letters and digits: fewer would match half of all names.
    pub const MIN_ALPHANUMERIC: usize = 3;

    /// Reads the notation above, in any case.
    ///
    /// # Errors
    /// [`RuleError::FragmentTooShort`] or [`RuleError::FragmentCharacter`].
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let text = text.to_ascii_lowercase();
        let start = text.strip_prefix('|').unwrap_or(&text);
        let body = start.strip_suffix('|').unwrap_or(start);
        let anchored = |bare: bool, dot: bool| bare || dot;
        if !body.bytes().all(|octet| is_host_octet(octet) || octet == b'.')
            || !anchored(start.len() == text.len(), body.starts_with('.'))
            || !anchored(body.len() == start.len(), body.ends_with('.'))
        {
            return Err(RuleError::FragmentCharacter);
        }
        if body.bytes().filter(u8::is_ascii_alphanumeric).count() < Self::MIN_ALPHANUMERIC {
            return Err(RuleError::FragmentTooShort);
        }
        Ok(Self(text.into_boxed_str()))
    }

    /// The notation, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An operator's name: `example.com` is the name and everything under it, `*.example.com` only what
/// is under it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NamePattern {
    /// The name.
    pub name: DomainName,
    /// [`Scope::Subtree`] or [`Scope::SubdomainsOnly`].
    pub scope: Scope,
}

impl FromStr for NamePattern {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (name, scope) = match text.strip_prefix("*.") {
            Some(below) => (below, Scope::SubdomainsOnly),
            None => (text, Scope::Subtree),
        };
        Ok(Self { name: name.parse()?, scope })
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.scope == Scope::SubdomainsOnly { "*." } else { "" };
        write!(f, "{prefix}{}", self.name)
    }
}

/// Why a rule is not taken into a bundle. The rule is skipped and counted, the list goes on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Octets that [`DomainName::parse`] would not take.
    #[error("not a host name")]
    NotAHostName,
    /// A top-level domain or other ICANN public suffix.
    #[error("a public suffix (ICANN section) is never a rule")]
    PublicSuffix,
    /// A suffix of the private section, and the source does not keep those.
    #[error("a private public suffix; the source may say suffixes = \"keep\"")]
    PrivateSuffix,
    /// Fewer than [`Fragment::MIN_ALPHANUMERIC`] letters and digits.
    #[error("a host-name fragment needs at least {} letters or digits", Fragment::MIN_ALPHANUMERIC)]
    FragmentTooShort,
    /// Something that no host name holds, or a `|` that does not stand before or after a dot.
    #[error("a host-name fragment holds letters, digits, `-`, `_`, `.`, and `|` at its ends")]
    FragmentCharacter,
    /// Not an expression that the engine reads.
    #[error("not a valid regular expression: {0}")]
    Expression(String),
    /// Its automaton would be too large.
    #[error("the regular expression is too large once compiled")]
    ExpressionTooLarge,
    /// A fragment or expression so broad that it matches a host that no list means.
    #[error("it is so broad that it matches {host:?}")]
    TooBroad {
        /// That host; empty for an expression that matches nothing at all.
        host: &'static str,
    },
    /// More expressions of one source than anybody reviews.
    #[error("more than {} expressions of one source", Batch::MAX_EXPRESSIONS)]
    TooManyExpressions,
    /// An exception or important flag on something that cannot have it.
    #[error("an exception must name a domain or network")]
    ExceptionPattern,
    /// A network of more addresses than any list means.
    #[error(
        "a network of a list has a prefix of at least {} (IPv4) or {} (IPv6)",
        Batch::MIN_PREFIX_IPV4,
        Batch::MIN_PREFIX_IPV6
    )]
    NetworkTooBroad,
    /// A public suffix, or a name within a site.
    #[error("only a site can be protected: the registrable name, without `www.`")]
    NotASite,
    /// More protected sites of one source than anybody reviews.
    #[error("more than {} protected sites of one source", Batch::MAX_PROTECTED)]
    TooManySites,
    /// One source with more than 4 GiB of names.
    #[error("the source holds more than 4 GiB of names")]
    SourceTooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments() {
        use RuleError::*;
        let cases = [
            ("casino", Ok(())),
            ("CASINO", Ok(())),
            (".casino.", Ok(())),
            ("|.ads.", Ok(())),
            (".example.|", Ok(())),
            ("|.example.com.|", Ok(())),
            ("ab", Err(FragmentTooShort)),
            ("|..|", Err(FragmentTooShort)),
            ("..", Err(FragmentTooShort)),
            ("", Err(FragmentTooShort)),
            ("|", Err(FragmentCharacter)),
            ("|ads", Err(FragmentCharacter)),
            ("ads|", Err(FragmentCharacter)),
            ("a/b/c/d", Err(FragmentCharacter)),
            ("a|bcd", Err(FragmentCharacter)),
            ("élève", Err(FragmentCharacter)),
        ];
        for (text, expected) in cases {
            assert_eq!(Fragment::parse(text).map(|_| ()), expected, "{text:?}");
        }
    }

    #[test]
    fn name_patterns() {
        let read = |text: &str| text.parse::<NamePattern>().map(|pattern| pattern.to_string());
        assert_eq!(read("Example.com."), Ok("example.com".into()));
        assert_eq!(read("*.Example.com"), Ok("*.example.com".into()));
        assert_eq!(read("*.*.com"), Err(NameError::Character { found: '*', position: 0 }));
    }
}
