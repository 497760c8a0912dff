//! What verdicts take from the heap, counted: nothing for names, nothing that grows with a text.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod oracle;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use filter_core::{
    BoundFilter, DomainName, Filter, FilterBuilder, Learned, Profile, Source, Stamp, Verdict,
};
use oracle::{Both, bind};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Octets allocated and not freed; less than none where others allocated them.
    static LIVE: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came; counting touches only
// thread-local integers that need no initialisation and no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        LIVE.set(LIVE.get() + layout.size() as i64);
        PEAK.set(PEAK.get().max(LIVE.get()));
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get() - layout.size() as i64);
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
    let sites = both.source(Source::block("sites", &["lookalikes"]));
    both.protect(sites, "lumni.fr");
    let child = Profile::named("child").unwrap();
    let profile = Profile {
        unlisted: 1,
        block: child.block.iter().cloned().chain(["lookalikes".to_owned()]).collect(),
        block_names: vec!["operator.example".parse().unwrap()],
        ..child
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
        ("www.xn--lumn-o9d.fr", true),
        ("xn--cole-9oa.fr", false),
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

/// A text is screened for what it takes from the heap, and whether it is refused.
fn screened(bound: &BoundFilter, text: &[u8]) -> (i64, bool) {
    let before = LIVE.get();
    PEAK.set(before);
    let refused = bound.text(text).is_blocked();
    (PEAK.get() - before, refused)
}

/// Texts of so many octets: none is cut, and none takes more than a small one may.
fn long_texts(octets: usize) {
    const MOST: i64 = 8 << 20;
    let mut builder = FilterBuilder::new();
    let source = builder.source(Source::block("phrases", &["porn"])).unwrap();
    let mut batch = builder.batch(source);
    for phrase in ["< sexe ><60>", "<porno><60>", "< a b ><60>", "< x >,< y ><60>", "<色情><60>"]
    {
        batch.phrase(&phrase.parse().unwrap()).unwrap();
    }
    builder.add(batch.finish());
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let filter = Filter::open(builder.build(stamp).bytes).unwrap();
    filter.prepare_text();
    let child = filter.bind(&Profile::named("child").unwrap()).unwrap();
    let harmless: [&[u8]; 9] = [
        "La sexagénaire de Pornic lit Essex à Scunthorpe. ".as_bytes(),
        b"x",
        b"p.o.r.n.",
        b"\xff\xc3\xf0\x9f",
        "\u{200b}\u{202e}\u{2066}".as_bytes(),
        "e\u{301}".as_bytes(),
        b"<div>",
        b"x z ",
        "色".as_bytes(),
    ];
    let mut text = Vec::with_capacity(octets + 16);
    let mut number = 0_u32;
    for piece in harmless {
        text.clear();
        while text.len() < octets {
            text.extend_from_slice(piece);
            // Words that differ, as many as there are.
            if piece.len() > 16 {
                text.extend(format!("mot{number:x} ").bytes());
                number += 1;
            }
        }
        let (taken, refused) = screened(&child, &text);
        let said = String::from_utf8_lossy(piece);
        assert!(!refused, "{said:?}");
        assert!(taken < MOST, "{said:?}: {taken} octets of the heap");
        // The very end is read.
        text.extend_from_slice(b" porno");
        let (taken, refused) = screened(&child, &text);
        assert!(refused && taken < MOST, "{said:?}: {refused}, {taken}");
    }
}

#[test]
fn long_texts_take_no_more_than_short_ones() {
    long_texts(4 << 20);
}

#[test]
#[ignore = "1.8 GB of text: some 15 seconds, and minutes beside other work"]
fn texts_of_a_hundred_megabytes() {
    long_texts(100 << 20);
}
