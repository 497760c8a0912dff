//! Names to list and names to ask: made from a fixed seed, or read from files of your own.

mod generate;
mod learned;
mod random;
mod statistics;

use std::{
    collections::{HashMap, HashSet},
    env, fs,
    path::PathBuf,
};

use filter_core::{
    Batch, Built, DomainName, FilterBuilder, Options, Scope, Source, SourceId, Stamp,
};

use self::{
    random::{Draw, Random, Table},
    statistics::{AS_ANCESTOR, SOURCES, SOURCES_A_NAME},
};

/// A file of names to list, one a line, in place of made-up ones.
pub const NAMES_VARIABLE: &str = "PREAU_BENCH_NAMES";
/// A file of names to ask, one a line, in place of made-up ones; listed ones are passed over.
pub const UNLISTED_VARIABLE: &str = "PREAU_BENCH_UNLISTED";

/// The largest number of listed names that benches run at, unless told otherwise.
pub const LARGE: usize = 1_250_000;
/// What benches run at to show how cost grows.
pub const SIZES: [usize; 3] = [10_000, 100_000, LARGE];

/// Different from the seeds of names, so that sources do not follow them.
const SOURCES_SEED: u64 = 4;
const SAMPLE_SEED: u64 = 5;

/// Names as one big list would hold them, each with the sources that list it. A rule is on the name
/// and everything below it, and every one is refused under `child`.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Different from each other, in no particular order, none of them a public suffix.
    pub names: Vec<String>,
    /// Index in [`rule_sets`](Self::rule_sets) of each name.
    pub rule_set_of: Vec<u32>,
    /// Places in [`sources`](Self::sources) of all sources that list a name, in order.
    pub rule_sets: Vec<Vec<usize>>,
    unlisted: Vec<String>,
}

/// Names to ask, and how many of them are refused.
#[derive(Clone, Debug)]
pub struct Questions {
    /// What kind of names.
    pub kind: &'static str,
    /// As text.
    pub names: Vec<String>,
    /// How many of them any right engine refuses.
    pub refused: usize,
}

impl Corpus {
    /// Made-up names, or those that [`NAMES_VARIABLE`] and [`UNLISTED_VARIABLE`] say.
    ///
    /// # Panics
    /// If such a file cannot be read, or holds too few names.
    pub fn new(size: usize) -> Self {
        let names = match env::var_os(NAMES_VARIABLE) {
            Some(path) => sample(size, read_names(&path.into())),
            None => made_up(size),
        };
        assert!(names.len() >= size, "{NAMES_VARIABLE} holds {} names of {size}", names.len());
        let names: Vec<_> = names.into_iter().take(size).collect();
        let asked = env::var_os(UNLISTED_VARIABLE).map(|path| read_names(&path.into()));
        Self::of(names, asked.map(|asked| sample(usize::MAX, asked)))
    }

    /// Made-up names, whatever the environment says.
    pub fn made_up(size: usize) -> Self {
        Self::of(made_up(size), None)
    }

    /// Made-up names are asked where no others are given.
    fn of(names: Vec<String>, asked: Option<Vec<String>>) -> Self {
        let (rule_sets, rule_set_of) = draw_rule_sets(&names);
        let unlisted = match asked {
            Some(asked) => unlisted(&names, asked),
            None => unlisted(&names, generate::asked(parents(&names))),
        };
        Self { names, rule_set_of, rule_sets, unlisted }
    }

    /// Name and category of each source.
    pub fn sources() -> impl ExactSizeIterator<Item = (&'static str, &'static str)> {
        SOURCES.iter().map(|(source, _)| *source)
    }

    /// Names that are listed, drawn at random.
    pub fn listed(&self, count: usize) -> Questions {
        let mut random = Random::new(SAMPLE_SEED);
        let names = &self.names;
        let names = (0..count).map(|_| names[random.below(names.len())].clone()).collect();
        Questions { kind: "listed", names, refused: count }
    }

    /// Names one label below listed ones.
    pub fn below_listed(&self, count: usize) -> Questions {
        let listed = self.listed(count).names;
        let names = listed.iter().map(|name| format!("cdn.{name}")).collect();
        Questions { kind: "below listed", names, refused: count }
    }

