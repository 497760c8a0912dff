//! What mined pieces find of names that they were not mined from.

use std::{collections::BTreeSet, fmt};

use rayon::prelude::*;
use serde::Serialize;

use super::{Corpus, Task};

/// Harmless sites that may be taken for others, of so many.
const RATES: [(u32, u32); 2] = [(1, 1_000), (1, 10_000)];
/// Mistakes that are shown.
const SHOWN: usize = 40;

/// How one category fares, list by list.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// The category.
    pub category: String,
    /// Sites that lists name for it.
    pub listed: usize,
    /// Harmless sites that it is set against.
    pub harmless: usize,
    /// Harmless sites that no list names, which are asked about, by group.
    pub groups: Vec<BenignGroup>,
    /// For each list, what is found of the sites that it alone names when all others are mined.
    pub splits: Vec<Split>,
}

/// Harmless sites of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct BenignGroup {
    /// Its name.
    pub group: String,
    /// Sites of it that no list names.
    pub sites: usize,
}

/// One list left out.
#[derive(Clone, Debug, Serialize)]
pub struct Split {
    /// The list.
    pub source: String,
    /// Sites that were mined.
    pub mined: usize,
    /// Sites that this list alone names: what is looked for.
    pub unseen: usize,
    /// With thresholds set on all harmless sites, then on those of each group alone.
    pub found: Vec<Found>,
    /// The harmless sites with the highest scores.
    pub worst_harmless: Vec<Scored>,
    /// Unseen sites with the lowest scores.
    pub worst_unseen: Vec<Scored>,
}

/// What is found at one rate of mistakes.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The group that the threshold is set on; `all`: everything.
    pub group: String,
    /// The rate: one in so many.
    pub one_in: u32,
    /// The threshold, and the mistakes; none where there are fewer sites than `one_in`.
    pub at: Option<Mistakes>,
}

/// A threshold, and what it does.
#[derive(Clone, Debug, Serialize)]
pub struct Mistakes {
    /// The score from which on a site is refused.
    pub threshold: i32,
    /// Harmless sites that are.
    pub mistaken: usize,
    /// Of so many.
    pub of: usize,
    /// 95 % interval of that rate.
    pub rate: Interval,
    /// Unseen sites that are refused.
    pub found: usize,
    /// 95 % interval of that share: what other sites looked for, and other harmless ones to set the
    /// threshold on, may have given.
    pub recall: Interval,
    /// Mistakes of each group at this threshold.
    pub by_group: Vec<(String, usize)>,
}

/// A share and its 95 % interval (Wilson).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The share.
    pub share: f64,
    /// The interval's low end.
    pub low: f64,
    /// Its high end.
    pub high: f64,
}

/// A site with its score.
#[derive(Clone, Debug, Serialize)]
pub struct Scored {
    /// The site.
    pub site: String,
    /// Its score.
    pub score: i32,
}

/// Of a normal distribution, 95 % lie within so many standard deviations.
const Z: f64 = 1.96;

impl Interval {
    fn of(hits: usize, of: usize) -> Self {
        let (n, share) = (of as f64, hits as f64 / of as f64);
        let middle = share + Z * Z / (2.0 * n);
        let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + Z * Z / n;
        Self { share, low: ((middle - half) / whole).max(0.0), high: (middle + half) / whole }
    }
}

/// Leaves out each list of a category in turn, or those that are asked for: mines the others, and looks
/// for the sites that it alone names. Sites that were mined are never looked for; harmless sites are
/// scored by a fit that they were left out of.
pub fn evaluate(corpus: &Corpus, category: &str, only: &[String]) -> Evaluation {
    let asked: BTreeSet<&str> = corpus.unlisted_benign().into_iter().collect();
    let groups = corpus.benign.iter().map(|group| {
        let sites = group.sites.iter().map(String::as_str);
        (group.group.as_str(), sites.filter(|site| asked.contains(site)).collect())
    });
    let groups: Vec<(&str, BTreeSet<&str>)> = groups.collect();
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|only| only == name);
    let sources = corpus.sources_of(category).filter(|source| is_wanted(&source.name));
    let splits = sources.filter_map(|source| split(corpus, category, source, &groups));
    let listed = corpus.listed_as(category, None);
    Evaluation {
        category: category.to_owned(),
        listed: listed.len(),
        harmless: corpus.harmless(&listed).len(),
        groups: groups
            .iter()
            .map(|(group, sites)| BenignGroup { group: (*group).to_owned(), sites: sites.len() })
            .collect(),
        splits: splits.collect(),
    }
}

