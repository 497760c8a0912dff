//! `list-compile diff`: against a naive comparison of everything at once, and as people see it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fs,
    path::Path,
    process::Command,
};

use filter_core::{
    Action, DomainName, Filter, FilterBuilder, Fragment, NameRule, Options, Scope, Source, Stamp,
};
use lists::diff::{Diff, Kind, compare};
use proptest::prelude::*;

/// A rule of the naive model: source, scope, important, exception, the latter of the nearest kind.
type Rule = (usize, Scope, bool, bool, bool);

/// The sources of the model: two that block, one of another category, one that allows.
const SOURCES: [(&str, Action, &str); 4] = [
    ("porn-a", Action::Block, "porn"),
    ("porn-b", Action::Block, "porn"),
    ("ads", Action::Block, "ads"),
    ("learn", Action::Allow, "education"),
];

fn bundle(rules: &[(String, Rule)], fragments: &[(String, usize)]) -> Filter {
    let mut builder = FilterBuilder::new();
    let mut batches = Vec::new();
    for (name, action, category) in SOURCES {
        let source = match action {
            Action::Block => Source::block(name, &[category]),
            Action::Allow => Source::allow(name, &[category], &["porn"]),
        };
        let id = builder.source(source).unwrap();
        batches.push(builder.batch(id));
    }
    for (name, (source, scope, important, exception, nearest)) in rules.iter().cloned() {
        let options = Options { important, exception, nearest, ..Options::default() };
        batches[source].domain(&name.parse().unwrap(), scope, options).unwrap();
    }
    for (text, source) in fragments {
        let fragment = Fragment::parse(text).unwrap();
        batches[*source].fragment(&fragment, Options::default()).unwrap();
    }
    for batch in batches {
        builder.add(batch.finish());
    }
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    Filter::open(builder.build(stamp).bytes).unwrap()
}

/// Everything that a bundle stores of names.
fn stored(filter: &Filter) -> BTreeMap<String, BTreeSet<Rule>> {
    let rules = |listed: &filter_core::ListedName<'_>| {
        listed
            .rules()
            .map(|NameRule { source, scope, options: o }| {
                (source, scope, o.important, o.exception, o.nearest)
            })
            .collect()
    };
    filter.names().map(|listed| (listed.name.to_string(), rules(&listed))).collect()
}

/// Which of these rules of a name an ancestor's rule stands in for, looking at one ancestor after
/// the other from the nearest up.
fn inherited(
    all: &BTreeMap<String, BTreeSet<Rule>>,
    name: &str,
    rules: &BTreeSet<Rule>,
) -> BTreeSet<Rule> {
    let covered = |&(source, scope, important, exception, _): &Rule| {
        if exception || SOURCES[source].1 == Action::Allow || scope == Scope::Exact {
            return false;
        }
        let mut above = name;
        while let Some((_, parent)) = above.split_once('.') {
            above = parent;
            let Some(said) = all.get(above) else { continue };
            if said.iter().any(|rule| SOURCES[rule.0].1 == Action::Allow) {
                return false;
            }
            let spreads = [Scope::Subtree, Scope::SubdomainsOnly];
            let nearest = |rule: &Rule| rule.0 == source && spreads.contains(&rule.1) && rule.4;
            if said.iter().any(nearest) {
                return false;
            }
            if spreads.iter().any(|&scope| said.contains(&(source, scope, important, false, false)))
            {
                return true;
            }
        }
        false
    };
    rules.iter().copied().filter(covered).collect()
}

fn categories(rules: &BTreeSet<Rule>) -> BTreeSet<&'static str> {
    let blocking = rules.iter().filter(|rule| SOURCES[rule.0].1 == Action::Block && !rule.3);
    blocking.map(|rule| SOURCES[rule.0].2).collect()
}

/// The naive comparison: `sign name` of each change, and counts.
#[derive(Debug, Default, PartialEq, Eq)]
struct Naive {
    changes: BTreeSet<String>,
    folded: u64,
    unfolded: u64,
    /// Added, removed, moved.
    sources: BTreeMap<&'static str, [u64; 3]>,
    categories: BTreeMap<&'static str, [u64; 3]>,
}

