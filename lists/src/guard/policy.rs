//! How strict the guards are.

use std::collections::{BTreeMap, BTreeSet};

use filter_core::DomainName;

use super::Part;
use crate::{
    shared_cdn::SharedCdn,
    source::{GuardSettings, Sources},
    trusted,
};

/// Fewest rules that a source or category must lose for the loss to count: in a list of a dozen
/// names, edited by hand, a few are a large share and no accident. What vanishes whole always counts.
pub const MIN_LOSS: u64 = 10;

/// Fewest rules that a source must gain for the gain to count: a young list may double.
pub const MIN_GROWTH: u64 = 1_000;

/// The same of an allow source, each rule of which opens something.
pub const MIN_GAIN: u64 = 10;

/// What the guards ask of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardPolicy {
    /// Most that a source or category may lose in one step, in percent of its rules.
    pub max_loss: u8,
    /// Most that a source may gain in one step, in percent; 100 is twice as many rules.
    pub max_growth: u32,
    /// Limits of single sources, by name.
    pub sources: BTreeMap<String, SourceLimits>,
    /// Losses that somebody accepted.
    pub accept_shrink: Accept,
    /// Gains that somebody accepted.
    pub accept_growth: Accept,
    /// Names that must be refused, by category: those of `porn` always, to everybody; those of another
    /// where a source blocks it.
    pub must_block: BTreeMap<String, Vec<DomainName>>,
    /// Categories that the bundle is not meant to block, so that no name of theirs is asked for.
    pub without: BTreeSet<String>,
    /// Names that no built-in profile may refuse.
    pub must_allow: Vec<DomainName>,
    /// Names that profile `child` should not refuse.
    pub trusted: Vec<DomainName>,
    /// Networks that serve many.
    pub shared_cdn: SharedCdn,
}

impl GuardPolicy {
    /// The tables that ship with the product, and what a sources file says in `[guard]` and of its
    /// sources. It adds names to the shipped ones, and takes none away.
    pub fn of(sources: &Sources) -> Self {
        let settings = &sources.guard;
        let mut policy = Self {
            max_loss: settings.max_loss,
            max_growth: settings.max_growth,
            ..Self::shipped()
        };
        for (category, names) in &settings.must_block {
            policy.must_block.entry(category.clone()).or_default().extend(names.iter().cloned());
        }
        policy.without.extend(settings.without.iter().cloned());
        policy.must_allow.extend(settings.must_allow.iter().cloned());
        let own = sources.sources.iter().map(|source| {
            let limits = SourceLimits { max_loss: source.max_loss, max_growth: source.max_growth };
            (source.definition.name.clone(), limits)
        });
        policy.sources = own.filter(|(_, limits)| *limits != SourceLimits::default()).collect();
        policy
    }

    /// The tables that ship with the product, and the default limits.
    pub fn shipped() -> Self {
        Self {
            must_block: trusted::must_block(),
            must_allow: trusted::must_allow(),
            trusted: trusted::trusted(),
            shared_cdn: SharedCdn::shipped(),
            ..Self::limits_only()
        }
    }

    /// The default limits, and no names.
    pub fn limits_only() -> Self {
        let GuardSettings { max_loss, max_growth, .. } = GuardSettings::default();
        Self {
            max_loss,
            max_growth,
            sources: BTreeMap::new(),
            accept_shrink: Accept::Nothing,
            accept_growth: Accept::Nothing,
            must_block: BTreeMap::new(),
            without: BTreeSet::new(),
            must_allow: Vec::new(),
            trusted: Vec::new(),
            shared_cdn: SharedCdn::default(),
        }
    }

    pub(super) fn max_loss(&self, what: &Part) -> u8 {
        self.own(what).and_then(|own| own.max_loss).unwrap_or(self.max_loss)
    }

    pub(super) fn max_growth(&self, what: &Part) -> u32 {
        self.own(what).and_then(|own| own.max_growth).unwrap_or(self.max_growth)
    }

    fn own(&self, what: &Part) -> Option<&SourceLimits> {
        match what {
            Part::Source(name) => self.sources.get(name),
            Part::Category(_) => None,
        }
    }
}

/// The limits that a source has of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceLimits {
    /// Replaces that of the policy, [`GuardPolicy`].
    pub max_loss: Option<u8>,
    /// Replaces that of the policy, [`GuardPolicy`].
    pub max_growth: Option<u32>,
}

/// Changes that somebody looked at and found right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Accept {
    /// None.
    #[default]
    Nothing,
    /// Those of these sources and categories.
    Named(BTreeSet<String>),
    /// All.
    Everything,
}

impl Accept {
    pub(super) fn accepts(&self, what: &Part) -> bool {
        match self {
            Self::Nothing => false,
            Self::Named(names) => names.contains(what.name()),
            Self::Everything => true,
        }
    }
}
