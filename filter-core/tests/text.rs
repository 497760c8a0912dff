//! Text screening: tables of texts, and the engine beside an oracle.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod text_oracle;

use filter_core::{
    BoundFilter, Filter, FilterBuilder, Phrase, Profile, Source, Stamp, TextVerdict,
};
use proptest::prelude::*;

/// A filter for `child` of sources with phrases.
fn child(sources: &[(Source, &[&str])]) -> BoundFilter {
    let mut builder = FilterBuilder::new();
    for (source, phrases) in sources {
        let id = builder.source(source.clone()).unwrap();
        let mut batch = builder.batch(id);
        for phrase in *phrases {
            batch.phrase(&phrase.parse().unwrap()).unwrap();
        }
        builder.add(batch.finish());
    }
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let filter = Filter::open(builder.build(stamp).bytes).unwrap();
    filter.bind(&Profile::named("child").unwrap()).unwrap()
}

fn porn(phrases: &[&str]) -> BoundFilter {
    child(&[(Source::block("porn", &["porn"]), phrases)])
}

/// Each text, and the phrases found in it: numbers in the order of the list.
#[test]
fn what_is_found() {
    let all = [
        "< sexe ><10>",          // 0
        "< porn ><10>",          // 1
        "<hentai><10>",          // 2: a piece
        "< nudi><10>",           // 3: a beginning
        "<philie ><10>",         // 4: an end
        "< vidéo porno ><10>",   // 5
        "<sex chat><10>",        // 6: open at both ends
        "< cul >,< photo ><10>", // 7
        "<色情><10>",            // 8
        "< سكس ><10>",           // 9
        "<ポルノ><10>",          // 10
        "< ass ><10>",           // 11
        "< viol ><10>",          // 12
        "< bite ><10>",          // 13
        "< c++ ><10>",           // 14: too little of it is words
        "< film de cul ><10>",   // 15
        "< порно ><10>",         // 16
    ];
    let cases: &[(&str, &[usize])] = &[
        ("", &[]),
        ("Une page sur les SEXES des fleurs", &[]),
        ("le sexe.", &[0]),
        ("SEXE", &[0]),
        ("s\u{200b}e\u{ad}x\u{202e}e", &[0]),
        ("ｓｅｘｅ, 𝓼𝓮𝔁𝓮", &[0]),
        ("śēx̌è", &[0]),
        ("Essex sexes Sussex", &[]),
        ("ahentais", &[2]),
        ("nudisme", &[3]),
        ("anudisme", &[]),
        ("pédophilie bibliophilie", &[4]),
        ("philies", &[]),
        ("VIDEO — Porno", &[5]),
        ("vidéo_porno", &[5]),
        ("vidéo\n\n\tporno!", &[5]),
        ("video de porno", &[]),
        ("sussex chatroulette", &[6]),
        ("sex. chat", &[6]),
        ("sexe chat", &[0]),
        ("photo de cul", &[7]),
        ("cul", &[]),
        ("cul-de-sac en photo", &[7]),
        ("film de film de cul", &[15]),
        ("我们看色情片", &[8]),
        ("色，情", &[8]),
        ("أفلام سَكْــس", &[9]),
        ("スーパーポルノスター", &[10]),
        ("ﾎﾟﾙﾉ ポルノ", &[10]),
        ("порно", &[16]),
        // Digits and symbols for letters.
        ("s3xe", &[0]),
        ("S3X3", &[0]),
        ("s€xe", &[0]),
        ("p0rn hub", &[1]),
        ("vidéo p0rno", &[5]),
        ("v1d30 porno", &[]),
        ("v1ol v|0l", &[12]),
        ("b1te b!te", &[13]),
        ("@ss a$$", &[]),
        ("A55, a55; l'a 55", &[]),
        ("$exe = 5", &[]),
        ("sexe!", &[0]),
        ("p0rns", &[]),
        // Letters of other alphabets.
        ("p\u{43e}rn", &[1]),
        ("s\u{435}x\u{435}", &[0]),
        // Letters by themselves.
        ("p o r n", &[1]),
        ("P.O.R.N.", &[1]),
        ("p-o-r-n", &[1]),
        ("p*o*r*n", &[1]),
        ("p·o·r·n", &[1]),
        ("p 0 r n", &[1]),
        ("p o.r n", &[]),
        ("a p o r n", &[]),
        ("a s s", &[11]),
        ("a 5 s, a 4 s", &[]),
        ("п о р н о", &[16]),
        ("06 12 34 55 78, 4x4, 5 m, 3e", &[]),
        ("c c++ d", &[]),
    ];
    let child = porn(&all);
    let parsed: Vec<Phrase> = all.iter().map(|phrase| phrase.parse().unwrap()).collect();
    for (text, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|&n| parsed[n].to_string()).collect();
        assert_eq!(engine(&child, text), sorted(expected.clone()), "{text:?}");
        assert_eq!(oracle(&parsed, text), sorted(expected), "the oracle: {text:?}");
    }
    assert_eq!(cases.len(), 58);
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

