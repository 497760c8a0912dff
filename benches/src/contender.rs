//! The engines that are compared, each holding the same rules and asked the same names.
//!
//! Each has its questions prepared in the form that it likes best, and tells category and source of a
//! refusal, Brave's apart.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    hint::black_box,
};

use adblock::{
    Engine,
    lists::{FilterSet, ParseOptions},
    request::Request,
};
use filter_core::{BoundFilter, DomainName, Filter, Profile, Verdict};

use crate::corpus::{Corpus, Questions, ancestors};

/// An engine with rules, and the names it is to be asked.
pub struct Contender<'e> {
    /// Its name in tables.
    pub name: &'static str,
    refused: Box<dyn Fn() -> usize + 'e>,
    expected: usize,
}

impl<'e> Contender<'e> {
    /// Prepares an engine's questions.
    pub fn new<E: Asked>(engine: &'e E, questions: &Questions) -> Self {
        let prepared: Vec<_> = questions.names.iter().map(|name| engine.prepare(name)).collect();
        let refused = move || prepared.iter().filter(|question| engine.refuses(question)).count();
        Self { name: E::NAME, refused: Box::new(refused), expected: questions.refused }
    }

    /// Asks every question once.
    ///
    /// # Panics
    /// If the count of refusals is not the one that the questions state.
    pub fn ask(&self) {
        let (refused, expected) = ((self.refused)(), self.expected);
        assert_eq!(refused, expected, "{}: refused, and should have", self.name);
    }
}

/// Asks about one name at a time.
pub trait Asked {
    /// Its name in tables.
    const NAME: &'static str;
    /// A name in the form that this engine is asked in.
    type Question;

    /// Outside what is measured.
    fn prepare(&self, name: &str) -> Self::Question;

    /// True when `child` may not reach the name; category and source have then been looked up.
    fn refuses(&self, question: &Self::Question) -> bool;
}

/// All engines, of the same rules.
pub struct Engines {
    /// Ours, asked as a resolver does.
    pub wire: PreauWire,
    /// Ours, asked as a program does that has text.
    pub text: PreauText,
    /// The standard library's table.
    pub sip_hash: HashProbe<RandomState>,
    /// The same with a faster hash.
    pub a_hash: HashProbe<ahash::RandomState>,
    /// The same dictionary as ours, through the `fst` crate.
    pub fst: FstWalk,
    /// Brave's.
    pub adblock: Adblock,
}

impl Engines {
    /// Loads every engine.
    pub fn new(corpus: &Corpus) -> Self {
        let child = bound(corpus);
        Self {
            wire: PreauWire(child.clone()),
            text: PreauText(child),
            sip_hash: HashProbe::new(corpus),
            a_hash: HashProbe::new(corpus),
            fst: FstWalk::new(corpus),
            adblock: Adblock::new(corpus),
        }
    }

    /// Every engine with its questions; ours on wire names, which the others are compared to, first.
    pub fn contenders(&self, questions: &Questions) -> Vec<Contender<'_>> {
        vec![
            Contender::new(&self.wire, questions),
            Contender::new(&self.text, questions),
            Contender::new(&self.a_hash, questions),
            Contender::new(&self.sip_hash, questions),
            Contender::new(&self.fst, questions),
            Contender::new(&self.adblock, questions),
        ]
    }
}

/// The corpus under `child`.
pub fn bound(corpus: &Corpus) -> BoundFilter {
    let bytes = AsMapped::new(&corpus.build().bytes);
    let filter = Filter::open(bytes).expect("a bundle that was just built");
    child(&filter)
}

/// A bundle's bytes at the beginning of a cache line, where a mapped file has them: what a server
/// serves from. An allocator may put them anywhere.
struct AsMapped {
    bytes: Vec<u8>,
    start: usize,
}

impl AsMapped {
    const CACHE_LINE: usize = 64;

