//! Runs the benches that the product's bars are held to, and writes one report of them: the bars, met or
//! missed, every table, and plots.
//!
//! Arguments: `--quick` for few names and rounds, to see that it works (the report then goes to
//! `target/tmp`); names of parts, to run those alone (the others' figures of earlier runs stay);
//! `--write`, to run none; a number, beyond which no size is measured.

#![allow(clippy::print_stdout, reason = "where the report is, is told")]

mod bars;
mod machine;
mod plot;

use std::{
    env,
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use benches::record::{self, Figures};

use self::plot::Plot;

/// A bench to run.
struct Part {
    name: &'static str,
    package: &'static str,
    title: &'static str,
    arguments: &'static [&'static str],
    quick: &'static [&'static str],
}

const PARTS: [Part; 7] = [
    Part {
        name: "gate",
        package: "gate",
        title: "Instructions, allocations, octets",
        arguments: &[],
        quick: &[],
    },
    Part {
        name: "ratios",
        package: "benches",
        title: "Engines",
        arguments: &["10000", "100000", "500000", "1250000", "5000000", "20000000"],
        quick: &["2000", "10000", "20000", "50000"],
    },
    Part {
        name: "memory",
        package: "benches",
        title: "Memory of engines",
        arguments: &["10000", "100000", "500000", "1250000", "5000000"],
        quick: &["2000", "10000", "20000", "50000"],
    },
    Part {
        name: "scale",
        package: "benches",
        title: "Compiling, from lists to a bundle",
        arguments: &["1250000", "5000000"],
        quick: &["20000", "50000"],
    },
    Part {
        name: "servers",
        package: "benches",
        title: "Whole servers",
        arguments: &["1250000", "3"],
        quick: &["20000", "1"],
    },
    Part {
        name: "text",
        package: "benches",
        title: "Text screening",
        arguments: &["50"],
        quick: &["2"],
    },
    Part {
        name: "check",
        package: "benches",
        title: "The check API",
        arguments: &["1250000", "3"],
        quick: &["20000", "1"],
    },
];

/// The numbers of names that bars are stated for.
struct Sizes {
    main: usize,
    small: usize,
    great: usize,
}

const FULL: Sizes = Sizes { main: 1_250_000, small: 500_000, great: 5_000_000 };
const QUICK: Sizes = Sizes { main: 20_000, small: 10_000, great: 50_000 };

fn main() {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let quick = has("--quick");
    let chosen: Vec<_> = PARTS.iter().filter(|part| has(part.name)).collect();
    let most = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(usize::MAX);
    for argument in &arguments {
        let known = ["--quick", "--write"].contains(&argument.as_str())
            || PARTS.iter().any(|part| part.name == argument)
            || argument.parse::<usize>().is_ok();
        assert!(known, "{argument}: neither a part nor a flag nor a number");
    }
    let to_run = match (has("--write"), chosen.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => PARTS.iter().collect(),
        (false, false) => chosen,
    };
    let records = record::folder(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(&records).expect("target/tmp can be written");
    for part in to_run {
        let all = if quick { part.quick } else { part.arguments };
        let fits = |argument: &&&str| argument.parse().map_or(true, |size: usize| size <= most);
        run(part, &all.iter().filter(fits).copied().collect::<Vec<_>>(), &records);
    }
    write(quick, &records);
}

/// Runs a part, whose figures of an earlier run go first; says how in a file beside its record.
fn run(part: &Part, arguments: &[&str], records: &Path) {
    let path = |extension| records.join(part.name).with_extension(extension);
    for extension in ["md", "tsv", "run"] {
        let _ = fs::remove_file(path(extension));
    }
    let cargo = env::var_os("CARGO").expect("cargo runs benches");
    let (before, started) = (machine::load(), Instant::now());
    let mut bench = Command::new(cargo)
        .args([
            "bench",
            "--locked",
            "--quiet",
            "--package",
            part.package,
            "--bench",
            part.name,
            "--",
        ])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("cargo starts");
    let lines = BufReader::new(bench.stdout.take().expect("it is piped")).lines();
    let said = lines.map_while(Result::ok).fold(String::new(), |said, line| {
        println!("{line}");
        said + &line + "\n"
    });
    let ended = bench.wait().expect("it was started");
    if !path("md").exists() {
        let _ = fs::write(path("md"), format!("```text\n{said}```\n"));
    }
    let result = if ended.success() { "" } else { "; **it failed**" };
    let command =
        format!("cargo bench -p {} --bench {} -- {}", part.package, part.name, arguments.join(" "));
    let told = format!(
        "`{}` of commit `{}`: {:.1} min, load average {before} before, {} after{result}.\n",
        command.trim_end_matches(" -- "),
        machine::commit(),
        started.elapsed().as_secs_f64() / 60.0,
        machine::load(),
    );
    fs::write(path("run"), told).expect("target/tmp can be written");
}

fn write(quick: bool, records: &Path) {
    let figures = Figures::read(records).expect("records are as benches write them");
    let sizes = if quick { QUICK } else { FULL };
    let date = machine::date();
    let (folder, name) = match quick {
        true => (PathBuf::from(env!("CARGO_TARGET_TMPDIR")), "quick-report".to_owned()),
        false => (Path::new(env!("CARGO_MANIFEST_DIR")).join("results"), format!("{date}-report")),
    };
    let mut report = format!(
        "# {date}: every figure\n\n{}\n## In short\n\n{}\n",
        machine::description(),
        bars::table(&figures, &sizes)
    );
    for Plot { name: plot, title, svg } in plot::all(&figures, &sizes) {
        let file = format!("{name}-{plot}.svg");
        fs::write(folder.join(&file), svg).expect("the checkout can be written");
        let _ = writeln!(report, "![{title}]({file})");
    }
    for part in &PARTS {
        let read =
            |extension| fs::read_to_string(records.join(part.name).with_extension(extension));
        let run = read("run").unwrap_or_else(|_| "Not run.\n".into());
        let tables = read("md").unwrap_or_default();
        let _ =
            write!(report, "\n## {}\n\n{run}\n{}", part.title, tables.replace("\n\n\n", "\n\n"));
    }
    let path = folder.join(name).with_extension("md");
    fs::write(&path, report).expect("the checkout can be written");
    println!("{}", path.display());
}
