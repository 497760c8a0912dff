//! Engines beside each other on a busy machine: in every round each answers the same questions, and
//! what is reported is the median of the rounds' ratios.
//!
//! Arguments: numbers of listed names, instead of the usual one.

use std::{env, fmt::Write as _, sync::Arc};

use benches::{
    contender::{Engines, large_fit},
    corpus::{Corpus, LARGE, Questions},
    cpu_time::thread_cpu_nanos,
    engine::{child, open},
    record::Record,
    spread::Spread,
};
use filter_core::Filter;

const QUESTIONS: usize = 100_000;
/// Odd, so that a median is one of the rounds.
const ROUNDS: usize = 9;
/// Of more names than [`LARGE`].
const FEWER_ROUNDS: usize = 5;

fn main() {
    let mut sizes: Vec<usize> = env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes.push(LARGE);
    }
    let mut record = Record::new(env!("CARGO_TARGET_TMPDIR"), "ratios");
    for size in sizes {
        compare_at(size, &mut record);
    }
    record.save();
}

fn compare_at(size: usize, record: &mut Record) {
    let rounds = if size > LARGE { FEWER_ROUNDS } else { ROUNDS };
    let corpus = Corpus::new(size);
    let bundle = corpus.build().bytes;
    record.tell(format_args!("### {size} rules\n"));
    record.figure("bundle, octets a name", OURS, size, &[bundle.len() as f64 / size as f64]);
    opened(size, &bundle, &corpus.names[0], rounds, record);

    let bound = child(&open(&bundle));
    let engines = Engines::new(&corpus, bound, large_fit(size));
    if engines.large.is_none() {
        record.tell(
            "`adblock` and hickory's blocklist are left out: too little memory for so many.\n",
        );
    }
    let all = corpus.questions(QUESTIONS);
    drop(corpus);
    for questions in &all {
        compare(size, &engines, questions, rounds, record);
    }
}

const OURS: &str = "filter-core";

/// From the bytes of a bundle to a filter that answers: every digest checked, `child` bound.
fn opened(size: usize, bundle: &[u8], listed: &str, rounds: usize, record: &mut Record) {
    let bytes: Arc<[u8]> = bundle.into();
    let open = |_| {
        let start = thread_cpu_nanos();
        let bound = child(&Filter::open(Arc::clone(&bytes)).expect("a bundle that was just built"));
        assert!(bound.host(listed).is_blocked());
        (thread_cpu_nanos() - start) as f64 / 1e6
    };
    let rounds: Vec<f64> = (0..rounds).map(open).collect();
    record.figure("open, ms", OURS, size, &rounds);
    record.tell(format_args!(
        "Bundle: {} octets, {:.1} a name; opened, verified, bound and asked in {} ms of CPU.\n",
        bundle.len(),
        bundle.len() as f64 / size as f64,
        Spread::of(rounds)
    ));
}

fn compare(
    size: usize,
    engines: &Engines,
    questions: &Questions,
    rounds: usize,
    record: &mut Record,
) {
    let contenders = engines.contenders(questions);
    contenders.iter().for_each(|contender| contender.ask()); // touches every page
    let mut nanos = vec![Vec::with_capacity(rounds); contenders.len()];
    for _ in 0..rounds {
        for (contender, nanos) in contenders.iter().zip(&mut nanos) {
            let start = thread_cpu_nanos();
            contender.ask();
            nanos.push((thread_cpu_nanos() - start) as f64 / questions.names.len() as f64);
        }
    }
    let kind = questions.kind;
    let (asked, refused) = (questions.names.len(), questions.refused);
    let mut table = format!(
        "{kind} names: {asked} asked, {refused} refused\n\n\
         | engine | CPU, ns | to the first (min–max) |\n|---|---|---|\n"
    );
    for (contender, own) in contenders.iter().zip(&nanos) {
        record.figure(&format!("{kind}, ns"), contender.name, size, own);
        let (spread, ratio) = (Spread::of(own.clone()), Spread::of_ratios(own, &nanos[0]));
        let _ = writeln!(table, "| {} | {:.0} | {ratio} |", contender.name, spread.median);
    }
    record.tell(table);
}
