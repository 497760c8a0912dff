//! Random phrases and a random text: engine = oracle; and any octets, which must not panic.
#![no_main]

#[path = "../../filter-core/tests/text_oracle/mod.rs"]
mod text_oracle;

use arbitrary::Arbitrary;
use filter_core::{Filter, FilterBuilder, Phrase, Profile, Source, Stamp};
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input {
    phrases: Vec<String>,
    text: String,
    octets: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let phrases: Vec<Phrase> =
        input.phrases.iter().take(20).filter_map(|phrase| phrase.parse().ok()).collect();
    let mut builder = FilterBuilder::new();
    let source = builder.source(Source::block("phrases", &["porn"])).expect("a plain source");
    let mut batch = builder.batch(source);
    for phrase in &phrases {
        batch.phrase(phrase).expect("phrases were checked");
    }
    builder.add(batch.finish());
    let stamp = Stamp { serial: 1, created: "2026-11-22T00:00:00Z".into(), expires: None };
    let filter = Filter::open(builder.build(stamp).bytes).expect("a bundle that was just built");
    let child = filter.bind(&Profile::named("child").expect("built in")).expect("it fits");

    let texts = |phrases: Vec<&Phrase>| {
        let mut texts: Vec<String> = phrases.into_iter().map(ToString::to_string).collect();
        texts.sort();
        texts.dedup();
        texts
    };
    let trace = child.explain_text(&input.text);
    let found: Vec<&str> = trace.phrases.iter().map(|found| found.text).collect();
    assert_eq!(found, texts(text_oracle::found(&phrases, &input.text)), "{:?}", input.text);
    assert_eq!(child.text(&input.text).is_blocked(), trace.blocked);
    child.text(&input.octets);
});
