//! The sources for schools, `data/school`: whole, and right about the names that people trust.
//!
//! They are elsewhere; the tests read the copies beside the repository, where they are.
//! `UPDATE_GOLDEN=1 cargo test -p lists --test school` writes the expected file anew, without reasons.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "a test that skips says so")]

#[path = "school/lookalikes.rs"]
mod lookalikes;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use filter_core::{Action, DomainName, Filter, Profile, Stamp};
use lists::{
    compile::build,
    guard::{GuardPolicy, Problem, RefusedName, Severity, examine, overblocked},
    source::{Format, Place, Sources},
    trusted::{must_allow, trusted},
};

fn school() -> Sources {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/school");
    Sources::load(&folder.join("sources.toml")).unwrap()
}

const EXCEPTIONS: &str = "school-exceptions";

#[test]
fn every_source_says_whose_it_is_and_how_it_may_be_fetched() {
    let sources = school();
    assert!(sources.sources.len() >= 75, "{}", sources.sources.len());
    let mut ut1 = BTreeSet::new();
    for source in &sources.sources {
        let definition = &source.definition;
        let name = &definition.name;
        assert!(definition.licence.is_some(), "{name}");
        assert!(source.format.is_some(), "{name}: a list that changes its format is an error");
        let Place::Url(remote) = &source.place else {
            let is_ours = matches!(source.format, Some(Format::Phrases | Format::Protected));
            assert!(name == EXCEPTIONS || is_ours, "{name}");
            continue;
        };
        assert_eq!(remote.url.scheme(), "https", "{name}");
        assert!(definition.attribution.is_some() && definition.homepage.is_some(), "{name}");
        if name.starts_with("ut1-") {
            let window = remote.window.unwrap();
            assert_eq!(window.to_string(), "19:00-08:00", "{name}");
            assert_eq!(definition.licence.as_deref(), Some("CC-BY-SA-4.0"));
            ut1.insert(remote.url.clone());
            assert!(source.member.as_ref().unwrap().starts_with("blacklists"), "{name}");
        }
    }
    assert_eq!(ut1.len(), 1, "one archive, downloaded once");
}

#[test]
fn white_lists_block_nothing_and_university_libraries_lift_nothing() {
    for source in school().sources {
        let definition = source.definition;
        let is_white = definition.categories == ["education"];
        assert_eq!(is_white, definition.action == Action::Allow, "{}", definition.name);
        let lifts: Vec<_> = definition.lifts.iter().map(String::as_str).collect();
        match definition.name.as_str() {
            "ut1-sexual-education" => {
                assert_eq!(lifts, ["porn", "mixed-adult", "lingerie", "dating"]);
            }
            "ut1-child" | "ut1-educational-games" => {
                assert_eq!(lifts, ["ads", "games", "ecommerce"]);
            }
            EXCEPTIONS => {}
            name => assert!(lifts.is_empty(), "{name}"),
        }
    }
}

#[test]
fn every_exception_has_its_reason() {
    let text = fs::read_to_string(folder().join("exceptions.txt")).unwrap();
    let mut reason = false;
    let mut names = 0;
    for line in text.lines() {
        match line.strip_prefix('#') {
            Some(comment) => reason = comment.len() > 10 && !comment.starts_with(" ---"),
            None if line.is_empty() => reason = false,
            None => {
                assert!(reason, "{line}: why is it an exception?");
                names += 1;
            }
        }
    }
    assert!(names >= 20, "{names}");
}

#[test]
fn the_configuration_has_groups_for_each_audience() {
    let text = fs::read_to_string(folder().join("preau.toml")).unwrap();
    let config: toml::Table = toml::from_str(&text).unwrap();
    let groups = config["group"].as_array().unwrap().iter();
    let profiles: Vec<_> = groups.map(|group| group["profile"].as_str().unwrap()).collect();
    assert_eq!(profiles, ["child", "closed", "teen", "staff"]);
    // The closed profile refuses what `child` does, and games.
    let closed = config["profile"]["closed"]["block"].as_array().unwrap().iter();
    let closed: BTreeSet<_> =
        closed.map(|category| category.as_str().unwrap().to_owned()).collect();
    let mut child = Profile::named("child").unwrap().block;
    child.insert("games".into());
    assert_eq!(closed, child);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/school")
}

