//! Lists that are nearly the same list.

use std::cmp::Ordering;

use super::{Check, Finding, LintReport};
use crate::report::grouped;

/// Percent of the names of a list that another must hold to make it superfluous.
const NEARLY_ALL: u64 = 90;
/// Fewer names than this say nothing.
const MIN_NAMES: usize = 20;

/// Adds to each list's report the lists that hold nearly all of its names; of two that hold each
/// other's, the later one is told.
pub fn compare(reports: &mut [LintReport]) {
    let mut found = Vec::new();
    for (index, report) in reports.iter().enumerate() {
        for (other_index, other) in reports.iter().enumerate() {
            let (own, others) = (report.hashes.len(), other.hashes.len());
            let told = own < others || (own == others && index > other_index);
            if index == other_index || own < MIN_NAMES || !told {
                continue;
            }
            let shared = common(&report.hashes, &other.hashes);
            if shared * 100 >= own as u64 * NEARLY_ALL {
                let message = format!(
                    "{} of its {} names stand in {} too",
                    grouped(shared),
                    grouped(own as u64),
                    other.path.display()
                );
                found.push((index, message));
            }
        }
    }
    for (index, message) in found {
        let report = &mut reports[index];
        *report.counts.entry(Check::SameList).or_default() += 1;
        let file = report.path.clone();
        report
            .findings
            .insert(0, Finding { check: Check::SameList, file, line: 1, column: 1, message });
    }
}

/// How many hashes two sorted slices share.
fn common(mut a: &[u64], mut b: &[u64]) -> u64 {
    let mut shared = 0;
    while let ([left, rest_of_a @ ..], [right, rest_of_b @ ..]) = (a, b) {
        shared += u64::from(left == right);
        (a, b) = match left.cmp(right) {
            Ordering::Less => (rest_of_a, b),
            Ordering::Greater => (a, rest_of_b),
            Ordering::Equal => (rest_of_a, rest_of_b),
        };
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_lists_share() {
        let cases: [(&[u64], &[u64], u64); 4] =
            [(&[], &[], 0), (&[1, 2, 3], &[2, 3, 4], 2), (&[1, 2], &[3], 0), (&[5], &[1, 5, 9], 1)];
        for (a, b, expected) in cases {
            assert_eq!(common(a, b), expected, "{a:?} {b:?}");
            assert_eq!(common(b, a), expected, "{b:?} {a:?}");
        }
    }
}
