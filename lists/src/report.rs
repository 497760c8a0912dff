//! What became of every line of every list.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use filter_core::{Counts, Stamp};
use serde::Serialize;

use crate::{
    formats::{Accepted, FileReport, Skip, Skipped},
    guard::{RefusedName, write_overblocked},
    source::Format,
};

/// How many lines of each reason are shown.
const EXAMPLES: usize = 5;

/// A build, source by source. `Display` is for people, `Serialize` for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildReport {
    /// In the order of `sources.toml`.
    pub sources: Vec<SourceReport>,
    /// Over all sources.
    pub totals: Totals,
    /// What came out.
    pub bundle: BundleReport,
    /// Trusted names that the bundle refuses, with the lists to blame.
    pub overblocked: Vec<RefusedName>,
}

/// Sums over all sources: `lines = accepted + skipped`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Lines read.
    pub lines: u64,
    /// Lines accepted, of any kind.
    pub accepted: u64,
    /// The same, by kind of rule.
    pub accepted_by_kind: Accepted,
    /// Lines skipped, for any reason.
    pub skipped: u64,
    /// Rules given to the builder, URL rules included.
    pub rules: u64,
}

/// The bundle that was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BundleReport {
    /// Size of the file in octets.
    pub bytes: u64,
    /// Size of the dictionary of names in octets.
    pub dictionary_bytes: u64,
    /// Serial, creation, expiry.
    pub stamp: Stamp,
    /// Names, fragments, expressions.
    pub counts: Counts,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Its name.
    pub name: String,
    /// Given or found out.
    pub format: Format,
    /// File or directory.
    pub path: PathBuf,
    /// SHA-256 of the list; of several files, that of the lines which `sha256sum` prints for them.
    pub sha256: String,
    /// The earlier source that reads the same directory and says the same: not read twice.
    pub alias_of: Option<String>,
    /// The files read.
    pub files: Vec<ReadFile>,
    /// Files of the directory that are not read.
    pub unread: Vec<String>,
    /// What a maintainer should look at.
    pub warnings: Vec<String>,
}

/// One file of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadFile {
    /// Where it is.
    pub path: PathBuf,
    /// What became of its lines.
    #[serde(flatten)]
    pub report: FileReport,
}

impl SourceReport {
    /// Lines read.
    pub fn lines(&self) -> u64 {
        self.reports().map(|report| report.lines).sum()
    }

    /// Lines accepted, by kind.
    pub fn accepted(&self) -> Accepted {
        let mut accepted = Accepted::default();
        self.reports().for_each(|report| accepted.add(report.accepted));
        accepted
    }

    /// Rules given to the builder.
    pub fn rules(&self) -> u64 {
        self.reports().map(|report| report.rules).sum()
    }

    /// Lines skipped, by reason.
    pub fn skipped(&self) -> BTreeMap<Skip, Skipped> {
        let mut all = BTreeMap::<Skip, Skipped>::new();
        for (reason, skipped) in self.reports().flat_map(|report| &report.skipped) {
            let entry = all.entry(reason.clone()).or_default();
            entry.lines += skipped.lines;
            entry.first.extend(skipped.first.iter().cloned());
        }
        all
    }

    fn skipped_lines(&self) -> u64 {
        self.reports().map(FileReport::skipped_lines).sum()
    }

    fn reports(&self) -> impl Iterator<Item = &FileReport> {
        self.files.iter().map(|file| &file.report)
    }
}

impl BuildReport {
    pub(crate) fn new(
        sources: Vec<SourceReport>,
        bundle: BundleReport,
        overblocked: Vec<RefusedName>,
    ) -> Self {
        let mut totals = Totals::default();
        for source in &sources {
            totals.lines += source.lines();
            totals.accepted_by_kind.add(source.accepted());
            totals.skipped += source.skipped_lines();
            totals.rules += source.rules();
        }
        totals.accepted = totals.accepted_by_kind.total();
        Self { sources, totals, bundle, overblocked }
    }
}

impl fmt::Display for BuildReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_sources(f)?;
        let lines = self.reasons(|report| &report.skipped);
        write_reasons(f, "lines skipped, by reason", &lines)?;
        let names = self.reasons(|report| &report.refused_names);
        write_reasons(f, "further names of accepted hosts lines that were refused", &names)?;
        self.write_bundle(f)?;
        write_overblocked(f, &self.overblocked)
    }
}

/// One reason over all files.
#[derive(Default)]
struct Reason {
    lines: u64,
    /// `file:line: text`
    first: Vec<String>,
}

