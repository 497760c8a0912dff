//! What people read: each refusal says what to do.

use std::fmt;

use super::{Blame, Conflict, Finding, GuardReport, Part, Problem, RefusedName, Severity};
use crate::{report::grouped, shared_cdn::NetworkKind};

/// Overblocked names, and conflicts, that are shown to people; machines get all.
const SHOWN: usize = 20;

impl fmt::Display for GuardReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        write_overblocked(f, &self.overblocked)?;
        write_conflicts(f, &self.conflicts)?;
        let refusals = self.refusals().count();
        match refusals {
            0 => writeln!(f, "guards: nothing speaks against this bundle"),
            n => writeln!(f, "guards: this bundle must not replace another: {n} refused it"),
        }
    }
}

/// The overblock report: trusted names that are refused, and the lists to blame.
pub(crate) fn write_overblocked(
    f: &mut fmt::Formatter<'_>,
    overblocked: &[RefusedName],
) -> fmt::Result {
    if overblocked.is_empty() {
        return Ok(());
    }
    writeln!(
        f,
        "\n{} trusted names that children could not reach",
        grouped(overblocked.len() as u64)
    )?;
    for refused in overblocked.iter().take(SHOWN) {
        writeln!(f, "  {refused}")?;
    }
    write_more(f, overblocked.len())
}

fn write_conflicts(f: &mut fmt::Formatter<'_>, conflicts: &[Conflict]) -> fmt::Result {
    if conflicts.is_empty() {
        return Ok(());
    }
    writeln!(f, "\nnames that one list blocks and another allows")?;
    for conflict in conflicts.iter().take(SHOWN) {
        let Conflict { blocked_by, allowed_by, names, first, .. } = conflict;
        let first: Vec<_> = first.iter().take(3).map(|name| name.to_string()).collect();
        writeln!(
            f,
            "{:>8}  {blocked_by} and {allowed_by}: {} ({}{})",
            grouped(*names),
            conflict.outcome(),
            first.join(", "),
            if *names > first.len() as u64 { ", …" } else { "" }
        )?;
    }
    write_more(f, conflicts.len())
}

/// How many more than [`SHOWN`] there are.
fn write_more(f: &mut fmt::Formatter<'_>, all: usize) -> fmt::Result {
    match all.saturating_sub(SHOWN) {
        0 => Ok(()),
        more => writeln!(f, "  and {} more: see --json", grouped(more as u64)),
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, problem } = self;
        let word = match severity {
            Severity::Refuse => "refused",
            Severity::Warn => "warning",
        };
        writeln!(f, "{word}: {problem}")?;
        match (severity, problem) {
            (
                Severity::Warn,
                Problem::Shrunk { .. }
                | Problem::Vanished { .. }
                | Problem::Opened { .. }
                | Problem::Grown { .. },
            ) => {
                write!(f, "    accepted")
            }
            _ => write!(f, "    {}", Remedy(problem)),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shrunk { what, before, after, limit } => {
                let lost = percent(before - after, *before);
                let (before, after) = (grouped(*before), grouped(*after));
                write!(
                    f,
                    "{what} lost {lost} % of its rules, {before} → {after}; {limit} % is the most"
                )
            }
            Self::Vanished { what, before } => {
                write!(f, "{what} is not there any more; rules that it had: {}", grouped(*before))
            }
            Self::Opened { what, before, open, limit, first } => {
                let first: Vec<_> = first.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "{what}: of {} names that children were refused, {} would pass ({}{}); {limit} % is \
                     the most",
                    grouped(*before),
                    grouped(*open),
                    first.join(", "),
                    if *open > first.len() as u64 { ", …" } else { "" }
                )
            }
            Self::Grown { what, before, after, limit } => {
                let gained = percent(after - before, *before);
                let (before, after) = (grouped(*before), grouped(*after));
                write!(
                    f,
                    "{what} gained {gained} %, {before} → {after} rules; {limit} % is the most"
                )
            }
            Self::Passed { name, category } => {
                write!(f, "{name} would pass, which every list of {category} refuses")
            }
            Self::Without { category } => {
                write!(f, "this bundle is declared not to block {category}")
            }
            Self::Incomparable { error } => {
                write!(f, "the bundle to be replaced cannot be asked: {error}")
            }
            Self::Refused(refused) => {
                write!(f, "{refused}, which children or their machines cannot do without")
            }
            Self::SharedNetwork { operator, network, refused } => {
                let what = match network {
                    NetworkKind::Delivery => "delivers thousands of other sites",
                    NetworkKind::Hosting => "hosts anybody's sites",
                };
                write!(f, "all of {refused}; {operator} {what} there")
            }
            Self::Unusable { error } => write!(f, "no server could use this bundle: {error}"),
        }
    }
}

