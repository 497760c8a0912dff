//! What lint looks for: one code each, which never changes its meaning.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::formats::Skip;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The list does not say what its author means, or says it of people who did nothing.
    Error,
    /// It says something twice, to no effect, or what people often do not mean.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// What is looked for, in the order of their codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Check {
    /// The same rule as on an earlier line.
    Duplicate,
    /// A name below another of the same list.
    Covered,
    /// `www.example.com` is listed, `example.com` is not.
    WwwOnly,
    /// An address in a list of names.
    Address,
    /// A top-level domain or another public suffix.
    PublicSuffix,
    /// A host that many people share.
    SharedHost,
    /// A name that schools, health or public services need.
    TrustedName,
    /// An internationalised name that looks like a known one.
    Lookalike,
    /// A label of several scripts that look alike.
    MixedScript,
    /// No name, address or URL.
    InvalidEntry,
    /// `0.0.0.0example.com`.
    GluedAddress,
    /// A line in another format than the list.
    ForeignLine,
    /// Part of a web page.
    Html,
    /// The list is in another format than its name, its header or the caller says.
    WrongFormat,
    /// Nothing of it can be read.
    Unreadable,
    /// A line that no filter of this kind can honour.
    NoEffect,
    /// An exception where the list has no rule.
    DeadException,
    /// `$badfilter` of a rule that the list does not have.
    DeadBadfilter,
    /// An expression that no host name matches.
    DeadExpression,
    /// An expression or fragment that cannot be used.
    BadExpression,
    /// The header tells another number of entries.
    WrongCount,
    /// Nearly all names stand in another of the lists.
    SameList,
}

impl Check {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 22] = [
        Self::Duplicate,
        Self::Covered,
        Self::WwwOnly,
        Self::Address,
        Self::PublicSuffix,
        Self::SharedHost,
        Self::TrustedName,
        Self::Lookalike,
        Self::MixedScript,
        Self::InvalidEntry,
        Self::GluedAddress,
        Self::ForeignLine,
        Self::Html,
        Self::WrongFormat,
        Self::Unreadable,
        Self::NoEffect,
        Self::DeadException,
        Self::DeadBadfilter,
        Self::DeadExpression,
        Self::BadExpression,
        Self::WrongCount,
        Self::SameList,
    ];

    /// `L001` and so on.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// `duplicate` and so on.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Error or warning.
    pub fn severity(self) -> Severity {
        self.row().2
    }

    /// What to do about it.
    pub fn help(self) -> &'static str {
        self.row().3
    }

    fn row(self) -> (&'static str, &'static str, Severity, &'static str) {
        use Severity::{Error, Warning};
        match self {
            Self::Duplicate => ("L001", "duplicate", Warning, "drop the line: it says nothing new"),
            Self::Covered => (
                "L002",
                "covered",
                Warning,
                "drop the line, unless the name above it is the mistake",
            ),
            Self::WwwOnly => (
                "L003",
                "www-only",
                Warning,
                "list the name without `www.` too: it usually leads to the same site",
            ),
            Self::Address => (
                "L004",
                "address",
                Warning,
                "an address in a list of names only matches a host written as that address; \
                 answers are tested against RPZ `rpz-ip` entries alone",
            ),
            Self::PublicSuffix => (
                "L005",
                "public-suffix",
                Error,
                "name the sites that you mean: this would refuse all sites below it, so it is \
                 never taken",
            ),
            Self::SharedHost => (
                "L006",
                "shared-host",
                Error,
                "name the sites that you mean: strangers share this host. A source may say \
                 suffixes = \"keep\" if the list is about such hosts",
            ),
            Self::TrustedName => (
                "L007",
                "trusted-name",
                Error,
                "drop the line: schools, health or public services need this name",
            ),
            Self::Lookalike => (
                "L008",
                "lookalike",
                Warning,
                "right in a list of impostors; if the known site is meant, write its name in \
                 plain letters",
            ),
            Self::MixedScript => (
                "L009",
                "mixed-script",
                Warning,
                "right in a list of impostors; otherwise write the name in one script",
            ),
            Self::InvalidEntry => {
                ("L010", "invalid-entry", Error, "the line gives no rule: mend or drop it")
            }
            Self::GluedAddress => (
                "L011",
                "glued-address",
                Error,
                "a space is missing after the address, or the address is one too many",
            ),
            Self::ForeignLine => (
                "L012",
                "foreign-line",
                Error,
                "one list, one format: write the line as the others, or move it",
            ),
            Self::Html => (
                "L013",
                "html",
                Error,
                "a web page was saved in place of the list, or in it: fetch the list again",
            ),
            Self::WrongFormat => (
                "L014",
                "wrong-format",
                Error,
                "mend what tells the format: readers that trust it drop the list, or misread it",
            ),
            Self::Unreadable => ("L015", "unreadable", Error, "nothing of this list has an effect"),
            Self::NoEffect => {
                ("L016", "no-effect", Warning, "the rule has no effect in a DNS filter")
            }
            Self::DeadException => (
                "L017",
                "dead-exception",
                Warning,
                "drop it, or mend the name: an exception acts within its own list only",
            ),
            Self::DeadBadfilter => (
                "L018",
                "dead-badfilter",
                Warning,
                "drop it, or write the rule as it stands: `$badfilter` takes back the same text",
            ),
            Self::DeadExpression => (
                "L019",
                "dead-expression",
                Warning,
                "it needs something that no host name has, such as a `/`: drop it",
            ),
            Self::BadExpression => {
                ("L020", "bad-expression", Error, "it is left out: mend it, or list the names")
            }
            Self::WrongCount => (
                "L021",
                "wrong-count",
                Warning,
                "mend the header, or look for the entries that got lost on the way",
            ),
            Self::SameList => {
                ("L022", "same-list", Warning, "keep one of the two, or say what each is for")
            }
        }
    }

    /// What a skipped line is a case of; `None` for what a good list is expected to hold.
    pub(super) fn of_skip(reason: &Skip) -> Option<Self> {
        if !reason.is_problem() {
            return None;
        }
        Some(match reason {
            // Its `$badfilter` is looked at.
            Skip::TakenBack => return None,
            Skip::GluedAddress => Self::GluedAddress,
            Skip::Cosmetic
            | Skip::Modifier(_)
            | Skip::UrlPattern
            | Skip::AddressPrefix
            | Skip::Network
            | Skip::Rewrite
            | Skip::LocalData
            | Skip::Drop
            | Skip::TcpOnly
            | Skip::Forward
            | Skip::Setting
            | Skip::Include
            | Skip::Generate
            | Skip::ZoneType
            | Skip::ClientIp
            | Skip::NsName
            | Skip::NsIp
            | Skip::Unqualified
            | Skip::PortOfHost
            | Skip::ExceptionPattern => Self::NoEffect,
            Skip::PublicSuffix => Self::PublicSuffix,
            Skip::PrivateSuffix => Self::SharedHost,
            Skip::FragmentTooShort
            | Skip::Expression
            | Skip::ExpressionTooLarge
            | Skip::TooBroad
            | Skip::TooManyExpressions => Self::BadExpression,
            _ => Self::InvalidEntry,
        })
    }
}

/// `L001 duplicate`
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} {}", self.code(), self.name()))
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_their_places() {
        for (index, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!(check.code(), format!("L{:03}", index + 1), "{check:?}");
            assert!(!check.help().is_empty());
        }
    }
}
