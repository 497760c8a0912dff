//! What requests of every kind took, as a table, and for the report.

use std::fmt::Write as _;

use benches::{record::Record, spread::Spread};

use crate::{MANY, asked::Kind, asker::Load, server::Over};

/// A kind of request, and its loads round by round: of one asker, and of many.
pub(crate) struct Row<'k> {
    pub(crate) kind: &'k Kind,
    pub(crate) loads: &'k [[Load; 2]],
}

pub(crate) fn tell<'k>(
    over: Over,
    size: usize,
    rows: impl Iterator<Item = Row<'k>>,
    record: &mut Record,
) {
    let mut table = format!(
        "### Over {over}, {size} listed names\n\n\
         {MANY} askers at once, on another core; *alone*: one.\n\n\
         | request | refused | requests/s | items/s | text, MB/s | user, µs an item | system | p50, ms | \
         p99, ms | alone: p50, ms | p99, ms |\n|---|---|---|---|---|---|---|---|---|---|---|\n"
    );
    for Row { kind, loads } in rows {
        let asked = kind.requests.len() * kind.items;
        let refused: usize = kind.requests.iter().map(|request| request.refused).sum();
        let rounds = |askers: usize, of: fn(&Load) -> f64| -> Vec<f64> {
            loads.iter().map(|loads| of(&loads[askers])).collect()
        };
        let figures = [
            ("requests/s", rounds(1, |load| load.requests_a_second)),
            ("items/s", rounds(1, |load| load.items_a_second)),
            ("text MB/s", rounds(1, |load| load.megabytes_a_second)),
            ("user µs an item", rounds(1, |load| load.user)),
            ("system µs an item", rounds(1, |load| load.system)),
            ("p50 ms", rounds(1, |load| load.p50)),
            ("p99 ms", rounds(1, |load| load.p99)),
            ("alone, p50 ms", rounds(0, |load| load.p50)),
            ("alone, p99 ms", rounds(0, |load| load.p99)),
        ];
        let _ = write!(table, "| {} | {:.0} % |", kind.name, 100.0 * refused as f64 / asked as f64);
        for (what, rounds) in figures {
            let of = format!("{}, {}", kind.name, over.word());
            record.figure(&format!("check, {what}"), &of, size, &rounds);
            let _ = write!(table, " {} |", Spread::of(rounds));
        }
        table.push('\n');
    }
    record.tell(table);
}
