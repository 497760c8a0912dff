//! The engines that are compared, each holding the same rules and asked the same names.
//!
//! Each has its questions prepared in the form that it likes best, and tells category and source of a
//! refusal; Brave's and hickory's know neither.

use std::{
    collections::HashMap,
    fs,
    hash::{BuildHasher, RandomState},
    hint::black_box,
    io::{self, Read},
    pin::pin,
    task::{Context, Poll, Waker},
};

use adblock::{
    Engine,
    lists::{FilterSet, ParseOptions},
    request::Request,
};
use filter_core::{BoundFilter, Profile};
use gate::{
    corpus::{Corpus, Questions, ancestors},
    engine::{Asked, PreauName, PreauPacket, PreauText},
};
use hickory_server::{
    proto::rr::{LowerName, Name, RecordType},
    store::blocklist::{BlocklistConfig, BlocklistConsultAction, BlocklistZoneHandler},
    zone_handler::{LookupControlFlow, LookupOptions, ZoneHandler},
};

use crate::cpu_time::thread_cpu_nanos;

/// Names of a block: prepared together, then asked while they lie in the core's caches, as does what a
/// program has just read.
const BLOCK: usize = 500;

/// An engine with rules, and the names it is to be asked.
pub struct Contender<'e> {
    /// Its name in tables.
    pub name: &'static str,
    ask: Ask<'e>,
    questions: &'e Questions,
}

/// Asks a block of names.
type Ask<'e> = Box<dyn Fn(&[String]) -> Asking + 'e>;

/// What came of asking.
#[derive(Default)]
struct Asking {
    refused: usize,
    /// Of CPU time; what preparing takes is not in it.
    nanos: u64,
}

impl<'e> Contender<'e> {
    /// An engine that is to be asked these questions.
    pub fn new<E: Asked>(engine: &'e E, questions: &'e Questions) -> Self {
        let ask = |names: &[String]| {
            let prepared = engine.prepare(names);
            let start = thread_cpu_nanos();
            let refused = engine.refused(&prepared);
            Asking { refused, nanos: thread_cpu_nanos() - start }
        };
        Self { name: E::NAME, ask: Box::new(ask), questions }
    }

    /// Asks the second half of the questions, then measures the first: the nanoseconds of CPU time that
    /// answering takes. What the engine holds is then as warm as asking for other names leaves it,
    /// whoever had the caches before.
    ///
    /// # Panics
    /// If the count of refusals is not the one that the questions state.
    pub fn ask(&self) -> u64 {
        let (measured, before) = self.questions.names.split_at(self.measured());
        let [before, measured] = [before, measured].map(|names| self.ask_all(names));
        let refused = before.refused + measured.refused;
        assert_eq!(refused, self.questions.refused, "{}: refused, and should have", self.name);
        measured.nanos
    }

    /// How many of the questions are measured.
    pub fn measured(&self) -> usize {
        self.questions.names.len() / 2
    }

    fn ask_all(&self, names: &[String]) -> Asking {
        let blocks = names.chunks(BLOCK).map(&self.ask);
        blocks.fold(Asking::default(), |all, block| Asking {
            refused: all.refused + block.refused,
            nanos: all.nanos + block.nanos,
        })
    }
}

/// All engines, of the same rules.
pub struct Engines {
    /// Ours, asked as a program does that has read the name before.
    pub name: PreauName,
    /// Ours, asked as a server does.
    pub packet: PreauPacket,
    /// Ours, asked as a program does that has text.
    pub text: PreauText,
    /// The standard library's table.
    pub sip_hash: HashProbe<RandomState>,
    /// The same with a faster hash.
    pub a_hash: HashProbe<ahash::RandomState>,
    /// The same dictionary as ours, through the `fst` crate.
    pub fst: FstWalk,
    /// Those that take much memory, if there is enough.
    pub large: Option<(Adblock, Blocklist)>,
}

impl Engines {
    /// Loads every engine; ours is `bound` to the bundle of the corpus. The `large` ones take about a
    /// thousand octets a name while they load.
    pub fn new(corpus: &Corpus, bound: BoundFilter, large: bool) -> Self {
        Self {
            name: PreauName(bound.clone()),
            packet: PreauPacket(bound.clone()),
            text: PreauText(bound),
            sip_hash: HashProbe::new(corpus),
            a_hash: HashProbe::new(corpus),
            fst: FstWalk::new(corpus),
            large: large.then(|| (Adblock::new(corpus), Blocklist::new(corpus))),
        }
    }

    /// Every engine with its questions; ours on names read before, which the others are compared to,
    /// first.
    pub fn contenders<'e>(&'e self, questions: &'e Questions) -> Vec<Contender<'e>> {
        let mut contenders = vec![
            Contender::new(&self.name, questions),
            Contender::new(&self.packet, questions),
            Contender::new(&self.text, questions),
            Contender::new(&self.a_hash, questions),
            Contender::new(&self.sip_hash, questions),
            Contender::new(&self.fst, questions),
        ];
        if let Some((adblock, blocklist)) = &self.large {
            contenders.push(Contender::new(adblock, questions));
            contenders.push(Contender::new(blocklist, questions));
        }
        contenders
    }
}

