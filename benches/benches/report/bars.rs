//! Where Préau has to be, and where it is.

use std::fmt::Write as _;

use benches::{record::Figures, spread::Spread};

use crate::Sizes;

const NAME: &str = "filter-core, name";
const PACKET: &str = "filter-core, from a packet";
const OURS: &str = "filter-core";
const A_HASH: &str = "HashMap<String, u32>, aHash";
const ADBLOCK: &str = "adblock, check only";
const PREAU: &str = "Préau";
const BARE: &str = "bare responder";
const DNSDIST: &str = "dnsdist, SuffixMatchNode";
const SCREENING: &str = "filter-core, folding included";
const NFA: &str = "aho-corasick, contiguous NFA";
const UNBOUND: &str = "Unbound, local-zone";

/// A figure, and what it has to be.
struct Bar {
    figure: String,
    measured: Option<Spread>,
    bar: Option<Limit>,
    stretch: Option<Limit>,
}

#[derive(Clone, Copy)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn shown(limit: Option<Self>) -> String {
        match limit {
            Some(Self::AtMost(limit)) => format!("≤ {limit}"),
            Some(Self::AtLeast(limit)) => format!("≥ {limit}"),
            None => String::new(),
        }
    }
}

impl Bar {
    fn new(
        figure: impl Into<String>,
        measured: Option<Spread>,
        bar: Option<Limit>,
        stretch: Option<Limit>,
    ) -> Self {
        Self { figure: figure.into(), measured, bar, stretch }
    }

    /// The median counts.
    fn result(&self) -> &'static str {
        let Some(measured) = self.measured else { return "not measured" };
        let meets = |limit: Option<Limit>| limit.map(|limit| limit.is_met(measured.median));
        match (meets(self.bar), meets(self.stretch)) {
            (Some(false), _) => "**missed**",
            (_, Some(true)) => "stretch met",
            (None, Some(false)) => "stretch missed",
            (None, None) => "",
            _ => "met",
        }
    }
}

/// The table of all bars, and how many are met.
pub(crate) fn table(figures: &Figures, sizes: &Sizes) -> String {
    let bars = bars(figures, sizes);
    let with = |result: &str| bars.iter().filter(|bar| bar.result() == result).count();
    let bare = bars.iter().filter(|bar| bar.bar.is_some()).count();
    let mut table = format!(
        "{bare} bars: {} missed, {} not measured; {} stretch figures met. Of several rounds the median \
         counts; least and greatest in brackets.\n\n\
         | figure | measured | bar | stretch | |\n|---|---|---|---|---|\n",
        with("**missed**"),
        with("not measured"),
        with("stretch met"),
    );
    for bar in &bars {
        let measured = bar.measured.map_or_else(String::new, |measured| measured.to_string());
        let [limit, stretch] = [bar.bar, bar.stretch].map(Limit::shown);
        let result = bar.result();
        let _ = writeln!(table, "| {} | {measured} | {limit} | {stretch} | {result} |", bar.figure);
    }
    table
}

