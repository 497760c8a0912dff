//! What became of teachers' codes: how often, never by whom, for whom or for what.

use std::{
    iter,
    sync::atomic::{AtomicU64, Ordering},
};

/// What became of a code that somebody typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeOutcome {
    /// It let a name through.
    Accepted,
    /// It is the code, and may not do that, or not now.
    Refused,
    /// It is none.
    Wrong,
    /// Nobody looked at it: there were too many wrong ones.
    Limited,
}

impl CodeOutcome {
    const ALL: [Self; 4] = [Self::Accepted, Self::Refused, Self::Wrong, Self::Limited];

    fn label(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Wrong => "wrong",
            Self::Limited => "limited",
        }
    }
}

/// Counters of codes.
#[derive(Debug, Default)]
pub(crate) struct Codes([AtomicU64; CodeOutcome::ALL.len()]);

impl Codes {
    /// Counts one.
    pub(crate) fn count(&self, outcome: CodeOutcome) {
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often each came of one.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let count = |(outcome, count): (CodeOutcome, &AtomicU64)| {
            (outcome.label(), count.load(Ordering::Relaxed))
        };
        iter::zip(CodeOutcome::ALL, &self.0).map(count)
    }
}
