//! Why a line gave no rule.

use std::fmt;

use filter_core::{NameError, RuleError};
use serde::{Serialize, Serializer};

/// Why a line gave no rule. Its text form is stable: reports and tests name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Skip {
    /// Nothing but spaces.
    Blank,
    /// A comment or a header.
    Comment,
    /// A name of the machine itself, as hosts files have: `localhost`, `broadcasthost`, `ip6-…`.
    LocalName,
    /// `$badfilter`: it takes another rule of the list back.
    Badfilter,
    /// Taken back by a `$badfilter` rule of the same list.
    TakenBack,
    /// A browser rule that hides parts of pages.
    Cosmetic,
    /// A modifier that a DNS filter does not know: the whole rule is left out, never its pattern
    /// alone, which would block more than the list says.
    Modifier(String),
    /// A pattern that can only be meant for the path of a URL.
    UrlPattern,
    /// The beginning of an address: names have no beginning in common with it.
    AddressPrefix,
    /// A network such as `192.0.2.0/24`: names are not in networks.
    Network,
    /// A hosts line that answers with an address: lists refuse and pass, nothing else.
    Rewrite,
    /// A hosts line that does not begin with an address.
    NoAddress,
    /// A hosts line without a name.
    NoName,
    /// More than one word where a name is due.
    SeveralWords,
    /// A `*` where this format has none.
    Wildcard,
    /// A URL whose host or form is wrong.
    InvalidUrl,
    /// Something that no host name holds.
    Character,
    /// Two dots in a row.
    EmptyLabel,
    /// A label of more than 63 octets.
    LabelTooLong,
    /// A name of more than 253 characters.
    NameTooLong,
    /// Not valid under UTS #46.
    Idna,
    /// A line of more than 64 KiB.
    LineTooLong,
    /// A top-level domain or another ICANN public suffix.
    PublicSuffix,
    /// A private public suffix, in a source that does not say `suffixes = "keep"`.
    PrivateSuffix,
    /// A host-name fragment of fewer than three letters or digits.
    FragmentTooShort,
    /// An exception or `$important` on something else than a name.
    ExceptionPattern,
    /// A regular expression that is not valid.
    Expression,
    /// A regular expression that is too large once compiled.
    ExpressionTooLarge,
    /// A pattern that would refuse hosts that no list means.
    TooBroad,
    /// More expressions than one source may have.
    TooManyExpressions,
    /// Refused by the engine for another reason.
    Refused,
}

impl Skip {
    /// False for what a good list is expected to hold: reports count it and show no example.
    pub fn is_problem(&self) -> bool {
        !matches!(self, Self::Blank | Self::Comment | Self::LocalName | Self::Badfilter)
    }

    fn text(&self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Comment => "comment",
            Self::LocalName => "local-name",
            Self::Badfilter => "badfilter",
            Self::TakenBack => "taken-back",
            Self::Cosmetic => "cosmetic",
            Self::Modifier(_) => "modifier: ",
            Self::UrlPattern => "url-pattern",
            Self::AddressPrefix => "address-prefix",
            Self::Network => "network",
            Self::Rewrite => "rewrite",
            Self::NoAddress => "no-address",
            Self::NoName => "no-name",
            Self::SeveralWords => "several-words",
            Self::Wildcard => "wildcard",
            Self::InvalidUrl => "invalid-url",
            Self::Character => "character",
            Self::EmptyLabel => "empty-label",
            Self::LabelTooLong => "label-too-long",
            Self::NameTooLong => "name-too-long",
            Self::Idna => "idna",
            Self::LineTooLong => "line-too-long",
            Self::PublicSuffix => "public-suffix",
            Self::PrivateSuffix => "private-suffix",
            Self::FragmentTooShort => "fragment-too-short",
            Self::ExceptionPattern => "exception-pattern",
            Self::Expression => "expression",
            Self::ExpressionTooLarge => "expression-too-large",
            Self::TooBroad => "too-broad",
            Self::TooManyExpressions => "too-many-expressions",
            Self::Refused => "refused",
        }
    }
}

/// `blank`, `public-suffix`, `modifier: third-party`…
impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Modifier(name) => f.pad(&format!("{}{name}", self.text())),
            _ => f.pad(self.text()),
        }
    }
}

impl Serialize for Skip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl From<NameError> for Skip {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Empty | NameError::EmptyLabel => Self::EmptyLabel,
            NameError::LabelTooLong => Self::LabelTooLong,
            NameError::NameTooLong => Self::NameTooLong,
            NameError::Idna => Self::Idna,
            _ => Self::Character,
        }
    }
}

impl From<RuleError> for Skip {
    fn from(error: RuleError) -> Self {
        match error {
            RuleError::PublicSuffix => Self::PublicSuffix,
            RuleError::PrivateSuffix => Self::PrivateSuffix,
            RuleError::FragmentTooShort => Self::FragmentTooShort,
            RuleError::FragmentCharacter => Self::Character,
            RuleError::Expression(_) => Self::Expression,
            RuleError::ExpressionTooLarge => Self::ExpressionTooLarge,
            RuleError::ExceptionPattern => Self::ExceptionPattern,
            RuleError::TooBroad { .. } => Self::TooBroad,
            RuleError::TooManyExpressions => Self::TooManyExpressions,
            _ => Self::Refused,
        }
    }
}
