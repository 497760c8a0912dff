//! The same list in the formats that its publisher offers: what one refuses, the others refuse,
//! except where the formats themselves differ. There is one such class of differences, [`Class::Below`].

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use filter_core::{
    BoundFilter, DomainName, Filter, Options, Profile, RuleError, Scope, Source, Stamp,
};
use lists::{
    compile::{build, read_source},
    formats::{Rule, Sink},
    source::{Format, ListSource, Sources},
};

/// How the versions of a list may answer about one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// All refuse it.
    Refused,
    /// All pass it.
    Passed,
    /// It lies below a listed name and is not listed itself: a hosts file, or an RPZ owner without
    /// its `*.`, names hosts one by one; every other format means what is below them too.
    Below,
}

/// One version of a list.
struct Version {
    format: Format,
    /// It names hosts one by one.
    exact: bool,
    filter: BoundFilter,
    names: BTreeSet<String>,
}

/// The names that a list writes.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Sink for Names {
    fn rule(&mut self, _: u64, rule: Rule<'_>, _: Options) -> Result<(), RuleError> {
        if let Rule::Domain { name, .. } = rule {
            self.0.insert(name.to_string());
        }
        Ok(())
    }
}

impl Version {
    fn compile(path: &Path, format: Format, exact: bool) -> Self {
        // Detection is part of the test.
        let source = ListSource::at(Source::block("native", &["bypass"]), path);
        let mut names = Names::default();
        let report = read_source(&source, &mut names).unwrap();
        assert_eq!(report.format, format, "{}", path.display());
        let sources = Sources { sources: vec![source], ..Sources::default() };
        let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
        let bytes = build(&sources, stamp, &()).unwrap().bytes;
        let filter = Filter::open(bytes).unwrap().bind(&Profile::named("child").unwrap()).unwrap();
        Self { format, exact, filter, names: names.0 }
    }
}

/// Every name of every version, two children of each, and its parent.
fn questions(versions: &[Version]) -> BTreeSet<String> {
    let mut questions = BTreeSet::new();
    for name in versions.iter().flat_map(|version| &version.names) {
        questions.extend([name.clone(), format!("www.{name}"), format!("x.{name}")]);
        questions.extend(name.split_once('.').map(|(_, parent)| parent.to_owned()));
    }
    questions
}

/// Puts every question into its class; a difference that is in none fails.
fn classify(versions: &[Version]) -> BTreeMap<Class, usize> {
    let mut classes = BTreeMap::new();
    for question in questions(versions) {
        let name = DomainName::parse(&question).unwrap();
        let refused = |version: &&Version| version.filter.verdict(&name).is_blocked();
        let refusing: Vec<_> = versions.iter().filter(refused).collect();
        let class = match refusing.len() {
            0 => Class::Passed,
            n if n == versions.len() => Class::Refused,
            _ => {
                for version in versions {
                    let listed = version.names.contains(&question);
                    let mut above =
                        question.match_indices('.').map(|(dot, _)| &question[dot + 1..]);
                    let below = above.any(|above| version.names.contains(above));
                    let expected = listed || (below && !version.exact);
                    let says = refusing.iter().any(|other| other.format == version.format);
                    assert_eq!(says, expected, "{question}: {}", version.format);
                }
                Class::Below
            }
        };
        *classes.entry(class).or_default() += 1;
    }
    classes
}

/// A list of three names, two of them parent and child, in a folder.
fn small_versions(folder: &Path) -> Vec<Version> {
    let versions = [
        (Format::Domains, false, "a.example\nb.example\nc.b.example\n"),
        (Format::Wildcard, false, "*.a.example\n*.b.example\n*.c.b.example\n"),
        (Format::Hosts, true, "0.0.0.0 a.example\n0.0.0.0 b.example c.b.example\n"),
        (Format::Adblock, false, "||a.example^\n||b.example^\n||c.b.example^\n"),
        (Format::Dnsmasq, false, "local=/a.example/\naddress=/b.example/c.b.example/#\n"),
        (
            Format::Unbound,
            false,
            "server:\nlocal-zone: \"a.example.\" always_null\nlocal-zone: \"b.example.\" static\n\
             local-zone: \"c.b.example\" refuse\n",
        ),
        (
            Format::Rpz,
            true,
            "$TTL 30\na.example CNAME .\nb.example CNAME .\nc.b.example CNAME *.\n",
        ),
    ];
    let compile = |(format, exact, text): (Format, bool, &str)| {
        let path = folder.join(format.name());
        fs::write(&path, text).unwrap();
        Version::compile(&path, format, exact)
    };
    versions.map(compile).into()
}

