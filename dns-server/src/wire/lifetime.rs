//! For how long a reply may be kept, for caches that do not read DNS.

use super::{HEADER, question::skip_name, rr_type::SOA, u16_at, u32_at};

/// Seconds for which a whole reply holds: the smallest TTL of its answer; without one, the negative
/// TTL of its SOA (RFC 2308 §5); 0 where it says neither.
pub fn seconds(reply: &[u8]) -> u32 {
    smallest(reply).unwrap_or(0)
}

fn smallest(reply: &[u8]) -> Option<u32> {
    let [questions, answers, authorities] = [4, 6, 8].map(|at| u16_at(reply, at).unwrap_or(0));
    let mut at = HEADER;
    for _ in 0..questions {
        at = skip_name(reply, at)? + 4;
    }
    let section = if answers > 0 { answers } else { authorities };
    let mut smallest = None;
    for _ in 0..section {
        at = skip_name(reply, at)?;
        let (record_type, ttl) = (u16_at(reply, at)?, u32_at(reply, at + 4)?);
        at += 10 + usize::from(u16_at(reply, at + 8)?);
        let ttl = match record_type {
            _ if answers > 0 => ttl,
            // MINIMUM is the last of an SOA.
            SOA => ttl.min(u32_at(reply, at - 4)?),
            _ => continue,
        };
        smallest = Some(smallest.map_or(ttl, |smallest: u32| smallest.min(ttl)));
    }
    smallest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUESTION: &[u8] = b"\x07example\0\0\x01\0\x01";
    const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";

    fn record(record_type: u8, ttl: u32, data: &[u8]) -> Vec<u8> {
        let ttl = ttl.to_be_bytes();
        [b"\xc0\x0c\0", &[record_type][..], b"\0\x01", &ttl, &[0, data.len() as u8], data].concat()
    }

    fn soa(ttl: u32, minimum: u32) -> Vec<u8> {
        record(6, ttl, &[&[0; 18][..], &minimum.to_be_bytes()].concat())
    }

    fn reply(counts: [u8; 3], records: &[Vec<u8>]) -> Vec<u8> {
        let [answers, authorities, additionals] = counts;
        let header = [0, 7, 0x81, 0x80, 0, 1, 0, answers, 0, authorities, 0, additionals];
        [&header[..], QUESTION, &records.concat()].concat()
    }

    #[test]
    fn lifetimes() {
        let a = |ttl| record(1, ttl, &[192, 0, 2, 1]);
        let cases = [
            (reply([2, 0, 0], &[a(60), a(30)]), 30),
            (reply([1, 1, 1], &[a(60), soa(5, 5), OPT.to_vec()]), 60),
            (reply([0, 1, 1], &[soa(300, 20), OPT.to_vec()]), 20),
            (reply([0, 1, 0], &[soa(10, 20)]), 10),
            (reply([0, 1, 0], &[record(2, 60, b"\0")]), 0),
            (reply([0, 0, 1], &[OPT.to_vec()]), 0),
            (reply([3, 0, 0], &[a(60)]), 0),
            (vec![], 0),
        ];
        for (reply, expected) in cases {
            assert_eq!(seconds(&reply), expected, "{reply:?}");
        }
    }

    proptest! {
        #[test]
        fn no_octets_panic(mut reply in prop::collection::vec(any::<u8>(), 0..200), few in any::<bool>()) {
            if few && reply.len() > 12 {
                reply[4..12].copy_from_slice(&[0, 0, 0, 1, 0, 1, 0, 0]);
            }
            seconds(&reply);
        }
    }
}
