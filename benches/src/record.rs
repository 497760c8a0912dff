//! What a bench found, kept in `target/tmp/figures` for the report.

use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
    fs, io,
    path::{Path, PathBuf},
};

use crate::spread::Spread;

/// Where records lie, in a bench's `CARGO_TARGET_TMPDIR`.
pub fn folder(target_tmp: &str) -> PathBuf {
    Path::new(target_tmp).join("figures")
}

/// Tables and figures of a bench that is under way.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    tables: String,
    figures: String,
}

impl Record {
    /// Of a bench, which says its `CARGO_TARGET_TMPDIR`.
    pub fn new(target_tmp: &str, bench: &str) -> Self {
        let path = folder(target_tmp).join(bench);
        Self { path, tables: String::new(), figures: String::new() }
    }

    /// Prints a piece of Markdown and keeps it.
    #[expect(clippy::print_stdout, reason = "a table for people is what benches make")]
    pub fn tell(&mut self, markdown: impl Display) {
        println!("{markdown}");
        let _ = writeln!(self.tables, "{markdown}");
    }

    /// Keeps what was measured of an engine or server with so many names listed, round by round. Two
    /// contenders' rounds of one number were made one after the other.
    pub fn figure(&mut self, what: &str, of: &str, names: usize, rounds: &[f64]) {
        let rounds: Vec<_> = rounds.iter().map(ToString::to_string).collect();
        let _ = writeln!(self.figures, "{what}\t{of}\t{names}\t{}", rounds.join(" "));
    }

    /// Writes it all for the report.
    ///
    /// # Panics
    /// If `target` cannot be written, where cargo has just built.
    pub fn save(self) {
        let folder = self.path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).expect("target/tmp can be written");
        fs::write(self.path.with_extension("md"), self.tables).expect("target/tmp can be written");
        fs::write(self.path.with_extension("tsv"), self.figures)
            .expect("target/tmp can be written");
    }
}

/// Figures of all benches that were recorded.
#[derive(Debug, Default)]
pub struct Figures(BTreeMap<(String, String, usize), Vec<f64>>);

impl Figures {
    /// Reads a folder of records.
    ///
    /// # Errors
    /// When a file cannot be read, or was not written by [`Record::save`].
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut all = Self::default();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tsv") {
                all.add(&fs::read_to_string(&path)?).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::InvalidData, path.display().to_string())
                })?;
            }
        }
        Ok(all)
    }

    fn add(&mut self, lines: &str) -> Option<()> {
        for line in lines.lines() {
            let mut fields = line.split('\t').map(str::to_owned);
            let key = (fields.next()?, fields.next()?, fields.next()?.parse().ok()?);
            let rounds: Result<Vec<f64>, _> = fields.next()?.split(' ').map(str::parse).collect();
            self.0.insert(key, rounds.ok()?);
        }
        Some(())
    }

    /// Round by round.
    pub fn rounds(&self, what: &str, of: &str, names: usize) -> Option<&[f64]> {
        self.0.get(&(what.to_owned(), of.to_owned(), names)).map(Vec::as_slice)
    }

    /// Least, median and greatest of the rounds.
    pub fn spread(&self, what: &str, of: &str, names: usize) -> Option<Spread> {
        Some(Spread::of(self.rounds(what, of, names)?.to_vec()))
    }

    /// Of the rounds' ratios to another contender's.
    pub fn ratio(&self, what: &str, [of, to]: [&str; 2], names: usize) -> Option<Spread> {
        let (own, other) = (self.rounds(what, of, names)?, self.rounds(what, to, names)?);
        Some(Spread::of_ratios(own, other))
    }

    /// Everybody's medians, by number of names.
    pub fn series(&self, what: &str) -> BTreeMap<&str, Vec<(usize, f64)>> {
        let mut series: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for ((other, of, names), rounds) in &self.0 {
            if other == what {
                let median = Spread::of(rounds.clone()).median;
                series.entry(of).or_default().push((*names, median));
            }
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let target_tmp = folder.path().to_str().unwrap();
        let mut record = Record::new(target_tmp, "ratios");
        record.figure("ns", "ours", 10, &[1.0, 2.0, 3.0]);
        record.figure("ns", "theirs", 10, &[2.0, 8.0, 6.0]);
        record.figure("ns", "ours", 5, &[0.5]);
        record.save();
        let figures = Figures::read(&super::folder(target_tmp)).unwrap();
        assert_eq!(figures.rounds("ns", "ours", 5), Some([0.5].as_slice()));
        assert_eq!(figures.rounds("ns", "nobody", 5), None);
        let ratio = figures.ratio("ns", ["ours", "theirs"], 10).unwrap();
        assert_eq!((ratio.min, ratio.median, ratio.max), (0.25, 0.5, 0.5));
        assert_eq!(figures.series("ns")["ours"], [(5, 0.5), (10, 2.0)]);
    }
}
