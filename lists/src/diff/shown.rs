//! The comparison as people read it, at most a hundred columns wide.

use std::{collections::BTreeMap, fmt};

use filter_core::{Action, Stamp};

use super::{Diff, ManifestDiff, SourceBrief, Tally};
use crate::report::grouped;

/// Columns of a terminal that everybody has.
const COLUMNS: usize = 100;
/// Columns that the counts of a row take.
const COUNTS: usize = 5 * 12;

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { old, new, names, patterns, categories, sources, manifest } = self;
        writeln!(f, "{} -> {}", stamp(old), stamp(new))?;
        let widest = categories.keys().chain(sources.keys()).map(String::len).max();
        let width = widest.unwrap_or_default().clamp(14, COLUMNS - COUNTS);

        heading(f, "", width)?;
        row(f, "names", names, width)?;
        for (kind, tally) in patterns.iter().filter(|(_, tally)| tally.before + tally.after > 0) {
            row(f, kind, tally, width)?;
        }
        if names.folded + names.unfolded > 0 {
            writeln!(
                f,
                "folded into another rule of the same sources: {}; unfolded: {}",
                several(names.folded, "name"),
                several(names.unfolded, "name")
            )?;
        }
        table(f, "category", categories, width)?;
        table(f, "source", sources, width)?;
        manifest.write(f)
    }
}

fn stamp(stamp: &Stamp) -> String {
    format!("{} of {}", stamp.serial, stamp.created)
}

/// The rows in which something changed.
fn table(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    rows: &BTreeMap<String, Tally>,
    width: usize,
) -> fmt::Result {
    let changed: Vec<_> = rows.iter().filter(|(_, tally)| !tally.is_unchanged()).collect();
    if !changed.is_empty() {
        heading(f, what, width)?;
    }
    for (name, tally) in &changed {
        row(f, name, tally, width)?;
    }
    let unchanged = rows.len() - changed.len();
    if unchanged > 0 {
        let rest = if changed.is_empty() { "\n" } else { "" };
        writeln!(f, "{rest}nothing changed in {}", several(unchanged as u64, what))?;
    }
    Ok(())
}

fn heading(f: &mut fmt::Formatter<'_>, what: &str, width: usize) -> fmt::Result {
    let [a, b, c, d, e] = ["before", "after", "added", "removed", "moved"];
    writeln!(f, "\n{what:width$}{a:>12}{b:>12}{c:>12}{d:>12}{e:>12}")
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, tally: &Tally, width: usize) -> fmt::Result {
    let signed = |sign: &str, count: u64| match count {
        0 => "0".to_owned(),
        count => format!("{sign}{}", grouped(count)),
    };
    let Tally { before, after, added, removed, moved, .. } = tally;
    let (before, after) = (grouped(*before), grouped(*after));
    let (added, removed) = (signed("+", *added), signed("-", *removed));
    let moved = signed("~", *moved);
    writeln!(f, "{name:width$}{before:>12}{after:>12}{added:>12}{removed:>12}{moved:>12}")?;
    sample(f, '+', &tally.added_sample, tally.added)?;
    sample(f, '-', &tally.removed_sample, tally.removed)?;
    sample(f, '~', &tally.moved_sample, tally.moved)
}

/// As many of a sample as fit on a line.
fn sample(f: &mut fmt::Formatter<'_>, sign: char, texts: &[String], total: u64) -> fmt::Result {
    let Some((first, rest)) = texts.split_first() else { return Ok(()) };
    let mut line = format!("  {sign} {first}");
    let mut shown = 1;
    for text in rest {
        if line.chars().count() + 3 + text.chars().count() > COLUMNS - 2 {
            break;
        }
        line += "  ";
        line += text;
        shown += 1;
    }
    if shown < total {
        line += " …";
    }
    writeln!(f, "{}", escaped(&line))
}

/// Phrases and expressions come from strangers: what drives a terminal is shown, not obeyed.
fn escaped(text: &str) -> String {
    let shown =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

impl ManifestDiff {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{} as before, {} new, {} gone; of those in both, {} unchanged to the octet",
            several(self.lists_unchanged + self.lists_changed, "source"),
            self.sources_added.len(),
            self.sources_removed.len(),
            several(self.lists_unchanged, "list")
        )?;
        for source in &self.sources_added {
            writeln!(f, "+ {}", brief(source))?;
        }
        for source in &self.sources_removed {
            writeln!(f, "- {}", brief(source))?;
        }
        for change in &self.sources_changed {
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".into());
            let (before, after) = (shown(&change.before), shown(&change.after));
            writeln!(f, "~ {} · {}: {before} -> {after}", change.source, change.field)?;
        }
        for (sign, names) in [('+', &self.categories_added), ('-', &self.categories_removed)] {
            for name in names {
                writeln!(f, "{sign} category {name}")?;
            }
        }
        Ok(())
    }
}

fn brief(source: &SourceBrief) -> String {
    let action = match source.action {
        Action::Block => "blocks",
        Action::Allow => "allows",
    };
    format!(
        "{} · {action} {} · {} · {}",
        source.name,
        source.categories.join(", "),
        source.licence.as_deref().unwrap_or("no licence stated"),
        several(source.rules, "rule")
    )
}

fn several(count: u64, what: &str) -> String {
    let plural = match (count, what) {
        (1, _) => what.to_owned(),
        (_, "category") => "categories".to_owned(),
        _ => format!("{what}s"),
    };
    format!("{} {plural}", grouped(count))
}
