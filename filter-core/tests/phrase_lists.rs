//! The project's own phrase lists on texts that must pass, and on texts that must not.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(clippy::print_stdout, reason = "says what was missed, or that it was skipped")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use filter_core::{
    BoundFilter, Filter, FilterBuilder, Phrase, Profile, Source, Stamp, TextVerdict,
};

/// Every list of `lists/data/phrases`, for young children.
static CHILD: LazyLock<BoundFilter> = LazyLock::new(|| {
    let mut builder = FilterBuilder::new();
    let mut phrases = 0;
    for language in folders(&lists()) {
        for list in folders(&language) {
            let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
            let category = name(&list);
            let source = format!("phrases-{}-{category}", name(&language));
            let source = builder.source(Source::block(&source, &[&category])).unwrap();
            let mut batch = builder.batch(source);
            for line in lines(&fs::read_to_string(&list).unwrap()) {
                let line = line.split(" #").next().unwrap().trim();
                let phrase: Phrase = line
                    .parse()
                    .unwrap_or_else(|error| panic!("{}: {line}: {error}", list.display()));
                batch.phrase(&phrase).unwrap();
            }
            phrases += batch.len();
            builder.add(batch.finish());
        }
    }
    assert!(phrases > 6_000, "{phrases} phrases");
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let filter = Filter::open(builder.build(stamp).bytes).unwrap();
    filter.bind(&Profile::named("child").unwrap()).unwrap()
});

fn lists() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lists/data/phrases")
}

/// What a folder holds, but for files beside folders.
fn folders(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    if found.iter().any(|path| path.is_dir()) {
        found.retain(|path| path.is_dir());
    }
    found.sort();
    found
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Rows of a table of `../shared/data`, without its head.
fn shared(file: &str) -> Option<Vec<Vec<String>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(file);
    let Ok(table) = fs::read_to_string(path) else {
        println!("skipped: no ../shared");
        return None;
    };
    let row = |line: &str| line.split('\t').map(str::to_owned).collect();
    Some(table.lines().skip(1).map(row).collect())
}

/// Those of some texts that are refused, printed with the phrases that are why.
fn refused<'t>(texts: impl IntoIterator<Item = &'t str>) -> Vec<&'t str> {
    let refused: Vec<&str> =
        texts.into_iter().filter(|text| CHILD.text(*text).is_blocked()).collect();
    for text in &refused {
        println!("{text}: {}", CHILD.explain_text(*text));
    }
    refused
}

#[test]
fn innocent_texts_pass() {
    let table = fs::read_to_string(lists().join("innocent.txt")).unwrap();
    let texts: Vec<&str> = lines(&table).map(|line| line.split_once('\t').unwrap().1).collect();
    assert!(texts.len() > 1_800, "{}", texts.len());
    assert_eq!(refused(texts), <[&str; 0]>::default());
}

#[test]
fn shocking_texts_are_refused() {
    let table = fs::read_to_string(lists().join("shocking.txt")).unwrap();
    let mut by_category: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut elsewhere = 0;
    for line in lines(&table) {
        let mut fields = line.split('\t').skip(1);
        let (category, text) = (fields.next().unwrap(), fields.next().unwrap());
        let (all, caught) = by_category.entry(category).or_default();
        *all += 1;
        match CHILD.text(text) {
            TextVerdict::Blocked(reason) => {
                *caught += 1;
                elsewhere += usize::from(reason.category.name != category);
            }
            TextVerdict::Allowed => {
                println!("missed: {category}: {text}: {}", CHILD.explain_text(text));
            }
        }
    }
    println!("recall by category: {by_category:?}; {elsewhere} in another category");
    let (all, caught) = by_category
        .values()
        .fold((0, 0), |(all, caught), category| (all + category.0, caught + category.1));
    assert!(all >= 380, "{all} texts");
    assert!(100 * caught >= 98 * all, "{caught} of {all}");
}

#[test]
fn searches() {
    let Some(searches) = shared("queries/search_queries_labelled.tsv") else { return };
    let of = |label: &str| {
        let searches = searches.iter().filter(|search| search[2] == label);
        searches.map(|search| search[1].as_str()).collect::<Vec<_>>()
    };
    let (innocent, bad) = (of("allow"), of("block"));
    assert_eq!((innocent.len(), bad.len()), (152, 49));
    assert_eq!(refused(innocent), <[&str; 0]>::default());
    let missed: Vec<_> = bad.iter().filter(|search| !CHILD.text(search).is_blocked()).collect();
    println!("missed: {missed:?}");
    assert!(missed.len() <= 9, "{missed:?}");
}

