//! What dnsperf says, question by question (`-v`).

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read},
    time::Duration,
};

/// Failed questions that are told of.
const FAILURES_SHOWN: usize = 20;

/// What dnsperf tells of each question.
#[derive(Debug, Default)]
pub struct Report {
    /// Answers by response code.
    pub codes: BTreeMap<String, u64>,
    /// Questions that nobody answered in time.
    pub lost: u64,
    /// The first questions that were answered with SERVFAIL: a name and a type.
    pub failed: Vec<String>,
    /// Of every answer, in microseconds.
    pub latencies: Vec<u32>,
}

impl Report {
    /// Reads `> NOERROR www.example.com A 0.000123` and `> T www.example.com A`.
    ///
    /// # Panics
    /// If dnsperf says something else.
    pub fn read(output: impl Read) -> Self {
        let mut report = Self::default();
        for line in BufReader::new(output).lines() {
            let line = line.unwrap();
            let Some(line) = line.strip_prefix("> ") else { continue };
            let words: Vec<_> = line.split_whitespace().collect();
            match words[..] {
                ["T", ..] => report.lost += 1,
                [code, ref question @ .., seconds] => {
                    if code == "SERVFAIL" && report.failed.len() < FAILURES_SHOWN {
                        report.failed.push(question.join(" "));
                    }
                    *report.codes.entry(code.to_owned()).or_default() += 1;
                    report.latencies.push((seconds.parse::<f64>().unwrap() * 1e6) as u32);
                }
                _ => panic!("dnsperf says: {line}"),
            }
        }
        report
    }

    /// The latency that so large a share of answers took at most.
    pub fn latency(&mut self, share: f64) -> Duration {
        self.latencies.sort_unstable();
        let at = (self.latencies.len() as f64 * share) as usize;
        let micros = self.latencies.get(at.min(self.latencies.len().saturating_sub(1)));
        Duration::from_micros(micros.copied().unwrap_or_default().into())
    }
}