fn split(
    corpus: &Corpus,
    category: &str,
    source: &super::Listed,
    groups: &[(&str, BTreeSet<&str>)],
) -> Option<Split> {
    let mined = corpus.listed_as(category, Some(&source.name));
    let is_mined = |site: &str| mined.binary_search(&site).is_ok();
    let unseen: Vec<&str> =
        source.sites.iter().map(String::as_str).filter(|site| !is_mined(site)).collect();
    if mined.is_empty() || unseen.is_empty() {
        return None;
    }
    let task = Task::new(corpus, &mined);
    let folds = task.folds();
    let harmless = task.scores_by(&folds);
    // Each by the fold that it would have been left out of, so that all four are tried.
    let scored =
        unseen.par_iter().map(|&site| (folds[super::fold(site) as usize].score(site), site));
    let mut unseen: Vec<(i32, &str)> = scored.collect();
    unseen.sort_unstable();

    let all = std::iter::once(("all", None));
    let each = groups.iter().map(|(group, sites)| (*group, Some(sites)));
    let mut found = Vec::new();
    for (group, sites) in all.chain(each) {
        let own: Vec<i32> = harmless
            .iter()
            .filter(|(_, site)| sites.is_none_or(|sites| sites.contains(site)))
            .map(|(score, _)| *score)
            .collect();
        for (part, one_in) in RATES {
            let allowed = own.len() * part as usize / one_in as usize;
            let found_from = |threshold: i32| {
                let hits = unseen.iter().filter(|(score, _)| *score >= threshold).count();
                (hits, Interval::of(hits, unseen.len()))
            };
            let at = own.get(allowed).filter(|_| allowed > 0).map(|&score| {
                let threshold = score + 1;
                let mistaken = own.iter().filter(|&&score| score >= threshold).count();
                let (strictest, mildest) = ranks(allowed, own.len());
                let (hits, Interval { share, .. }) = found_from(threshold);
                let recall = Interval {
                    share,
                    low: found_from(own[strictest] + 1).1.low,
                    high: found_from(own[mildest] + 1).1.high,
                };
                let high = harmless.iter().take_while(|(score, _)| *score >= threshold);
                let high: Vec<&str> = high.map(|(_, site)| *site).collect();
                let of_group = |(group, sites): &(&str, BTreeSet<&str>)| {
                    ((*group).to_owned(), high.iter().filter(|site| sites.contains(*site)).count())
                };
                Mistakes {
                    threshold,
                    mistaken,
                    of: own.len(),
                    rate: Interval::of(mistaken, own.len()),
                    found: hits,
                    recall,
                    by_group: groups.iter().map(of_group).collect(),
                }
            });
            found.push(Found { group: group.to_owned(), one_in, at });
        }
    }
    let scored = |(score, site): &(i32, &str)| Scored { site: (*site).to_owned(), score: *score };
    Some(Split {
        source: source.name.clone(),
        mined: mined.len(),
        unseen: unseen.len(),
        found,
        worst_harmless: harmless.iter().take(SHOWN).map(scored).collect(),
        worst_unseen: unseen.iter().take(SHOWN).map(scored).collect(),
    })
}