/// Copies of the lists, under `../shared/data`; members of UT1's archive that are not here stand in
/// its folder. What has another format there than where it comes from says so.
const COPIES: &[(&str, &str)] = &[
    ("4skin", "lists/adult/4skin_2024-09-05.hosts"),
    ("adguard-dns", "lists/ads_trackers/adguard_sdn_filter.abp.txt"),
    ("blp-ads", "lists/ads_trackers/blp_ads.txt"),
    ("blp-drugs", "lists/drugs/blp_drugs.txt"),
    ("blp-facebook", "lists/social/blp_facebook.txt"),
    ("blp-piracy", "lists/warez/blp_piracy.txt"),
    ("blp-ransomware", "lists/malware_phishing/blp_ransomware.txt"),
    ("blp-scam", "lists/malware_phishing/blp_scam.txt"),
    ("blp-tiktok", "lists/social/blp_tiktok.txt"),
    ("blp-tracking", "lists/ads_trackers/blp_tracking.txt"),
    ("blp-twitter", "lists/social/blp_twitter.txt"),
    ("dibdot-doh", "lists/bypass_doh_vpn_proxy/dibdot_doh.txt"),
    ("easylist", "lists/ads_trackers/ubo_easylist.abp.txt"),
    ("easyprivacy", "lists/ads_trackers/ubo_easyprivacy.abp.txt"),
    ("hagezi-bypass", "formats/wildcard_hagezi_doh.txt"),
    ("jarelllama-nsfw", "lists/adult/jarelllama_nsfw.abp.txt"),
    ("jarelllama-scams", "lists/malware_phishing/jarelllama_scams_adblock.abp.txt"),
    ("shadowwhisperer-ads", "lists/ads_trackers/shadowwhisperer_ads.txt"),
    ("shadowwhisperer-adult", "lists/adult/shadowwhisperer_adult.txt"),
    ("shadowwhisperer-dating", "lists/dating/shadowwhisperer_dating.txt"),
    ("shadowwhisperer-gambling", "lists/gambling/shadowwhisperer_gambling.txt"),
    ("shadowwhisperer-malware", "lists/malware_phishing/shadowwhisperer_malware.txt"),
    ("shadowwhisperer-scam", "lists/malware_phishing/shadowwhisperer_scam.txt"),
    ("shadowwhisperer-tracking", "lists/ads_trackers/shadowwhisperer_tracking.txt"),
    ("shadowwhisperer-typo", "lists/malware_phishing/shadowwhisperer_typo.txt"),
    ("shadowwhisperer-urlshortener", "lists/shortener/shadowwhisperer_urlshortener.txt"),
    ("sinfonietta-gambling", "lists/gambling/sinfonietta_gambling-hosts.hosts"),
    ("sinfonietta-porn", "lists/adult/sinfonietta_porn_2024-12-13.hosts"),
    ("sinfonietta-snuff", "lists/violence_hate/sinfonietta_snuff-hosts.hosts"),
    ("sinfonietta-social", "lists/social/sinfonietta_social-hosts.hosts"),
    ("stevenblack", "lists/ads_trackers/adguard_urlfilter_hosts.hosts"),
    ("stevenblack-gambling", "lists/gambling/stevenblack_ext_gambling_2016.hosts"),
    ("ut1-malware", "lists/malware_phishing/ut1_malware_20250713.txt"),
    ("ut1-phishing", "lists/malware_phishing/ut1_phishing_20250713.txt"),
];

/// Of these there is no copy.
const NO_COPY: &[&str] = &["hagezi-gambling", "hagezi-nsfw", "oisd-nsfw", "oisd-small"];

/// The sources for schools, read from copies; none where there are none.
fn copied(data: &Path) -> Sources {
    let copies: BTreeMap<_, _> = COPIES.iter().copied().collect();
    let mut sources = school();
    sources.sources.retain(|source| !NO_COPY.contains(&source.definition.name.as_str()));
    for source in &mut sources.sources {
        let Place::Url(_) = source.place else { continue };
        let member = source.member.take();
        let copy = match copies.get(source.definition.name.as_str()) {
            Some(copy) => data.join(copy),
            None => {
                let member =
                    member.unwrap_or_else(|| panic!("{}: no copy", source.definition.name));
                data.join("ut1_blacklists").join(member.file_name().unwrap())
            }
        };
        if source.format == Some(Format::Ut1) && copy.is_file() {
            source.format = Some(Format::Domains);
        }
        source.place = Place::Path(copy);
    }
    sources
}

fn compiled(sources: &Sources) -> Filter {
    Filter::open(build(sources, stamp(), &()).unwrap().bytes).unwrap()
}

fn stamp() -> Stamp {
    Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None }
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

