//! What must hold of a bundle before it replaces another one.
//!
//! Lists come from strangers: one day a list is cut short on its way, another day somebody adds
//! `gouv.fr`. [`examine`] looks at the bundle that came out, not at the lists: whatever broke it, and
//! wherever, shows there. It is pure: the new bundle, the previous one, and the policy are all
//! it knows.
//!
//! | guard | compares | outcome | accepted by |
//! |---|---|---|---|
//! | [shrink](Problem::Shrunk), [vanish](Problem::Vanished) | rules of each source and category with the previous bundle's | refuse | `--accept-shrink` |
//! | [opened](Problem::Opened) | names that children were refused, with what is refused them now | refuse | `--accept-shrink` |
//! | [growth](Problem::Grown) | rules of each source with the previous bundle's | refuse | `--accept-growth` |
//! | [must block](Problem::Passed) | names of pornography, always; those of other categories that the bundle blocks | refuse | |
//! | [without](Problem::Without) | categories that the bundle is declared not to block | warn | `[guard] without` |
//! | [must allow](Problem::Refused) | names that no built-in profile may refuse | refuse | an allow source |
//! | [shared network](Problem::SharedNetwork) | networks that serve thousands of strangers | refuse, warn for hosting | an allow source |
//! | overblocked | trusted names that profile `child` refuses | report | an allow source |
//! | conflicts | names that one list blocks and another allows | report | |
//!
//! Rules are counted beside names, because names do not show everything: a list that was cut while
//! another still refuses the same, a category that no built-in profile refuses, networks and addresses.
//!
//! Whole public suffixes need no guard: the engine takes none as a rule
//! ([`RuleError::PublicSuffix`](filter_core::RuleError::PublicSuffix)).

mod change;
mod conflict;
mod display;
mod opened;
mod policy;
mod reach;

use std::collections::BTreeMap;

use filter_core::{DomainName, Filter};
use serde::Serialize;

use crate::shared_cdn::NetworkKind;

pub(crate) use self::display::write_overblocked;
pub use self::{
    change::changes,
    conflict::{Conflict, conflicts},
    policy::{Accept, GuardPolicy, MIN_GAIN, MIN_GROWTH, MIN_LOSS, SourceLimits},
    reach::overblocked,
};

/// What an examination found. `Display` is for people, `Serialize` for machines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GuardReport {
    /// What the guards say, refusals first.
    pub findings: Vec<Finding>,
    /// Trusted names that profile `child` refuses, in the order of their files.
    pub overblocked: Vec<RefusedName>,
    /// Block and allow sources that list the same names, those that share most first.
    pub conflicts: Vec<Conflict>,
}

impl GuardReport {
    /// True when the bundle must not replace the previous one.
    pub fn refuses(&self) -> bool {
        self.refusals().next().is_some()
    }

    /// The findings for which it must not.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Refuse)
    }
}

/// One thing that a guard found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether it stops the bundle.
    pub severity: Severity,
    /// What was found.
    #[serde(flatten)]
    pub problem: Problem,
}

impl Finding {
    fn refuse(problem: Problem) -> Self {
        Self { severity: Severity::Refuse, problem }
    }

    fn warn(problem: Problem) -> Self {
        Self { severity: Severity::Warn, problem }
    }
}

/// Whether a finding stops the bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The bundle must not replace the previous one.
    Refuse,
    /// It may; somebody should look.
    Warn,
}

