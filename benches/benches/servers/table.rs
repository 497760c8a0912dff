//! What a load cost every server, as a table.

use std::{collections::BTreeMap, fmt};

use benches::{process::Memory, record::Record, spread::Spread};

use crate::{cost::Cost, servers::Running};

/// Servers, the cheapest first.
pub(crate) struct Table {
    title: String,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    load_seconds: f64,
    memory: Memory,
    user: Spread,
    system: Spread,
    /// Its CPU time to the bare responder's, round by round.
    ratio: Spread,
    answers: u64,
    lost: u64,
}

impl Table {
    pub(crate) fn new(
        title: String,
        running: &[Running],
        costs: &BTreeMap<String, Vec<Cost>>,
    ) -> Self {
        let floor = running.iter().find(|server| server.is_bare()).unwrap();
        let floor = &costs[&floor.name];
        let row = |server: &Running| Row::of(server, &costs[&server.name], floor);
        let mut rows: Vec<_> = running.iter().map(row).collect();
        rows.sort_by(|one, other| one.total().total_cmp(&other.total()));
        Self { title, rows }
    }
}

impl Row {
    fn of(server: &Running, costs: &[Cost], floor: &[Cost]) -> Self {
        let rounds = |of: fn(&Cost) -> f64| costs.iter().map(of).collect::<Vec<_>>();
        let floor: Vec<_> = floor.iter().map(Cost::total).collect();
        Self {
            name: server.name.clone(),
            load_seconds: server.load_seconds,
            memory: Memory::of(server.id()),
            user: Spread::of(rounds(|cost| cost.user)),
            system: Spread::of(rounds(|cost| cost.system)),
            ratio: Spread::of_ratios(&rounds(Cost::total), &floor),
            answers: costs.iter().map(|cost| cost.completed).sum(),
            lost: costs.iter().map(|cost| cost.lost).sum(),
        }
    }

    fn total(&self) -> f64 {
        self.user.median + self.system.median
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        writeln!(
            f,
            "| server | load, s | RSS, MB | private | written | user, µs | system, µs | total ÷ bare \
             (min–max) | answers | lost |\n|---|---|---|---|---|---|---|---|---|---|"
        )?;
        for row in &self.rows {
            let megabytes = |octets: u64| octets as f64 / 1e6;
            writeln!(
                f,
                "| {} | {:.1} | {:.0} | {:.0} | {:.1} | {:.2} | {:.2} | {} | {} | {} |",
                row.name,
                row.load_seconds,
                megabytes(row.memory.resident),
                megabytes(row.memory.private),
                megabytes(row.memory.written),
                row.user.median,
                row.system.median,
                row.ratio,
                row.answers,
                row.lost
            )?;
        }
        Ok(())
    }
}

/// Keeps every round's cost.
pub(crate) fn keep(
    what: &str,
    size: usize,
    costs: &BTreeMap<String, Vec<Cost>>,
    record: &mut Record,
) {
    for (server, costs) in costs {
        let mut keep = |part: &str, of: fn(&Cost) -> f64| {
            let rounds: Vec<_> = costs.iter().map(of).collect();
            record.figure(&format!("{what}, {part} µs"), server, size, &rounds);
        };
        keep("user", |cost| cost.user);
        keep("system", |cost| cost.system);
        keep("total", Cost::total);
    }
}
