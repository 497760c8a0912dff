//! Whether an upstream server is ourselves, be it by a detour that no configuration shows.
//!
//! Each server is sent a question for a name that nobody can guess. If it comes in at our own
//! listeners, the server forwards to us, and whatever we ask it we ask ourselves.

use std::fmt::Write as _;

use filter_core::DomainName;
use rand::random;

use crate::resolve::Query;

/// A name that is asked once.
#[derive(Debug)]
pub(super) struct Sentinel(DomainName);

/// Below which all of them are. No top-level domain begins so, and none is reserved by that name:
/// servers in between pass it on.
const ZONE: &str = "_preau-sentinel";
/// Type A, as most questions.
const RECORD_TYPE: u16 = 1;

impl Sentinel {
    /// A new one.
    pub(super) fn new() -> Self {
        let mut text = String::new();
        let _ = write!(text, "{:032x}.{ZONE}", random::<u128>());
        Self(text.parse().expect("hexadecimal digits and underscores make a name"))
    }

    /// The question to send.
    pub(super) fn query(&self) -> Query {
        Query {
            name: self.0.clone(),
            record_type: RECORD_TYPE,
            dnssec_ok: false,
            checking_disabled: false,
        }
    }

    /// True for the question that came back.
    pub(super) fn is_in(&self, query: &Query) -> bool {
        query.name == self.0
    }
}
