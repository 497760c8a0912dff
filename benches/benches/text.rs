//! Screening texts for weighted phrases, beside automata that only find the terms, in a text that was
//! folded for them beforehand.
//!
//! Argument: megabytes of text, instead of 50.

use std::{collections::BTreeSet, env, fs, hint::black_box, path::Path};

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use benches::{
    allocations::Counting,
    cpu_time::thread_cpu_nanos,
    record::Record,
    spread::Spread,
    text::{self, Words, folded, folded_term, given, phrases, repeated},
};
use daachorse::DoubleArrayAhoCorasick;
use filter_core::{BoundFilter, Filter, FilterBuilder, Phrase, Profile, Source, Stamp};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// Odd, so that a median is one of the rounds.
const ROUNDS: usize = 5;

/// A text, and what its figures are called.
struct Screened {
    title: &'static str,
    speed: &'static str,
    text: String,
    /// Real texts have letters that are folded for the others less well.
    is_real: bool,
}

fn main() {
    let megabytes = env::args().skip(1).find_map(|size| size.parse().ok()).unwrap_or(50usize);
    let mut record = Record::new(env!("CARGO_TARGET_TMPDIR"), "text");
    let octets = megabytes * 1_000_000;
    let made_up = |title, speed, words| {
        let text = repeated(text::made_up(octets, words), octets);
        Screened { title, speed, text, is_real: false }
    };
    let texts = match given() {
        Some(text) => {
            let (title, text) = ("the text that was given", repeated(text, octets));
            vec![Screened { title, speed: "given text MB/s", text, is_real: true }]
        }
        None => vec![
            made_up("words as frequent as in manuals", "text MB/s", Words::OF_MANUALS),
            made_up("more rare words", "text of rare words MB/s", Words::RARE),
        ],
    };
    let phrases = phrases();
    let ours = Ours::new(&phrases);
    let terms = Terms::new(&phrases);
    let automata = Automata::new(&terms);
    for screened in &texts {
        screen(screened, &phrases, &terms, &ours, &automata, &mut record);
    }
    short_texts(&ours.child, &mut record);
    record.save();
}

fn screen(
    Screened { title, speed, text, is_real }: &Screened,
    phrases: &[Phrase],
    terms: &Terms,
    ours: &Ours,
    automata: &Automata,
    record: &mut Record,
) {
    let folded = folded(text);
    let Automata { nfa, dfa, daachorse } = automata;
    let trace = ours.child.explain_text(text);
    let found: BTreeSet<&str> = trace
        .phrases
        .iter()
        .filter(|phrase| phrase.terms.iter().all(|term| !term.disguised))
        .map(|phrase| phrase.text)
        .collect();
    if !is_real {
        let expected = terms.phrases_in(phrases, &nfa.built, &folded);
        assert!(found.iter().copied().eq(expected.iter().map(String::as_str)), "ours finds others");
    }
    record.tell(format_args!(
        "### {} phrases, {} MB of text, {title} ({} MB folded), {} phrases in it, in disguise {} more\n",
        phrases.len(),
        text.len() / 1_000_000,
        folded.len() / 1_000_000,
        found.len(),
        trace.phrases.len() - found.len(),
    ));

    let contenders = [
        Contender {
            name: "aho-corasick, contiguous NFA",
            cost: nfa.cost,
            octets: folded.len(),
            run: &|| nfa.built.find_overlapping_iter(&folded).count(),
        },
        Contender {
            name: "filter-core, folding included",
            cost: ours.cost,
            octets: text.len(),
            run: &|| usize::from(ours.child.text(text).is_blocked()),
        },
        Contender {
            name: "daachorse",
            cost: daachorse.cost,
            octets: folded.len(),
            run: &|| daachorse.built.find_overlapping_iter(&folded).count(),
        },
        Contender {
            name: "aho-corasick, DFA",
            cost: dfa.cost,
            octets: folded.len(),
            run: &|| dfa.built.find_overlapping_iter(&folded).count(),
        },
    ];
    let mut rounds = vec![Vec::new(); contenders.len()];
    for _ in 0..ROUNDS {
        for (Contender { octets, run, .. }, rounds) in contenders.iter().zip(&mut rounds) {
            let start = thread_cpu_nanos();
            black_box(run());
            rounds.push(*octets as f64 * 1e3 / (thread_cpu_nanos() - start) as f64);
        }
    }
    record.tell(
        "| CPU time | MB/s | ratio to the first | built in ms | octets |\n|---|---|---|---|---|",
    );
    for (Contender { name, cost, .. }, own) in contenders.iter().zip(&rounds) {
        let ratio = Spread::of_ratios(own, &rounds[0]);
        let Cost { milliseconds, octets } = cost;
        record.tell(format_args!(
            "| {name} | {} | {ratio} | {milliseconds:.0} | {octets} |",
            Spread::of(own.clone())
        ));
        record.figure(speed, name, phrases.len(), own);
        record.figure("text MB held", name, phrases.len(), &[*octets as f64 / 1e6]);
    }
    let before = ALLOCATOR.live();
    ALLOCATOR.reset_peak();
    black_box(ours.child.text(text).is_blocked());
    record.tell(format_args!("\nBeside the text: {} octets at most.\n", ALLOCATOR.peak() - before));
}

