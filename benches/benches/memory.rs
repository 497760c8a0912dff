//! Heap: of building, of holding, and of asking, which must take none.
//!
//! Octets are what was asked of the allocator; its own and the bundle's bytes, which a server maps,
//! stand apart.

#![allow(clippy::print_stdout, reason = "a table for people is what it makes")]

use benches::{
    allocations::Counting,
    contender::{Adblock, Contender, FstWalk, HashProbe, PreauText, PreauWire, child},
    corpus::{Corpus, LARGE, SIZES},
};
use filter_core::Filter;

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

const QUESTIONS: usize = 100_000;

fn main() {
    println!(
        "{:>9} {:>26} {:>16} {:>18}",
        "names", "building: peak a name", "bundle a name", "open and bind"
    );
    for size in SIZES {
        of_preau(&Corpus::new(size));
    }
    println!("\npeers of {LARGE} names, octets a name");
    let corpus = Corpus::new(LARGE);
    let held = Held::new(|| HashProbe::<ahash::RandomState>::new(&corpus));
    report("HashMap<String, u32>, heap", held.octets as usize);
    drop(held);
    report("fst::Map, its bytes", FstWalk::new(&corpus).octets());
    let held = Held::new(|| Adblock::new(&corpus));
    report("adblock, heap", held.octets as usize);
    report("adblock, serialised", held.value.octets());
}

fn of_preau(corpus: &Corpus) {
    let size = corpus.names.len() as f64;
    let before = ALLOCATOR.live();
    ALLOCATOR.reset_peak();
    let built = corpus.build();
    let peak = (ALLOCATOR.peak() - before) as f64 / size;

    let bytes: &'static [u8] = built.bytes.leak();
    let held = Held::new(|| child(&Filter::open(bytes).expect("a bundle just built")));
    println!(
        "{size:>9} {:>19.1} octets {:>9.1} octets {:>11} octets",
        peak,
        bytes.len() as f64 / size,
        held.octets
    );

    for questions in corpus.questions(QUESTIONS) {
        let (wire, text) = (PreauWire(held.value.clone()), PreauText(held.value.clone()));
        for contender in [Contender::new(&wire, &questions), Contender::new(&text, &questions)] {
            let before = ALLOCATOR.calls();
            (0..4).for_each(|_| contender.ask());
            let calls = ALLOCATOR.calls() - before;
            assert_eq!(calls, 0, "{}, {}: allocations", contender.name, questions.kind);
        }
    }
}

/// A value and the heap that it holds.
struct Held<T> {
    value: T,
    octets: u64,
}

impl<T> Held<T> {
    fn new(make: impl FnOnce() -> T) -> Self {
        let before = ALLOCATOR.live();
        let value = make();
        Self { octets: ALLOCATOR.live() - before, value }
    }
}

fn report(what: &str, octets: usize) {
    println!("{what:<28} {:>8.1}", octets as f64 / LARGE as f64);
}
