//! `list-compile stats`: what a bundle holds.

use std::{fmt, path::PathBuf};

use clap::Args;
use filter_core::{Action, Manifest};
use lists::report::grouped;
use serde::Serialize;

use crate::{bundle, failure::Failure, output};

/// Show what a bundle holds
#[derive(Args)]
pub(crate) struct Arguments {
    /// The bundle
    file: PathBuf,
    /// Print the manifest and section sizes as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Stats<'a> {
    manifest: &'a Manifest,
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Section {
    kind: String,
    octets: usize,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let filter = bundle::open(&arguments.file)?;
    let section = |(kind, octets)| Section { kind: format!("{kind:?}").to_lowercase(), octets };
    let stats = Stats {
        manifest: filter.manifest(),
        sections: filter.section_sizes().into_iter().map(section).collect(),
    };
    output::print(arguments.json, &stats)
}

impl fmt::Display for Stats<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Manifest { stamp, sources, counts, .. } = self.manifest;
        writeln!(f, "serial   {}", stamp.serial)?;
        writeln!(f, "created  {}", stamp.created)?;
        writeln!(f, "expires  {}", stamp.expires.as_deref().unwrap_or("never"))?;

        writeln!(
            f,
            "\n{:>12}  names ({} covered)",
            grouped(counts.names),
            grouped(counts.covered)
        )?;
        writeln!(f, "{:>12}  fragments", grouped(counts.fragments))?;
        writeln!(f, "{:>12}  expressions", grouped(counts.expressions))?;

        writeln!(f, "\n      octets  section")?;
        for Section { kind, octets } in &self.sections {
            writeln!(f, "{:>12}  {kind}", grouped(*octets as u64))?;
        }

        writeln!(f, "\n     blocked  category")?;
        let mut categories: Vec<_> = counts.by_category.iter().collect();
        categories.sort_by_key(|&(name, count)| (std::cmp::Reverse(*count), name));
        for (name, count) in categories {
            writeln!(f, "{:>12}  {name}", grouped(*count))?;
        }

        writeln!(f, "\n       rules  source")?;
        for record in sources {
            let source = &record.source;
            let action = match source.action {
                Action::Block => "blocks",
                Action::Allow => "allows",
            };
            let categories = source.categories.join(", ");
            let licence = source.licence.as_deref().unwrap_or("no licence stated");
            let rules = grouped(record.rules);
            writeln!(f, "{rules:>12}  {} · {action} {categories} · {licence}", source.name)?;
        }
        Ok(())
    }
}
