//! Our engine, asked about names in each form that a program may have them in.

use std::hint::black_box;

use filter_core::{BoundFilter, DomainName, Filter, Profile, Verdict};

use crate::{
    allocations::Counting,
    corpus::{Corpus, Questions},
};

/// An engine that is asked about many names, prepared in the form that it likes best.
pub trait Asked {
    /// Its name in tables.
    const NAME: &'static str;
    /// Names in the form that this engine is asked in.
    type Questions;

    /// Outside what is measured.
    fn prepare(&self, names: &[String]) -> Self::Questions;

    /// Asks about every name: how many `child` may not reach. What for has then been looked up.
    fn refused(&self, questions: &Self::Questions) -> usize;
}

/// How often an engine allocates while it answers; `allocator` is the program's.
///
/// # Panics
/// If the count of refusals is not the one that the questions state.
pub fn allocations<E: Asked>(allocator: &Counting, engine: &E, questions: &Questions) -> u64 {
    let prepared = engine.prepare(&questions.names);
    let before = allocator.calls();
    assert_eq!(engine.refused(&prepared), questions.refused, "{}: refused", E::NAME);
    allocator.calls() - before
}

/// The corpus under `child`.
pub fn bound(corpus: &Corpus) -> BoundFilter {
    child(&open(&corpus.build().bytes))
}

/// A bundle that was just built, where a server has it: in memory, at the beginning of a cache line.
pub fn open(bundle: &[u8]) -> Filter {
    Filter::open(AsMapped::new(bundle)).expect("a bundle that was just built")
}

/// A filter under `child`.
pub fn child(filter: &Filter) -> BoundFilter {
    let profile = Profile::named("child").expect("built in");
    filter.bind(&profile).expect("every bundle has the built-in categories")
}

/// The same, with names refused that no list knows but are like listed ones.
pub fn scoring_child(filter: &Filter) -> BoundFilter {
    let profile = Profile { unlisted: 1, ..Profile::named("child").expect("built in") };
    filter.bind(&profile).expect("every bundle has the built-in categories")
}

/// A bundle's bytes at the beginning of a cache line, as in a mapped file. An allocator may put them
/// anywhere.
#[derive(Debug)]
pub struct AsMapped {
    bytes: Vec<u8>,
    start: usize,
}

impl AsMapped {
    const CACHE_LINE: usize = 64;

    /// A copy of a bundle.
    pub fn new(bundle: &[u8]) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(bundle.len() + Self::CACHE_LINE);
        let start = bytes.as_ptr().align_offset(Self::CACHE_LINE);
        bytes.resize(start, 0);
        bytes.extend_from_slice(bundle);
        Self { bytes, start }
    }
}

impl AsRef<[u8]> for AsMapped {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// [`BoundFilter::verdict`] on a name that was read before.
pub struct PreauName(pub BoundFilter);

impl Asked for PreauName {
    const NAME: &'static str = "filter-core, name";
    type Questions = Vec<DomainName>;

    fn prepare(&self, names: &[String]) -> Vec<DomainName> {
        names.iter().map(|name| domain_name(name)).collect()
    }

    fn refused(&self, questions: &Vec<DomainName>) -> usize {
        questions.iter().filter(|name| refusal(self.0.verdict(name))).count()
    }
}

/// [`DomainName::from_wire`], then [`BoundFilter::verdict`]: what a server does with a packet.
pub struct PreauPacket(pub BoundFilter);

impl Asked for PreauPacket {
    const NAME: &'static str = "filter-core, from a packet";
    /// One name after the other, in wire form (RFC 1035 §3.1).
    type Questions = Vec<u8>;

    fn prepare(&self, names: &[String]) -> Vec<u8> {
        names.iter().flat_map(|name| domain_name(name).as_wire().to_vec()).collect()
    }

    fn refused(&self, questions: &Vec<u8>) -> usize {
        let (mut rest, mut refused) = (questions.as_slice(), 0);
        while !rest.is_empty() {
            let (name, octets) = DomainName::from_wire(rest).expect("names follow each other");
            refused += usize::from(refusal(self.0.verdict(&name)));
            rest = &rest[octets..];
        }
        refused
    }
}

/// [`BoundFilter::host`].
pub struct PreauText(pub BoundFilter);

impl Asked for PreauText {
    const NAME: &'static str = "filter-core, text";
    type Questions = Vec<String>;

    fn prepare(&self, names: &[String]) -> Vec<String> {
        names.to_vec()
    }

    fn refused(&self, questions: &Vec<String>) -> usize {
        questions.iter().filter(|name| refusal(self.0.host(name))).count()
    }
}

fn domain_name(name: &str) -> DomainName {
    DomainName::parse(name).expect("the corpus holds host names only")
}

fn refusal(verdict: Verdict<'_>) -> bool {
    match verdict {
        Verdict::Blocked(reason) => {
            black_box((reason.category, reason.source));
            true
        }
        _ => false,
    }
}
