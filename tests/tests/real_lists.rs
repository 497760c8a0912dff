//! The real lists, whole: engine = oracle on them, the server refuses every name of them, and the
//! names that children need are counted and shown. Skipped where the lists are not there.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is how a test fails")]

#[path = "../../filter-core/tests/oracle/mod.rs"]
mod oracle;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Mutex,
    thread,
};

use dns_server::policy::special::SpecialNames;
use filter_core::{
    Action, BoundFilter, DomainName, Effect, Filter, Mode, Options, Profile, RuleError, Scope,
    Stamp, Step,
};
use lists::{
    compile,
    formats::{Rule, Sink},
    source::Sources,
};
use oracle::{Both, bind, engine_answer};
use tests::{
    client::ask_all,
    server::{Setup, TestServer},
    shared,
    upstream::Behaviour,
};

/// Every domain rule of every source, as its reader gave it.
struct Rules<'a>(&'a mut dyn FnMut(&DomainName, Scope, Options));

impl Sink for Rules<'_> {
    fn rule(&mut self, _: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        if let Rule::Domain { name, scope } = rule {
            (self.0)(name, scope, options);
        }
        Ok(())
    }
}

fn sources(data: &Path) -> Sources {
    Sources::load(&data.join("sources.toml")).unwrap()
}

fn compiled(sources: &Sources) -> Vec<u8> {
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    compile::build(sources, stamp, &()).unwrap().bytes
}

/// Blocks every category that the engine knows.
fn strictest() -> Profile {
    let block = filter_core::Categories::builtin().names().map(str::to_owned).collect();
    Profile { block, ..Profile::custom("strictest") }
}

