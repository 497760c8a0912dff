//! Collecting findings: all are counted, the first of each kind kept.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Check, Finding};

/// A line of one of the files of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Its number in the order of reading.
    file: u32,
    /// From 1.
    pub(super) line: u32,
}

impl Place {
    /// The first line of the first file.
    pub(super) fn start() -> Self {
        Self { file: 0, line: 1 }
    }
}

/// Where the reader is.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    files: Vec<PathBuf>,
    line: u64,
    /// The line as it is written.
    text: String,
}

impl Reading {
    pub(super) fn file(&mut self, path: &Path) {
        self.files.push(path.into());
    }

    pub(super) fn line(&mut self, number: u64, text: &str) {
        self.line = number;
        self.text.clear();
        self.text.push_str(text);
    }

    /// A line of the file being read. Lines beyond four milliards are one.
    pub(super) fn place(&self, line: u64) -> Place {
        let file = self.files.len().saturating_sub(1) as u32;
        Place { file, line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    /// The character, from 1, at which the line has this text; its first one where it has not.
    pub(super) fn column(&self, line: u64, text: &str) -> u64 {
        if line != self.line {
            return 1;
        }
        let lower = self.text.to_ascii_lowercase();
        let found = lower.find(&text.to_ascii_lowercase());
        let at = found.unwrap_or_else(|| lower.len() - lower.trim_start().len());
        1 + self.text[..at].chars().count() as u64
    }

    /// `line 3`, or `FILE:3` for a line of another file.
    pub(super) fn shown(&self, place: Place) -> String {
        let here = self.files.len().saturating_sub(1) as u32;
        match self.files.get(place.file as usize) {
            Some(file) if place.file != here => format!("{}:{}", file.display(), place.line),
            _ => format!("line {}", place.line),
        }
    }
}

/// The findings in one list.
#[derive(Debug)]
pub(super) struct Findings {
    limit: usize,
    counts: BTreeMap<Check, u64>,
    kept: Vec<(Place, u64, Check, String)>,
    files: Vec<PathBuf>,
}

impl Findings {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, counts: BTreeMap::new(), kept: Vec::new(), files: Vec::new() }
    }

    /// Counts a finding; its message is made only if it is among the first of its kind.
    pub(super) fn add(
        &mut self,
        check: Check,
        place: Place,
        column: u64,
        message: impl FnOnce() -> String,
    ) {
        let count = self.counts.entry(check).or_default();
        *count += 1;
        if *count <= self.limit as u64 {
            self.kept.push((place, column, check, message()));
        }
    }

    pub(super) fn read(&mut self, reading: &Reading) {
        self.files.clone_from(&reading.files);
    }

    /// Counts, and the kept findings in the order of the lines.
    pub(super) fn finish(mut self, list: &Path) -> (BTreeMap<Check, u64>, Vec<Finding>) {
        self.kept.sort_by_key(|&(place, column, check, _)| (place, column, check));
        let files = self.files;
        let finding = |(place, column, check, message): (Place, u64, Check, String)| Finding {
            check,
            file: files.get(place.file as usize).map_or_else(|| list.into(), PathBuf::clone),
            line: place.line.into(),
            column,
            message,
        };
        (self.counts, self.kept.into_iter().map(finding).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut reading = Reading::default();
        let cases = [
            ("0.0.0.0 Example.com", "example.com", 9),
            ("  example.com", "example.com", 3),
            ("école.fr, example.com", "example.com", 11),
            ("  école.fr", "xn--cole-9oa.fr", 3),
            ("", "x", 1),
        ];
        for (line, text, expected) in cases {
            reading.line(7, line);
            assert_eq!(reading.column(7, text), expected, "{line:?}");
            assert_eq!(reading.column(8, text), 1);
        }
    }
}
