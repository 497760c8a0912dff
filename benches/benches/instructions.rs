//! Instructions a verdict, counted by callgrind: the same figure twice, whatever else the machine
//! does. Needs valgrind.
//!
//! The bench makes bundle and questions, then runs itself under callgrind, which counts inside
//! [`ask_all`] only.

#![allow(clippy::print_stdout, reason = "a table for people is what it makes")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use benches::{
    contender::{Asked, PreauText, PreauWire, child},
    corpus::{Corpus, LARGE},
};
use filter_core::Filter;

const QUESTIONS: usize = 10_000;
/// Says which form of name to ask; set in the process that callgrind runs.
const FORM: &str = "PREAU_BENCH_FORM";
const QUESTIONS_FILE: &str = "PREAU_BENCH_QUESTIONS";

fn main() {
    match (env::var(FORM), env::var_os(QUESTIONS_FILE)) {
        (Ok(form), Some(questions)) => counted(&form, Path::new(&questions)),
        _ => count(),
    }
}

/// Where bundle, questions and callgrind's profiles are left.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

fn count() {
    let corpus = Corpus::new(LARGE);
    fs::write(folder().join("bundle"), corpus.build().bytes).expect("target/tmp can be written");
    println!("{:<14} {:>10} {:>10}   profile, for callgrind_annotate", "names", "wire", "text");
    for questions in corpus.questions(QUESTIONS) {
        let file = folder().join(questions.kind.replace(' ', "-"));
        fs::write(&file, questions.names.join("\n")).expect("target/tmp can be written");
        let [wire, text] = ["wire", "text"].map(|form| {
            let (refused, instructions) = under_callgrind(form, &file);
            assert_eq!(refused, questions.refused, "{form}, {}: refused", questions.kind);
            instructions / questions.names.len() as u64
        });
        println!("{:<14} {wire:>10} {text:>10}   {}.wire", questions.kind, file.display());
    }
}

/// Refusals among the questions of a file, and instructions for all of them.
fn under_callgrind(form: &str, questions: &Path) -> (usize, u64) {
    let mut profile = questions.as_os_str().to_owned();
    profile.push(".");
    profile.push(form);
    let mut out_file = "--callgrind-out-file=".to_owned();
    out_file.push_str(&profile.to_string_lossy());
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-instr=no", "--toggle-collect=*ask_all*", &out_file])
        .arg(env::current_exe().expect("a running program knows its own path"))
        .env(FORM, form)
        .env(QUESTIONS_FILE, questions)
        .output()
        .expect("valgrind runs: apt-get install valgrind");
    let log = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{log}");
    let profile = fs::read_to_string(&profile).expect("callgrind wrote its profile");
    let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.and_then(|total| total.trim().parse().ok()).expect("totals: a number");
    let refused = String::from_utf8_lossy(&run.stdout).trim().parse();
    (refused.expect("the other process tells its refusals"), total)
}

fn counted(form: &str, questions: &Path) {
    let bundle = fs::read(folder().join("bundle")).expect("the first process wrote it");
    let child = child(&Filter::open(bundle).expect("a bundle just built"));
    let names = fs::read_to_string(questions).expect("the first process wrote it");
    match form {
        "text" => prepare_and_ask(&PreauText(child), &names),
        _ => prepare_and_ask(&PreauWire(child), &names),
    }
}

fn prepare_and_ask<E: Asked>(engine: &E, names: &str) {
    let questions: Vec<_> = names.lines().map(|name| engine.prepare(name)).collect();
    println!("{}", ask_all(engine, &questions));
}

/// What callgrind counts: its name is the argument of `--toggle-collect`.
#[inline(never)]
fn ask_all<E: Asked>(engine: &E, questions: &[E::Question]) -> usize {
    questions.iter().filter(|question| engine.refuses(question)).count()
}
