//! Whole compilations, from files to a bundle, at four sizes: CPU time, memory, size.
//!
//! Each runs in a process of its own, so that memory is that of one compilation. The lists are
//! written by another one: making up names takes more memory than compiling them.

#![allow(clippy::print_stdout, reason = "what a process of its own says is read by the first")]

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::Command,
    time::Instant,
};

use benches::{
    corpus::{Corpus, stamp},
    record::Record,
};
use lists::{compile, source::Sources};

/// Names, unless the command line gives others.
const SIZES: [usize; 4] = [500_000, 1_250_000, 5_000_000, 20_000_000];
/// What a child process is told to do.
const GENERATE: &str = "--generate";
const COMPILE: &str = "--compile";

fn main() {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [GENERATE, size, folder] => generate(number(size), Path::new(folder)),
        [COMPILE, folder] => println!("{}", compile(Path::new(folder))),
        [] => table(&SIZES),
        sizes => table(&sizes.iter().map(|size| number(size)).collect::<Vec<_>>()),
    }
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| panic!("{text:?}: a number of names is due"))
}

fn table(sizes: &[usize]) {
    let mut record = Record::new(env!("CARGO_TARGET_TMPDIR"), "scale");
    let mut table =
        "| names | lines | wall, s | user CPU, µs a line | peak memory, octets a line | \
                     bundle, octets a name |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for size in sizes {
        let folder = env::temp_dir().join(format!("preau-scale-{}-{size}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary directory takes files");
        let shown = folder.display().to_string();
        ourselves(&[GENERATE, &size.to_string(), &shown]);
        let said = ourselves(&[COMPILE, &shown]);
        let _ = fs::remove_dir_all(&folder);
        let numbers: Vec<f64> = said.split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let [lines, wall, user, peak, bundle] = numbers[..] else { panic!("it said {said}") };
        let [user, peak, bundle] = [user * 1e6 / lines, peak / lines, bundle / *size as f64];
        let _ = writeln!(
            table,
            "| {size} | {lines} | {wall:.1} | {user:.2} | {peak:.0} | {bundle:.1} |"
        );
        record.figure("compile, user µs a line", "filter-core", *size, &[user]);
        record.figure("compile, peak octets a line", "filter-core", *size, &[peak]);
    }
    record.tell(table);
    record.save();
}

/// What this program prints in another process.
fn ourselves(arguments: &[&str]) -> String {
    let program = env::current_exe().expect("a running program has a path");
    let output = Command::new(program).args(arguments).output().expect("it starts again");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}

/// One plain list for each source, and the `sources.toml` that names them.
fn generate(size: usize, folder: &Path) {
    let corpus = Corpus::new(size);
    let mut sources = String::new();
    let mut files: Vec<_> = Corpus::sources()
        .map(|(name, category)| {
            let _ = writeln!(
                sources,
                "[[source]]\nname = \"{name}\"\npath = \"{name}.txt\"\nformat = \"domains\"\n\
                 categories = [\"{category}\"]\n"
            );
            let path = folder.join(format!("{name}.txt"));
            BufWriter::new(File::create(path).expect("the folder takes files"))
        })
        .collect();
    for (name, &set) in corpus.names.iter().zip(&corpus.rule_set_of) {
        for &source in &corpus.rule_sets[set as usize] {
            writeln!(files[source], "{name}").expect("there is room for the lists");
        }
    }
    for mut file in files {
        file.flush().expect("there is room for the lists");
    }
    fs::write(folder.join("sources.toml"), sources).expect("the folder takes files");
}

/// Lines, seconds of wall time and of user CPU, octets at the peak and of the bundle.
fn compile(folder: &Path) -> String {
    let sources = Sources::load(&folder.join("sources.toml")).expect("we wrote it");
    let start = Instant::now();
    let compiled = compile::build(&sources, stamp(), &()).expect("the lists are sound");
    let wall = start.elapsed().as_secs_f64();
    let (user, peak) = (user_seconds(), peak_octets());
    let totals = compiled.report.totals;
    assert_eq!(totals.lines, totals.accepted, "every line is a rule");
    format!("{} {wall} {user} {peak} {}", totals.lines, compiled.bytes.len())
}

/// CPU time of this process in user mode (proc(5), `stat`), in seconds.
fn user_seconds() -> f64 {
    /// `sysconf(_SC_CLK_TCK)` of every Linux.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").expect("benches need Linux: /proc");
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = after_name.split(' ').nth(11).and_then(|ticks| ticks.parse::<f64>().ok());
    ticks.expect("the 14th field of stat is a number of ticks") / TICKS
}

/// Most memory that this process had resident (proc(5), `status`), in octets.
fn peak_octets() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("benches need Linux: /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("status has a line VmHWM in kB") * 1024
}
