//! `list-compile guard`: whether a bundle may replace another.

use std::path::PathBuf;

use clap::Args;
use lists::{
    guard::{Accept, GuardPolicy, GuardReport, examine},
    source::Sources,
};

use crate::{bundle, failure::Failure, output};

/// Tell whether a bundle may replace another
///
/// Compares it with the bundle that it is to replace, and asks it for names that must be refused and
/// names that must not.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The new bundle
    new: PathBuf,
    /// The bundle that it is to replace; without it, what changed is not looked at
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Sources file with limits and names of its own, in its table `guard` and of its sources
    #[arg(long, value_name = "FILE")]
    sources: Option<PathBuf>,
    #[command(flatten)]
    acceptance: Acceptance,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Changes that somebody looked at and found right.
#[derive(Args)]
pub(crate) struct Acceptance {
    /// Accept what this source or category lost, or, without a name, what all of them lost
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = ALL)]
    accept_shrink: Vec<String>,
    /// Accept what this source gained, or, without a name, what all of them gained
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = ALL)]
    accept_growth: Vec<String>,
}

/// Stands for a missing NAME; no source is named so.
const ALL: &str = "";

impl Acceptance {
    /// Puts what is accepted into a policy.
    pub(crate) fn apply(&self, policy: &mut GuardPolicy) {
        policy.accept_shrink = accept(&self.accept_shrink);
        policy.accept_growth = accept(&self.accept_growth);
    }
}

fn accept(names: &[String]) -> Accept {
    match names {
        [] => Accept::Nothing,
        names if names.iter().any(|name| name == ALL) => Accept::Everything,
        names => Accept::Named(names.iter().cloned().collect()),
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut policy = match &arguments.sources {
        Some(path) => GuardPolicy::of(&Sources::load(path).map_err(Failure::Sources)?),
        None => GuardPolicy::shipped(),
    };
    arguments.acceptance.apply(&mut policy);
    let new = bundle::open(&arguments.new)?;
    let previous = arguments.previous.as_deref().map(bundle::open).transpose()?;
    let report = examine(&new, previous.as_ref(), &policy);
    output::print(arguments.json, &report)?;
    refuse(&report)
}

/// An error, if the guards refuse.
pub(crate) fn refuse(report: &GuardReport) -> Result<(), Failure> {
    match report.refusals().count() {
        0 => Ok(()),
        count => Err(Failure::Guarded { count }),
    }
}
