//! A verdict allocates nothing: counted, for every kind of answer.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod oracle;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use filter_core::{DomainName, Learned, Profile, Source, Verdict};
use oracle::{Both, bind};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came; counting touches only a
// thread-local integer that needs no initialisation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `GlobalAlloc::dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_verdict_allocates_nothing() {
    let mut both = Both::default();
    let porn = both.source(Source::block("porn", &["porn"]));
    let health = both.source(Source::allow("health", &["education"], &["porn"]));
    for rule in ["example.com", "@@except.example.com", "~sexcam", "/xxx-/", "192.0.2.0/24"] {
        both.rule(porn, rule).unwrap();
    }
    both.rule(health, "health.example.com").unwrap();
    let learned = "category porn\nbase -100\nmistakes 1 200\n310 porn\n-50 horn";
    both.learned(&learned.parse::<Learned>().unwrap());
    let profile = Profile {
        unlisted: 1,
        block_names: vec!["operator.example".parse().unwrap()],
        ..Profile::named("child").unwrap()
    };
    let bound = bind(both.build().0, &profile);
    let hosts = [
        ("www.example.com", true),
        ("health.example.com", false),
        ("except.example.com", false),
        ("my-sexcams.example", true),
        ("xxx-x.example", true),
        ("operator.example", true),
        ("www.porn-of-horns.co.uk", false),
        ("www.porn-of-corns.co.uk", true),
        ("no.list.knows.this.one.example", false),
    ];
    for (host, blocked) in hosts {
        let name: DomainName = host.parse().unwrap();
        let before = ALLOCATIONS.get();
        let verdict = bound.verdict(&name);
        let text = bound.host(host);
        assert_eq!(ALLOCATIONS.get() - before, 0, "{host}");
        assert_eq!(verdict, text);
        assert_eq!(matches!(verdict, Verdict::Blocked(_)), blocked, "{host}");
    }
    let (asked, address) = ("portal.example".parse().unwrap(), "192.0.2.7".parse().unwrap());
    for (host, blocked) in hosts {
        let name: DomainName = host.parse().unwrap();
        let before = ALLOCATIONS.get();
        let answers = bound.answers(&asked);
        let verdict = answers.name(&name, DomainName::is_public_suffix);
        assert!(answers.address(address).is_blocked());
        assert_eq!(ALLOCATIONS.get() - before, 0, "to {host}");
        assert_eq!(verdict.is_blocked(), blocked, "to {host}");
    }
    let before = ALLOCATIONS.get();
    let _ = bound.explain(&"www.example.com".parse().unwrap());
    assert_ne!(ALLOCATIONS.get(), before, "the counter counts");
}
