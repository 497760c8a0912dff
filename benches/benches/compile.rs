//! From names to a bundle, on one thread, in CPU time: all of it, and the two halves that a compiler
//! can run on many threads and on one.

#![allow(clippy::print_stdout, reason = "sizes are figures too")]

use std::time::Duration;

use benches::{
    corpus::{Corpus, SIZES, stamp},
    cpu_time::CpuTime,
};
use criterion::{
    BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};

fn compile(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("compile, each name");
    group.sampling_mode(SamplingMode::Flat);
    for size in SIZES {
        let corpus = Corpus::new(size);
        let built = corpus.build();
        let counts = &built.manifest.counts;
        assert_eq!(counts.names, size as u64, "every name is in the bundle");
        println!(
            "{size} names ({} covered): dictionary {:.2} octets a name, bundle {:.2}",
            counts.covered,
            built.dictionary_bytes as f64 / size as f64,
            built.bytes.len() as f64 / size as f64,
        );
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("text to bundle", size), |bencher| {
            bencher.iter_with_large_drop(|| corpus.build());
        });
        group.bench_function(BenchmarkId::new("text to sorted batches", size), |bencher| {
            bencher.iter_with_large_drop(|| {
                let (builder, batches) = corpus.batches();
                (builder, batches.into_iter().map(|batch| batch.finish()).collect::<Vec<_>>())
            });
        });
        group.bench_function(BenchmarkId::new("sorted batches to bundle", size), |bencher| {
            let sorted = || {
                let (mut builder, batches) = corpus.batches();
                batches.into_iter().for_each(|batch| builder.add(batch.finish()));
                builder
            };
            bencher.iter_batched(sorted, |builder| builder.build(stamp()), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = compile
}
criterion_main!(benches);