fn engine(child: &BoundFilter, text: &str) -> Vec<String> {
    child.explain_text(text).phrases.iter().map(|found| found.text.to_owned()).collect()
}

fn oracle(phrases: &[Phrase], text: &str) -> Vec<String> {
    sorted(text_oracle::found(phrases, text).into_iter().map(ToString::to_string).collect())
}

#[test]
fn what_it_adds_up_to() {
    let sources: &[(Source, &[&str])] = &[
        (
            Source::block("porn-fr", &["porn"]),
            &["< sexe ><40>", "< video ><10>", "< anatomie ><-30>", "< interdit ><ban>"],
        ),
        (Source::block("porn-en", &["porn"]), &["< sexe ><40>", "< video ><5>", "< rated ><pass>"]),
        (Source::block("war", &["violence"]), &["< guerre ><50>"]),
        (Source::block("games", &["games"]), &["< jeu ><500>"]),
        (
            Source::allow("health", &["education"], &["porn"]),
            &["< prevention ><-60>", "< infirmerie ><pass>", "< sexe ><900>"],
        ),
    ];
    let child = child(sources);
    let cases = [
        ("sexe", None),
        // A phrase counts once a text, however many lists have it.
        ("sexe sexe sexe", None),
        ("sexe video", Some("porn · porn-fr · score 55 of 50")),
        ("sexe, video, anatomie", None),
        ("sexe, video, prévention", None),
        ("interdit", Some("porn · porn-fr · banned phrase")),
        ("interdit prevention", Some("porn · porn-fr · banned phrase")),
        // An exception is for its own list.
        ("interdit rated", Some("porn · porn-fr · banned phrase")),
        ("sexe video rated", Some("porn · porn-fr · score 50 of 50")),
        // That of an allow list, for what the list lifts.
        ("interdit infirmerie", None),
        ("guerre infirmerie", Some("violence · war · score 50 of 50")),
        ("guerre", Some("violence · war · score 50 of 50")),
        ("guerre interdit", Some("porn · porn-fr · banned phrase")),
        ("guerre sexe video", Some("porn · porn-fr · score 55 of 50")),
        // `child` does not refuse games.
        ("jeu", None),
    ];
    for (text, expected) in cases {
        let verdict = match child.text(text) {
            TextVerdict::Allowed => None,
            TextVerdict::Blocked(reason) => Some(reason.to_string()),
        };
        assert_eq!(verdict.as_deref(), expected, "{text}");
        assert_eq!(child.explain_text(text).blocked, expected.is_some(), "{text}");
    }
}

