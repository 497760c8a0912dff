//! CPU time of the calling thread: what a shared machine's other work changes least.

use criterion::{
    Throughput,
    measurement::{Measurement, ValueFormatter, WallTime},
};
use nix::time::{ClockId, clock_gettime};

/// Nanoseconds that the calling thread has been on a CPU, user and system together.
///
/// # Panics
/// Where the system has no such clock (POSIX, `CLOCK_THREAD_CPUTIME_ID`).
pub fn thread_cpu_nanos() -> u64 {
    let time =
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock of threads' CPU time");
    time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
}

/// CPU time as Criterion's clock.
#[derive(Clone, Copy, Debug)]
pub struct CpuTime;

impl Measurement for CpuTime {
    type Intermediate = u64;
    /// Nanoseconds.
    type Value = u64;

    fn start(&self) -> u64 {
        thread_cpu_nanos()
    }

    fn end(&self, start: u64) -> u64 {
        thread_cpu_nanos() - start
    }

    fn add(&self, a: &u64, b: &u64) -> u64 {
        a + b
    }

    fn zero(&self) -> u64 {
        0
    }

    fn to_f64(&self, value: &u64) -> f64 {
        *value as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        &Nanoseconds
    }
}

/// Time for one thing, where Criterion would tell things a second.
struct Nanoseconds;

impl ValueFormatter for Nanoseconds {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_values(typical, values)
    }

    fn scale_throughputs(
        &self,
        typical: f64,
        throughput: &Throughput,
        values: &mut [f64],
    ) -> &'static str {
        let Throughput::Elements(elements) = *throughput else {
            return WallTime.formatter().scale_throughputs(typical, throughput, values);
        };
        values.iter_mut().for_each(|nanos| *nanos /= elements as f64);
        "ns each"
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        WallTime.formatter().scale_for_machines(values)
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn work_takes_time_and_sleep_does_not() {
        let measure = |work: &dyn Fn()| {
            let start = CpuTime.start();
            work();
            CpuTime.end(start)
        };
        let busy = measure(&|| {
            for n in 0..20_000_000u64 {
                black_box(n);
            }
        });
        let asleep = measure(&|| std::thread::sleep(std::time::Duration::from_millis(100)));
        assert!(busy > asleep, "busy {busy} ns, asleep {asleep} ns");
    }
}
