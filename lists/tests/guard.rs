//! The guards: what they refuse and say, and what they would have said of real lists over the years.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lists --test guard` writes the expected files anew.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use filter_core::{
    Action, Categories, Counts, Filter, FilterBuilder, Manifest, Options, Scope, Source,
    SourceRecord, Stamp, Suffixes,
};
use lists::{
    compile::build,
    diagnostic::TextFile,
    guard::{
        Accept, Finding, GuardPolicy, GuardReport, Problem, Severity, SourceLimits, changes,
        examine,
    },
    source::{Format, ListSource, Sources},
};

fn stamp() -> Stamp {
    Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None }
}

/// What a list of the bundle under test is, and its names: `name` with all below it, `=name` alone,
/// `@@name` excepted with all below it.
struct List(Source, Vec<String>);

fn block(name: &str, category: &str, names: &[&str]) -> List {
    let suffixes = Suffixes::Keep;
    List(Source { suffixes, ..Source::block(name, &[category]) }, owned(names))
}

fn allow(name: &str, lifts: &[&str], names: &[&str]) -> List {
    let lifts = owned(lifts);
    let source = Source::block(name, &["education"]);
    List(Source { action: Action::Allow, lifts, ..source }, owned(names))
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A list of porn that the guards have nothing against.
fn good_porn() -> List {
    let names: Vec<_> =
        GuardPolicy::shipped().must_block["porn"].iter().map(ToString::to_string).collect();
    List(Source::block("porn", &["porn"]), names)
}

fn bundle(lists: &[List]) -> Filter {
    let mut builder = FilterBuilder::new();
    for List(source, names) in lists {
        let id = builder.source(source.clone()).unwrap();
        let mut batch = builder.batch(id);
        for name in names {
            let exception = name.starts_with("@@");
            let scope = if name.starts_with('=') { Scope::Exact } else { Scope::Subtree };
            let name = name.trim_start_matches(['@', '=']).parse().unwrap();
            batch.domain(&name, scope, Options { exception, ..Options::default() }).unwrap();
        }
        builder.add(batch.finish());
    }
    Filter::open(builder.build(stamp()).bytes).unwrap()
}

fn examined(lists: &[List]) -> GuardReport {
    examine(&bundle(lists), None, &GuardPolicy::shipped())
}

/// The same of these and a list of porn that the guards have nothing against.
fn examined_with_porn(mut lists: Vec<List>) -> GuardReport {
    if lists.iter().all(|List(source, _)| source.name != "porn") {
        lists.push(good_porn());
    }
    examined(&lists)
}

/// Findings in a few words.
fn told(report: &GuardReport) -> Vec<String> {
    report.findings.iter().map(tell).collect()
}

fn tell(Finding { severity, problem }: &Finding) -> String {
    let what = match problem {
        Problem::Passed { name, category } => format!("{name} passes {category}"),
        Problem::Refused(refused) => format!("{} to {}", refused.name, refused.profiles.join(" ")),
        Problem::SharedNetwork { refused, .. } => format!("all of {}", refused.name),
        Problem::Shrunk { what, .. } => format!("{what} shrank"),
        Problem::Vanished { what, .. } => format!("{what} is gone"),
        Problem::Opened { what, before, open, .. } => format!("{what} opens {open} of {before}"),
        Problem::Grown { what, .. } => format!("{what} grew"),
        Problem::Without { category } => format!("without {category}"),
        other => format!("{other:?}"),
    };
    let word = if *severity == Severity::Refuse { "refuse" } else { "warn" };
    format!("{word}: {what}")
}

#[test]
fn names_that_must_be_refused_and_names_that_must_not() {
    let cases: Vec<(&str, Vec<List>, &[&str])> = vec![
        ("a good bundle", vec![good_porn()], &[]),
        (
            "no gambling list, no names asked for",
            vec![block("games", "games", &["game.example"])],
            &[],
        ),
        (
            "a gambling list of something else",
            vec![block("gambling", "gambling", &["game.example"])],
            &[
                "refuse: bet365.com passes gambling",
                "refuse: betclic.com passes gambling",
                "refuse: bwin.com passes gambling",
                "refuse: unibet.com passes gambling",
                "refuse: williamhill.com passes gambling",
            ],
        ),
        (
            "a school's ministry",
            vec![good_porn(), block("spite", "hate", &["education.gouv.fr"])],
            &[
                "refuse: cyclades.education.gouv.fr to child teen staff",
                "refuse: education.gouv.fr to child teen staff",
                "refuse: educonnect.education.gouv.fr to child teen staff",
                "refuse: moncompte.educonnect.education.gouv.fr to child teen staff",
                "refuse: teleservices.education.gouv.fr to child teen staff",
            ],
        ),
        (
            "only children lose it",
            vec![block("shops", "ecommerce", &["lumni.fr"])],
            &["refuse: lumni.fr to child"],
        ),
        (
            "only www in front of it",
            vec![block("chat", "social", &["www.elysee.fr"])],
            &["refuse: www.elysee.fr to child"],
        ),
        (
            "no profile blocks it",
            vec![block("games", "games", &["education.gouv.fr", "pix.fr"])],
            &[],
        ),
        (
            "an allow source above it is less specific",
            vec![block("ads", "ads", &["push.apple.com"]), allow("fix", &["ads"], &["apple.com"])],
            &["refuse: push.apple.com to child teen"],
        ),
        (
            "an allow source that names it lifts it",
            vec![
                block("ads", "ads", &["push.apple.com"]),
                allow("fix", &["ads"], &["push.apple.com"]),
            ],
            &[],
        ),
        (
            "an allow source lifts too much",
            vec![good_porn(), allow("library", &["porn"], &["pornhub.com"])],
            &["refuse: pornhub.com passes porn"],
        ),
        (
            "a network that delivers strangers' sites",
            vec![block("ads", "ads", &["akamaiedge.net", "x.fastly.net"])],
            &["refuse: all of akamaiedge.net"],
        ),
        (
            "a platform that hosts anybody's",
            vec![block("dynamic", "bypass", &["duckdns.org"])],
            &["warn: all of duckdns.org"],
        ),
    ];
    for (title, lists, expected) in cases {
        assert_eq!(told(&examined_with_porn(lists)), expected, "{title}");
    }
}

#[test]
fn no_bundle_lets_porn_pass() {
    let report = |lists: &[List]| examined(lists);
    let passes = "refuse: pornhub.com passes porn".to_owned();
    assert!(told(&report(&[block("porn", "porn", &["example.com"])])).contains(&passes));
    assert!(
        told(&report(&[block("ads", "ads", &["example.com"])])).contains(&passes),
        "no list of it"
    );
    // Of these, only what every built-in profile blocks counts.
    let List(_, names) = good_porn();
    let shops = List(Source::block("shops", &["ecommerce"]), names.clone());
    assert!(told(&report(&[shops])).contains(&passes));
    let hateful = List(Source::block("hate", &["hate"]), names.clone());
    assert_eq!(told(&report(&[hateful])), [""; 0]);
    // A list of hosts that holds no `www.`.
    let alone =
        List(Source::block("porn", &["porn"]), names.iter().map(|n| format!("={n}")).collect());
    let told = told(&report(&[alone]));
    assert_eq!(told.len(), names.len(), "{told:?}");
    assert!(told.contains(&"refuse: www.pornhub.com passes porn".to_owned()), "{told:?}");
}

#[test]
fn a_bundle_that_is_not_meant_to_block_porn_says_so_each_time() {
    let without = ["porn".to_owned()].into();
    let policy = GuardPolicy { without, ..GuardPolicy::shipped() };
    let report = examine(&bundle(&[block("ads", "ads", &["example.com"])]), None, &policy);
    assert_eq!(told(&report), ["warn: without porn"]);
    assert!(report.to_string().contains("warning: this bundle is declared not to block porn\n"));
}

/// Many names that nobody else lists.
fn many(start: &str) -> Vec<String> {
    (0..1_000).map(|n| format!("{start}{n}.example.com")).collect()
}

fn porn(names: Vec<String>) -> List {
    List(Source::block("list", &["porn"]), names)
}

/// What the guards say of a change when they look at nothing else.
fn of_change(before: &[List], after: &[List]) -> Vec<String> {
    told(&examine(&bundle(after), Some(&bundle(before)), &GuardPolicy::limits_only()))
}

#[test]
fn names_that_were_refused_and_pass_are_counted() {
    let lifting = |names: &[String]| {
        let source = Source::block("lift", &["education"]);
        List(Source { action: Action::Allow, lifts: vec!["porn".into()], ..source }, names.to_vec())
    };
    let exact = |names: Vec<String>| -> Vec<String> {
        names.iter().map(|name| format!("={name}")).collect()
    };
    let with = |mut names: Vec<String>, more: &[&str]| {
        names.extend(owned(more));
        names
    };
    let ads = |names| List(Source::block("ads", &["ads"]), names);
    let both =
        ["refuse: source list opens 2000 of 2000", "refuse: category porn opens 2000 of 2000"];
    let half =
        ["refuse: source list opens 1000 of 2000", "refuse: category porn opens 1000 of 2000"];
    /// What, the lists before, the lists after, and what the guards say.
    type Case<'a> = (&'a str, Vec<List>, Vec<List>, &'a [&'a str]);
    let cases: Vec<Case<'_>> = vec![
        ("nothing", vec![porn(many("n"))], vec![porn(many("n"))], &[]),
        ("every name exchanged", vec![porn(many("n"))], vec![porn(many("m"))], &both),
        ("subtree to exact", vec![porn(many("n"))], vec![porn(exact(many("n")))], &half),
        ("exact to subtree", vec![porn(exact(many("n")))], vec![porn(many("n"))], &[]),
        (
            "one exception above all",
            vec![porn(many("n"))],
            vec![porn(with(many("n"), &["@@example.com"]))],
            &both,
        ),
        (
            "a new allow source",
            vec![porn(many("n"))],
            vec![porn(many("n")), lifting(&many("n")[..900])],
            &["refuse: source list opens 1800 of 2000", "refuse: category porn opens 1800 of 2000"],
        ),
        (
            "an allow source that grew",
            vec![porn(many("n")), lifting(&many("n")[..1])],
            vec![porn(many("n")), lifting(&many("n")[..100])],
            &["refuse: source lift grew"],
        ),
        (
            "an allow source that grew much",
            vec![porn(many("n")), lifting(&many("n")[..1])],
            vec![porn(many("n")), lifting(&many("n")[..901])],
            &[
                "refuse: source lift grew",
                "refuse: source list opens 1800 of 1998",
                "refuse: category porn opens 1800 of 1998",
            ],
        ),
        (
            "a cut list, told once",
            vec![porn(many("n"))],
            vec![porn(many("n")[..500].to_vec())],
            &["refuse: source list shrank", "refuse: category porn shrank"],
        ),
        (
            "another list refuses the same",
            vec![porn(many("n")), ads(many("n"))],
            vec![porn(many("m")), ads(many("n"))],
            &[],
        ),
        (
            "a fifth",
            vec![porn(many("n"))],
            vec![porn(with(many("n")[200..].to_vec(), &["new.example"]))],
            &[],
        ),
        (
            "what no child is refused",
            vec![List(Source::block("games", &["games"]), many("n"))],
            vec![List(Source::block("games", &["games"]), many("m"))],
            &[],
        ),
        (
            "a few names",
            vec![porn(many("n")[..4].to_vec())],
            vec![porn(many("m")[..4].to_vec())],
            &[],
        ),
    ];
    for (title, before, after, expected) in cases {
        assert_eq!(of_change(&before, &after), expected, "{title}");
    }
}

