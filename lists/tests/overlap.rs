//! Overlap and growth: against counting by hand, and as `list-compile stats` prints them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use filter_core::{Filter, FilterBuilder, Options, Scope, Source, Stamp};
use lists::overlap::Overlap;
use proptest::prelude::*;

const SOURCES: [(&str, &str); 4] =
    [("a", "porn"), ("b", "porn"), ("c", "ads"), ("learn", "education")];

fn bundle(rules: &[(String, usize, Scope, bool)]) -> Filter {
    let mut builder = FilterBuilder::new();
    let mut batches: Vec<_> = SOURCES
        .iter()
        .map(|(name, category)| {
            let source = match *name {
                "learn" => Source::allow(name, &[category], &["porn"]),
                _ => Source::block(name, &[category]),
            };
            let id = builder.source(source).unwrap();
            builder.batch(id)
        })
        .collect();
    for (name, source, scope, exception) in rules {
        let options = Options { exception: *exception, ..Options::default() };
        batches[*source].domain(&name.parse().unwrap(), *scope, options).unwrap();
    }
    batches.into_iter().for_each(|batch| builder.add(batch.finish()));
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    Filter::open(builder.build(stamp).bytes).unwrap()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Naive {
    /// Names and unique names.
    sources: BTreeMap<String, (u64, u64)>,
    categories: BTreeMap<String, (u64, u64)>,
    pairs: BTreeMap<(String, String), u64>,
}

/// Asks of every name, for every source, whether it lists the name or one above it.
fn naive(filter: &Filter) -> Naive {
    let all: BTreeMap<String, Vec<(usize, Scope)>> = filter
        .names()
        .map(|listed| {
            let rules = listed.rules().filter(|rule| !rule.options.exception);
            (listed.name.to_string(), rules.map(|rule| (rule.source, rule.scope)).collect())
        })
        .collect();
    let mut found = Naive::default();
    for (source, _) in SOURCES {
        found.sources.insert(source.into(), (0, 0));
    }
    for (name, rules) in &all {
        let lists: BTreeSet<usize> = rules.iter().map(|(source, _)| *source).collect();
        let mut matches = lists.clone();
        let above = name.match_indices('.').filter_map(|(at, _)| all.get(&name[at + 1..]));
        let spreading = above.flatten().filter(|(_, scope)| *scope != Scope::Exact);
        matches.extend(spreading.map(|(source, _)| *source));
        let allows = |source: usize| SOURCES[source].0 == "learn";
        for &own in &lists {
            let others = matches.iter().filter(|&&other| other != own);
            let unique = !others.clone().any(|&other| allows(other) == allows(own));
            let (names, uniques) = found.sources.get_mut(SOURCES[own].0).unwrap();
            *names += 1;
            *uniques += u64::from(unique);
            for &other in others {
                let pair = (SOURCES[own].0.to_owned(), SOURCES[other].0.to_owned());
                *found.pairs.entry(pair).or_default() += 1;
            }
        }
        let categories = |of: &BTreeSet<usize>| -> BTreeSet<&str> {
            of.iter().filter(|&&source| !allows(source)).map(|&s| SOURCES[s].1).collect()
        };
        for category in categories(&lists) {
            let (names, unique) = found.categories.entry(category.into()).or_default();
            *names += 1;
            *unique += u64::from(categories(&matches).len() == 1);
        }
    }
    found
}

fn counted(overlap: &Overlap) -> Naive {
    let sources = overlap.sources.iter();
    let categories = overlap.categories.iter();
    let pairs = overlap.pairs.iter();
    Naive {
        sources: sources.map(|s| (s.name.clone(), (s.names, s.unique))).collect(),
        categories: categories.map(|(name, c)| (name.clone(), (c.names, c.unique))).collect(),
        pairs: pairs.map(|p| ((p.of.clone(), p.within.clone()), p.names)).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_counting_by_hand(
        rules in prop::collection::vec(
            (
                "([ab]\\.){0,3}[xyz]\\.example",
                0..SOURCES.len(),
                prop_oneof![
                    3 => Just(Scope::Subtree), 1 => Just(Scope::Exact), 1 => Just(Scope::SubdomainsOnly)
                ],
                prop::bool::weighted(0.1),
            ),
            0..40,
        ),
    ) {
        let filter = bundle(&rules);
        let overlap = Overlap::of(&filter);
        prop_assert_eq!(counted(&overlap), naive(&filter));
        let shares: Vec<_> = overlap.pairs.iter().map(|pair| pair.share).collect();
        prop_assert!(shares.is_sorted_by(|a, b| a >= b));
        for pair in &overlap.pairs {
            prop_assert!(pair.share > 0.0 && pair.share <= 1.0);
            prop_assert_eq!(pair.conflict, (pair.of == "learn") != (pair.within == "learn"));
        }
    }
}

/// A folder in which lists are compiled.
struct Folder(tempfile::TempDir);

impl Folder {
    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_list-compile"));
        let output = command.args(arguments).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn build(&self, out: &str, day: &str) {
        let created = format!("2026-11-{day}T00:00:00Z");
        self.run(&["build", "--sources", "sources.toml", "--out", out, "--created", &created]);
    }

    /// Two bundles, a day apart.
    fn with_two_bundles() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        this.write("porn.txt", "a.example\nb.example\n");
        this.write("more.txt", "a.example\nx.b.example\nc.example\nd.example\n");
        this.write("learn.txt", "c.example\n");
        let source = |name: &str, more: &str| {
            format!("[[source]]\nname = \"{name}\"\npath = \"{name}.txt\"\n{more}\n")
        };
        let sources = [
            source("porn", "categories = [\"porn\"]\nlicence = \"MIT\""),
            source("more", "categories = [\"porn\", \"violence\"]"),
            source("learn", "categories = [\"education\"]\naction = \"allow\"\nlifts = [\"porn\"]"),
        ];
        this.write("sources.toml", &sources.concat());
        this.build("old", "22");
        this.write("porn.txt", "a.example\nb.example\ne.example\n");
        this.write("learn.txt", "c.example\nf.example\n");
        this.build("new", "23");
        this
    }
}

#[test]
fn as_people_see_it() {
    let folder = Folder::with_two_bundles();
    let out = folder.run(&["stats", "new", "--previous", "old", "--overlaps", "2"]);
    let (_, tables) = out.split_once("\n     blocked").unwrap();
    let expected = "      unique          category
           6           2  33.3 %  porn
           4           0   0.0 %  violence

       rules       names      unique          source
           3           3           2  66.7 %  porn · blocks porn · MIT
           4           4           2  50.0 %  more · blocks porn, violence · no licence stated
           2           2           2 100.0 %  learn · allows education · no licence stated

       names          names of one source that another has too
           2  50.0 %  of more, in porn
           1  33.3 %  of porn, in more

       names          names that one source allows and another blocks
           1  50.0 %  of learn, in more
           1  25.0 %  of more, in learn

      before       after    growth  since 1795305600 of 2026-11-22T00:00:00Z
           5           7   +40.0 %  all names
           5           6   +20.0 %  category porn
           1           2  +100.0 %  source learn
           2           3   +50.0 %  source porn
";
    assert_eq!(tables, expected, "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    let out = folder.run(&["stats", "new", "--overlaps", "1"]);
    assert!(out.contains("                      and 1 pair more: --json has all\n"), "{out}");
    assert!(!out.contains("growth"));
}

#[test]
fn the_json_has_the_whole_matrix() {
    let folder = Folder::with_two_bundles();
    let json = folder.run(&["stats", "new", "--previous", "old", "--json", "--overlaps", "0"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let pairs = json["overlap"]["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 4);
    assert_eq!(
        pairs[0],
        serde_json::json!({
            "of": "more", "within": "porn", "names": 2, "share": 0.5, "conflict": false,
        })
    );
    assert_eq!(json["overlap"]["sources"][1]["unique"], 2);
    assert_eq!(json["overlap"]["categories"]["porn"]["unique"], 2);
    assert_eq!(json["growth"]["sources"]["porn"]["percent"], 50.0);
    assert_eq!(json["growth"]["since"]["serial"], 1_795_305_600);
}

/// Two real lists of which one is nearly the other.
#[test]
fn a_real_list_that_adds_nearly_nothing() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        return println!("skipped: no ../shared");
    }
    let data = fs::canonicalize(data).unwrap();
    let folder = Folder(tempfile::tempdir().unwrap());
    let source = |name: &str, path: &str| {
        format!(
            "[[source]]\nname = \"{name}\"\npath = \"{}/{path}\"\ncategories = [\"bypass\"]\n",
            data.display()
        )
    };
    let sources = source("ut1", "ut1_blacklists/redirector")
        + &source("blp", "lists/redirect/blp_redirect.txt");
    folder.write("sources.toml", &sources);
    folder.build("out", "22");
    let json: serde_json::Value =
        serde_json::from_str(&folder.run(&["stats", "out", "--json"])).unwrap();
    let blp = &json["overlap"]["sources"][1];
    let (names, unique) = (blp["names"].as_u64().unwrap(), blp["unique"].as_u64().unwrap());
    assert!(names > 108_000 && unique < 130, "{unique} of {names}");
    println!("{unique} of {names} names are in the second list only");
}