#[test]
fn thresholds_by_profile() {
    let mut builder = FilterBuilder::new();
    let source = builder.source(Source::block("porn", &["porn"])).unwrap();
    let mut batch = builder.batch(source);
    batch.phrase(&"< sexe ><100>".parse().unwrap()).unwrap();
    builder.add(batch.finish());
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let filter = Filter::open(builder.build(stamp).bytes).unwrap();
    let refuses = |profile: Profile| filter.bind(&profile).unwrap().text("sexe").is_blocked();
    let child = Profile::named("child").unwrap();
    assert_eq!(child.text_threshold, 50);
    assert!(refuses(child.clone()));
    assert!(refuses(Profile { text_threshold: Profile::OLDER_CHILD, ..child.clone() }));
    assert!(!refuses(Profile { text_threshold: 101, ..child.clone() }));
    assert!(!refuses(Profile::named("teen").unwrap()));
    assert!(!refuses(Profile::named("staff").unwrap()));
    // No text is refused for nothing.
    let strict = Profile { text_threshold: 0, ..child };
    assert!(!filter.bind(&strict).unwrap().text("bonjour").is_blocked());
    assert!(filter.text_memory() > 0);
}

#[test]
fn a_trace_tells_where() {
    let child = porn(&["< sexe >,<vidéo><60>", "< porn ><ban>", "< cours ><-20>"]);
    let text = "Cours — VIDÉOS de s3xe, p o r n";
    let trace = child.explain_text(text);
    let at = |needle: &str| {
        let start = text.find(needle).unwrap();
        format!("{start}–{}", start + needle.len())
    };
    let expected = format!(
        "text is refused in profile child (from 50)\n  porn: 40, banned\n  \
         < cours ><-20> at {} · porn · porn\n  \
         < porn ><ban> at {} (disguised) · porn · porn\n  \
         < sexe >,<vidéo><60> at {}, {} (disguised) · porn · porn\n",
        at("Cours"),
        at("p o r n"),
        at("VIDÉOS"),
        at("s3xe"),
    );
    assert_eq!(trace.to_string(), expected);
}

/// Whatever is not a text either.
#[test]
fn hostile_texts() {
    let child = porn(&[
        "< sexe ><60>",
        "<porno><60>",
        "< a a a a ><60>",
        "<z z z><60>",
        "< x >,< y ><60>",
        "<色情><60>",
    ]);
    let long = |piece: &[u8]| piece.iter().copied().cycle().take(1 << 20).collect::<Vec<u8>>();
    let cases: [(&[u8], bool); 17] = [
        (b"\xff\xfe\x00", false),
        (b"a", false),
        (b"z", false),
        (b"a ", true),
        (b"z ", true),
        (b"sexe\xc3", true),
        ("\u{200b}\u{202e}".as_bytes(), false),
        ("e\u{301}\u{301}\u{301}".as_bytes(), false),
        ("色".as_bytes(), false),
        ("色情".as_bytes(), true),
        (b"porn", false),
        (b"porno", true),
        (b"p.o.r.n.", false),
        (b"1l1|!0", false),
        (b"@$!|", false),
        (b"<div>", false),
        (b"\xf0\x9f", false),
    ];
    for (piece, blocked) in cases {
        let text = long(piece);
        assert_eq!(
            child.text(&text).is_blocked(),
            blocked,
            "{:?}…",
            String::from_utf8_lossy(piece)
        );
    }
    // A piece across the parts in which a long word is looked at, at every place.
    for before in 1000..1100 {
        let text = format!("{}porno{}", "x".repeat(before), "y".repeat(2000));
        let trace = child.explain_text(&text);
        assert_eq!(trace.phrases.len(), 1, "{before}");
        assert!(!child.text(&text.replace("porno", "pornp")).is_blocked(), "{before}");
    }
    // More tokens than are remembered, each of its own.
    let mut many = String::new();
    for number in 0..60_000u32 {
        many.push_str(&format!("a{number:x} z{number:x}\u{e9} "));
    }
    assert!(!child.text(&many).is_blocked());
    many.push_str("z z z");
    assert!(child.text(&many).is_blocked());
}

