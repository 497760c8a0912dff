//! The table, and its picture.

use std::{collections::BTreeMap, fmt, fs, path::Path};

use crate::{cost::Cost, servers::Running};

/// One server.
pub(crate) struct Row {
    name: String,
    load_seconds: f64,
    resident: u64,
    private: u64,
    user: f64,
    system: f64,
    /// Its CPU time to the bare responder's, round by round: least, median, greatest.
    ratio: [f64; 3],
    answers: u64,
    lost: u64,
}

/// All of them.
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

impl Row {
    /// A row a server, the cheapest first.
    pub(crate) fn all(running: &[Running], costs: &BTreeMap<String, Vec<Cost>>) -> Vec<Self> {
        let floor = running.iter().find(|server| server.is_bare()).unwrap();
        let floor = &costs[&floor.name];
        let mut rows: Vec<_> =
            running.iter().map(|server| Self::of(server, &costs[&server.name], floor)).collect();
        rows.sort_by(|one, other| (one.user + one.system).total_cmp(&(other.user + other.system)));
        rows
    }

    fn of(server: &Running, costs: &[Cost], floor: &[Cost]) -> Self {
        let total = |cost: &Cost| cost.user + cost.system;
        let ratios = costs.iter().zip(floor).map(|(own, floor)| total(own) / total(floor));
        let [least, ratio, greatest] = spread(ratios.collect());
        let (resident, private) = server.memory();
        Self {
            name: server.name.clone(),
            load_seconds: server.load_seconds,
            resident,
            private,
            user: spread(costs.iter().map(|cost| cost.user).collect())[1],
            system: spread(costs.iter().map(|cost| cost.system).collect())[1],
            ratio: [least, ratio, greatest],
            answers: costs.iter().map(|cost| cost.completed).sum(),
            lost: costs.iter().map(|cost| cost.lost).sum(),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "### {}\n", self.title)?;
        writeln!(
            f,
            "| server | load, s | RSS, MB | private, MB | user, µs | system, µs | total ÷ bare \
             (min–max) | answers | lost |\n|---|---|---|---|---|---|---|---|---|"
        )?;
        for row in &self.rows {
            let [least, ratio, greatest] = row.ratio;
            let megabytes = |octets: u64| octets as f64 / 1e6;
            writeln!(
                f,
                "| {} | {:.1} | {:.0} | {:.0} | {:.2} | {:.2} | {ratio:.2} ({least:.2}–{greatest:.2}) \
                 | {} | {} |",
                row.name,
                row.load_seconds,
                megabytes(row.resident),
                megabytes(row.private),
                row.user,
                row.system,
                row.answers,
                row.lost
            )?;
        }
        Ok(())
    }
}

impl Table {
    /// Draws the CPU time of an answer, by server, as `target/servers-NAME.svg`.
    pub(crate) fn plot(&self, name: &str) {
        let most = self.rows.iter().map(|row| row.user + row.system).fold(1.0, f64::max);
        let (left, wide, high) = (220.0, 520.0, 26.0);
        let bars: String = self
            .rows
            .iter()
            .enumerate()
            .map(|(place, row)| {
                let top = 48.0 + place as f64 * high;
                let [user, system] = [row.user, row.system].map(|micros| micros / most * wide);
                let label = top + 13.0;
                format!(
                    "<text x=\"{}\" y=\"{label}\" text-anchor=\"end\">{}</text>\
                     <rect x=\"{left}\" y=\"{top}\" width=\"{user:.1}\" height=\"18\" fill=\"#1b6ca8\"/>\
                     <rect x=\"{:.1}\" y=\"{top}\" width=\"{system:.1}\" height=\"18\" fill=\"#c9d6df\"/>\
                     <text x=\"{:.1}\" y=\"{label}\">{:.1} + {:.1}</text>\n",
                    left - 8.0,
                    row.name,
                    left + user,
                    left + user + system + 6.0,
                    row.user,
                    row.system
                )
            })
            .collect();
        let height = 60.0 + self.rows.len() as f64 * high;
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 {height}\" \
             font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"860\" height=\"{height}\" fill=\"white\"/>\n\
             <text x=\"10\" y=\"20\" font-weight=\"bold\">{}</text>\n\
             <text x=\"10\" y=\"38\">CPU time an answer, µs: the server's own + the kernel's</text>\n\
             {bars}</svg>\n",
            self.title
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("servers-{name}.svg"));
        fs::write(&path, svg).unwrap();
        println!("{}\n", path.display());
    }
}

/// Least, median, greatest.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}
