//! Engines beside each other on a busy machine: in every round each answers the same questions, and
//! what is reported is the median of the rounds' ratios.
//!
//! Arguments: numbers of listed names, instead of the usual one.

use std::{env, fmt::Write as _, sync::Arc};

use benches::{
    contender::{Contender, Engines, large_fit},
    corpus::{Corpus, LARGE, Questions},
    cpu_time::thread_cpu_nanos,
    engine::{child, open},
    record::Record,
    spread::Spread,
};
use filter_core::Filter;

/// Half of them measured.
const QUESTIONS: usize = 200_000;
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
    let kinds: Vec<_> =
        all.iter().map(|asked| compare(size, &engines, asked, rounds, record)).collect();
    record.tell(table(&all, &kinds));
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

/// What a verdict costs each engine, in nanoseconds, round by round.
struct Costs {
    engine: &'static str,
    nanos: Vec<f64>,
}

fn compare(
    size: usize,
    engines: &Engines,
    questions: &Questions,
    rounds: usize,
    record: &mut Record,
) -> Vec<Costs> {
    let contenders = engines.contenders(questions);
    for contender in &contenders {
        contender.ask(); // touches every page
    }
    let nothing = |contender: &Contender<'_>| Costs { engine: contender.name, nanos: Vec::new() };
    let mut all: Vec<_> = contenders.iter().map(nothing).collect();
    for _ in 0..rounds {
        for (contender, costs) in contenders.iter().zip(&mut all) {
            costs.nanos.push(contender.ask() as f64 / contender.measured() as f64);
        }
    }
    for Costs { engine, nanos } in &all {
        record.figure(&format!("{}, ns", questions.kind), engine, size, nanos);
    }
    all
}

/// A row an engine: of each kind of name, nanoseconds and their ratio to the first engine's.
fn table(asked: &[Questions], kinds: &[Vec<Costs>]) -> String {
    let (mut head, mut line) = ("| engine |".to_owned(), "|---|".to_owned());
    for Questions { kind, names, refused } in asked {
        let _ = write!(head, " {kind} ({refused} of {} refused), ns | to the first |", names.len());
        line += "---|---|";
    }
    let mut table = format!("{head}\n{line}\n");
    for (place, Costs { engine, .. }) in kinds[0].iter().enumerate() {
        let _ = write!(table, "| {engine} |");
        for costs in kinds {
            let nanos = &costs[place].nanos;
            let ratio = Spread::of_ratios(nanos, &costs[0].nanos);
            let _ = write!(table, " {:.0} | {ratio} |", Spread::of(nanos.clone()).median);
        }
        table.push('\n');
    }
    table
}
