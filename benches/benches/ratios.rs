//! Engines beside each other on a busy machine: in every round each answers the same questions, and
//! what is reported is the median of the rounds' ratios.
//!
//! Arguments: numbers of listed names, instead of the usual one.

#![allow(clippy::print_stdout, reason = "a table for people is what it makes")]

use std::{cmp::Ordering, env};

use benches::{
    contender::Engines,
    corpus::{Corpus, LARGE, Questions},
    cpu_time::thread_cpu_nanos,
};

const QUESTIONS: usize = 100_000;
/// Odd, so that a median is one of the rounds.
const ROUNDS: usize = 9;

fn main() {
    let mut sizes: Vec<usize> = env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes.push(LARGE);
    }
    for size in sizes {
        let corpus = Corpus::new(size);
        let engines = Engines::new(&corpus);
        for questions in corpus.questions(QUESTIONS) {
            compare(size, &engines, &questions);
        }
    }
}

fn compare(size: usize, engines: &Engines, questions: &Questions) {
    let contenders = engines.contenders(questions);
    contenders.iter().for_each(|contender| contender.ask()); // touches every page
    let mut rounds = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for _ in 0..ROUNDS {
        for (contender, rounds) in contenders.iter().zip(&mut rounds) {
            let start = thread_cpu_nanos();
            contender.ask();
            rounds.push((thread_cpu_nanos() - start) as f64 / questions.names.len() as f64);
        }
    }
    let kind = questions.kind;
    let (asked, refused) = (questions.names.len(), questions.refused);
    println!("\n{size} rules, {kind} names: {asked} asked, {refused} refused");
    println!("{:<30} {:>8} {:>8} {:>15}", "CPU time, ratio to the first", "ns", "ratio", "min–max");
    for (contender, own) in contenders.iter().zip(&rounds) {
        let ratios = own.iter().zip(&rounds[0]).map(|(own, first)| own / first);
        let ratios = Spread::of(ratios.collect());
        let (nanos, range) =
            (Spread::of(own.clone()), format!("{:.2}–{:.2}", ratios.min, ratios.max));
        println!("{:<30} {:>8.0} {:>8.2} {range:>15}", contender.name, nanos.median, ratios.median);
    }
}

struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        Self { min: values[0], median: values[values.len() / 2], max: values[values.len() - 1] }
    }
}
