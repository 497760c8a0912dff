//! What a process has used, as the kernel counts it.

use std::{collections::BTreeMap, fs};

/// What a server used to answer a load.
#[derive(Debug)]
pub(crate) struct Cost {
    /// Microseconds of CPU an answer, in the server and in the kernel on its behalf.
    pub(crate) user: f64,
    pub(crate) system: f64,
    pub(crate) completed: u64,
    pub(crate) lost: u64,
    /// Answers by response code.
    pub(crate) codes: BTreeMap<String, u64>,
}

impl Cost {
    /// Microseconds of CPU an answer, all of them.
    pub(crate) fn total(&self) -> f64 {
        self.user + self.system
    }
}

/// CPU time since a process started, in microseconds: of its own, and of the kernel.
///
/// In ticks of 10 ms: of a server that needs little of its own, such as the bare responder, user time is
/// only known to within a fifth in a round.
pub(crate) fn cpu_micros(process: u32) -> (f64, f64) {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // Fields 14 and 15 of proc(5), in hundredths of a second.
    let ticks = |place: usize| fields[place].parse::<f64>().unwrap() * 10_000.0;
    (ticks(11), ticks(12))
}

/// Memory that a process holds, in octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// All of it.
    pub(crate) resident: u64,
    /// What no other process has mapped, pages of a mapped file among it.
    pub(crate) private: u64,
    /// Of that, what the process wrote: no pages of files, not even of a program that was built a moment
    /// ago, which the kernel calls dirty until it has written them back.
    pub(crate) written: u64,
}

impl Memory {
    pub(crate) fn of(process: u32) -> Self {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap();
        let field = |name: &str| -> u64 {
            let line = rollup.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
        };
        Self {
            resident: field("Rss:"),
            private: field("Private_Clean:") + field("Private_Dirty:"),
            written: field("Anonymous:"),
        }
    }
}