fn bars(figures: &Figures, sizes: &Sizes) -> Vec<Bar> {
    let at_most = |limit| Some(Limit::AtMost(limit));
    let at_least = |limit| Some(Limit::AtLeast(limit));
    let main = sizes.main;
    let engine =
        |kind: &str, ours, other| figures.ratio(&format!("{kind}, ns"), [ours, other], main);
    let against = |what: &str, peer| figures.ratio(what, [PREAU, peer], main);
    let of_server = |what: &str| figures.spread(what, PREAU, main);

    let mut bars = Vec::new();
    for kind in ["unlisted", "listed"] {
        for (form, name) in [("read before", NAME), ("from a packet", PACKET)] {
            bars.push(Bar::new(
                format!("verdict, {kind} name, {form}, to aHash"),
                engine(kind, name, A_HASH),
                at_most(0.5),
                at_most(0.3),
            ));
        }
    }
    for (kind, bar, stretch) in [("listed", 10.0, 20.0), ("unlisted", 30.0, 60.0)] {
        bars.push(Bar::new(
            format!("Brave's `adblock` to ours, {kind}"),
            engine(kind, ADBLOCK, NAME),
            at_least(bar),
            at_least(stretch),
        ));
    }
    bars.extend([
        Bar::new(
            format!("bundle of {main} names, octets a name"),
            figures.spread("bundle, octets a name", OURS, main),
            at_most(28.0),
            at_most(20.0),
        ),
        Bar::new(
            format!("private memory that loading {main} names adds, MB"),
            of_server("loaded, MB written more"),
            at_most(5.0),
            at_most(1.0),
        ),
        Bar::new(
            format!("a bundle of {main} names opened and verified, ms"),
            figures.spread("open, ms", OURS, main),
            at_most(150.0),
            at_most(10.0),
        ),
        Bar::new(
            format!("the same of {} names, ms", sizes.great),
            figures.spread("open, ms", OURS, sizes.great),
            at_most(600.0),
            None,
        ),
        Bar::new(
            "compile, user µs a line",
            figures.spread("compile, user µs a line", OURS, main),
            at_most(3.0),
            at_most(2.5),
        ),
        Bar::new(
            "compile, most memory, octets a line",
            figures.spread("compile, peak octets a line", OURS, main),
            at_most(150.0),
            None,
        ),
        Bar::new(
            "refused, user CPU to dnsdist's",
            against("refused, user µs", DNSDIST),
            at_most(0.25),
            None,
        ),
        Bar::new(
            "refused, user CPU to the bare responder's",
            all_rounds_ratio(figures, "refused, user µs", [PREAU, BARE], main),
            None,
            at_most(2.0),
        ),
        Bar::new(
            "cached, user CPU to Unbound's",
            against("cached, user µs", UNBOUND),
            at_most(0.5),
            at_most(0.25),
        ),
    ]);
    for kind in ["refused", "cached"] {
        bars.push(Bar::new(
            format!("{kind}, total CPU to the bare responder's"),
            against(&format!("{kind}, total µs"), BARE),
            at_most(1.25),
            at_most(1.1),
        ));
    }
    bars.extend([
        Bar::new("reload under load, answers lost", of_server("reload, lost"), at_most(0.0), None),
        Bar::new(
            "reload under load, p99 to that without",
            rounds_ratio(figures, ["reload, p99 µs", "steady, p99 µs"], main),
            at_most(2.0),
            at_most(1.1),
        ),
        Bar::new(
            "reload, private memory less one mapping, to that before",
            of_server("reload, private to steady"),
            at_most(1.2),
            None,
        ),
    ]);
    for kind in ["listed", "unlisted"] {
        let median = |size| Some(figures.spread(&format!("{kind}, ns"), NAME, size)?.median);
        let ratio = median(sizes.great).zip(median(sizes.small));
        bars.push(Bar::new(
            format!("verdict, {kind}, {} names to {}", sizes.great, sizes.small),
            ratio.map(|(great, small)| Spread::of(vec![great / small])),
            at_most(1.5),
            at_most(1.2),
        ));
    }
    bars.extend(text(figures));
    bars.extend(check(figures, main));
    bars
}

/// Phrases are those of the repository: as many as there are.
fn text(figures: &Figures) -> [Bar; 5] {
    const SPEED: &str = "text MB/s";
    const SPEED_OF_RARE: &str = "text of rare words MB/s";
    let series = figures.series(SPEED);
    let phrases = series.get(SCREENING).and_then(|points| Some(points.last()?.0)).unwrap_or(0);
    let ours = |what| figures.spread(what, SCREENING, phrases);
    [
        Bar::new(
            format!("text screening, {phrases} phrases, MB/s"),
            ours(SPEED),
            Some(Limit::AtLeast(80.0)),
            Some(Limit::AtLeast(200.0)),
        ),
        Bar::new(
            "text screening to a bare contiguous NFA",
            figures.ratio(SPEED, [SCREENING, NFA], phrases),
            Some(Limit::AtLeast(1.5)),
            None,
        ),
        Bar::new("text of more rare words, MB/s", ours(SPEED_OF_RARE), None, None),
        Bar::new(
            "text of more rare words, to a bare contiguous NFA",
            figures.ratio(SPEED_OF_RARE, [SCREENING, NFA], phrases),
            None,
            None,
        ),
        Bar::new(
            "text screening, what its automata hold, MB",
            ours("text MB held"),
            Some(Limit::AtMost(64.0)),
            None,
        ),
    ]
}

/// What the check API has to tell; nothing is asked of it.
fn check(figures: &Figures, main: usize) -> [Bar; 3] {
    let told = |what: &str, request: &str, told: &str| {
        let figure = format!("check API, {request} a request, {told}");
        let of = format!("{request}, TCP");
        Bar::new(figure, figures.spread(&format!("check, {what}"), &of, main), None, None)
    };
    [
        told("items/s", "1000 hosts", "hosts a second on one core"),
        told("p99 ms", "1000 hosts", "p99 of eight askers, ms"),
        told("p99 ms", "10 results", "p99 of eight askers, ms"),
    ]
}

/// Of all rounds together: the bare responder's user time is some ticks of the kernel's a round.
fn all_rounds_ratio(
    figures: &Figures,
    what: &str,
    [of, to]: [&str; 2],
    names: usize,
) -> Option<Spread> {
    let sum = |who| Some(figures.rounds(what, who, names)?.iter().sum::<f64>());
    Some(Spread::of(vec![sum(of)? / sum(to)?]))
}

/// Of two figures of Préau's own.
fn rounds_ratio(figures: &Figures, [own, other]: [&str; 2], names: usize) -> Option<Spread> {
    let [own, other] = [own, other].map(|what| figures.rounds(what, PREAU, names));
    Some(Spread::of_ratios(own?, other?))
}