/// Queries and titles, one after the other: nothing is known of any word when a text begins.
fn short_texts(child: &BoundFilter, record: &mut Record) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lists/data/phrases/innocent.txt");
    let table = fs::read_to_string(path).expect("the repository has innocent texts");
    let texts: Vec<&str> =
        table.lines().filter_map(|line| Some(line.split_once('\t')?.1)).collect();
    let octets: usize = texts.iter().map(|text| text.len()).sum();
    let rounds: Vec<f64> = (0..9)
        .map(|_| {
            let start = thread_cpu_nanos();
            for text in &texts {
                black_box(child.text(*text).is_blocked());
            }
            (thread_cpu_nanos() - start) as f64 / texts.len() as f64
        })
        .collect();
    record.tell(format_args!(
        "\nTexts of {} octets: {} ns each.",
        octets / texts.len(),
        Spread::of(rounds.clone())
    ));
    record.figure("short text ns", "filter-core", texts.len(), &rounds);
}

/// Something that goes through a text once.
struct Contender<'t> {
    name: &'static str,
    cost: Cost,
    /// Of its text.
    octets: usize,
    run: &'t dyn Fn() -> usize,
}

#[derive(Clone, Copy)]
struct Cost {
    milliseconds: f64,
    octets: u64,
}

/// What building something takes, and what it then holds.
fn costing<T>(build: impl FnOnce() -> T) -> Built<T> {
    let (start, before) = (thread_cpu_nanos(), ALLOCATOR.live());
    let built = build();
    let milliseconds = (thread_cpu_nanos() - start) as f64 / 1e6;
    Built { built, cost: Cost { milliseconds, octets: ALLOCATOR.live() - before } }
}

/// The automata that only find terms.
struct Automata {
    nfa: Built<AhoCorasick>,
    dfa: Built<AhoCorasick>,
    daachorse: Built<DoubleArrayAhoCorasick<u32>>,
}

struct Built<T> {
    built: T,
    cost: Cost,
}

impl Automata {
    fn new(terms: &Terms) -> Self {
        let automaton = |kind| {
            let builder = AhoCorasick::builder().kind(Some(kind)).build(&terms.texts);
            builder.expect("some thousand terms")
        };
        let daachorse = || DoubleArrayAhoCorasick::new(&terms.texts).expect("different terms");
        Self {
            nfa: costing(|| automaton(AhoCorasickKind::ContiguousNFA)),
            dfa: costing(|| automaton(AhoCorasickKind::DFA)),
            daachorse: costing(daachorse),
        }
    }
}

struct Ours {
    child: BoundFilter,
    cost: Cost,
}

impl Ours {
    fn new(phrases: &[Phrase]) -> Self {
        let mut builder = FilterBuilder::new();
        let source = builder.source(Source::block("phrases", &["porn"])).expect("a plain source");
        let mut batch = builder.batch(source);
        for phrase in phrases {
            batch.phrase(phrase).expect("phrases were checked");
        }
        builder.add(batch.finish());
        let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
        let filter =
            Filter::open(builder.build(stamp).bytes).expect("a bundle that was just built");
        let child = filter.bind(&Profile::named("child").expect("built in")).expect("it fits");
        let Built { built: (), cost } = costing(|| filter.prepare_text());
        Self { child, cost }
    }
}

/// Distinct terms, as they are in a folded text.
struct Terms {
    texts: Vec<String>,
}

impl Terms {
    fn new(phrases: &[Phrase]) -> Self {
        let terms = phrases.iter().flat_map(Phrase::terms).map(folded_term);
        let texts: BTreeSet<String> = terms.collect();
        Self { texts: texts.into_iter().collect() }
    }

    /// The phrases that have all their terms in the text, as they are written.
    fn phrases_in(&self, phrases: &[Phrase], nfa: &AhoCorasick, folded: &str) -> BTreeSet<String> {
        let mut seen = vec![false; self.texts.len()];
        for found in nfa.find_overlapping_iter(folded) {
            seen[found.pattern().as_usize()] = true;
        }
        let has = |term: &str| {
            self.texts.binary_search(&folded_term(term)).is_ok_and(|place| seen[place])
        };
        let found = phrases.iter().filter(|phrase| phrase.terms().all(has));
        found.map(ToString::to_string).collect()
    }
}
