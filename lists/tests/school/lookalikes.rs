//! Names that look like others, measured on real ones: which popular ones would be refused by mistake,
//! and which impostors of public lists are found without being listed.
//!
//! `cargo test -p lists --test school lookalikes -- --nocapture` prints the figures.

use std::collections::{BTreeMap, BTreeSet};

use filter_core::{BoundFilter, Matched, PatternKind, Slip, Verdict, typos};

use super::*;

/// `data/protected.txt` alone, in a profile that refuses what it says.
fn bound() -> (Filter, BoundFilter) {
    let mut sources = school();
    sources.sources.retain(|source| source.format == Some(Format::Protected));
    let filter = compiled(&sources);
    let mut child = Profile::named("child").unwrap();
    child.block.insert(Profile::LOOKALIKES.to_owned());
    let bound = filter.bind(&child).unwrap();
    (filter, bound)
}

fn protected(filter: &Filter) -> BTreeSet<String> {
    let sites = filter.patterns(PatternKind::Protected);
    let sites = sites.filter(|site| site.rules().all(|rule| !rule.options.exception));
    sites.map(|site| site.text.to_owned()).collect()
}

/// The sites of the names in files of a folder, one name at the beginning or end of a line.
fn sites(files: impl IntoIterator<Item = PathBuf>) -> BTreeMap<String, BTreeSet<String>> {
    let mut sites = BTreeMap::<String, BTreeSet<String>>::new();
    for file in files {
        let of = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read(&file).unwrap();
        for line in
            String::from_utf8_lossy(&text).lines().filter(|line| !line.starts_with(['#', '!']))
        {
            let line = line.trim_start_matches("||").trim_end_matches('^');
            let word = line.split(['\t', ' ', ',']).find(|word| word.contains('.'));
            let name = word.and_then(|word| word.parse::<DomainName>().ok());
            if let Some(site) = name.and_then(|name| name.site()) {
                sites.entry(site.to_string()).or_default().insert(of.clone());
            }
        }
    }
    sites
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.is_file()).collect();
    files.sort();
    files
}

/// Popular names, schools, public service, banks, newspapers; what browsers ask for.
fn harmless(data: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut lists = files(&data.join("benign"));
    lists.extend(files(&data.join("lookalikes")));
    lists.extend(
        ["adguard_requests_hosts.txt", "brave_sitelist_hosts.txt"]
            .map(|f| data.join("traces").join(f)),
    );
    lists.extend(["bank", "press"].map(|c| data.join("ut1_blacklists").join(c).join("domains")));
    lists.push(data.join("labelled/whotracksme_sites.tsv"));
    sites(lists)
}

fn slip(bound: &BoundFilter, name: &DomainName) -> Option<&'static str> {
    match bound.verdict(name) {
        Verdict::Blocked(reason) => Some(match reason.matched(name) {
            Matched::Typo { slip, .. } => slip.label(),
            Matched::Homograph { .. } => "homograph",
            other => panic!("{name}: {other}"),
        }),
        _ => None,
    }
}

#[test]
fn every_line_of_the_table_is_good() {
    let (filter, bound) = bound();
    let sites = protected(&filter);
    let rules = filter.manifest().sources[0].rules;
    println!("{} protected sites, {rules} rules", sites.len());
    assert!((400..=600).contains(&sites.len()), "{}", sites.len());
    assert!((60_000..=120_000).contains(&rules), "{rules}");
    let known = trusted().into_iter().chain(must_allow());
    for name in known.chain(sites.iter().map(|site| site.parse().unwrap())) {
        assert_eq!(slip(&bound, &name), None, "{name}");
    }
    let mut before = "";
    let text = fs::read_to_string(folder().join("../protected.txt")).unwrap();
    for line in text.lines() {
        assert!(line.starts_with('#') || line.is_empty() || before < line, "{line} after {before}");
        before = if line.starts_with('#') { "" } else { line };
    }
}

#[test]
fn no_popular_name_looks_like_another() {
    let Some(data) = real_lists() else { return };
    let (filter, bound) = bound();
    let harmless = harmless(&data);
    let refused = harmless
        .iter()
        .filter_map(|(site, lists)| Some((site, slip(&bound, &site.parse().unwrap())?, lists)));
    let refused: Vec<_> = refused.collect();
    for (site, slip, lists) in &refused {
        println!("{site} · {slip} · {lists:?}");
    }
    // What would be refused if nobody had looked: of names that no list has, as many.
    let mut struck = BTreeMap::<Slip, Vec<String>>::new();
    let protected = protected(&filter);
    for site in &protected {
        for (typo, slip) in typos(&site.parse().unwrap()) {
            let typo = typo.to_string();
            if harmless.contains_key(&typo) && !protected.contains(&typo) {
                struck.entry(slip).or_default().push(typo);
            }
        }
    }
    println!(
        "{} of {} harmless sites are refused; struck: {struck:#?}",
        refused.len(),
        harmless.len()
    );
    assert!(harmless.len() > 110_000, "{}", harmless.len());
    assert_eq!(refused.len(), 0);
    let internationalised = harmless.keys().filter(|site| site.contains("xn--")).count();
    println!("{internationalised} of them internationalised");
    assert!(internationalised > 50, "{internationalised}");
}

#[test]
fn impostors_of_public_lists_are_found() {
    let Some(data) = real_lists() else { return };
    let (_, bound) = bound();
    let cases = [
        ("shadowwhisperer_typo.txt", 7_000),
        ("ut1_phishing_20250713.txt", 650),
        ("jarelllama_scams_adblock.abp.txt", 200),
        ("blp_phishing.txt", 330),
    ];
    for (list, least) in cases {
        let named = sites([data.join("lists/malware_phishing").join(list)]);
        let mut found = BTreeMap::<&str, u32>::new();
        for site in named.keys() {
            if let Some(slip) = slip(&bound, &site.parse().unwrap()) {
                *found.entry(slip).or_default() += 1;
            }
        }
        let all: u32 = found.values().sum();
        println!("{list}: {all} of {} sites: {found:?}", named.len());
        assert!(all >= least, "{list}: {all}");
    }
}

/// Of names that lists refuse.
#[test]
#[ignore = "compiles every list"]
fn homographs_of_listed_names() {
    let Some(data) = real_lists() else { return };
    let filter = compiled(&copied(&data));
    let child = Profile::named("child").unwrap();
    let mut looking = child.clone();
    looking.block.insert(Profile::LOOKALIKES.to_owned());
    let [child, looking] = [child, looking].map(|profile| filter.bind(&profile).unwrap());
    let lists = files(&data.join("lists/malware_phishing")).into_iter();
    let lists = lists.chain(files(&data.join("lists/adult")));
    for (what, sites, expected) in
        [("harmless", harmless(&data), 0..=0), ("on lists", sites(lists), 290..=400)]
    {
        let names = sites.keys().filter(|site| site.contains("xn--"));
        let names: Vec<DomainName> = names.map(|site| site.parse().unwrap()).collect();
        let unlisted = names.iter().filter(|name| !child.verdict(name).is_blocked());
        let found: Vec<_> = unlisted.clone().filter(|n| looking.verdict(n).is_blocked()).collect();
        println!(
            "{what}: {} internationalised, {} refused by no rule",
            names.len(),
            unlisted.count()
        );
        for name in &found {
            println!("  {}", looking.explain(name).decisive());
        }
        assert!(expected.contains(&found.len()), "{what}: {}", found.len());
    }
}