/// Pieces of texts: terms, near misses, disguises, and what stands between them.
const PIECES: &[&str] = &[
    "sex",
    "sexe",
    "SEXE",
    "sexé",
    "s3x",
    "s3xe",
    "5ex",
    "porn",
    "porno",
    "p0rn",
    "p.o.r.n",
    "p o r n",
    "p-0-r-n",
    "vid",
    "vidéo",
    "video",
    "vide0",
    "v1deo",
    "a",
    "à",
    "b",
    "l",
    "1",
    "5",
    "0",
    "cul",
    "cu1",
    "de",
    "sac",
    "色",
    "情",
    "色情",
    "ポルノ",
    "ﾎﾟ",
    "سكس",
    "سَكس",
    "порно",
    "п",
    "о",
    "ο",
    "х",
    "é",
    "œ",
    "ß",
    "@",
    "$",
    "!",
    "|",
    "€",
    " ",
    " ",
    " ",
    " ",
    ".",
    "-",
    ", ",
    "’",
    "\u{a0}",
    "—",
    "\n",
    "  ",
    "\u{200b}",
    "\u{ad}",
    "\u{301}",
    "\u{3099}",
    "½",
    "①",
    "ｐ",
    "𝓸",
    "ﬁ",
    "_",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

fn phrase() -> impl Strategy<Value = Option<Phrase>> {
    let word = prop::sample::select(
        &[
            "sex",
            "sexe",
            "porn",
            "porno",
            "vidéo",
            "video",
            "cul",
            "de",
            "sac",
            "a",
            "b",
            "l",
            "色情",
            "情",
            "ポルノ",
            "سكس",
            "порно",
            "xo",
            "o",
            "oe",
            "p o r n",
            "se",
            "rn",
            "bl",
            "@",
            "cul!",
            "x",
        ][..],
    );
    let edge = || prop::sample::select(&["", " ", " "][..]);
    let term = (edge(), prop::collection::vec(word, 1..4), edge())
        .prop_map(|(before, words, after)| format!("{before}{}{after}", words.join(" ")));
    prop::collection::vec(term, 1..3).prop_map(|terms| {
        Phrase::new(terms.iter().map(String::as_str), filter_core::Weight::Score(10)).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn engine_equals_oracle(
        phrases in prop::collection::vec(phrase(), 1..12),
        texts in prop::collection::vec(text(), 1..6),
    ) {
        let phrases: Vec<Phrase> = phrases.into_iter().flatten().collect();
        let notation: Vec<String> = phrases.iter().map(ToString::to_string).collect();
        let notation: Vec<&str> = notation.iter().map(String::as_str).collect();
        let child = porn(&notation);
        for text in &texts {
            let mut expected = oracle(&phrases, text);
            expected.dedup();
            prop_assert_eq!(engine(&child, text), expected, "{:?}", text);
            let trace = child.explain_text(text);
            for term in trace.phrases.iter().flat_map(|found| &found.terms) {
                prop_assert!(text.get(term.at.clone()).is_some(), "{:?} of {:?}", term, text);
            }
        }
    }

    #[test]
    fn any_characters(
        phrases in prop::collection::vec("[ ]?[a-c0-3@\\PC]{1,3}[ ]?", 1..8),
        text in "[a-c0-3@. \\PC\\u{300}-\\u{30ff}]{0,40}",
    ) {
        let phrase = |text: &String| Phrase::new([&**text], filter_core::Weight::Banned).ok();
        let phrases: Vec<Phrase> = phrases.iter().filter_map(phrase).collect();
        let notation: Vec<String> = phrases.iter().map(ToString::to_string).collect();
        let notation: Vec<&str> = notation.iter().map(String::as_str).collect();
        let mut expected = oracle(&phrases, &text);
        expected.dedup();
        prop_assert_eq!(engine(&porn(&notation), &text), expected, "{:?}", text);
    }

    #[test]
    fn any_octets(text in prop::collection::vec(any::<u8>(), 0..300)) {
        let child = porn(&["< a ><1>", "<b><1>", "< a b ><1>", "<é ü><1>"]);
        let trace = child.explain_text(&text);
        prop_assert!(!trace.blocked);
    }
}