#[test]
fn a_list_that_changes_much_has_a_limit_of_its_own() {
    let lists = |malware: &[String], steady: &[String]| {
        bundle(&[
            List(Source::block("feed", &["malware"]), malware.to_vec()),
            List(Source::block("steady", &["malware"]), steady.to_vec()),
        ])
    };
    let (feed, steady) = (many("n"), many("s"));
    let changed = [&feed[600..], &many("m")[..600]].concat();
    let before = lists(&feed, &steady);
    let mut policy = GuardPolicy::limits_only();
    let change = |policy: &GuardPolicy, after| told(&examine(&after, Some(&before), policy));
    let both =
        ["refuse: source feed opens 1200 of 2000", "refuse: category malware opens 1200 of 4000"];
    assert_eq!(change(&policy, lists(&changed, &steady)), both);
    policy.sources.insert("feed".into(), SourceLimits { max_loss: Some(60), max_growth: None });
    assert_eq!(change(&policy, lists(&changed, &steady)), [""; 0], "the category may lose as much");
    let steady = [&steady[600..], &many("t")[..600]].concat();
    let told = change(&policy, lists(&changed, &steady));
    assert_eq!(
        told,
        ["refuse: source steady opens 1200 of 2000", "refuse: category malware opens 2400 of 4000"]
    );
}

