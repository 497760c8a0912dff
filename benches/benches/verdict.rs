//! A verdict on a host: each engine apart, with Criterion's statistics, in CPU time.

use std::time::Duration;

use benches::{
    contender::Engines,
    corpus::{Corpus, LARGE},
    cpu_time::CpuTime,
    engine::bound,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Enough that the parts of an engine that they touch do not fit a core's caches; half of them
/// measured.
const QUESTIONS: usize = 200_000;

fn verdict(criterion: &mut Criterion<CpuTime>) {
    let corpus = Corpus::new(LARGE);
    let engines = Engines::new(&corpus, bound(&corpus), true);
    for questions in corpus.questions(QUESTIONS) {
        let mut group = criterion.benchmark_group(format!("verdict, {}", questions.kind));
        for contender in engines.contenders(&questions) {
            group.throughput(Throughput::Elements(contender.measured() as u64));
            group.bench_function(contender.name, |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| contender.ask()).sum());
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = verdict
}
criterion_main!(benches);