fn percent(part: u64, whole: u64) -> u128 {
    u128::from(part) * 100 / u128::from(whole.max(1))
}

impl Problem {
    /// What to do about it.
    pub fn remedy(&self) -> impl fmt::Display {
        Remedy(self)
    }
}

/// What to do about a problem.
struct Remedy<'a>(&'a Problem);

impl fmt::Display for Remedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Problem::Shrunk { what, .. } => write!(
                f,
                "The list may have been cut short, or emptied. If somebody looked and found it right, \
                 pass --accept-shrink={}",
                what.name()
            ),
            Problem::Opened { what, .. } => write!(
                f,
                "Its names may have been exchanged, its format or scope changed, or something lifts \
                 them. If somebody looked and found it right, pass --accept-shrink={}",
                what.name()
            ),
            Problem::Vanished { what, .. } => write!(
                f,
                "If it was taken out of the sources on purpose, pass --accept-shrink={}",
                what.name()
            ),
            Problem::Grown { what, .. } => write!(
                f,
                "Somebody may have merged something else into the list. If somebody looked and found it \
                 right, pass --accept-growth={}",
                what.name()
            ),
            Problem::Passed { category, .. } => write!(
                f,
                "A list is missing, or not what it was, or an allow source lifts too much. A bundle that \
                 is not meant to block {category} says so in its sources file: [guard] without = \
                 [\"{category}\"]"
            ),
            Problem::Without { .. } => f.write_str(
                "Its sources file says so: [guard] without. Serve it only beside one that does",
            ),
            Problem::Incomparable { .. } => {
                f.write_str("Begin anew, where there is none, once somebody has looked at the new one")
            }
            Problem::SharedNetwork { network: NetworkKind::Hosting, .. } => f.write_str(
                "A list may mean all of it. Where it does not: put the name into an allow source, or \
                 leave `suffixes = \"keep\"` out of that list's source",
            ),
            Problem::Refused(refused) | Problem::SharedNetwork { refused, .. } => {
                let name = &refused.name;
                match refused.blame.iter().flat_map(|blame| &blame.categories).find(never_lifted) {
                    Some(category) => write!(
                        f,
                        "No allow source lifts {category}: put {name} into `except` of the source, and \
                         tell the list's author"
                    ),
                    None => write!(
                        f,
                        "Put {name} into an allow source that lifts {}, and tell the list's author",
                        refused.categories().join(", ")
                    ),
                }
            }
            Problem::Unusable { .. } => f.write_str("Leave some of its lists out"),
        }
    }
}

fn never_lifted(category: &&String) -> bool {
    filter_core::NEVER_LIFTED.contains(&category.as_str())
}

impl RefusedName {
    /// The categories under which it is refused, without repetition.
    fn categories(&self) -> Vec<&str> {
        let mut categories: Vec<_> =
            self.blame.iter().flat_map(|blame| &blame.categories).map(String::as_str).collect();
        categories.sort_unstable();
        categories.dedup();
        categories
    }
}

impl fmt::Display for RefusedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, profiles, blame } = self;
        write!(f, "{name} is refused to {}", profiles.join(", "))?;
        for (index, rule) in blame.iter().enumerate() {
            write!(f, "{} {rule}", if index == 0 { " by" } else { ";" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, categories, rule } = self;
        write!(f, "{source} ({}: {rule})", categories.join(", "))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(name) => write!(f, "source {name}"),
            Self::Category(name) => write!(f, "category {name}"),
        }
    }
}
