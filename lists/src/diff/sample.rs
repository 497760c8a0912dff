//! A few entries of many: the same ones in every run, spread over all.

use std::collections::BinaryHeap;

/// Keeps the entries of the smallest hashes.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    size: usize,
    /// Hash, number in the order of coming, text; the largest hash on top.
    kept: BinaryHeap<(u64, u64, String)>,
    seen: u64,
}

impl Sample {
    pub(super) fn new(size: usize) -> Self {
        Self { size, kept: BinaryHeap::new(), seen: 0 }
    }

    /// Offers an entry; its text is made only if it is kept.
    pub(super) fn offer(&mut self, hash: u64, text: impl FnOnce() -> String) {
        self.seen += 1;
        let full = self.kept.len() >= self.size;
        if full && self.kept.peek().is_none_or(|(largest, ..)| hash >= *largest) {
            return;
        }
        if full {
            self.kept.pop();
        }
        self.kept.push((hash, self.seen, text()));
    }

    /// How many were offered.
    pub(super) fn seen(&self) -> u64 {
        self.seen
    }

    /// The kept texts in the order in which they came.
    pub(super) fn finish(self) -> Vec<String> {
        let mut kept: Vec<_> =
            self.kept.into_iter().map(|(_, number, text)| (number, text)).collect();
        kept.sort_unstable();
        kept.into_iter().map(|(_, text)| text).collect()
    }
}

/// FNV-1a, its high bits mixed into the low ones: never changes, unlike the standard library's.
pub(super) fn hash(octets: &[u8]) -> u64 {
    let hash = octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, &octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ hash >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_repeatable() {
        let sample = |size: usize| {
            let mut sample = Sample::new(size);
            for n in 0..1000 {
                let text = format!("n{n:03}");
                sample.offer(hash(text.as_bytes()), || text.clone());
            }
            assert_eq!(sample.seen(), 1000);
            sample.finish()
        };
        let five = sample(5);
        assert_eq!(five.len(), 5);
        assert!(five.is_sorted());
        assert_eq!(five, sample(5));
        let fifty = sample(50);
        assert!(five.iter().all(|text| fifty.contains(text)), "a larger sample holds a smaller");
        let later = fifty.iter().filter(|text| text.as_str() >= "n500").count();
        assert!((15..=35).contains(&later), "{later} of 50 in the later half");
        assert!(sample(0).is_empty());
    }
}