#[test]
#[ignore = "two million rules: minutes; .ci/run runs it"]
fn engine_equals_oracle_on_every_real_name() {
    let Some(data) = shared::data() else { return };
    let mut both = Both::default();
    let mut names = BTreeSet::new();
    for source in sources(&data).sources {
        let index = both.source(source.definition.clone());
        let mut add = |name: &DomainName, scope: Scope, options: Options| {
            if both.domain(index, name, scope, options).is_ok() {
                names.insert(name.to_string());
            }
        };
        compile::read_source(&source, &mut Rules(&mut add)).unwrap();
    }
    assert_eq!(names.len(), 1_943_104, "distinct names");
    let (bytes, oracle) = both.build();
    let closed = Profile { mode: Mode::Closed, ..Profile::named("child").unwrap() };
    let profiles = [strictest(), Profile::named("child").unwrap(), closed];
    let mut asked = 0u64;
    for (number, profile) in profiles.iter().enumerate() {
        let bound = bind(bytes.clone(), profile);
        // Each profile gets a third of the names, with what stands around them.
        for name in names.iter().skip(number).step_by(profiles.len()) {
            let name: DomainName = name.parse().unwrap();
            let parent = name.suffix(name.label_count() - 1);
            let child = format!("www.{name}").parse().unwrap_or(name.clone());
            let near = format!("x{name}").parse().unwrap_or(name.clone());
            for name in [&name, &parent, &child, &near] {
                assert_eq!(engine_answer(&bound, name), oracle.answer(profile, name), "{name}");
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 4 * 1_943_104);
}

#[test]
#[ignore = "1.9 million questions over UDP: a minute or more; .ci/run runs it"]
fn the_server_refuses_every_accepted_name_but_those_that_are_lifted() {
    let Some(data) = shared::data() else { return };
    let sources = sources(&data);
    let names = blocked_names(&sources);
    let bytes = compiled(&sources);
    let strictest = strictest();
    let bound = Filter::open(bytes.clone()).unwrap().bind(&strictest).unwrap();
    let server = TestServer::start(&Setup {
        config: {
            let block: Vec<_> = strictest.block.iter().map(|name| format!("{name:?}")).collect();
            format!(
                "[[group]]\nname = \"all\"\nnetworks = [\"127.0.0.0/8\"]\nprofile = \"strictest\"\n\
                 [profile.strictest]\nblock = [{}]\n",
                block.join(", ")
            )
        },
        bundle: Some(bytes),
        upstream: Behaviour::Zone(String::new()),
    });

    let names: Vec<_> = names.into_iter().collect();
    let answers = Mutex::new(BTreeMap::new());
    let half = names.len().div_ceil(2);
    thread::scope(|scope| {
        for names in names.chunks(half) {
            let (server, answers) = (&server, &answers);
            scope.spawn(move || {
                let refused = ask_all(server.address, names, Some((1232, false)), is_policy);
                answers.lock().unwrap().extend(names.iter().cloned().zip(refused));
            });
        }
    });
    server.stop();

    let answers = answers.into_inner().unwrap();
    // Lists hold canaries, and names that nobody is asked about, such as those of Tor: neither exists.
    let special = SpecialNames::default();
    let names = answers.iter().filter(|(_, refused)| !**refused);
    let names = names.map(|(name, _)| name.parse::<DomainName>().unwrap());
    let (made, lifted): (Vec<_>, Vec<_>) = names
        .partition(|name| special.special(name, 1).is_some() || special.canary(name).is_some());
    for name in &lifted {
        let trace = bound.explain(name);
        assert!(
            matches!(trace.decisive().effect, Effect::Allow | Effect::Except)
                && trace.decisive().step == Step::ListRules,
            "nothing lifts this:\n{trace}"
        );
    }
    let counts = (answers.len() - made.len() - lifted.len(), made.len(), lifted.len());
    assert_eq!(counts, (1_940_227, 11, 15), "refused, special or canaries, lifted");
}

/// Every name that some block source's rule refuses; for a rule on what is below, one such name.
fn blocked_names(sources: &Sources) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let blocking = sources.sources.iter().filter(|s| s.definition.action == Action::Block);
    let mut builder = filter_core::FilterBuilder::new();
    for source in blocking {
        let id = builder.source(source.definition.clone()).unwrap();
        let mut batch = builder.batch(id);
        let mut add = |name: &DomainName, scope: Scope, options: Options| {
            let accepted = batch.domain(name, scope, options).is_ok();
            if accepted && !options.exception {
                names.insert(match scope {
                    Scope::SubdomainsOnly => format!("www.{name}"),
                    _ => name.to_string(),
                });
            }
        };
        compile::read_source(source, &mut Rules(&mut add)).unwrap();
    }
    names
}

/// True when the answer carries an Extended DNS Error "Blocked" (RFC 8914 §4.16).
fn is_policy(answer: &[u8]) -> bool {
    let message = hickory_server::proto::op::Message::from_vec(answer).unwrap();
    let options = message.edns.iter().flat_map(|edns| &edns.options().options);
    options.into_iter().any(|(_, option)| {
        use hickory_server::proto::rr::rdata::opt::EdnsOption;
        matches!(option, EdnsOption::Unknown(15, data) if data.starts_with(&[0, 15]))
    })
}

#[test]
fn names_that_children_need_are_refused_only_where_a_list_says_so() {
    let Some(data) = shared::data() else { return };
    let child = Filter::open(compiled(&sources(&data))).unwrap();
    let child = child.bind(&Profile::named("child").unwrap()).unwrap();

    let trusted = |name: &str| {
        let exact = ["ut1_child", "ut1_educational_games", "ut1_sexual_education"];
        let families = ["etalab_", "swot_", "misp_university_"];
        exact.contains(&name) || families.iter().any(|family| name.starts_with(family))
    };
    let popular = |name: &str| {
        let lists = ["misp_cloudflare", "misp_majestic", "misp_tranco", "npm_top", "umbrella_"];
        lists.iter().any(|list| name.starts_with(list))
    };
    let mut files: Vec<_> =
        fs::read_dir(data.join("benign")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut counts = Vec::new();
    for file in &files {
        let list = file.file_stem().unwrap().to_str().unwrap();
        if !trusted(list) && !popular(list) {
            continue;
        }
        let (asked, refusals) = refusals(&child, &fs::read_to_string(file).unwrap());
        println!("{list}: {} of {asked} names refused", refusals.len());
        if trusted(list) {
            refusals.iter().for_each(|(name, reason)| println!("    {name}: {reason}"));
        }
        counts.push((list.to_owned(), asked, refusals.len()));
    }
    let counts: Vec<_> = counts.iter().map(|(list, a, r)| (list.as_str(), *a, *r)).collect();
    assert_eq!(counts, REFUSED_UNDER_CHILD, "list, names asked, names refused");
}

fn refusals(bound: &BoundFilter, text: &str) -> (usize, Vec<(String, String)>) {
    let mut asked = 0;
    let mut refused = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        asked += 1;
        if let filter_core::Verdict::Blocked(reason) = bound.host(line) {
            refused.push((line.to_owned(), reason.about(&line.parse().unwrap())));
        }
    }
    (asked, refused)
}

/// As the lists were on 2026-11-22. A change here is a change of the lists or of semantics.
const REFUSED_UNDER_CHILD: &[(&str, usize, usize)] = &[
    ("etalab_academies", 36, 0),
    ("etalab_collectivites", 21886, 233),
    ("etalab_etablissements-scolaires", 3407, 12),
    ("etalab_gouvfr-divers", 11227, 1),
    ("etalab_hopitaux", 30, 0),
    ("etalab_universites", 93, 0),
    ("etalab_urls_union", 23929, 201),
    ("misp_cloudflare-top100k", 49889, 5279),
    ("misp_majestic_million", 9999, 1040),
    ("misp_tranco10k", 10000, 2293),
    ("misp_university_domains", 5303, 19),
    ("npm_top_sites", 500, 115),
    ("swot_academic", 12140, 28),
    ("umbrella_top100k_latest", 99984, 26980),
    ("ut1_child", 75, 22),
    ("ut1_educational_games", 8, 1),
    ("ut1_sexual_education", 15, 0),
];
