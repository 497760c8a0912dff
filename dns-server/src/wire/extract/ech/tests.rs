//! Service bindings before and after, both read by hickory's decoder.

use hickory_resolver::proto::{
    op::Message,
    rr::{
        RData, Record,
        rdata::HTTPS,
        rdata::svcb::{Mandatory, SVCB, SvcParamKey, SvcParamValue},
    },
};
use proptest::prelude::*;

use super::*;
use crate::wire::extract::tests::{Built, SOA, WWW};

const KEYS: &[u8] = b"\0\x05\0\x04\xfe\x0d\0\0";
const ALPN: &[u8] = b"\0\x01\0\x03\x02h2";
const HINT: &[u8] = b"\0\x04\0\x04\xc0\0\x02\x01";

/// Priority 1, no other target.
fn data(parameters: &[&[u8]]) -> Vec<u8> {
    [b"\0\x01\0".as_slice(), &parameters.concat()].concat()
}

#[test]
fn records() {
    let mandatory = |keys: &[u8]| [&[0, 0, 0, keys.len() as u8], keys].concat();
    let cases = [
        ("keys between others", data(&[ALPN, HINT, KEYS]), Some(data(&[ALPN, HINT]))),
        ("keys alone", data(&[KEYS]), Some(data(&[]))),
        ("no key", data(&[ALPN, HINT]), None),
        ("no parameter", data(&[]), None),
        (
            "mandatory among others",
            data(&[&mandatory(&[0, 1, 0, 5]), ALPN, KEYS]),
            Some(data(&[&mandatory(&[0, 1]), ALPN])),
        ),
        ("mandatory alone", data(&[&mandatory(&[0, 5]), KEYS]), Some(data(&[]))),
        ("mandatory, and not there", data(&[&mandatory(&[0, 5]), ALPN]), None),
        (
            "half a mandatory key",
            data(&[&mandatory(&[0, 5, 0]), KEYS]),
            Some(data(&[&mandatory(&[0, 5, 0])])),
        ),
        ("half a parameter", data(&[KEYS, b"\0\x06\0\x10"]), None),
        ("half a name", b"\0\x01\x03ab".to_vec(), None),
        ("nothing", vec![], None),
    ];
    for (what, data, expected) in cases {
        assert_eq!(without_ech(&data), expected, "{what}");
    }
}

/// What follows a shorter record still finds its names, signatures of other records stay.
#[test]
fn a_message() {
    let rrsig =
        |covered: u8| [&[0, covered, 8, 2], &[0; 14][..], b"\x07example\0", &[1, 2, 3]].concat();
    let host: &[u8] = b"\x04host\x03net\0";
    let built = Built::new(rr_type::HTTPS, 0)
        .with(0, WWW, rr_type::CNAME, 300, host)
        .with(0, WWW, rr_type::RRSIG, 300, &rrsig(5))
        .with(0, host, rr_type::HTTPS, 60, &data(&[ALPN, KEYS]))
        .with(0, host, rr_type::HTTPS, 60, &data(&[HINT]))
        .with(0, host, rr_type::RRSIG, 60, &rrsig(65));
    let response = built.read(rr_type::HTTPS, true).unwrap();
    assert!(response.is_authentic());
    let without = response.without_ech();
    let records: Vec<_> = Message::from_vec(without.octets())
        .unwrap()
        .answers
        .iter()
        .map(|record| format!("{} {}", record.name, record.record_type()))
        .collect();
    let expected =
        ["www.example. CNAME", "www.example. RRSIG", "host.net. HTTPS", "host.net. HTTPS"];
    assert_eq!(records, expected);
    assert!(!without.is_authentic());
    assert_eq!(without.hints(), response.hints());
    assert_eq!(without.ttl_offsets().count(), 4);
}