fn naive(old: &Filter, new: &Filter) -> Naive {
    let (old, new) = (stored(old), stored(new));
    let mut found = Naive::default();
    for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (mut before, mut after) = (
            old.get(name).cloned().unwrap_or_default(),
            new.get(name).cloned().unwrap_or_default(),
        );
        if after.is_empty() {
            after = inherited(&new, name, &before);
            found.folded += u64::from(before == after);
        } else if before.is_empty() {
            before = inherited(&old, name, &after);
            found.unfolded += u64::from(before == after);
        }
        if before == after {
            continue;
        }
        let sign = match (before.is_empty(), after.is_empty()) {
            (true, _) => '+',
            (_, true) => '-',
            _ => '~',
        };
        found.changes.insert(format!("{sign} {name}"));
        for (source, (source_name, ..)) in SOURCES.iter().enumerate() {
            let of = |rules: &BTreeSet<Rule>| -> BTreeSet<Rule> {
                rules.iter().copied().filter(|rule| rule.0 == source).collect()
            };
            let (before, after) = (of(&before), of(&after));
            let column = match (before.is_empty(), after.is_empty()) {
                _ if before == after => continue,
                (true, _) => 0,
                (_, true) => 1,
                _ => 2,
            };
            found.sources.entry(source_name).or_default()[column] += 1;
        }
        let (before, after) = (categories(&before), categories(&after));
        for category in after.difference(&before) {
            found.categories.entry(category).or_default()[0] += 1;
        }
        for category in before.difference(&after) {
            found.categories.entry(category).or_default()[1] += 1;
        }
    }
    found
}

fn streamed(old: &Filter, new: &Filter) -> (Naive, Diff) {
    let mut changes = Vec::new();
    let diff = compare(old, new, 3, |change| {
        let line = change.to_string();
        changes.push(line.split('\t').next().unwrap().to_owned());
        Ok::<_, Infallible>(())
    })
    .unwrap();
    let counts = |tallies: &BTreeMap<String, lists::diff::Tally>, of: &str| {
        let tally = tallies.get(of)?;
        let counts = [tally.added, tally.removed, tally.moved];
        (!tally.is_unchanged()).then_some(counts)
    };
    let found = Naive {
        changes: changes.iter().filter(|line| !line.contains("fragment")).cloned().collect(),
        folded: diff.names.folded,
        unfolded: diff.names.unfolded,
        sources: SOURCES
            .iter()
            .filter_map(|source| Some((source.0, counts(&diff.sources, source.0)?)))
            .collect(),
        categories: ["porn", "ads", "education"]
            .into_iter()
            .filter_map(|category| Some((category, counts(&diff.categories, category)?)))
            .collect(),
    };
    assert_eq!(found.changes.len(), changes.iter().filter(|l| !l.contains("fragment")).count());
    let names: Vec<DomainName> = changes
        .iter()
        .filter(|line| !line.contains("fragment"))
        .map(|line| line[2..].parse().unwrap())
        .collect();
    assert!(names.is_sorted_by(|a, b| a.canonical_cmp(b).is_lt()), "{changes:?}");
    (found, diff)
}