    fn new(bundle: &[u8]) -> Self {
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

/// A filter under `child`.
pub fn child(filter: &Filter) -> BoundFilter {
    let profile = Profile::named("child").expect("built in");
    filter.bind(&profile).expect("every bundle has the built-in categories")
}

/// [`BoundFilter::verdict`].
pub struct PreauWire(pub BoundFilter);

impl Asked for PreauWire {
    const NAME: &'static str = "filter-core, wire name";
    type Question = DomainName;

    fn prepare(&self, name: &str) -> DomainName {
        DomainName::parse(name).expect("the corpus holds host names only")
    }

    fn refuses(&self, question: &DomainName) -> bool {
        refusal(self.0.verdict(question))
    }
}

/// [`BoundFilter::host`].
pub struct PreauText(pub BoundFilter);

impl Asked for PreauText {
    const NAME: &'static str = "filter-core, text";
    type Question = String;

    fn prepare(&self, name: &str) -> String {
        name.to_owned()
    }

    fn refuses(&self, question: &String) -> bool {
        refusal(self.0.host(question))
    }
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

/// Category and source that a rule set is refused for under `child`.
type ReasonOfSet = (&'static str, &'static str);

fn reasons(corpus: &Corpus) -> Vec<Option<ReasonOfSet>> {
    let sources: Vec<_> = Corpus::sources().collect();
    let profile = Profile::named("child").expect("built in");
    let blocks = |(_, category): &ReasonOfSet| profile.block.contains(*category);
    let reason = |set: &Vec<usize>| set.iter().map(|&source| sources[source]).find(blocks);
    corpus.rule_sets.iter().map(reason).collect()
}

/// A hash table from names to rule sets, asked for the name and each ancestor but its top-level
/// domain, the most specific first.
pub struct HashProbe<H> {
    names: HashMap<String, u32, H>,
    reasons: Vec<Option<ReasonOfSet>>,
}

impl<H: BuildHasher + Default> HashProbe<H> {
    /// Loads the table.
    pub fn new(corpus: &Corpus) -> Self {
        let names = corpus.names.iter().cloned().zip(corpus.rule_set_of.iter().copied());
        Self { names: names.collect(), reasons: reasons(corpus) }
    }

    fn find(&self, name: &str) -> Option<ReasonOfSet> {
        let mut probed = ancestors(name).filter(|name| name.contains('.'));
        probed.find_map(|name| self.reasons[*self.names.get(name)? as usize])
    }
}

macro_rules! hash_probe {
    ($hasher:ty, $name:literal) => {
        impl Asked for HashProbe<$hasher> {
            const NAME: &'static str = $name;
            type Question = String;

            fn prepare(&self, name: &str) -> String {
                name.to_owned()
            }

            fn refuses(&self, question: &String) -> bool {
                self.find(question).is_some_and(|reason| {
                    black_box(reason);
                    true
                })
            }
        }
    };
}

hash_probe!(RandomState, "HashMap<String, u32>, SipHash");
hash_probe!(ahash::RandomState, "HashMap<String, u32>, aHash");

/// An `fst::Map` from label-reversed names (`com.example.www`) to rule sets, walked once.
pub struct FstWalk {
    map: fst::Map<Vec<u8>>,
    reasons: Vec<Option<ReasonOfSet>>,
}

impl FstWalk {
    /// Builds the map.
    pub fn new(corpus: &Corpus) -> Self {
        let key = |name: &String| name.rsplit('.').collect::<Vec<_>>().join(".");
        let sets = corpus.rule_set_of.iter().map(|&set| u64::from(set));
        let mut keys: Vec<_> = corpus.names.iter().map(key).zip(sets).collect();
        keys.sort_unstable();
        let map = fst::Map::from_iter(keys).expect("names are different, and sorted");
        Self { map, reasons: reasons(corpus) }
    }

    /// Octets of the map.
    pub fn octets(&self) -> usize {
        self.map.as_fst().as_bytes().len()
    }

    fn find(&self, name: &str) -> Option<ReasonOfSet> {
        let fst = self.map.as_fst();
        let (mut node, mut output, mut found) = (fst.root(), fst::raw::Output::zero(), None);
        for (depth, label) in name.rsplit('.').enumerate() {
            let separator = (depth > 0).then_some(b'.');
            for octet in separator.into_iter().chain(label.bytes()) {
                let Some(index) = node.find_input(octet) else { return found };
                let transition = node.transition(index);
                output = output.cat(transition.out);
                node = fst.node(transition.addr);
            }
            if node.is_final() {
                let set = output.cat(node.final_output()).value();
                found = self.reasons[set as usize].or(found);
            }
        }
        found
    }
}

impl Asked for FstWalk {
    const NAME: &'static str = "fst::Map walk";
    type Question = String;

    fn prepare(&self, name: &str) -> String {
        name.to_owned()
    }

    fn refuses(&self, question: &String) -> bool {
        self.find(question).is_some_and(|reason| {
            black_box(reason);
            true
        })
    }
}

/// Brave's engine with a rule `||name^` for each name. It knows neither category nor source.
pub struct Adblock(Engine);

impl Adblock {
    /// Parses and compiles the rules.
    pub fn new(corpus: &Corpus) -> Self {
        let rules: String = corpus.names.iter().map(|name| format!("||{name}^\n")).collect();
        let mut set = FilterSet::new(false);
        set.add_filter_list(rules, ParseOptions::default());
        Self(Engine::new_with_filter_set(set))
    }

    /// Octets of the engine, serialised.
    pub fn octets(&self) -> usize {
        self.0.serialize().len()
    }
}

impl Asked for Adblock {
    const NAME: &'static str = "adblock, check only";
    type Question = Request;

    /// With the URL parsed and its tokens computed: half of what a browser's call costs.
    fn prepare(&self, name: &str) -> Request {
        Request::preparsed(&format!("https://{name}/"), name, "example.org", "script", true, "get")
    }

    fn refuses(&self, question: &Request) -> bool {
        black_box(self.0.check_network_request(question)).should_block()
    }
}