#[test]
fn opened_names_are_accepted_and_shown_as_losses_are() {
    let (before, after) = (bundle(&[porn(many("n"))]), bundle(&[porn(many("m"))]));
    let accept_shrink = Accept::Named(["list".to_owned()].into());
    let policy = GuardPolicy { accept_shrink, ..GuardPolicy::limits_only() };
    let report = examine(&after, Some(&before), &policy);
    assert_eq!(
        told(&report),
        ["warn: source list opens 2000 of 2000", "warn: category porn opens 2000 of 2000"]
    );
    let text = report.to_string();
    let first = "(n0.example.com, x.n0.example.com, n1.example.com, …)";
    assert!(text.contains(first), "the first in order, whatever the threads do: {text}");
    let refused = examine(&after, Some(&before), &GuardPolicy::limits_only());
    assert!(refused.to_string().contains("pass --accept-shrink=porn"), "{refused}");
    assert!(text.contains("warning: source list: of 2,000 names"), "{text}");
}

#[test]
fn a_sources_file_sets_limits_and_adds_names() {
    let text = r#"
[[source]]
name = "porn"
path = "porn.txt"
categories = ["porn"]
max_loss = 90

[guard]
max_loss = 5
max_growth = 1000
must_block = { porn = ["porn.example"] }
without = ["gambling"]
must_allow = ["mairie.example"]
"#;
    let file = TextFile { path: "sources.toml".into(), text: text.into() };
    let policy = GuardPolicy::of(&Sources::parse(file, Path::new("")).unwrap());
    assert_eq!((policy.max_loss, policy.max_growth), (5, 1000));
    assert_eq!(policy.sources["porn"].max_loss, Some(90));
    let bundle = bundle(&[block("porn", "porn", &["mairie.example"])]);
    let told = told(&examine(&bundle, None, &policy));
    assert_eq!(told.len(), 7 + 1 + 1 + 1, "{told:?}");
    for expected in [
        "refuse: pornhub.com passes porn",
        "refuse: porn.example passes porn",
        "refuse: mairie.example to child teen staff",
        "warn: without gambling",
    ] {
        assert!(told.contains(&expected.to_owned()), "{expected}: {told:?}");
    }
}