/// True where there is memory enough to load Brave's engine and hickory's blocklist with so many names
/// beside the others: with each a thousand octets a name while they load, and as much again is left.
pub fn large_fit(names: usize) -> bool {
    let status = fs::read_to_string("/proc/meminfo").expect("benches need Linux: /proc/meminfo");
    let line = status.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kib.expect("meminfo has a line MemAvailable in kB") * 1024 >= names * 2000
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

/// How many reasons there are, each looked at.
fn count(reasons: impl Iterator<Item = Option<ReasonOfSet>>) -> usize {
    reasons.flatten().map(black_box).count()
}

macro_rules! hash_probe {
    ($hasher:ty, $name:literal) => {
        impl Asked for HashProbe<$hasher> {
            const NAME: &'static str = $name;
            type Questions = Vec<String>;

            fn prepare(&self, names: &[String]) -> Vec<String> {
                names.to_vec()
            }

            fn refused(&self, questions: &Vec<String>) -> usize {
                count(questions.iter().map(|name| self.find(name)))
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
    type Questions = Vec<String>;

    fn prepare(&self, names: &[String]) -> Vec<String> {
        names.to_vec()
    }

    fn refused(&self, questions: &Vec<String>) -> usize {
        count(questions.iter().map(|name| self.find(name)))
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
    type Questions = Vec<Request>;

    /// With the URL parsed and its tokens computed: half of what a browser's call costs.
    fn prepare(&self, names: &[String]) -> Vec<Request> {
        let request = |name: &String| {
            Request::preparsed(
                &format!("https://{name}/"),
                name,
                "example.org",
                "script",
                true,
                "get",
            )
        };
        names.iter().map(request).collect()
    }

    fn refused(&self, questions: &Vec<Request>) -> usize {
        let blocks = |question| black_box(self.0.check_network_request(question)).should_block();
        questions.iter().filter(|question| blocks(question)).count()
    }
}

/// hickory-dns's blocklist of the names that are read, an entry a line, and of wildcards for what is below.
///
/// # Errors
/// Those of reading.
pub fn blocklist(entries: impl Read) -> io::Result<BlocklistZoneHandler> {
    let config = BlocklistConfig {
        wildcard_match: true,
        min_wildcard_depth: 2,
        lists: Vec::new(),
        sinkhole_ipv4: None,
        sinkhole_ipv6: None,
        ttl: 300,
        block_message: None,
        consult_action: BlocklistConsultAction::Disabled,
        log_clients: false,
    };
    let mut handler = BlocklistZoneHandler::try_from_config(Name::root(), config, None)
        .map_err(io::Error::other)?;
    handler.add(entries)?;
    Ok(handler)
}

/// The blocklist of hickory-server, with an entry for each name and a wildcard for what is below it. It
/// knows neither category nor source; of a refusal, the records of its answer are made.
pub struct Blocklist(BlocklistZoneHandler);

impl Blocklist {
    /// Reads the list.
    pub fn new(corpus: &Corpus) -> Self {
        let entries: String =
            corpus.names.iter().map(|name| format!("{name}.\n*.{name}.\n")).collect();
        Self(blocklist(entries.as_bytes()).expect("a slice is read"))
    }

    fn refuses(&self, name: &LowerName) -> bool {
        let options = LookupOptions::default();
        let looked_up = pin!(self.0.lookup(name, RecordType::A, None, options));
        match looked_up.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(LookupControlFlow::Break(answer)) => black_box(answer).is_ok(),
            Poll::Ready(_) => false,
            Poll::Pending => panic!("a table has nothing to wait for"),
        }
    }
}

impl Asked for Blocklist {
    const NAME: &'static str = "hickory-server, blocklist";
    type Questions = Vec<LowerName>;

    fn prepare(&self, names: &[String]) -> Vec<LowerName> {
        let lower_name = |name: &String| {
            let name =
                Name::from_ascii(format!("{name}.")).expect("the corpus holds host names only");
            LowerName::from(name)
        };
        names.iter().map(lower_name).collect()
    }

    fn refused(&self, questions: &Vec<LowerName>) -> usize {
        questions.iter().filter(|name| self.refuses(name)).count()
    }
}

#[cfg(test)]
mod tests {
    use gate::engine::bound;

    use super::*;

    /// The peers are asked the same, and answer the same.
    #[test]
    fn engines_refuse_what_they_should() {
        let corpus = Corpus::made_up(20_000);
        let engines = Engines::new(&corpus, bound(&corpus), true);
        for questions in corpus.questions(5_000) {
            let contenders = engines.contenders(&questions);
            assert_eq!(contenders.len(), 8);
            assert!(contenders.iter().all(|contender| contender.ask() > 0));
        }
    }
}
