//! Counts what does not depend on what else a machine does: instructions of a verdict and of a rule
//! compiled, allocations, octets. Ends with an error where a figure is not as recorded in
//! `recorded.toml`; `--record` writes that file. Needs valgrind.
//!
//! The bench makes bundle and questions, then runs itself under callgrind, which counts inside
//! [`ask_all`] and [`compile_all`] only.

#![allow(clippy::print_stdout, reason = "a table for people is what it makes")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use filter_core::Filter;
use gate::{
    allocations::Counting,
    corpus::Corpus,
    engine::{self, Asked, PreauName, PreauPacket, PreauText, child, open, scoring_child},
    recorded::{Figure, Recorded, TOLERANCE},
};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// Listed names: enough for every kind of row in the index, few enough for a CI run.
const NAMES: usize = 100_000;
const QUESTIONS: usize = 10_000;
/// Names that are compiled under callgrind, which takes fifty times as long.
const COMPILED: usize = 20_000;

/// What callgrind's process does: compile, or ask in one of the forms of name.
const TASK: &str = "PREAU_GATE_TASK";
const QUESTIONS_FILE: &str = "PREAU_GATE_QUESTIONS";
const COMPILE: &str = "compile";
const FORMS: [&str; 3] = ["name", "packet", "text"];
/// Unlisted names, read before, with a table for them.
const SCORED: &str = "scored";

fn main() -> ExitCode {
    if let Ok(task) = env::var(TASK) {
        counted(&task);
        return ExitCode::SUCCESS;
    }
    let measured = measure();
    measured.iter().for_each(|Figure { what, value }| println!("{what:<52} {value:>9}"));
    match env::args().any(|argument| argument == "--record") {
        true => record(measured),
        false => hold(&measured),
    }
}

fn measure() -> Vec<Figure> {
    let corpus = Corpus::made_up(NAMES);
    let before = ALLOCATOR.live();
    ALLOCATOR.reset_peak();
    let built = corpus.build();
    let building = ALLOCATOR.peak() - before;
    fs::write(folder().join("bundle"), &built.bytes).expect("target/tmp can be written");

    let bytes: &'static [u8] = built.bytes.leak();
    let before = ALLOCATOR.live();
    let bound = child(&Filter::open(bytes).expect("a bundle that was just built"));
    let holding = ALLOCATOR.live() - before;

    let (name, packet, text) =
        (PreauName(bound.clone()), PreauPacket(bound.clone()), PreauText(bound));
    let (mut figures, mut allocations) = (Vec::new(), 0);
    for questions in corpus.questions(QUESTIONS) {
        allocations += engine::allocations(&ALLOCATOR, &name, &questions);
        allocations += engine::allocations(&ALLOCATOR, &packet, &questions);
        allocations += engine::allocations(&ALLOCATOR, &text, &questions);
        let file = folder().join(questions.kind.replace(' ', "-"));
        fs::write(&file, questions.names.join("\n")).expect("target/tmp can be written");
        for form in FORMS {
            let (refused, instructions) = under_callgrind(form, &file);
            assert_eq!(refused, questions.refused, "{form}, {}: refused", questions.kind);
            let what = format!("verdict, {}, {form}: instructions", questions.kind);
            figures.push(Figure::new(what, instructions as f64 / questions.names.len() as f64));
        }
    }
    let learned = corpus.build_learned();
    fs::write(folder().join("bundle"), &learned.bytes).expect("target/tmp can be written");
    let unlisted = corpus.unlisted(QUESTIONS);
    let scoring = PreauName(scoring_child(&open(&learned.bytes)));
    allocations += engine::allocations(&ALLOCATOR, &scoring, &unlisted);
    let (refused, instructions) = under_callgrind(SCORED, &folder().join(unlisted.kind));
    assert_eq!(refused, unlisted.refused, "scored: refused");
    let what = "verdict, unlisted and scored, name: instructions";
    figures.push(Figure::new(what, instructions as f64 / unlisted.names.len() as f64));

    let (names, instructions) = under_callgrind(COMPILE, &folder().join(COMPILE));
    assert_eq!(names, COMPILED, "every name is in the bundle");
    let a_name = |octets: u64| octets as f64 / NAMES as f64;
    let more = [
        ("verdicts: allocations", allocations as f64),
        ("a name compiled: instructions", instructions as f64 / COMPILED as f64),
        ("compiling: most of the heap, octets a name", a_name(building)),
        ("dictionary: octets a name", a_name(built.dictionary_bytes as u64)),
        ("bundle: octets a name", a_name(bytes.len() as u64)),
        ("a bundle opened and bound: octets of the heap", holding as f64),
    ];
    figures.extend(more.map(|(what, value)| Figure::new(what, value)));
    figures
}

