//! Questions, put on a server by dnsperf.

use std::{collections::BTreeMap, fmt::Write as _, fs, process::Command};

use benches::process::cpu_micros;
use tempfile::NamedTempFile;

use crate::{cost::Cost, servers::Running};

/// Seconds that a server is asked in a round.
const SECONDS: &str = "2";

/// Questions for addresses.
pub(crate) struct Load {
    questions: NamedTempFile,
}

impl Load {
    pub(crate) fn new(names: &[String]) -> Self {
        let questions = NamedTempFile::new().unwrap();
        let lines = names.iter().fold(String::new(), |mut lines, name| {
            writeln!(lines, "{name} A").unwrap();
            lines
        });
        fs::write(questions.path(), lines).unwrap();
        Self { questions }
    }

    /// Asks a server as fast as it answers, 200 questions at a time from 8 sockets.
    pub(crate) fn put_on(&self, server: &Running) -> Cost {
        let before = cpu_micros(server.id());
        let report = self.dnsperf(server, &["-l", SECONDS]);
        let after = cpu_micros(server.id());
        let number = |what: &str| -> u64 {
            let line = report.lines().find_map(|line| line.trim().strip_prefix(what));
            line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
        };
        let completed = number("Queries completed:");
        let each = |after: f64, before: f64| (after - before) / completed as f64;
        Cost {
            user: each(after.0, before.0),
            system: each(after.1, before.1),
            completed,
            lost: number("Queries lost:"),
            codes: codes(&report),
        }
    }

    /// Asks so many questions a second for so many seconds.
    pub(crate) fn at_rate(&self, server: &Running, rate: usize, seconds: usize) -> Seen {
        let [rate, seconds] = [rate, seconds].map(|number| number.to_string());
        Seen::of(&self.dnsperf(server, &["-v", "-Q", &rate, "-l", &seconds]))
    }

    /// Asks everything twice, so that a cache has it all.
    pub(crate) fn warm(&self, server: &Running) {
        self.dnsperf(server, &["-n", "2"]);
    }

    fn dnsperf(&self, server: &Running, how_long: &[&str]) -> String {
        let (address, port) = (server.address.ip().to_string(), server.address.port().to_string());
        let output = Command::new("taskset")
            .args(["-c", "1", "dnsperf", "-s", &address, "-p", &port])
            .args(["-c", "8", "-q", "200", "-T", "1", "-d"])
            .arg(self.questions.path())
            .args(how_long)
            .output()
            .expect("taskset and dnsperf are installed (util-linux, dnsperf)");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// What a client sees of a server.
pub(crate) struct Seen {
    pub(crate) answered: u64,
    pub(crate) lost: u64,
    /// The latency, in microseconds, that 99 of 100 answers took at most.
    pub(crate) p99_micros: f64,
}

impl Seen {
    /// Reads `> NOERROR www.example.com A 0.000123` and `> T www.example.com A`.
    fn of(report: &str) -> Self {
        let (mut lost, mut latencies) = (0, Vec::new());
        for line in report.lines().filter_map(|line| line.strip_prefix("> ")) {
            match line.starts_with("T ") {
                true => lost += 1,
                false => latencies.push(line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()),
            }
        }
        latencies.sort_by(f64::total_cmp);
        let p99 = latencies[latencies.len() * 99 / 100];
        Self { answered: latencies.len() as u64, lost, p99_micros: p99 * 1e6 }
    }
}

/// Of `Response codes: NOERROR 12 (60.00%), NXDOMAIN 8 (40.00%)`.
fn codes(report: &str) -> BTreeMap<String, u64> {
    let line = report.lines().find_map(|line| line.trim().strip_prefix("Response codes:"));
    let codes = line.unwrap_or_default().split(',').filter_map(|code| {
        let mut words = code.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    });
    codes.collect()
}