/// What a guard found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
#[non_exhaustive]
pub enum Problem {
    /// A source or category lost more rules than it may in one step.
    Shrunk {
        /// Which one.
        what: Part,
        /// Rules in the previous bundle.
        before: u64,
        /// Rules in the new one.
        after: u64,
        /// Most that it may lose, in percent.
        limit: u8,
    },
    /// A source or category of the previous bundle is not in the new one.
    Vanished {
        /// Which one.
        what: Part,
        /// Rules in the previous bundle.
        before: u64,
    },
    /// Too many of the names that a source or category refused to children would pass: its names were
    /// exchanged, its rules mean less, or something lifts them.
    Opened {
        /// Which one.
        what: Part,
        /// Names that the previous bundle refused for it.
        before: u64,
        /// Those of them that the new one lets pass.
        open: u64,
        /// Most that may, in percent. Of a category, what its sources may lose together.
        limit: u8,
        /// The first of them, in canonical order.
        first: Vec<DomainName>,
    },
    /// A source gained more rules than it may in one step.
    Grown {
        /// Which one.
        what: Part,
        /// Rules in the previous bundle.
        before: u64,
        /// Rules in the new one.
        after: u64,
        /// Most that it may gain, in percent.
        limit: u32,
    },
    /// A name that every list of a category holds is not refused: the list is not what it was, or not
    /// there.
    Passed {
        /// The name, or the same with `www.` in front.
        name: DomainName,
        /// Its category.
        category: String,
    },
    /// The bundle is declared not to block a category, of which no name was asked for.
    Without {
        /// The category.
        category: String,
    },
    /// What the new bundle would change cannot be known.
    Incomparable {
        /// Why the previous one cannot be asked.
        error: String,
    },
    /// A name that children or their machines cannot do without is refused.
    Refused(RefusedName),
    /// Names of a network that serves many are refused, whoever's they are.
    SharedNetwork {
        /// Who runs it.
        operator: String,
        /// What it serves.
        network: NetworkKind,
        /// The network, and who refuses it.
        #[serde(flatten)]
        refused: RefusedName,
    },
    /// No server could use the bundle.
    Unusable {
        /// Why.
        error: String,
    },
}

/// What a count is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A list.
    Source(String),
    /// All block rules of a category.
    Category(String),
}

impl Part {
    /// The name of the source or category.
    pub fn name(&self) -> &str {
        match self {
            Self::Source(name) | Self::Category(name) => name,
        }
    }
}

/// A name that is refused and should not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedName {
    /// The name.
    pub name: DomainName,
    /// The built-in profiles that refuse it.
    pub profiles: Vec<&'static str>,
    /// Every rule that refuses it in the first of them, the decisive one first.
    pub blame: Vec<Blame>,
}

/// A rule that refuses a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blame {
    /// The list that holds it.
    pub source: String,
    /// The categories of that list.
    pub categories: Vec<String>,
    /// The rule, as reports show it.
    pub rule: String,
}

/// Examines a bundle before it replaces `previous`; without one, what changed is not examined.
pub fn examine(new: &Filter, previous: Option<&Filter>, policy: &GuardPolicy) -> GuardReport {
    let mut report = GuardReport::default();
    if let Some(previous) = previous {
        report.findings = compare(previous, new, policy);
    }
    if let Err(error) = reach::examine(new, policy, &mut report) {
        report.findings.push(Finding::refuse(Problem::Unusable { error: error.to_string() }));
    }
    report.conflicts = conflicts(new);
    report.findings.sort_by_key(|finding| finding.severity);
    report
}

/// What the rules say, and what the names say beyond that.
fn compare(previous: &Filter, new: &Filter, policy: &GuardPolicy) -> Vec<Finding> {
    let mut findings = changes(previous.manifest(), new.manifest(), policy);
    let lost = |finding: &Finding| match &finding.problem {
        Problem::Shrunk { what, .. } | Problem::Vanished { what, .. } => {
            Some((what.clone(), finding.severity))
        }
        _ => None,
    };
    let lost: BTreeMap<Part, Severity> = findings.iter().filter_map(lost).collect();
    let is_news = |finding: &Finding| match &finding.problem {
        Problem::Opened { what, .. } => {
            lost.get(what).is_none_or(|severity| finding.severity < *severity)
        }
        _ => true,
    };
    match opened::opened(previous, new, policy) {
        Ok(opened) => findings.extend(opened.into_iter().filter(is_news)),
        Err(error) => {
            findings.push(Finding::refuse(Problem::Incomparable { error: error.to_string() }));
        }
    }
    findings
}
