//! What a process has used, as the kernel counts it.

use std::fs;

/// CPU time since a process started, in microseconds: of its own, and of the kernel.
///
/// In ticks of 10 ms: of a server that needs little of its own, such as the bare responder, user time is
/// only known to within a fifth in a round.
///
/// # Panics
/// Where there is no such process: benches run on Linux.
pub fn cpu_micros(process: u32) -> (f64, f64) {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process runs");
    let (_, fields) = stat.rsplit_once(')').expect("proc(5): a name in brackets");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // Fields 14 and 15 of proc(5), in hundredths of a second.
    let ticks = |place: usize| fields[place].parse::<f64>().expect("proc(5): ticks") * 10_000.0;
    (ticks(11), ticks(12))
}

/// Memory that a process holds, in octets.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All of it.
    pub resident: u64,
    /// What no other process has mapped, pages of a mapped file among it.
    pub private: u64,
    /// Of that, what the process wrote: no pages of files, not even of a program that was built a moment
    /// ago, which the kernel calls dirty until it has written them back.
    pub written: u64,
}

impl Memory {
    /// At the moment.
    ///
    /// # Panics
    /// Where there is no such process.
    pub fn of(process: u32) -> Self {
        let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
        let rollup = rollup.expect("the process runs");
        let field = |name: &str| -> u64 {
            let line = rollup.lines().find(|line| line.starts_with(name));
            let kilobytes =
                line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
            kilobytes.expect("proc(5): kilobytes") * 1024
        };
        Self {
            resident: field("Rss:"),
            private: field("Private_Clean:") + field("Private_Dirty:"),
            written: field("Anonymous:"),
        }
    }
}