#[test]
fn what_a_source_excepts_is_not_refused_by_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    let list = "||pix.fr^$important\n||www.pix.fr^\n||example.com^\n";
    fs::write(folder.path().join("list.txt"), list).unwrap();
    let compiled = |except: &str| {
        let text = format!(
            "[[source]]\nname = \"list\"\npath = \"list.txt\"\nformat = \"adblock\"\n\
             categories = [\"phishing\"]\nexcept = [{except}]\n"
        );
        let file = TextFile { path: "sources.toml".into(), text };
        build(&Sources::parse(file, folder.path()).unwrap(), stamp(), &())
    };
    let refused = |except: &str| {
        let filter = Filter::open(compiled(except).unwrap().bytes).unwrap();
        let policy = GuardPolicy { without: ["porn".to_owned()].into(), ..GuardPolicy::shipped() };
        examine(&filter, None, &policy).refusals().count()
    };
    assert!(refused("") > 1);
    assert_eq!(refused("\"pix.fr\""), 0);
    let error = compiled("\"gouv.fr\"").unwrap_err().to_string();
    assert!(error.contains("no exception for `gouv.fr`: a public suffix"), "{error}");
}

#[test]
fn conflicts_say_who_wins() {
    let filter = bundle(&[
        block("porn", "porn", &["a.example", "b.example", "c.example"]),
        block("malware", "malware", &["a.example"]),
        allow("lifting", &["porn"], &["a.example", "b.example"]),
        allow("filling", &[], &["c.example", "d.example"]),
    ]);
    let report = examine(&filter, None, &GuardPolicy::limits_only());
    let told: Vec<_> = report
        .conflicts
        .iter()
        .map(|c| (c.blocked_by.as_str(), c.allowed_by.as_str(), c.names, c.outcome()))
        .collect();
    assert_eq!(
        told,
        [
            ("porn", "lifting", 2, "the allow wins".to_owned()),
            ("porn", "filling", 1, "the block wins".to_owned()),
            ("malware", "lifting", 1, "the block wins".to_owned()),
        ]
    );
    assert!(!report.refuses());
}