impl BuildReport {
    fn write_sources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.sources.iter().map(|source| source.name.len()).max().unwrap_or(0).max(6);
        let row = |f: &mut fmt::Formatter<'_>, name: &str, format: &str, counts: [&str; 4]| {
            let [lines, accepted, skipped, rules] = counts;
            writeln!(
                f,
                "{name:width$}  {format:7} {lines:>10} {accepted:>10} {skipped:>9} {rules:>10}"
            )
        };
        row(f, "source", "format", ["lines", "accepted", "skipped", "rules"])?;
        for source in &self.sources {
            let format = source.format.to_string();
            if let Some(first) = &source.alias_of {
                writeln!(
                    f,
                    "{:width$}  {format:7} the same directory as {first}, not read twice",
                    source.name
                )?;
                continue;
            }
            let counts =
                [source.lines(), source.accepted().total(), source.skipped_lines(), source.rules()];
            let counts = counts.map(grouped);
            row(f, &source.name, &format, [&counts[0], &counts[1], &counts[2], &counts[3]])?;
            for warning in &source.warnings {
                writeln!(f, "  warning: {warning}")?;
            }
            if !source.unread.is_empty() {
                writeln!(f, "  not read: {}", source.unread.join(", "))?;
            }
        }
        let Totals { lines, accepted, skipped, .. } = self.totals;
        let rules = self.sources.iter().map(SourceReport::rules).sum();
        let counts = [lines, accepted, skipped, rules].map(grouped);
        row(f, "total", "", [&counts[0], &counts[1], &counts[2], &counts[3]])
    }

    fn reasons(&self, of: impl Fn(&FileReport) -> &BTreeMap<Skip, Skipped>) -> Vec<(Skip, Reason)> {
        let mut reasons = BTreeMap::<Skip, Reason>::new();
        for file in self.sources.iter().flat_map(|source| &source.files) {
            for (skip, skipped) in of(&file.report) {
                let reason = reasons.entry(skip.clone()).or_default();
                reason.lines += skipped.lines;
                let room = EXAMPLES - reason.first.len();
                reason.first.extend(skipped.first.iter().take(room).map(|example| {
                    format!("{}:{}: {}", file.path.display(), example.line, example.text)
                }));
            }
        }
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by_key(|(skip, reason)| (skip.is_problem(), std::cmp::Reverse(reason.lines)));
        reasons
    }

    fn write_bundle(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Accepted { names, fragments, expressions, networks, urls, phrases, protected } =
            self.totals.accepted_by_kind;
        writeln!(
            f,
            "\naccepted: {} names, {} fragments, {} expressions, {} networks, {} URLs, {} phrases{}",
            grouped(names),
            grouped(fragments),
            grouped(expressions),
            grouped(networks),
            grouped(urls),
            grouped(phrases),
            Protected(protected)
        )?;
        let BundleReport { bytes, dictionary_bytes, stamp, counts } = &self.bundle;
        writeln!(
            f,
            "bundle: serial {}, created {}{}",
            stamp.serial,
            stamp.created,
            stamp.expires.as_ref().map(|at| format!(", expires {at}")).unwrap_or_default()
        )?;
        writeln!(
            f,
            "        {} distinct names ({} covered by an ancestor), {} fragments, {} expressions, \
             {} networks, {} URLs, {} phrases{}",
            grouped(counts.names),
            grouped(counts.covered),
            grouped(counts.fragments),
            grouped(counts.expressions),
            grouped(counts.networks),
            grouped(counts.urls),
            grouped(counts.phrases),
            Protected(counts.protected)
        )?;
        let per_name = *dictionary_bytes as f64 / counts.names.max(1) as f64;
        writeln!(
            f,
            "        {} octets, of which {} dictionary ({per_name:.1} a name)",
            grouped(*bytes),
            grouped(*dictionary_bytes)
        )
    }
}

fn write_reasons(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    reasons: &[(Skip, Reason)],
) -> fmt::Result {
    if reasons.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}")?;
    for (skip, reason) in reasons {
        let limit = skip.limit().map(|limit| format!(" (limit: {limit})")).unwrap_or_default();
        writeln!(f, "{:>10}  {skip}{limit}", grouped(reason.lines))?;
        for example in &reason.first {
            writeln!(f, "            {example}")?;
        }
    }
    Ok(())
}

/// Protected sites, where there are any.
struct Protected(u64);

impl fmt::Display for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, ", {} protected sites", grouped(self.0)) }
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grouping() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