fn rule() -> impl Strategy<Value = (String, Rule)> {
    let name = "([ab]\\.){0,3}[xyz]\\.example";
    let scope = prop_oneof![
        3 => Just(Scope::Subtree), 1 => Just(Scope::Exact), 1 => Just(Scope::SubdomainsOnly)
    ];
    let exception = prop_oneof![
        8 => Just((false, false)),
        1 => Just((true, false)),
        1 => Just((true, true)),
    ];
    (name, 0..SOURCES.len(), scope, prop::bool::weighted(0.1), exception).prop_map(
        |(name, source, scope, important, (exception, nearest))| {
            (name, (source, scope, important, exception, nearest))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Streaming two bundles finds what comparing two maps finds.
    #[test]
    fn agrees_with_a_naive_comparison(
        shared in prop::collection::vec(rule(), 0..20),
        old in prop::collection::vec(rule(), 0..15),
        new in prop::collection::vec(rule(), 0..15),
    ) {
        let side = |own: &[(String, Rule)]| bundle(&[&shared[..], own].concat(), &[]);
        let (old, new) = (side(&old), side(&new));
        let (found, diff) = streamed(&old, &new);
        prop_assert_eq!(found, naive(&old, &new));
        prop_assert_eq!(diff.names.before, stored(&old).len() as u64);
        prop_assert_eq!(diff.names.after, stored(&new).len() as u64);
        let sizes = [
            (diff.names.added, &diff.names.added_sample),
            (diff.names.removed, &diff.names.removed_sample),
            (diff.names.moved, &diff.names.moved_sample),
        ];
        for (count, sample) in sizes {
            prop_assert_eq!(sample.len() as u64, count.min(3));
        }
        // The other way round.
        let back = streamed(&new, &old).1;
        prop_assert_eq!(
            [back.names.added, back.names.removed, back.names.moved, back.names.folded],
            [diff.names.removed, diff.names.added, diff.names.moved, diff.names.unfolded]
        );
        prop_assert!(streamed(&old, &old).1.names.is_unchanged());
    }
}

#[test]
fn what_an_ancestor_covers_is_not_removed() {
    let rule =
        |name: &str, source| (name.to_owned(), (source, Scope::Subtree, false, false, false));
    let old =
        bundle(&[rule("a.x.example", 0), rule("b.x.example", 0), rule("b.x.example", 2)], &[]);
    let new = bundle(&[rule("x.example", 0), rule("a.x.example", 0), rule("b.x.example", 0)], &[]);
    let (found, _) = streamed(&old, &new);
    let expected = ["+ x.example", "~ b.x.example"].map(String::from);
    assert_eq!(found.changes, BTreeSet::from(expected));
    assert_eq!((found.folded, found.unfolded), (1, 0));
    assert_eq!(found.sources, BTreeMap::from([("porn-a", [1, 0, 0]), ("ads", [0, 1, 0])]));
}

#[test]
fn fragments_and_manifests_are_compared_too() {
    let old = bundle(&[], &[("casino".into(), 0), ("lotto".into(), 0)]);
    let new = bundle(&[], &[("casino".into(), 2), ("poker".into(), 1)]);
    let (_, diff) = streamed(&old, &new);
    let fragments = &diff.patterns["fragments"];
    assert_eq!([fragments.before, fragments.after], [2, 2]);
    assert_eq!([fragments.added, fragments.removed, fragments.moved], [1, 1, 1]);
    assert_eq!(fragments.moved_sample, ["fragment casino"]);
    assert_eq!([diff.categories["porn"].added, diff.categories["porn"].removed], [1, 2]);
    assert_eq!(diff.manifest.sources_changed, []);
}

/// Builds two bundles with the program, and compares them with it.
struct Versions {
    folder: tempfile::TempDir,
}

impl Versions {
    fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        this.write("porn.txt", "a.example\nb.example\nwww.c.example\nd.example\n");
        this.write("hosts", "0.0.0.0 e.example\n0.0.0.0 f.example\n");
        this.write("old.txt", "g.example\n");
        this.write("ads.txt", "||h.example^\n");
        this.sources(&[
            ("porn", "porn.txt", "porn", "CC0-1.0"),
            ("hosts", "hosts", "ads", "MIT"),
            ("old", "old.txt", "games", "MIT"),
            ("ads", "ads.txt", "ads", "GPL-3.0"),
        ]);
        this.run(&[
            "build",
            "--sources",
            "sources.toml",
            "--out",
            "old",
            "--created",
            "2026-11-22T00:00:00Z",
        ]);
        this.write("porn.txt", "a.example\nc.example\nwww.c.example\nf.example\n");
        this.write("hosts", "0.0.0.0 f.example\n");
        this.write("new.txt", "i.example\nj.example\n");
        this.write("ads.txt", "||h.example^$important\n||trk.\n");
        this.sources(&[
            ("porn", "porn.txt", "porn", "MIT"),
            ("hosts", "hosts", "ads", "MIT"),
            ("new", "new.txt", "games", "Unlicense"),
            ("ads", "ads.txt", "ads", "GPL-3.0"),
        ]);
        this.run(&[
            "build",
            "--sources",
            "sources.toml",
            "--out",
            "new",
            "--created",
            "2026-11-23T00:00:00Z",
        ]);
        this
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn sources(&self, sources: &[(&str, &str, &str, &str)]) {
        let table = |(name, path, category, licence): &(&str, &str, &str, &str)| {
            format!(
                "[[source]]\nname = \"{name}\"\npath = \"{path}\"\ncategories = [\"{category}\"]\n\
                 licence = \"{licence}\"\n"
            )
        };
        self.write("sources.toml", &sources.iter().map(table).collect::<String>());
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_list-compile"));
        let output = command.args(arguments).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn as_people_see_it() {
    let versions = Versions::new();
    let expected = "\
1795305600 of 2026-11-22T00:00:00Z -> 1795392000 of 2026-11-23T00:00:00Z

                    before       after       added     removed       moved
names                    8           6          +3          -4          ~2
  + c.example  i.example  j.example
  - b.example  d.example  e.example  g.example
  ~ f.example  h.example
fragments                0           1          +1           0           0
  + fragment .trk.
folded into another rule of the same sources: 1 name; unfolded: 0 names

category            before       after       added     removed       moved
ads                      3           3          +1          -1           0
  + fragment .trk.
  - e.example
games                    1           2          +2          -1           0
  + i.example  j.example
  - g.example
porn                     4           3          +2          -2           0
  + c.example  f.example
  - b.example  d.example

source              before       after       added     removed       moved
ads                      1           2          +1           0          ~1
  + fragment .trk.
  ~ h.example
hosts                    2           1           0          -1           0
  - e.example
new                      0           2          +2           0           0
  + i.example  j.example
old                      1           0           0          -1           0
  - g.example
porn                     4           3          +2          -2           0
  + c.example  f.example
  - b.example  d.example

3 sources as before, 1 new, 1 gone; of those in both, 0 lists unchanged to the octet
+ new · blocks games · Unlicense · 2 rules
- old · blocks games · MIT · 1 rule
~ porn · licence: CC0-1.0 -> MIT
";
    let out = versions.run(&["diff", "old", "new"]);
    assert_eq!(out, expected, "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 100));
    let same = versions.run(&["diff", "new", "new"]);
    assert!(same.contains("\nnothing changed in 3 categories\n"), "{same}");
    assert!(same.contains("of those in both, 4 lists unchanged to the octet\n"), "{same}");
}

#[test]
fn every_name_as_lines() {
    let versions = Versions::new();
    let expected = "\
- b.example\tporn\tporn
+ c.example\tporn\tporn
- d.example\tporn\tporn
- e.example\tads\thosts(exact)
~ f.example\tads -> ads,porn\thosts(exact) -> hosts(exact),porn
- g.example\tgames\told
~ h.example\tads\tads -> ads(important)
+ i.example\tgames\tnew
+ j.example\tgames\tnew
+ fragment .trk.\tads\tads
";
    assert_eq!(versions.run(&["diff", "old", "new", "--names"]), expected);
    assert_eq!(versions.run(&["diff", "old", "old", "--names"]), "");
}

#[test]
fn json_of_a_machine_s_liking() {
    let versions = Versions::new();
    let whole: serde_json::Value =
        serde_json::from_str(&versions.run(&["diff", "old", "new", "--json"])).unwrap();
    assert_eq!(whole["names"]["added"], 3);
    assert_eq!(whole["patterns"]["fragments"]["added_sample"][0], "fragment .trk.");
    assert_eq!(whole["sources"]["hosts"]["removed"], 1);
    assert_eq!(whole["manifest"]["sources_changed"][0]["field"], "licence");
    assert_eq!(whole["old"]["serial"], 1_795_305_600);

    let lines = versions.run(&["diff", "old", "new", "--json", "--names"]);
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 11);
    assert_eq!(lines[10]["summary"], whole);
    assert_eq!(
        lines[4],
        serde_json::json!({
            "change": "moved",
            "entry": "name",
            "text": "f.example",
            "before": {
                "categories": ["ads"],
                "rules": [{"source": "hosts", "scope": "exact"}],
            },
            "after": {
                "categories": ["ads", "porn"],
                "rules": [
                    {"source": "hosts", "scope": "exact"},
                    {"source": "porn", "scope": "subtree"},
                ],
            },
        })
    );
    assert_eq!(lines[0]["after"], serde_json::Value::Null);
}

/// A year of a real list, against sets of its lines.
#[test]
fn a_real_list_against_sets_of_its_lines() {
    let deltas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/deltas");
    if !deltas.is_dir() {
        return println!("skipped: no ../shared");
    }
    let names = |file: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(deltas.join(file)).unwrap();
        let names = text.lines().filter_map(|line| line.trim().parse::<DomainName>().ok());
        names.map(|name| name.to_string()).collect()
    };
    let filter = |names: &BTreeSet<String>| {
        let mut builder = FilterBuilder::new();
        let id = builder.source(Source::block("ut1-gambling", &["gambling"])).unwrap();
        let mut batch = builder.batch(id);
        // Exact, so that no name stands in for another.
        for name in names {
            let _ = batch.domain(&name.parse().unwrap(), Scope::Exact, Options::default());
        }
        builder.add(batch.finish());
        let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
        Filter::open(builder.build(stamp).bytes).unwrap()
    };
    let (old, new) = (names("ut1_gambling@2025-08-24.txt"), names("ut1_gambling@2026-05-25.txt"));
    let mut kinds = BTreeMap::new();
    let diff = compare(&filter(&old), &filter(&new), 5, |change| {
        let text = change.to_string();
        let name = text[2..].split('\t').next().unwrap();
        match change.kind {
            Kind::Added => assert!(new.contains(name) && !old.contains(name), "{text}"),
            Kind::Removed => assert!(old.contains(name) && !new.contains(name), "{text}"),
            Kind::Moved => panic!("{text}"),
        }
        *kinds.entry(text.as_bytes()[0]).or_insert(0_u64) += 1;
        Ok::<_, Infallible>(())
    })
    .unwrap();
    // `bet.br` is a public suffix, in both.
    assert_eq!(diff.names.added, new.difference(&old).count() as u64);
    assert_eq!(diff.names.removed, old.difference(&new).count() as u64);
    assert_eq!(kinds.get(&b'+').copied().unwrap_or_default(), diff.names.added);
    assert!(diff.names.after > 30_000);
    println!("+{} -{} of {}", diff.names.added, diff.names.removed, diff.names.before);
}
