//! Whole compilations, from files to a bundle, at four sizes: CPU time, memory, size.
//!
//! Each runs in a process of its own, so that memory is that of one compilation. The lists are
//! written by another one: making up names takes more memory than compiling them.

#![allow(clippy::print_stdout, reason = "a table for people is what it makes")]

use std::{
    env,
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
    process::Command,
    time::Instant,
};

use benches::corpus::{Corpus, stamp};
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
    println!(
        "{:>10} {:>10} {:>9} {:>13} {:>13} {:>15} {:>15}",
        "names",
        "lines",
        "wall, s",
        "user, µs/line",
        "peak, B/line",
        "bundle, B/name",
        "bundle, octets"
    );
    for size in sizes {
        let folder = env::temp_dir().join(format!("preau-scale-{}-{size}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary directory takes files");
        let shown = folder.display().to_string();
        ourselves(&[GENERATE, &size.to_string(), &shown]);
        print!("{}", ourselves(&[COMPILE, &shown]));
        let _ = fs::remove_dir_all(&folder);
    }
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

/// A row of the table.
fn compile(folder: &Path) -> String {
    let sources = Sources::load(&folder.join("sources.toml")).expect("we wrote it");
    let start = Instant::now();
    let compiled = compile::build(&sources, stamp(), &()).expect("the lists are sound");
    let wall = start.elapsed().as_secs_f64();
    let (user, peak) = (user_seconds(), peak_octets());
    let totals = compiled.report.totals;
    let names = compiled.report.bundle.counts.names;
    assert_eq!(totals.lines, totals.accepted, "every line is a rule");
    format!(
        "{names:>10} {:>10} {wall:>9.1} {:>13.2} {:>13.0} {:>15.1} {:>15}",
        totals.lines,
        user * 1e6 / totals.lines as f64,
        peak as f64 / totals.lines as f64,
        compiled.bytes.len() as f64 / names as f64,
        compiled.bytes.len(),
    )
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
