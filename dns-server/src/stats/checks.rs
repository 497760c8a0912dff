//! What the check API was asked: how often and of what kind, never about what.

use std::{
    iter,
    sync::atomic::{AtomicU64, Ordering},
};

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Check,
    Explain,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckOutcome {
    Answered,
    /// It is none, or one that cannot be answered.
    Invalid,
    /// Without the token.
    Unauthorized,
    TooLarge,
    /// Its body did not come in time.
    Slow,
    /// Too many others were in hand.
    Busy,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Host,
    Url,
    Text,
    Result,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemVerdict {
    Allowed,
    Blocked,
    Invalid,
}

impl Endpoint {
    const ALL: [Self; 2] = [Self::Check, Self::Explain];

    fn label(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Explain => "explain",
        }
    }
}

impl CheckOutcome {
    const ALL: [Self; 6] =
        [Self::Answered, Self::Invalid, Self::Unauthorized, Self::TooLarge, Self::Slow, Self::Busy];

    fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::TooLarge => "too_large",
            Self::Slow => "slow",
            Self::Busy => "busy",
        }
    }
}

impl ItemKind {
    const ALL: [Self; 4] = [Self::Host, Self::Url, Self::Text, Self::Result];

    fn label(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Url => "url",
            Self::Text => "text",
            Self::Result => "result",
        }
    }
}

impl ItemVerdict {
    const ALL: [Self; 3] = [Self::Allowed, Self::Blocked, Self::Invalid];

    fn label(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Blocked => "blocked",
            Self::Invalid => "invalid",
        }
    }
}

/// Counters of requests and of the items in them.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    requests: [[AtomicU64; CheckOutcome::ALL.len()]; Endpoint::ALL.len()],
    items: [[AtomicU64; ItemVerdict::ALL.len()]; ItemKind::ALL.len()],
}

impl Checks {
    /// Counts a request.
    pub(crate) fn count(&self, endpoint: Endpoint, outcome: CheckOutcome) {
        self.requests[endpoint as usize][outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an item of one.
    pub(crate) fn count_item(&self, kind: ItemKind, verdict: ItemVerdict) {
        self.items[kind as usize][verdict as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Requests, by what was asked for and what became of them.
    pub(crate) fn requests(&self) -> impl Iterator<Item = ([&'static str; 2], u64)> {
        iter::zip(Endpoint::ALL, &self.requests).flat_map(|(endpoint, counts)| {
            let count = move |(outcome, count): (CheckOutcome, &AtomicU64)| {
                ([endpoint.label(), outcome.label()], count.load(Ordering::Relaxed))
            };
            iter::zip(CheckOutcome::ALL, counts).map(count)
        })
    }

    /// Items, by what they are and what became of them.
    pub(crate) fn items(&self) -> impl Iterator<Item = ([&'static str; 2], u64)> {
        iter::zip(ItemKind::ALL, &self.items).flat_map(|(kind, counts)| {
            let count = move |(verdict, count): (ItemVerdict, &AtomicU64)| {
                ([kind.label(), verdict.label()], count.load(Ordering::Relaxed))
            };
            iter::zip(ItemVerdict::ALL, counts).map(count)
        })
    }
}