/// As many parameters as there are bits, in order of their keys.
fn parameters() -> impl Strategy<Value = Vec<u8>> {
    let value = |length| prop::collection::vec(any::<u8>(), length);
    let mandatory = prop::sample::subsequence(vec![1_u16, 3, 4, 5], 1..4);
    let optional = (
        prop::option::of(mandatory),
        any::<[bool; 3]>(),
        prop::option::of(value(0..40)),
        prop::option::of(value(0..9)),
    );
    optional.prop_map(|(mandatory, [alpn, port, hint], keys, other)| {
        let mut octets = Vec::new();
        let mut parameter = |key: u16, value: &[u8]| {
            octets.extend(key.to_be_bytes());
            octets.extend((value.len() as u16).to_be_bytes());
            octets.extend(value);
        };
        if let Some(keys) = mandatory {
            let keys: Vec<_> = keys.into_iter().flat_map(u16::to_be_bytes).collect();
            parameter(0, &keys);
        }
        let known: [(bool, u16, &[u8]); 3] =
            [(alpn, 1, b"\x02h2"), (port, 3, b"\x01\xbb"), (hint, 4, b"\xc0\0\x02\x01")];
        known.into_iter().filter(|known| known.0).for_each(|(_, key, v)| parameter(key, v));
        let rest = [keys.map(|keys| (5, keys)), other.map(|other| (667, other))];
        rest.into_iter().flatten().for_each(|(key, value)| parameter(key, &value));
        octets
    })
}

/// The same by hickory.
fn expected(record: &Record) -> Option<Record> {
    if record.record_type() == rr_type::RRSIG.into() {
        return None;
    }
    if !has_ech(record) {
        return Some(record.clone());
    }
    let mut record = record.clone();
    match &mut record.data {
        RData::HTTPS(https) => strip(&mut https.0),
        RData::SVCB(svcb) => strip(svcb),
        _ => {}
    }
    Some(record)
}

fn strip(svcb: &mut SVCB) {
    svcb.svc_params.retain_mut(|(key, value)| match value {
        SvcParamValue::Mandatory(Mandatory(keys)) => {
            keys.retain(|key| *key != SvcParamKey::EchConfigList);
            !keys.is_empty()
        }
        _ => *key != SvcParamKey::EchConfigList,
    });
}

fn has_ech(record: &Record) -> bool {
    let (RData::HTTPS(HTTPS(svcb)) | RData::SVCB(svcb)) = &record.data else {
        return false;
    };
    svcb.svc_params.iter().any(|(key, _)| *key == SvcParamKey::EchConfigList)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Hickory reads the same as before, less what is to go; its signatures go with it.
    #[test]
    fn only_ech_is_gone(
        record_type in prop_oneof![Just(64_u16), Just(65)],
        records in prop::collection::vec((0..3_u16, any::<bool>(), parameters()), 0..5),
        signed: bool,
        denied: bool,
    ) {
        let mut built = Built::new(record_type, 0);
        for (priority, is_own, parameters) in &records {
            let target: &[u8] = if *is_own { b"\0" } else { b"\x03svc\x07example\0" };
            let data = [&priority.to_be_bytes()[..], target, parameters].concat();
            built = built.with(0, WWW, record_type, 300, &data);
        }
        if signed && !records.is_empty() {
            let [high, low] = record_type.to_be_bytes();
            let data = [&[high, low, 8, 2], &[0; 14][..], b"\x07example\0", &[1, 2, 3]].concat();
            built = built.with(0, WWW, 46, 300, &data);
        }
        if denied {
            built = built.with(1, WWW, 6, 300, SOA);
        }
        let response = built.read(record_type, true).unwrap();
        let before = Message::from_vec(response.octets()).unwrap();
        let without = response.without_ech();
        let after = Message::from_vec(without.octets()).unwrap();
        if before.answers.iter().any(has_ech) {
            let answers: Vec<_> = before.answers.iter().filter_map(expected).collect();
            prop_assert_eq!(after.answers, answers);
            prop_assert_eq!(after.authorities, before.authorities);
            prop_assert_eq!(after.queries, before.queries);
            prop_assert!(!without.is_authentic());
        } else {
            prop_assert_eq!(&*without, &response);
        }
        let again = without.without_ech();
        prop_assert_eq!(&*again, &*without);
    }

    #[test]
    fn no_octets_panic(data in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = without_ech(&data);
    }

    /// Nearly service bindings.
    #[test]
    fn nearly_nothing_panics(
        mut data in parameters().prop_map(|parameters| [b"\0\x01\0".as_slice(), &parameters].concat()),
        at: prop::sample::Index,
        value: u8,
    ) {
        let at = at.index(data.len());
        data[at] = value;
        if let Some(left) = without_ech(&data) {
            prop_assert!(left.len() < data.len());
            prop_assert_eq!(without_ech(&left), None);
        }
    }
}
