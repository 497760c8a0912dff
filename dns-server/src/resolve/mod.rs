//! Answers from elsewhere: what no policy refuses comes from the cache, or is asked of the upstream
//! resolvers.
//!
//! Everything in here is what upstream says, for whoever asks: no policy, no client.

mod cache;
mod resolver;
pub mod upstream;

use std::sync::Arc;

use filter_core::DomainName;
use thiserror::Error;

use self::upstream::UpstreamError;
pub use self::{
    cache::CacheSettings,
    resolver::{Resolver, Statistics},
};
use crate::wire::{answer::Lifetime, ede::Code, extract::Response};

/// What is asked of the outside, in class IN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The name, in lower case.
    pub name: DomainName,
    /// QTYPE: a type of data, no meta type.
    pub record_type: u16,
    /// DO: with signatures and proofs (RFC 4035 §3.2.1).
    pub dnssec_ok: bool,
    /// CD: also what does not verify (RFC 4035 §3.2.2).
    pub checking_disabled: bool,
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{error}")]
pub struct NoAnswer {
    /// What upstream made of it.
    pub error: UpstreamError,
    /// True where that was a moment ago, and upstream was not asked again (RFC 9520).
    pub cached: bool,
}

impl From<UpstreamError> for NoAnswer {
    fn from(error: UpstreamError) -> Self {
        Self { error, cached: false }
    }
}

/// What upstream says to a query, and since when.
#[derive(Clone, Debug)]
pub struct Answer {
    response: Arc<Response>,
    /// Whole seconds since it was received.
    age: u32,
    stale: bool,
}

/// TTL of stale answers, in seconds (RFC 8767 §4).
const STALE_TTL: u32 = 30;

impl Answer {
    /// What upstream said.
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// True when its time is over, and upstream does not give another one (RFC 8767).
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// What becomes of its TTLs; none is more than `at_most` seconds.
    pub fn lifetime(&self, at_most: u32) -> Lifetime {
        match self.stale {
            true => {
                Lifetime { age: self.age, at_least: STALE_TTL, at_most: STALE_TTL.min(at_most) }
            }
            false => Lifetime { age: self.age, at_least: 0, at_most },
        }
    }

    /// Seconds that all of it may be kept, at most so many.
    pub fn ttl(&self, at_most: u32) -> u32 {
        self.lifetime(at_most).left(self.response.lifetime().unwrap_or(0))
    }

    /// What the client should know about it (RFC 8914 §4.4, §4.20).
    pub fn error(&self) -> Option<Code> {
        let code = match self.response.is_nxdomain() {
            true => Code::STALE_NXDOMAIN_ANSWER,
            false => Code::STALE_ANSWER,
        };
        self.stale.then_some(code)
    }
}
