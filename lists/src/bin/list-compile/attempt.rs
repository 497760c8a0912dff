//! One bundle from what was fetched, and what speaks against it.

use std::collections::BTreeMap;

use filter_core::{Filter, Stamp};
use lists::{
    compile::{self, CompileError, Compiled},
    guard::{Finding, GuardPolicy, GuardReport, Part, Problem, examine},
    source::Sources,
};

use crate::{failure::Failure, guard, progress::Bar};

/// A bundle that may replace another, or may not.
pub(crate) struct Attempt {
    /// The bundle, and what the guards say of it.
    pub(crate) outcome: Result<(Compiled, GuardReport), CompileError>,
}

impl Attempt {
    /// Compiles the sources, and asks the guards.
    pub(crate) fn new(
        sources: &Sources,
        stamp: &Stamp,
        previous: Option<&Filter>,
        policy: &GuardPolicy,
    ) -> Result<Self, Failure> {
        let bar = Bar::new();
        let compiled = compile::build(sources, stamp.clone(), &bar);
        bar.finish();
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(error) => return Ok(Self { outcome: Err(error) }),
        };
        let filter = Filter::open(compiled.bytes.clone()).map_err(Failure::failed)?;
        let mut report = examine(&filter, previous, policy);
        // They stand in the report of the build already.
        report.overblocked.clear();
        Ok(Self { outcome: Ok((compiled, report)) })
    }

    /// An error, unless the bundle may replace the previous one.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match &self.outcome {
            Ok((_, report)) => guard::refuse(report),
            Err(error) => Err(Failure::failed(error)),
        }
    }

    /// The bundle that the guards refuse.
    pub(crate) fn refused(&self) -> Option<&Compiled> {
        let (compiled, report) = self.outcome.as_ref().ok()?;
        report.refuses().then_some(compiled)
    }

    /// What speaks against the lists of single sources.
    pub(crate) fn reasons(&self) -> BTreeMap<String, String> {
        self.reasons_by(at_fault)
    }

    /// The same, and what speaks against categories, against each of their lists: each lost little,
    /// and all of them together too much; or one that may lose much, lost it.
    pub(crate) fn reasons_with_categories(&self, sources: &Sources) -> BTreeMap<String, String> {
        self.reasons_by(|problem| match problem {
            Problem::Shrunk { what: Part::Category(name), .. }
            | Problem::Vanished { what: Part::Category(name), .. }
            | Problem::Opened { what: Part::Category(name), .. } => {
                of_category(name, sources).collect()
            }
            problem => at_fault(problem),
        })
    }

    fn reasons_by<'a>(
        &'a self,
        at_fault: impl Fn(&'a Problem) -> Vec<&'a str>,
    ) -> BTreeMap<String, String> {
        let mut reasons = BTreeMap::new();
        match &self.outcome {
            Ok((_, report)) => {
                for Finding { problem, .. } in report.refusals() {
                    for source in at_fault(problem) {
                        reasons
                            .entry(source.to_owned())
                            .or_insert_with(|| format!("{problem}. {}", problem.remedy()));
                    }
                }
            }
            Err(CompileError::Lists(errors)) => {
                reasons.extend(
                    errors.iter().map(|error| (error.source_name.clone(), error.kind.to_string())),
                );
            }
            Err(_) => {}
        }
        reasons
    }
}

/// The sources whose lists a refusal is about, where it is about any.
fn at_fault(problem: &Problem) -> Vec<&str> {
    match problem {
        Problem::Shrunk { what, .. }
        | Problem::Vanished { what, .. }
        | Problem::Opened { what, .. }
        | Problem::Grown { what, .. } => match what {
            Part::Source(name) => vec![name],
            Part::Category(_) => Vec::new(),
        },
        Problem::Refused(refused) | Problem::SharedNetwork { refused, .. } => {
            refused.blame.iter().map(|blame| blame.source.as_str()).collect()
        }
        _ => Vec::new(),
    }
}

/// The sources that refuse a category, and those that lift it.
fn of_category<'a>(category: &'a str, sources: &'a Sources) -> impl Iterator<Item = &'a str> {
    let is_about = move |definition: &&filter_core::Source| {
        let mut all = definition.categories.iter().chain(&definition.lifts);
        all.any(|name| name == category)
    };
    sources.sources.iter().map(|s| &s.definition).filter(is_about).map(|d| d.name.as_str())
}
