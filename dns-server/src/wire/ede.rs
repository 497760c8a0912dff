//! Extended DNS errors (RFC 8914): why an answer is what it is, for people.

use std::fmt;

/// EDNS option code of an extended error.
pub const OPTION: u16 = 15;

/// An INFO-CODE of RFC 8914.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u16);

impl Code {
    /// Nothing more precise.
    pub const OTHER: Self = Self(0);
    /// Its time is over, and nobody gives a newer one (§4.4).
    pub const STALE_ANSWER: Self = Self(3);
    /// An address was made up (§4.5).
    pub const FORGED: Self = Self(4);
    /// It failed a moment ago, and was not asked about again (§4.14).
    pub const CACHED_ERROR: Self = Self(13);
    /// Refused by this resolver's own policy (§4.16).
    pub const BLOCKED: Self = Self(15);
    /// Refused because the law asks for it (§4.17).
    pub const CENSORED: Self = Self(16);
    /// Refused because the client asked for the filter (§4.18).
    pub const FILTERED: Self = Self(17);
    /// The client may not ask here (§4.19).
    pub const PROHIBITED: Self = Self(18);
    /// As [`STALE_ANSWER`](Self::STALE_ANSWER), of a name that did not exist (§4.20).
    pub const STALE_NXDOMAIN_ANSWER: Self = Self(19);
    /// Only recursive questions are answered (§4.21).
    pub const NOT_AUTHORITATIVE: Self = Self(20);
    /// No such operation here (§4.22).
    pub const NOT_SUPPORTED: Self = Self(21);
    /// No upstream server could be reached (§4.23).
    pub const NO_REACHABLE_AUTHORITY: Self = Self(22);
    /// An upstream server sent nonsense (§4.24).
    pub const NETWORK_ERROR: Self = Self(23);
}

/// The names of the IANA registry, by code.
const NAMES: [&str; 30] = [
    "Other",
    "Unsupported DNSKEY Algorithm",
    "Unsupported DS Digest Type",
    "Stale Answer",
    "Forged Answer",
    "DNSSEC Indeterminate",
    "DNSSEC Bogus",
    "Signature Expired",
    "Signature Not Yet Valid",
    "DNSKEY Missing",
    "RRSIGs Missing",
    "No Zone Key Bit Set",
    "NSEC Missing",
    "Cached Error",
    "Not Ready",
    "Blocked",
    "Censored",
    "Filtered",
    "Prohibited",
    "Stale NXDomain Answer",
    "Not Authoritative",
    "Not Supported",
    "No Reachable Authority",
    "Network Error",
    "Invalid Data",
    "Signature Expired before Valid",
    "Too Early",
    "Unsupported NSEC3 Iterations Value",
    "Unable to conform to policy",
    "Synthesized",
];

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.get(usize::from(self.0)) {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

/// An extended error to send: its code and EXTRA-TEXT.
#[derive(Clone, Copy)]
pub struct ExtendedError<'t> {
    /// INFO-CODE.
    pub code: Code,
    /// EXTRA-TEXT. Never text that the client sent.
    pub text: Option<&'t dyn fmt::Display>,
    /// EXTRA-TEXT where there is no room for that; dropped where it does not fit either.
    pub shorter_text: Option<&'t dyn fmt::Display>,
}

impl ExtendedError<'_> {
    /// A code without text.
    pub const fn bare(code: Code) -> Self {
        Self { code, text: None, shorter_text: None }
    }
}