    /// At most `count` different names in which no listed name stands, neither itself nor above them; a
    /// file may hold fewer.
    ///
    /// # Panics
    /// If there is none.
    pub fn unlisted(&self, count: usize) -> Questions {
        let names: Vec<_> = self.unlisted.iter().take(count).cloned().collect();
        assert!(!names.is_empty(), "{UNLISTED_VARIABLE} holds no unlisted name");
        Questions { kind: "unlisted", names, refused: 0 }
    }

    /// The three kinds of question, `count` of each.
    pub fn questions(&self, count: usize) -> [Questions; 3] {
        [self.listed(count), self.below_listed(count), self.unlisted(count)]
    }

    /// A builder that knows the sources, and a batch of rules for each, as list readers fill them.
    ///
    /// # Panics
    /// If the engine refuses a source or a name, which the corpus was made without.
    pub fn batches(&self) -> (FilterBuilder, Vec<Batch>) {
        let (builder, sources) = builder();
        let mut batches: Vec<_> = sources.into_iter().map(|id| builder.batch(id)).collect();
        for (name, &set) in self.names.iter().zip(&self.rule_set_of) {
            let name = DomainName::parse(name).expect("the corpus holds host names only");
            for &source in &self.rule_sets[set as usize] {
                let added = batches[source].domain(&name, Scope::Subtree, Options::default());
                added.expect("the corpus holds no public suffix");
            }
        }
        (builder, batches)
    }

    /// The corpus as a bundle.
    pub fn build(&self) -> Built {
        let (mut builder, batches) = self.batches();
        batches.into_iter().for_each(|batch| builder.add(batch.finish()));
        builder.build(stamp())
    }

    /// The same, with a table for names that no list knows.
    ///
    /// # Panics
    /// If the engine refuses the table.
    pub fn build_learned(&self) -> Built {
        let (mut builder, batches) = self.batches();
        batches.into_iter().for_each(|batch| builder.add(batch.finish()));
        builder.learned(learned::table(&self.names)).expect("pieces of names, of a known category");
        builder.build(stamp())
    }
}

/// When every bundle of a bench was made.
pub fn stamp() -> Stamp {
    Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None }
}

fn builder() -> (FilterBuilder, Vec<SourceId>) {
    let mut builder = FilterBuilder::new();
    let sources = Corpus::sources()
        .map(|(name, category)| builder.source(Source::block(name, &[category])))
        .collect::<Result<_, _>>()
        .expect("the table's categories are built in, its names different");
    (builder, sources)
}

/// Different sets of sources, and the number of each name's.
fn draw_rule_sets(names: &[String]) -> (Vec<Vec<usize>>, Vec<u32>) {
    let mut random = Random::new(SOURCES_SEED);
    let (sources, counts) = (Draw::of(SOURCES), Table::new(SOURCES_A_NAME));
    let mut numbers: HashMap<Vec<usize>, u32> = HashMap::new();
    let mut rule_sets = Vec::new();
    let mut set_of: HashMap<&str, u32> = HashMap::with_capacity(names.len());
    let mut draw = |name| {
        let above = ancestors(name).skip(1).find_map(|ancestor| set_of.get(ancestor).copied());
        let number = above.filter(|_| random.per_cent(AS_ANCESTOR)).unwrap_or_else(|| {
            let drawn = (0..*counts.draw(&mut random)).map(|_| sources.draw(&mut random));
            let mut set: Vec<_> = drawn.collect();
            set.sort_unstable();
            set.dedup();
            *numbers.entry(set).or_insert_with_key(|set| {
                rule_sets.push(set.clone());
                rule_sets.len() as u32 - 1
            })
        });
        set_of.insert(name, number);
        number
    };
    let rule_set_of = names.iter().map(|name| draw(name)).collect();
    (rule_sets, rule_set_of)
}

fn made_up(size: usize) -> Vec<String> {
    // A few of them are public suffixes, such as `co.in`.
    let mut names = listable(generate::listed(size + size / 1000));
    names.truncate(size);
    names
}

/// The most questions that a corpus keeps: enough that they do not fit the caches of a core, twice.
const UNLISTED: usize = 200_000;