#[test]
fn a_small_list_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let classes = classify(&small_versions(folder.path()));
    // Refused: the three names. Passed: `example`. The rest are children of the three.
    let expected = [(Class::Refused, 3), (Class::Passed, 1), (Class::Below, 6)];
    assert_eq!(classes, BTreeMap::from(expected));
}

/// [`Class::Below`], in its smallest form: one name, asked about a name below it.
#[test]
fn a_name_below_a_listed_one() {
    let folder = tempfile::tempdir().unwrap();
    for version in small_versions(folder.path()) {
        let refused = |name: &str| version.filter.host(name).is_blocked();
        assert!(refused("a.example") && refused("c.b.example"), "{}", version.format);
        assert_eq!(refused("www.a.example"), !version.exact, "{}", version.format);
        assert!(!refused("xa.example") && !refused("example"), "{}", version.format);
    }
}

/// What the exact formats need to say as much as the others.
#[test]
fn a_zone_with_both_owners_says_what_a_plain_list_says() {
    let folder = tempfile::tempdir().unwrap();
    let (zone, plain) = (folder.path().join("zone"), folder.path().join("plain"));
    fs::write(&zone, "$TTL 30\na.example CNAME .\n*.a.example CNAME .\n").unwrap();
    fs::write(&plain, "a.example\n").unwrap();
    let versions = [
        Version::compile(&zone, Format::Rpz, false),
        Version::compile(&plain, Format::Domains, false),
    ];
    assert_eq!(classify(&versions), BTreeMap::from([(Class::Refused, 3), (Class::Passed, 1)]));
}

#[test]
fn real_lists_say_the_same_in_their_native_formats() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/formats");
    if !folder.is_dir() {
        println!("skipped: no ../shared");
        return;
    }
    let versions = |files: &[(&str, Format, usize)]| -> Vec<Version> {
        let compile = |&(file, format, names): &(&str, Format, usize)| {
            let version = Version::compile(&folder.join(file), format, format == Format::Hosts);
            assert_eq!(version.names.len(), names, "{file}");
            version
        };
        files.iter().map(compile).collect()
    };

    // Its hosts file spells out 491 names below the 714 that the other versions list.
    let hagezi = versions(&[
        ("hosts_hagezi_doh.hosts", Format::Hosts, 1_205),
        ("wildcard_hagezi_doh.txt", Format::Wildcard, 714),
        ("adblock_hagezi_doh.txt", Format::Adblock, 714),
        ("dnsmasq_hagezi_doh.conf", Format::Dnsmasq, 714),
        ("unbound_hagezi_doh.conf", Format::Unbound, 714),
    ]);
    let expected = [(Class::Refused, 1_205), (Class::Passed, 210), (Class::Below, 1_979)];
    assert_eq!(classify(&hagezi), BTreeMap::from(expected));

    let blp = versions(&[
        ("hosts_blp_drugs.hosts", Format::Hosts, 26_029),
        ("domains_blp_drugs.txt", Format::Domains, 26_029),
        ("adguard_blp_drugs.txt", Format::Adblock, 26_029),
        ("dnsmasq_blp_drugs.conf", Format::Dnsmasq, 26_029),
    ]);
    let expected = [(Class::Refused, 26_029), (Class::Passed, 1_948), (Class::Below, 45_476)];
    assert_eq!(classify(&blp), BTreeMap::from(expected));
}

/// A scope that a source states replaces that of the format: then even the hosts file agrees.
#[test]
fn a_stated_scope_levels_the_formats() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hosts");
    fs::write(&path, "0.0.0.0 a.example\n").unwrap();
    let mut source = ListSource::at(Source::block("native", &["bypass"]), &path);
    source.scope = Some(Scope::Subtree);
    let sources = Sources { sources: vec![source], ..Sources::default() };
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let bytes = build(&sources, stamp, &()).unwrap().bytes;
    let filter = Filter::open(bytes).unwrap().bind(&Profile::named("child").unwrap()).unwrap();
    assert!(filter.host("www.a.example").is_blocked());
}