/// Of sites in order of score, the places between which the score lies that a rate of *all* such sites
/// reach, where `allowed` of these `of` do: 95 %, without anything said of how scores are spread.
fn ranks(allowed: usize, of: usize) -> (usize, usize) {
    let (middle, n) = (allowed as f64, of as f64);
    let half = Z * (middle * (1.0 - middle / n)).sqrt();
    let last = of.saturating_sub(1);
    ((middle - half).max(0.0).floor() as usize, ((middle + half).ceil() as usize).min(last))
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { category, listed, harmless, groups, splits } = self;
        writeln!(
            f,
            "{category}: {listed} listed sites, {harmless} harmless ones to set against them"
        )?;
        let groups: Vec<_> =
            groups.iter().map(|group| format!("{} {}", group.group, group.sites)).collect();
        writeln!(f, "harmless sites that no list names: {}", groups.join(", "))?;
        splits.iter().try_for_each(|split| write!(f, "\n{split}"))
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "without {}: {} sites mined, {} looked for that it alone names",
            self.source, self.mined, self.unseen
        )?;
        for Found { group, one_in, at } in &self.found {
            let Some(at) = at else {
                writeln!(f, "  {group:14} 1 in {one_in:5}: too few sites to say")?;
                continue;
            };
            let percent = |share: f64| 100.0 * share;
            let by_group: Vec<_> =
                at.by_group.iter().map(|(group, count)| format!("{group} {count}")).collect();
            writeln!(
                f,
                "  {group:14} 1 in {one_in:5}: finds {:4.1} % ({:.1}–{:.1}) from score {} on; {} of {} \
                 mistaken ({:.1}–{:.1} in 10 000): {}",
                percent(at.recall.share),
                percent(at.recall.low),
                percent(at.recall.high),
                at.threshold,
                at.mistaken,
                at.of,
                at.rate.low * 10_000.0,
                at.rate.high * 10_000.0,
                by_group.join(", ")
            )?;
        }
        let told = |scored: &[Scored]| {
            let told: Vec<_> = scored.iter().map(|s| format!("{} {}", s.site, s.score)).collect();
            told.join(", ")
        };
        writeln!(f, "  harmless, highest: {}", told(&self.worst_harmless))?;
        writeln!(f, "  unseen, lowest: {}", told(&self.worst_unseen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::{Benign, Listed};

    #[test]
    fn intervals() {
        let Interval { share, low, high } = Interval::of(10, 100_000);
        assert!((share - 1e-4).abs() < 1e-12);
        assert!((low - 5.43e-5).abs() < 1e-6 && (high - 1.841e-4).abs() < 1e-6, "{low} {high}");
        assert_eq!(Interval::of(0, 10).low, 0.0);
    }

    #[test]
    fn places_of_a_threshold() {
        // Of a binomial distribution: 9 of 91 946 may as well have been 3 to 15.
        assert_eq!(ranks(9, 91_946), (3, 15));
        assert_eq!(ranks(91, 91_946), (72, 110));
        assert_eq!(ranks(1, 2), (0, 1));
    }

    fn corpus() -> Corpus {
        let sites =
            |word: &str, ending: &str| (0..2_000).map(|n| format!("{word}{n}.{ending}")).collect();
        let list = |name: &str, sites: BTreeSet<String>| Listed {
            name: name.to_owned(),
            licence: None,
            action: filter_core::Action::Block,
            categories: vec!["porn".to_owned()],
            sites,
        };
        let mut late: BTreeSet<String> = sites("porn-late", "com");
        late.extend(["porn7.com", "blog7.fr"].map(str::to_owned));
        let popular = Benign { group: "popular".into(), sites: sites("blog", "fr") };
        Corpus {
            listed: vec![list("early", sites("porn", "com")), list("late", late)],
            benign: vec![popular],
            struck: BTreeSet::new(),
        }
    }

    #[test]
    fn a_list_that_is_left_out_says_nothing() {
        let corpus = corpus();
        let mined = corpus.listed_as("porn", Some("late"));
        assert_eq!(mined.len(), 2_000);
        // It is not mined, not even to tell which popular sites are harmless.
        assert!(corpus.harmless(&mined).contains(&"blog7.fr"));
        assert!(!corpus.unlisted_benign().contains(&"blog7.fr"));

        let evaluation = evaluate(&corpus, "porn", &["late".to_owned()]);
        let [split] = evaluation.splits.as_slice() else { panic!("{evaluation}") };
        // All that it names but what was mined.
        assert_eq!((split.mined, split.unseen), (2_000, 2_001));
        let [one_in_1000, one_in_10_000, ..] = split.found.as_slice() else {
            panic!("{evaluation}")
        };
        let at = one_in_1000.at.as_ref().unwrap();
        assert_eq!((at.mistaken <= 1, at.of, at.found), (true, 1_999, 2_000), "{evaluation}");
        assert!(at.recall.low < at.recall.share && at.recall.share < at.recall.high);
        assert!(one_in_10_000.at.is_none(), "too few sites to say");
        assert_eq!(split.worst_unseen[0].site, "blog7.fr");
    }
}
