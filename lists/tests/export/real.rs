//! Real lists, each exported to each format and read back: the same verdict on every name of them,
//! on what is below and what is above it, but for a few classes of names.

use std::{collections::BTreeMap, fs, net::IpAddr, path::Path};

use filter_core::{Action, Categories, DomainName, Filter, Profile, Stamp, Step, Verdict};
use lists::{
    compile::build,
    export::{Exported, Limit},
    source::{Format, ListSource, Sources},
};

use crate::{
    export,
    own_readers::{FORMATS, read_back},
};

/// Lists larger than this, in octets, say nothing that others do not.
const LARGEST: u64 = 100_000;

/// Why the verdict on a name differs once its list went through a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Refuses more: a name alone became a tree, or what is below a name became the name too.
    Wider,
    /// A hosts file has names alone, not what is below them.
    NameOnly,
    /// An address in place of a name.
    Address,
    /// A fragment or expression refused it.
    Pattern,
}

fn class(
    name: &DomainName,
    (before, after): (&Verdict<'_>, bool),
    format: Format,
    exported: &Exported,
) -> Class {
    let has = |limit| exported.limits.contains_key(&limit);
    let is_address = name.to_string().parse::<IpAddr>().is_ok();
    match before {
        Verdict::Allowed
            if after && (has(Limit::BelowToo) || has(Limit::NameToo) || has(Limit::Pass)) =>
        {
            Class::Wider
        }
        Verdict::Blocked(reason) if reason.step == Step::Patterns => Class::Pattern,
        Verdict::Blocked(_) if is_address && has(Limit::Address) => Class::Address,
        Verdict::Blocked(_)
            if format == Format::Hosts && (has(Limit::NameOnly) || has(Limit::Refusal)) =>
        {
            Class::NameOnly
        }
        other => panic!("{format}: {name}: {other:?}, read back {after}\n{exported}"),
    }
}

fn strictest() -> Profile {
    let block = Categories::builtin().names().map(str::to_owned).collect();
    Profile { block, ..Profile::custom("strictest") }
}

fn compile(source: ListSource) -> Filter {
    let sources = Sources { sources: vec![source], ..Sources::default() };
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    Filter::open(build(&sources, stamp, &()).unwrap().bytes).unwrap()
}

/// The lists in their native formats, and the smaller ones of all sources.
fn sources(data: &Path) -> Vec<ListSource> {
    let block = |name: &str| filter_core::Source::block(name, &["porn"]);
    let mut sources: Vec<_> = fs::read_dir(data.join("formats"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|extension| extension != "gz"))
        .map(|path| ListSource::at(block(path.file_name().unwrap().to_str().unwrap()), path))
        .collect();
    sources.sort_by(|a, b| a.definition.name.cmp(&b.definition.name));
    let all = Sources::load(&data.join("sources.toml")).unwrap().sources;
    sources.extend(all.into_iter().filter(|source| {
        let path = source.path().unwrap();
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        let octets = if path.is_dir() { size(&path.join("domains")) } else { size(path) };
        source.definition.action == Action::Block && octets <= LARGEST
    }));
    sources
}

#[test]
fn every_real_list_survives_every_format() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    if !data.is_dir() {
        println!("skipped: no ../shared");
        return;
    }
    let mut seen: BTreeMap<(Class, Format), u64> = BTreeMap::new();
    let (mut lists, mut asked) = (0, 0u64);
    for source in sources(&data) {
        lists += 1;
        let source_name = source.definition.name.clone();
        let filter = compile(source);
        let profile = strictest();
        let before = filter.bind(&profile).unwrap();
        for format in FORMATS {
            let (files, exported) = export(&filter, &profile, format);
            let after = read_back(format, &files);
            for listed in filter.names() {
                let name = listed.name;
                let below = format!("www.{name}").parse().unwrap_or_else(|_| name.clone());
                let above = name.suffix(name.label_count() - 1);
                for name in [&name, &below, &above] {
                    asked += 1;
                    let verdict = before.verdict(name);
                    let refused =
                        after.as_ref().is_some_and(|after| after.verdict(name).is_blocked());
                    if verdict.is_blocked() != refused {
                        let class = class(name, (&verdict, refused), format, &exported);
                        let count = seen.entry((class, format)).or_default();
                        *count += 1;
                        if *count == 1 {
                            println!("{class:?}, {format}: for example {name} of {source_name}");
                        }
                    }
                }
            }
        }
    }
    for ((class, format), count) in &seen {
        println!("{count:>8} of class {class:?} in {format}");
    }
    println!("{lists} lists, {asked} verdicts");
    assert_eq!((lists, asked), (57, 9_459_060), "lists, verdicts");
    let seen: Vec<_> =
        seen.into_iter().map(|((class, format), count)| (class, format, count)).collect();
    assert_eq!(seen, DIFFERENCES);
}

/// As the lists were on 2026-11-22. A change here is a change of the lists or of semantics.
const DIFFERENCES: [(Class, Format, u64); 12] = [
    (Class::Wider, Format::Domains, 80_457),
    (Class::Wider, Format::Wildcard, 1),
    (Class::Wider, Format::Unbound, 1),
    (Class::Wider, Format::Ut1, 80_457),
    (Class::Wider, Format::Squidguard, 80_457),
    (Class::Wider, Format::E2guardian, 80_457),
    (Class::NameOnly, Format::Hosts, 190_884),
    (Class::Address, Format::Hosts, 3_062),
    (Class::Address, Format::Adblock, 3_062),
    (Class::Address, Format::Dnsmasq, 3_062),
    (Class::Address, Format::Unbound, 3_062),
    (Class::Address, Format::Rpz, 3_062),
];
