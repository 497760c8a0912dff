//! Hot index = dictionary = a hash map, on every name of the real lists, what is above, below and
//! beside each.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "says that it was skipped")]

mod oracle;

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
};

use filter_core::{DomainName, FilterBuilder, Options, Profile, Scope, Source, Stamp, Verdict};
use oracle::{bind, without_index};

/// Each list is a source of its own, in a category that `child` refuses.
const CATEGORY: &str = "porn";

#[test]
fn hot_index_dictionary_and_map_say_the_same_of_real_names() {
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/ut1_blacklists");
    let Ok(folders) = fs::read_dir(lists) else { return println!("skipped: no ../shared") };
    let lists: BTreeMap<String, Vec<u8>> = folders
        .filter_map(|folder| {
            let folder = folder.ok()?;
            let list = fs::read(folder.path().join("domains")).ok()?;
            Some((folder.file_name().to_string_lossy().into_owned(), list))
        })
        .collect();

    let mut builder = FilterBuilder::new();
    let mut listed = HashSet::new();
    let mut names = Vec::new();
    for (name, list) in &lists {
        let source = builder.source(Source::block(name, &[CATEGORY])).unwrap();
        let mut batch = builder.batch(source);
        for line in String::from_utf8_lossy(list).lines() {
            let Ok(name) = line.trim().parse::<DomainName>() else { continue };
            let added = batch.domain(&name, Scope::Subtree, Options::default()).is_ok();
            if added && listed.insert(name.clone()) {
                names.push(name);
            }
        }
        builder.add(batch.finish());
    }
    assert!(names.len() > 300_000, "{} names", names.len());
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let bundle = builder.build(stamp).bytes;
    let child = Profile::named("child").unwrap();
    let walking = bind(without_index(bundle.clone()), &child);
    let indexed = bind(bundle, &child);

    let (mut asked, mut refused) = (0, 0);
    for name in &names {
        let labels = name.label_count();
        let parent = name.suffix(labels - 1);
        let text = name.to_string();
        let near =
            [&text[1..], &format!("{text}m"), &format!("x{text}"), &text.replacen('.', "-", 1)]
                .map(|near| near.parse::<DomainName>());
        let child = format!("www.{text}").parse();
        for asked_name in near.into_iter().chain([child, Ok(parent), Ok(name.clone())]).flatten() {
            let verdict = indexed.verdict(&asked_name);
            assert_eq!(verdict, walking.verdict(&asked_name), "{asked_name}");
            let mut above = (1..=asked_name.label_count()).map(|labels| asked_name.suffix(labels));
            let is_listed = above.any(|name| listed.contains(&name));
            assert_eq!(matches!(verdict, Verdict::Blocked(_)), is_listed, "{asked_name}");
            asked += 1;
            refused += usize::from(is_listed);
        }
    }
    assert!(refused >= 2 * names.len() && asked - refused > names.len(), "{refused} of {asked}");
}
