//! From the bytes of a bundle to a filter that answers, in CPU time: every digest checked, `child`
//! bound.

use std::{sync::Arc, time::Duration};

use benches::{
    contender::child,
    corpus::{Corpus, SIZES},
    cpu_time::CpuTime,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use filter_core::Filter;

fn open(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("open and bind");
    for size in SIZES {
        let corpus = Corpus::new(size);
        let bytes: Arc<[u8]> = corpus.build().bytes.into();
        let listed = &corpus.names[0];
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let filter = Filter::open(Arc::clone(&bytes)).expect("a bundle just built");
                let child = child(&filter);
                assert!(child.host(listed).is_blocked());
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = open
}
criterion_main!(benches);
