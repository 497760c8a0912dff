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
    /// One more `$badfilter` than a list may hold: the rule that it names stays.
    BadfilterLimit,
    /// Taken back by a `$badfilter` rule of the same list, or by the `.diff` beside it.
    TakenBack,
    /// A line of a `.diff` that takes an entry back.
    TakesBack,
    /// A line of a `.diff` that begins with neither `+` nor `-`.
    NoChange,
    /// `.Include<file>`, and the file is read too.
    Included,
    /// `.Include<file>`, and there is no such file within the list's folder.
    IncludeMissing,
    /// `.Include<file>` of a file outside of the list's folder.
    IncludeOutside,
    /// `.Include<file>` of a file that is included already, maybe by itself.
    IncludeAgain,
    /// One `.Include<file>` more than one list may have.
    IncludeLimit,
    /// Below a `#time:`: it holds at certain hours only, which a bundle does not know.
    TimeLimited,
    /// Of a list category that the source does not ask for.
    OtherCategory,
    /// A phrase whose weight is a share of the page's words.
    PercentWeight,
    /// A phrase with a term that has no letter or digit.
    EmptyTerm,
    /// A phrase of too many terms, or of one that is too long.
    PhraseTooLong,
    /// Text in an encoding other than UTF-8 and Latin-1.
    Encoding,
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
    /// It answers with an address or another name: lists refuse and pass, nothing else.
    Rewrite,
    /// It answers with records of its own.
    LocalData,
    /// It leaves the question without an answer.
    Drop,
    /// It makes the client ask again over TCP.
    TcpOnly,
    /// It says where to ask.
    Forward,
    /// A setting of the program that reads the list, about no name in particular.
    Setting,
    /// `$INCLUDE` or `include:`, which make no other file be read; `.Include<file>` in a list that is
    /// read alone.
    Include,
    /// `$GENERATE`: one line that stands for thousands.
    Generate,
    /// A `local-zone` type that neither refuses nor passes.
    ZoneType,
    /// `$TTL` or `$ORIGIN`, which what follows heeds.
    Directive,
    /// A record that every zone has: SOA, NS, signatures.
    ZoneRecord,
    /// A record whose name is not in the zone.
    OutOfZone,
    /// A further line of a record that began before.
    Continuation,
    /// A parenthesis that is not closed within 8 KiB.
    Unclosed,
    /// RPZ: refuses clients, by their address.
    ClientIp,
    /// RPZ: refuses what a name server of that name serves.
    NsName,
    /// RPZ: refuses what a name server at that address serves.
    NsIp,
    /// RPZ: an owner that should say a network, and does not.
    BadNetwork,
    /// Against the grammar of the format.
    Syntax,
    /// An address glued to a name: `0.0.0.0example.com`. Whoever joined them may have meant to take
    /// the name out, so it is not repaired.
    GluedAddress,
    /// dnsmasq's `//`: names without a dot.
    Unqualified,
    /// Something else where an address is due.
    NoAddress,
    /// A line without a name.
    NoName,
    /// More than one word where a name is due.
    SeveralWords,
    /// A `*` where this format has none.
    Wildcard,
    /// One port of a host: a URL rule needs a path, and DNS knows no ports.
    PortOfHost,
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
    /// A pattern or network that would refuse what no list means.
    TooBroad,
    /// More expressions than one source may have.
    TooManyExpressions,
    /// A name that is no site, where one is to be protected.
    NotASite,
    /// More protected sites than one source may have.
    TooManySites,
    /// Refused by the engine for another reason.
    Refused,
}

impl Skip {
    /// False for what a good list is expected to hold: reports count it and show no example.
    pub fn is_problem(&self) -> bool {
        !matches!(
            self,
            Self::Blank
                | Self::Comment
                | Self::LocalName
                | Self::Badfilter
                | Self::Directive
                | Self::ZoneRecord
                | Self::Continuation
                | Self::TakesBack
                | Self::Included
                | Self::OtherCategory
        )
    }

    /// The limit that the line is beyond, where there is one.
    pub fn limit(&self) -> Option<&'static str> {
        Some(match self {
            Self::LineTooLong => "64 KiB",
            Self::Unclosed => "8 KiB",
            Self::LabelTooLong => "63 octets",
            Self::NameTooLong => "253 characters",
            Self::FragmentTooShort => "3 letters or digits at least",
            Self::ExpressionTooLarge => "4096 characters, automata of 1 MiB",
            Self::TooManyExpressions => "1000 in one source",
            Self::TooManySites => "10 000 in one source",
            Self::BadfilterLimit => "10 000 in one list, 4 MiB together",
            _ => return None,
        })
    }

    fn text(&self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Comment => "comment",
            Self::LocalName => "local-name",
            Self::Badfilter => "badfilter",
            Self::BadfilterLimit => "badfilter-limit",
            Self::TakenBack => "taken-back",
            Self::TakesBack => "takes-back",
            Self::NoChange => "no-change",
            Self::Included => "included",
            Self::IncludeMissing => "include-missing",
            Self::IncludeOutside => "include-outside",
            Self::IncludeAgain => "include-again",
            Self::IncludeLimit => "include-limit",
            Self::TimeLimited => "time-limited",
            Self::OtherCategory => "other-category",
            Self::PercentWeight => "percent-weight",
            Self::EmptyTerm => "empty-term",
            Self::PhraseTooLong => "phrase-too-long",
            Self::Encoding => "encoding",
            Self::Cosmetic => "cosmetic",
            Self::Modifier(_) => "modifier: ",
            Self::UrlPattern => "url-pattern",
            Self::AddressPrefix => "address-prefix",
            Self::Network => "network",
            Self::Rewrite => "rewrite",
            Self::LocalData => "local-data",
            Self::Drop => "drop",
            Self::TcpOnly => "tcp-only",
            Self::Forward => "forward",
            Self::Setting => "setting",
            Self::Include => "include",
            Self::Generate => "generate",
            Self::ZoneType => "zone-type",
            Self::Directive => "directive",
            Self::ZoneRecord => "zone-record",
            Self::OutOfZone => "out-of-zone",
            Self::Continuation => "continuation",
            Self::Unclosed => "unclosed",
            Self::ClientIp => "rpz-client-ip",
            Self::NsName => "rpz-nsdname",
            Self::NsIp => "rpz-nsip",
            Self::BadNetwork => "bad-network",
            Self::Syntax => "syntax",
            Self::GluedAddress => "glued-address",
            Self::Unqualified => "unqualified",
            Self::NoAddress => "no-address",
            Self::NoName => "no-name",
            Self::SeveralWords => "several-words",
            Self::Wildcard => "wildcard",
            Self::PortOfHost => "port-of-host",
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
            Self::NotASite => "not-a-site",
            Self::TooManySites => "too-many-sites",
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
            RuleError::TooBroad { .. } | RuleError::NetworkTooBroad => Self::TooBroad,
            RuleError::TooManyExpressions => Self::TooManyExpressions,
            RuleError::NotASite => Self::NotASite,
            RuleError::TooManySites => Self::TooManySites,
            _ => Self::Refused,
        }
    }
}
