//! Any bytes as a list of each format: readers never panic, and account for every line.
#![no_main]

use filter_core::{FilterBuilder, Fragment, Options, RuleError, Source};
use libfuzzer_sys::fuzz_target;
use lists::{
    formats::{self, Corrections, ReadOptions, Rule, Sink},
    source::Format,
};

/// Takes rules as a compilation does.
struct Batch(filter_core::Batch);

impl Sink for Batch {
    fn rule(&mut self, _: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        match rule {
            Rule::Domain { name, scope } => self.0.domain(name, scope, options),
            Rule::Fragment(text) => self.0.fragment(&Fragment::parse(text)?, options),
            Rule::Expression(text) => self.0.expression(text, options),
            Rule::Network(network) => self.0.network(network, options),
            Rule::Url(prefix) => self.0.url(prefix, options),
            Rule::UrlExpression(text) => self.0.url_expression(text, options),
            Rule::Phrase(phrase) => self.0.phrase(phrase),
            Rule::Protected(site) => self.0.protect(site, options),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = formats::detect(bytes);
    for format in Format::ALL.into_iter().filter(|format| !format.is_directory()) {
        let mut builder = FilterBuilder::new();
        let source = builder.source(Source::block("fuzz", &["porn"])).expect("a good source");
        let mut sink = Batch(builder.batch(source));
        let Ok(corrections) = Corrections::scan(format, bytes) else { return };
        let options = ReadOptions { corrections, ..ReadOptions::default() };
        let Ok(report) = formats::read(format, bytes, &options, &mut sink) else { return };
        assert_eq!(report.lines, report.accepted.total() + report.skipped_lines(), "{format}");
    }
});