/// One of each, as people read it.
#[test]
fn what_people_read() {
    let mut names: Vec<String> = (0..50).map(|n| format!("n{n}.example")).collect();
    let previous = bundle(&[
        List(Source::block("big", &["gambling"]), names.clone()),
        block("gone", "drugs", &["x.example"]),
        List(Source::block("young", &["ads"]), names.clone()),
    ]);
    names.truncate(30);
    let many = (0..1_200).map(|n| format!("m{n}.example")).collect();
    let new = bundle(&[
        List(Source::block("big", &["gambling"]), names),
        List(Source::block("young", &["ads"]), many),
        block("porn", "porn", &["hwcdn.net", "pornic.fr", "ocsp.digicert.com"]),
        block("fishy", "phishing", &["www.pix.fr"]),
        allow("fix", &["porn"], &["pornic.fr"]),
        block("dynamic", "bypass", &["duckdns.org", "anglaisfacile.com"]),
    ]);
    let mut policy = GuardPolicy::shipped();
    policy.accept_growth = Accept::Named(["young".to_owned()].into());
    policy.must_block.get_mut("porn").unwrap().truncate(1);
    let report = examine(&new, Some(&previous), &policy);
    golden("report.txt", &report.to_string());
}

fn golden(name: &str, got: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/guard").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, got).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == got, "{} differs:\n{got}", path.display());
}

/// The folder of real lists; says so where there is none.
fn real_lists() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let there = folder.is_dir();
    if !there {
        println!("skipped: no ../shared");
    }
    there.then_some(folder)
}

/// A bundle of one real list, and the lines that it was made from.
fn compiled(path: &Path, name: &str, category: &str) -> (Filter, u64) {
    let source = ListSource {
        format: Some(Format::Domains),
        scope: Some(Scope::Subtree),
        ..ListSource::at(Source::block(name, &[category]), path)
    };
    let sources = Sources { sources: vec![source], ..Sources::default() };
    let compiled = build(&sources, stamp(), &()).unwrap();
    (Filter::open(compiled.bytes).unwrap(), compiled.report.totals.lines)
}

