//! Heap: of building, of holding, and of asking, which must take none.
//!
//! Octets are what was asked of the allocator; its own and the bundle's bytes, which a server maps,
//! stand apart. Arguments: numbers of listed names, instead of the usual ones.

use std::{env, fmt::Write as _};

use benches::{
    allocations::Counting,
    contender::{Adblock, Blocklist, FstWalk, HashProbe, large_fit},
    corpus::{Corpus, SIZES},
    engine::{self, Asked, PreauName, PreauPacket, PreauText, child},
    record::Record,
};
use filter_core::Filter;

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

const QUESTIONS: usize = 100_000;
const WHAT: &str = "octets a name";

fn main() {
    let mut sizes: Vec<usize> = env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    let mut record = Record::new(env!("CARGO_TARGET_TMPDIR"), "memory");
    let mut ours =
        "| names | building: peak a name | bundle a name | opened and bound | allocations |\n\
                    |---|---|---|---|---|\n"
            .to_owned();
    let mut peers = "| engine | names | octets a name |\n|---|---|---|\n".to_owned();
    for size in sizes {
        let corpus = Corpus::new(size);
        let _ = writeln!(ours, "{}", of_preau(&corpus, &mut record));
        for (name, octets) in of_peers(&corpus) {
            let octets = octets as f64 / size as f64;
            record.figure(WHAT, name, size, &[octets]);
            let _ = writeln!(peers, "| {name} | {size} | {octets:.1} |");
        }
    }
    record.tell("Octets of Préau, and allocations of its verdicts\n");
    record.tell(ours);
    record.tell("Peers: their heap, or the bytes that they are held in\n");
    record.tell(peers);
    record.save();
}

/// A row of the table.
fn of_preau(corpus: &Corpus, record: &mut Record) -> String {
    let size = corpus.names.len();
    let before = ALLOCATOR.live();
    ALLOCATOR.reset_peak();
    let built = corpus.build();
    let peak = (ALLOCATOR.peak() - before) as f64 / size as f64;

    let bytes: &'static [u8] = built.bytes.leak();
    let held = Held::new(|| child(&Filter::open(bytes).expect("a bundle just built")));
    let mut allocations = 0;
    for questions in corpus.questions(QUESTIONS) {
        let bound = || held.value.clone();
        let (name, packet) = (PreauName(bound()), PreauPacket(bound()));
        let text = PreauText(bound());
        allocations += engine::allocations(&ALLOCATOR, &name, &questions);
        allocations += engine::allocations(&ALLOCATOR, &packet, &questions);
        allocations += engine::allocations(&ALLOCATOR, &text, &questions);
    }
    assert_eq!(allocations, 0, "a verdict allocates nothing");
    let a_name = bytes.len() as f64 / size as f64;
    record.figure(WHAT, "filter-core", size, &[a_name]);
    format!("| {size} | {peak:.1} | {a_name:.1} | {} | {allocations} |", held.octets)
}

fn of_peers(corpus: &Corpus) -> Vec<(&'static str, u64)> {
    let mut octets = vec![
        (
            <HashProbe<ahash::RandomState> as Asked>::NAME,
            Held::new(|| HashProbe::<ahash::RandomState>::new(corpus)).octets,
        ),
        (FstWalk::NAME, FstWalk::new(corpus).octets() as u64),
    ];
    if large_fit(corpus.names.len()) {
        octets.push((Adblock::NAME, Held::new(|| Adblock::new(corpus)).octets));
        octets.push((Blocklist::NAME, Held::new(|| Blocklist::new(corpus)).octets));
    }
    octets
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