fn unlisted(listed: &[String], asked: impl IntoIterator<Item = String>) -> Vec<String> {
    let listed: HashSet<&str> = listed.iter().map(String::as_str).collect();
    let mut seen = HashSet::new();
    // Brave's engine takes `m.com.example` for a name below a listed `m.com`.
    let is_within = |name: &str| heads(name).any(|name| listed.contains(name));
    let is_unlisted = |name: &String| !ancestors(name).any(is_within);
    let asked = asked.into_iter().take(8 * UNLISTED);
    let new = asked.filter(|name| is_unlisted(name) && seen.insert(name.clone()));
    new.take(UNLISTED).collect()
}

/// The domains just above listed names.
fn parents(listed: &[String]) -> Vec<String> {
    let parents = listed.iter().filter_map(|name| Some(name.split_once('.')?.1.to_owned()));
    listable(parents)
}

/// The name itself, then each ancestor, up to its top-level domain.
pub fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent))
}

/// The name itself, then what is left of it without its last label, its last two, and so on.
fn heads(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.rsplit_once('.').map(|(head, _)| head))
}

/// The names that rules can be on, each once, in the order of their first place.
fn listable(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let (builder, sources) = builder();
    let mut batch = builder.batch(sources[0]);
    let mut seen = HashSet::new();
    let host_names = names.into_iter().filter_map(|name| DomainName::parse(name.trim()).ok());
    host_names
        .filter(|name| batch.domain(name, Scope::Subtree, Options::default()).is_ok())
        .map(|name| name.to_string())
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

fn read_names(path: &PathBuf) -> Vec<String> {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    listable(String::from_utf8_lossy(&text).lines().map(str::to_owned))
}

/// At most `count` of them, in random order.
fn sample(count: usize, mut names: Vec<String>) -> Vec<String> {
    let mut random = Random::new(SAMPLE_SEED);
    let count = count.min(names.len());
    for place in 0..count {
        let other = place + random.below(names.len() - place);
        names.swap(place, other);
    }
    names.truncate(count);
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::bound;

    const SIZE: usize = 20_000;

    /// FNV-1a.
    fn fingerprint(names: &[String]) -> u64 {
        let octets = names.iter().flat_map(|name| name.bytes().chain([b'\n']));
        octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// Figures of different days compare only if the names were the same.
    #[test]
    fn made_up_names_never_change() {
        let corpus = Corpus::made_up(SIZE);
        assert_eq!(fingerprint(&corpus.names), 15_200_296_556_833_555_239);
        assert_eq!(fingerprint(&corpus.unlisted), 8_320_484_370_934_653_491);
    }

    #[test]
    fn made_up_names_are_like_real_ones() {
        let corpus = Corpus::made_up(SIZE);
        let mean = |names: &[String], of: fn(&String) -> usize| {
            names.iter().map(of).sum::<usize>() as f64 / names.len() as f64
        };
        let labels = |name: &String| ancestors(name).count();
        let figures = [
            ("length, listed", mean(&corpus.names, String::len), 18.6),
            ("labels, listed", mean(&corpus.names, labels), 2.5),
            ("length, asked", mean(&corpus.unlisted, String::len), 27.5),
            ("labels, asked", mean(&corpus.unlisted, labels), 3.6),
        ];
        for (what, got, real) in figures {
            assert!((got / real - 1.0).abs() < 0.15, "{what}: {got:.1}, of real names {real}");
        }
    }

    #[test]
    fn a_refusal_names_a_source_that_lists_the_name_or_an_ancestor() {
        let corpus = Corpus::made_up(SIZE);
        let child = bound(&corpus);
        let sets: HashMap<&str, u32> = corpus
            .names
            .iter()
            .map(String::as_str)
            .zip(corpus.rule_set_of.iter().copied())
            .collect();
        let sources: Vec<_> = Corpus::sources().collect();
        for name in &corpus.names {
            let filter_core::Verdict::Blocked(reason) = child.host(name) else {
                panic!("{name} is listed")
            };
            let mut lists = ancestors(name)
                .filter_map(|name| sets.get(name))
                .flat_map(|&set| &corpus.rule_sets[set as usize])
                .map(|&source| sources[source].0);
            assert!(lists.any(|list| reason.source == Some(list)), "{name}: {reason}");
        }
    }

    #[test]
    fn a_sample_is_of_different_names() {
        let names: Vec<_> = (0..1000).map(|n| n.to_string()).collect();
        let sample = sample(100, names);
        assert_eq!((sample.len(), sample.iter().collect::<HashSet<_>>().len()), (100, 100));
    }
}