#[test]
fn lookalikes() {
    let column = |file: &str, column: usize| {
        let rows = shared(&format!("lookalikes/{file}"))?;
        Some(rows.into_iter().map(|row| row[column].clone()).collect::<Vec<_>>())
    };
    let Some(communes) = column("communes_fr.tsv", 0) else { return };
    let domains = column("benign_domains_substring.tsv", 0).unwrap();
    let words = column("dictionary_substring.tsv", 1).unwrap();
    let homographs = column("crosslang_homographs.tsv", 2).unwrap();
    let found = |texts: &[String]| -> Vec<String> {
        let found = refused(texts.iter().map(String::as_str));
        found.into_iter().map(str::to_owned).collect()
    };

    assert_eq!((communes.len(), domains.len(), words.len()), (655, 3_578, 28_582));
    let nothing: Vec<String> = Vec::new();
    assert_eq!((found(&communes), found(&domains)), (nothing.clone(), nothing));
    // All that is refused of a dictionary, and of words that lists of another language have: none is what
    // a young child looks for.
    let (of_words, of_homographs) = (found(&words), found(&homographs));
    let known = [
        "asshole's",
        "cocksucker's",
        "fuck's",
        "motherfucker's",
        "nudes",
        "porn's",
        "porno's",
        "salopés",
        "vibromasseurs",
    ];
    assert_eq!(of_words, known);
    assert_eq!(homographs.len(), 520);
    assert_eq!(of_homographs, ["cunnilingus", "zoophile", "cunnilingus", "cunnilingus"]);
    let (refused, all) = (of_words.len() + of_homographs.len(), words.len() + homographs.len());
    assert!(1_000 * refused <= all, "{refused} of {all}");
}

/// Words and phrases that other projects call offensive, each alone, by what they call them: how many are
/// refused, how many have some weight, which have none. Most of them are no offence alone (`adult`, `casino`,
/// `armory`), so that few of them are to be refused.
#[test]
fn offensive_words_of_others() {
    let Some(rows) = shared("keywords/keywords.tsv") else { return };
    // Categories of the table, languages, how many it has, and how many of them are refused at least.
    let asked: [(&str, &[&str], usize, usize); 13] = [
        ("profanity", &["fr"], 3_235, 480),
        ("profanity", &["en"], 3_204, 236),
        ("profanity", &["ar", "de", "es", "it", "pt", "tr"], 3_061, 132),
        ("e2g:pornography", &["fr"], 117, 15),
        ("e2g:pornography", &["en"], 5_255, 1_160),
        ("e2g:pornography", &["de", "es", "it", "pt"], 1_608, 198),
        ("e2g:badwords", &["fr", "en"], 35, 12),
        ("e2g:gambling", &["fr", "en"], 38, 2),
        ("e2g:violence", &["fr", "en"], 113, 8),
        ("e2g:gore", &["fr", "en"], 11, 1),
        ("e2g:weapons", &["fr", "en"], 155, 2),
        ("e2g:illegaldrugs", &["fr", "en"], 82, 1),
        ("e2g:intolerance", &["fr", "en"], 79, 9),
    ];
    for (category, languages, all, least) in asked {
        let is_asked = |row: &&Vec<String>| {
            row[3] == category && languages.contains(&row[0].as_str()) && !row[2].starts_with('-')
        };
        // `a + b` is a and b, anywhere.
        let terms: BTreeSet<String> =
            rows.iter().filter(is_asked).map(|row| row[1].replace(" + ", " ")).collect();
        let (mut refused, mut weighted, mut unknown) = (0, 0, Vec::new());
        for term in &terms {
            let trace = CHILD.explain_text(term);
            refused += usize::from(trace.blocked);
            weighted += usize::from(!trace.phrases.is_empty());
            unknown.extend(trace.phrases.is_empty().then_some(term));
        }
        println!(
            "{category} {languages:?}: {refused} refused, {weighted} weighted of {}; neither: {unknown:?}",
            terms.len()
        );
        assert_eq!(terms.len(), all, "{category} {languages:?}");
        assert!(refused >= least, "{category} {languages:?}: {refused} of {least}");
    }
}
