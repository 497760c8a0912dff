//! Any bytes, digests mended: opening, binding and asking never panic.
#![no_main]

use filter_core::{Filter, PatternKind, Profile, with_recomputed_digests};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Filter::open(bytes.to_vec());
    let Ok(filter) = Filter::open(with_recomputed_digests(bytes.to_vec())) else { return };
    for kind in PatternKind::ALL {
        assert!(filter.patterns(kind).is_sorted_by(|a, b| a.text < b.text));
    }
    for profile in Profile::BUILTIN {
        let profile = Profile { unlisted: 10, ..Profile::named(profile).expect("built in") };
        let Ok(bound) = filter.bind(&profile) else { return };
        for host in ["www.example.com", "a.b.c.example.fr", ".", "192.0.2.1", "2001:db8::1"] {
            let name = host.parse().expect("a host name");
            let verdict = bound.verdict(&name);
            assert_eq!(verdict.is_blocked(), bound.explain(&name).blocked);
        }
    }
});