fn record(figures: Vec<Figure>) -> ExitCode {
    let recorded = Recorded { compiler: compiler(), figures };
    fs::write(file(), recorded.to_string()).expect("the checkout can be written");
    println!("\nrecorded in {}", file().display());
    ExitCode::SUCCESS
}

fn hold(measured: &[Figure]) -> ExitCode {
    let text = fs::read_to_string(file()).expect("recorded.toml is in the checkout");
    let recorded = Recorded::parse(&text).unwrap_or_else(|error| panic!("recorded.toml, {error}"));
    let departures = recorded.departures(measured);
    if departures.is_empty() {
        println!("\nall within {TOLERANCE} % of what is recorded");
        return ExitCode::SUCCESS;
    }
    println!("\nnot as recorded (within {TOLERANCE} %) in {}:", file().display());
    departures.iter().for_each(|departure| println!("  {departure}"));
    println!(
        "\nMore than recorded: the change makes this dearer, for every question or every school. Find out\n\
         whether it has to (`callgrind_annotate {}/listed.name`) before you record it; say why in\n\
         the commit. Less: record it, or the next change may lose it unseen.\n\
         To record: `cargo bench -p gate -- --record`; recorded.toml goes into the same commit.",
        folder().display()
    );
    if recorded.compiler != compiler() {
        println!(
            "This is {}, and the figures are of {}: every figure may differ a little.",
            compiler(),
            recorded.compiler
        );
    }
    ExitCode::FAILURE
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded.toml")
}

fn compiler() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output =
        Command::new(rustc).arg("--version").output().expect("cargo is there, so is rustc");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Where bundle, questions and callgrind's profiles are left.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// What another process of this program says when it does its task, and the instructions that it takes.
fn under_callgrind(task: &str, questions: &Path) -> (usize, u64) {
    let profile = format!("{}.{task}", questions.display());
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-instr=no"])
        .args(["--toggle-collect=*ask_all*", "--toggle-collect=*compile_all*"])
        .arg(format!("--callgrind-out-file={profile}"))
        .arg(env::current_exe().expect("a running program knows its own path"))
        .env(TASK, task)
        .env(QUESTIONS_FILE, questions)
        .output()
        .expect("valgrind runs: apt-get install valgrind");
    let log = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{log}");
    let profile = fs::read_to_string(&profile).expect("callgrind wrote its profile");
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.and_then(|total| total.trim().parse().ok()).expect("totals: a number");
    let said = String::from_utf8_lossy(&run.stdout).trim().parse();
    (said.expect("the other process says a number"), total)
}

fn counted(task: &str) {
    if task == COMPILE {
        return println!("{}", compile_all(&Corpus::made_up(COMPILED)));
    }
    let bundle = fs::read(folder().join("bundle")).expect("the first process wrote it");
    let bound = child(&open(&bundle));
    let questions = env::var_os(QUESTIONS_FILE).expect("the first process says which");
    let names = fs::read_to_string(questions).expect("the first process wrote it");
    let names: Vec<_> = names.lines().map(str::to_owned).collect();
    match task {
        "name" => prepare_and_ask(&PreauName(bound), &names),
        SCORED => prepare_and_ask(&PreauName(scoring_child(&open(&bundle))), &names),
        "packet" => prepare_and_ask(&PreauPacket(bound), &names),
        _ => prepare_and_ask(&PreauText(bound), &names),
    }
}

fn prepare_and_ask<E: Asked>(engine: &E, names: &[String]) {
    println!("{}", ask_all(engine, &engine.prepare(names)));
}

/// What callgrind counts: its name is an argument of `--toggle-collect`.
#[inline(never)]
fn ask_all<E: Asked>(engine: &E, questions: &E::Questions) -> usize {
    engine.refused(questions)
}

/// The other: names are read, sorted, and made a bundle of.
#[inline(never)]
fn compile_all(corpus: &Corpus) -> usize {
    corpus.build().manifest.counts.names as usize
}