/// Files under `benign` of schools, public service, health and universities: facts to look at, not
/// all of them good. Popularity lists are no such thing.
const BENIGN: &[&str] = &[
    "etalab_academies",
    "etalab_collectivites",
    "etalab_etablissements-scolaires",
    "etalab_gouvfr-divers",
    "etalab_hopitaux",
    "etalab_universites",
    "etalab_urls_union",
    "misp_university_domains",
    "swot_academic",
    "ut1_child",
    "ut1_educational_games",
    "ut1_examen_pix",
    "ut1_liste_blanche",
    "ut1_sexual_education",
];

#[test]
fn no_trusted_name_is_refused_that_a_person_would_call_wrong() {
    let Some(data) = real_lists() else { return };
    let sources = copied(&data);
    let filter = compiled(&sources);
    let report = examine(&filter, None, &GuardPolicy::of(&sources));
    assert!(!report.refuses(), "{report}");
    assert_eq!(report.overblocked, [], "{report}");
    let warned = report.findings.iter().map(|finding| match &finding.problem {
        Problem::SharedNetwork { refused, .. } if finding.severity == Severity::Warn => {
            refused.name.to_string()
        }
        other => panic!("{other:?}"),
    });
    // Free zones, pages and trackers of anybody's: the lists mean all of them.
    let warned: Vec<_> = warned.collect();
    assert_eq!(warned, ["duckdns.org", "hs-sites.com", "hubspot.net", "sites.hubspot.net"]);

    let mut names = 0;
    let mut remaining = BTreeMap::new();
    for file in BENIGN {
        let text = fs::read(data.join("benign").join(file).with_extension("txt")).unwrap();
        let text = String::from_utf8_lossy(&text);
        let benign: Vec<DomainName> = text.lines().filter_map(|line| line.parse().ok()).collect();
        names += benign.len();
        let refused = overblocked(&filter, &benign).unwrap();
        remaining.extend(refused.into_iter().map(|refused| (refused.name.to_string(), refused)));
    }
    println!("{} of {names} benign names are refused", remaining.len());
    assert!(names > 60_000, "{names}");
    reviewed(&remaining);
}

#[test]
fn a_compile_reports_trusted_names_with_the_lists_to_blame() {
    let Some(data) = real_lists() else { return };
    let sources = Sources::load(&data.join("sources.toml")).unwrap();
    let report = build(&sources, stamp(), &()).unwrap().report;
    let told: Vec<_> = report.overblocked.iter().map(ToString::to_string).collect();
    for expected in [
        "liberation.fr is refused to child, teen, staff by bonappetit-block-20230226 (porn: liberation.fr)",
        "anglaisfacile.com is refused to child, teen by ut1-translation (bypass: anglaisfacile.com)",
        "annabac.com is refused to child, teen by shadowwhisperer-ads (ads: annabac.com); \
         shadowwhisperer-wild-ads (ads: annabac.com); ut1-shopping (ecommerce: annabac.com)",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected}\n{told:#?}");
    }
    assert_eq!(told.len(), OVERBLOCKED, "{told:#?}");
    assert!(report.to_string().contains("trusted names that children could not reach"));
}

/// Trusted names that all the lists beside the repository would refuse together.
const OVERBLOCKED: usize = 29;

/// Compares what is still refused with the file in which somebody wrote why.
fn reviewed(remaining: &BTreeMap<String, RefusedName>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/guard/school-refused.txt");
    let mut got = String::new();
    for (name, refused) in remaining {
        let lists: BTreeSet<_> = refused.blame.iter().map(|blame| blame.source.as_str()).collect();
        let lists: Vec<_> = lists.into_iter().collect();
        writeln!(got, "{name} · {} · {}", refused.profiles.join(" "), lists.join(" ")).unwrap();
    }
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &got).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap_or_default();
    let expected = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut expected: Vec<_> = expected.map(|line| format!("{line}\n")).collect();
    expected.sort();
    let expected = expected.concat();
    assert!(got == expected, "{} differs:\n{got}", path.display());
}

#[test]
fn every_exception_is_needed() {
    let Some(data) = real_lists() else { return };
    let mut sources = copied(&data);
    sources.sources.retain(|source| source.definition.name != EXCEPTIONS);
    let filter = compiled(&sources);
    let text = fs::read_to_string(folder().join("exceptions.txt")).unwrap();
    let names = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let names: Vec<DomainName> = names.map(|line| line.parse().unwrap()).collect();
    let refused: BTreeSet<_> =
        overblocked(&filter, &names).unwrap().iter().map(|r| r.name.to_string()).collect();
    for name in &names {
        assert!(refused.contains(&name.to_string()), "{name}: nothing refuses it: leave it out");
    }
}