#[test]
fn real_updates_are_let_through_but_for_a_list_that_grew_fivefold() {
    let Some(folder) = real_lists() else { return };
    let gambling: &[(&str, &[&str])] = &[
        ("ut1_gambling@2024-06-10.txt", &[]),
        ("ut1_gambling@2025-08-24.txt", &["refuse: source list grew"]),
        // 59 069 lines become 32 247: the same names, once each.
        ("ut1_gambling@2026-05-25.txt", &[]),
    ];
    let malware: &[(&str, &[&str])] = &[
        ("ut1_malware@2025-06-29.txt", &[]),
        ("ut1_malware@2025-07-06.txt", &[]),
        ("ut1_malware@2025-07-13.txt", &[]),
    ];
    let policy = GuardPolicy::limits_only();
    let mut all_lines = Vec::new();
    for (category, steps) in [("gambling", gambling), ("malware", malware)] {
        let mut previous: Option<Filter> = None;
        for (file, expected) in steps {
            let (new, lines) = compiled(&folder.join("deltas").join(file), "list", category);
            let report = examine(&new, previous.as_ref(), &policy);
            assert_eq!(told(&report), *expected, "{file}");
            all_lines.push((lines, new.manifest().sources[0].rules));
            previous = Some(new);
        }
    }
    // Lines and distinct rules; the rest are addresses and names that are public suffixes.
    assert_eq!(all_lines[1].0, 59_069);
    assert_eq!(all_lines[2].0, 32_247);
    assert!(all_lines[1].1.abs_diff(all_lines[2].1) < 100, "{all_lines:?}");
}

/// Date, distinct names, names added, names removed since the step before.
type Step = (String, u64, u64, u64);

#[test]
fn every_step_of_real_lists_is_decided() {
    let Some(folder) = real_lists() else { return };
    let json = fs::read(folder.join("deltas/churn.json")).unwrap();
    let churn: BTreeMap<String, Vec<Step>> = serde_json::from_slice(&json).unwrap();
    let policy = GuardPolicy::limits_only();
    let mut text = format!(
        "# What the guard decides on every step of ../shared/data/deltas/churn.json, at most {} % lost and\n\
         # {} % gained. A step is decided by counts; what was removed stands beside them, since a list may\n\
         # exchange its names and keep its size: where the bundles themselves are there, names are asked too.\n",
        policy.max_loss, policy.max_growth
    );
    let (mut steps, mut losses) = (0, Vec::new());
    for (list, series) in &churn {
        writeln!(text, "\n{list}").unwrap();
        for (date, after, added, removed) in series {
            let before = after + removed - added;
            let findings = changes(&counted(before), &counted(*after), &policy);
            let decision = findings.first().map_or("-".to_owned(), tell);
            let percent = |part: i128| 100.0 * part as f64 / before.max(1) as f64;
            let change = percent(i128::from(*after) - i128::from(before));
            writeln!(
                text,
                "{date} {before:>7} → {after:>7} {change:>+7.1} %  +{added} -{removed} ({:.0} % removed)  {decision}",
                percent(i128::from(*removed)),
            )
            .unwrap();
            steps += 1;
            if decision.contains("shrank") {
                losses.push(change);
            }
        }
    }
    golden("churn.txt", &text);
    assert_eq!(steps, churn.values().map(Vec::len).sum::<usize>());
    // Every loss of more than the limit, and nothing else.
    assert_eq!(losses.len(), 7, "{losses:?}");
    assert!(losses.iter().all(|loss| *loss < -20.0), "{losses:?}");
}

/// What a bundle of one list with so many rules says of itself.
fn counted(rules: u64) -> Manifest {
    Manifest {
        stamp: stamp(),
        categories: Categories::builtin(),
        sources: vec![SourceRecord { source: Source::block("list", &["malware"]), rules }],
        counts: Counts::default(),
        learned: None,
    }
}
