//! `list-compile stats`: what a bundle holds, and what each of its sources adds.

use std::{cmp::Reverse, fmt, path::PathBuf};

use clap::Args;
use filter_core::{Action, Manifest};
use lists::{
    growth::{Change, Growth},
    overlap::{Overlap, Pair},
    report::grouped,
};
use serde::Serialize;

use crate::{bundle, failure::Failure, output};

/// Show what a bundle holds, and what each source adds to it
///
/// A source's unique names are those that no other source of the same action matches, by themselves
/// or by a name above them.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The bundle
    file: PathBuf,
    /// Show growth since this earlier bundle
    #[arg(long, value_name = "OLD")]
    previous: Option<PathBuf>,
    /// Overlaps to show; the JSON has all
    #[arg(long, value_name = "N", default_value_t = 15)]
    overlaps: usize,
    /// Print manifest, section sizes, all overlaps and growth as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Stats<'a> {
    manifest: &'a Manifest,
    sections: Vec<Section>,
    overlap: Overlap,
    #[serde(skip_serializing_if = "Option::is_none")]
    growth: Option<Growth>,
    #[serde(skip)]
    overlaps: usize,
}

#[derive(Serialize)]
struct Section {
    kind: String,
    octets: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let filter = bundle::open(&arguments.file)?;
    let previous = arguments.previous.as_deref().map(bundle::open).transpose()?;
    let manifest = filter.manifest();
    let section = |(kind, octets)| Section { kind: format!("{kind:?}").to_lowercase(), octets };
    let stats = Stats {
        manifest,
        sections: filter.section_sizes().into_iter().map(section).collect(),
        overlap: Overlap::of(&filter),
        growth: previous.map(|previous| Growth::between(previous.manifest(), manifest)),
        overlaps: arguments.overlaps,
    };
    output::print(arguments.json, &stats)
}

impl fmt::Display for Stats<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Manifest { stamp, counts, .. } = self.manifest;
        writeln!(f, "serial   {}", stamp.serial)?;
        writeln!(f, "created  {}", stamp.created)?;
        writeln!(f, "expires  {}\n", stamp.expires.as_deref().unwrap_or("never"))?;

        let (names, covered) = (grouped(counts.names), grouped(counts.covered));
        writeln!(f, "{names:>12}  names ({covered} covered by an ancestor's rule)")?;
        let patterns = [
            (counts.fragments, "fragments"),
            (counts.expressions, "expressions"),
            (counts.networks, "networks"),
            (counts.urls, "URLs"),
            (counts.phrases, "phrases"),
            (counts.protected, "protected sites"),
        ];
        for (count, what) in patterns.into_iter().filter(|(count, _)| *count > 0) {
            writeln!(f, "{:>12}  {what}", grouped(count))?;
        }

        writeln!(f, "\n      octets  section")?;
        for Section { kind, octets } in &self.sections {
            writeln!(f, "{:>12}  {kind}", grouped(*octets as u64))?;
        }
        self.write_categories(f)?;
        self.write_sources(f)?;
        let (conflicts, shared): (Vec<_>, Vec<_>) =
            self.overlap.pairs.iter().partition(|pair| pair.conflict);
        self.write_pairs(f, "names of one source that another has too", &shared)?;
        self.write_pairs(f, "names that one source allows and another blocks", &conflicts)?;
        self.growth.as_ref().map_or(Ok(()), |growth| write_growth(f, growth))
    }
}

impl Stats<'_> {
    fn write_categories(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n     blocked      unique          category")?;
        let mut categories: Vec<_> = self.overlap.categories.iter().collect();
        categories.sort_by_key(|&(name, share)| (Reverse(share.names), name));
        for (name, share) in categories {
            let part = percent(share.unique as f64 / share.names.max(1) as f64);
            let (names, unique) = (grouped(share.names), grouped(share.unique));
            writeln!(f, "{names:>12}{unique:>12}{part:>8}  {name}")?;
        }
        Ok(())
    }

    fn write_sources(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n       rules       names      unique          source")?;
        for source in &self.overlap.sources {
            let action = match source.action {
                Action::Block => "blocks",
                Action::Allow => "allows",
            };
            let [rules, names, unique] = [source.rules, source.names, source.unique].map(grouped);
            writeln!(
                f,
                "{rules:>12}{names:>12}{unique:>12}{:>8}  {} · {action} {} · {}",
                percent(source.unique_share),
                source.name,
                source.categories.join(", "),
                source.licence.as_deref().unwrap_or("no licence stated")
            )?;
        }
        Ok(())
    }

    fn write_pairs(&self, f: &mut fmt::Formatter<'_>, what: &str, pairs: &[&Pair]) -> fmt::Result {
        if pairs.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n       names          {what}")?;
        for Pair { of, within, names, share, .. } in pairs.iter().take(self.overlaps) {
            let (names, share) = (grouped(*names), percent(*share));
            writeln!(f, "{names:>12}{share:>8}  of {of}, in {within}")?;
        }
        let rest = pairs.len().saturating_sub(self.overlaps);
        if rest > 0 {
            let pairs = if rest == 1 { "pair" } else { "pairs" };
            writeln!(f, "{:22}and {} {pairs} more: --json has all", "", grouped(rest as u64))?;
        }
        Ok(())
    }
}

/// The rows that changed.
fn write_growth(f: &mut fmt::Formatter<'_>, growth: &Growth) -> fmt::Result {
    let Growth { since, names, sources, categories } = growth;
    writeln!(
        f,
        "\n      before       after    growth  since {} of {}",
        since.serial, since.created
    )?;
    write_change(f, "all names", names)?;
    let named = |what: &str, rows: &std::collections::BTreeMap<String, Change>| {
        let changed = rows.iter().filter(|(_, change)| change.before != change.after);
        changed.map(|(name, change)| (format!("{what} {name}"), *change)).collect::<Vec<_>>()
    };
    for (name, change) in named("category", categories).iter().chain(&named("source", sources)) {
        write_change(f, name, change)?;
    }
    Ok(())
}

fn write_change(f: &mut fmt::Formatter<'_>, name: &str, change: &Change) -> fmt::Result {
    let growth = match change.percent {
        _ if change.after == 0 && change.before > 0 => "gone".to_owned(),
        Some(percent) => format!("{percent:+.1} %"),
        None if change.after > 0 => "new".to_owned(),
        None => "-".to_owned(),
    };
    let (before, after) = (grouped(change.before), grouped(change.after));
    writeln!(f, "{before:>12}{after:>12}{growth:>10}  {name}")
}

/// `12.3 %`
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
