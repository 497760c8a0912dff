//! Any bytes as the files of a category, of a squidGuard destination and of e2guardian's lists: parts
//! between NUL octets are one file each.
#![no_main]

use std::fs;

use filter_core::{Options, RuleError, Source};
use libfuzzer_sys::fuzz_target;
use lists::{
    compile::read_source,
    formats::{Rule, Sink},
    source::{Format, ListSource},
};

struct Ignore;

impl Sink for Ignore {
    fn rule(&mut self, _: u64, _: Rule<'_>, _: Options) -> Result<(), RuleError> {
        Ok(())
    }
}

/// One file of each role; `banned` may include the others.
const NAMES: [&str; 7] =
    ["domains", "domains.diff", "urls", "urls.diff", "expressions", "usage", "banned"];

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let category = folder.path().join("category");
    fs::create_dir(&category).expect("a new folder");
    let mut parts = bytes.split(|&octet| octet == 0);
    for name in NAMES {
        fs::write(category.join(name), parts.next().unwrap_or_default()).expect("a file");
    }
    fs::write(folder.path().join("global_usage"), parts.next().unwrap_or_default()).expect("a file");
    let sources = [
        (Format::Ut1, category.clone()),
        (Format::Squidguard, category.clone()),
        (Format::E2guardian, category.join("banned")),
        (Format::Phrases, category.clone()),
    ];
    for (format, path) in sources {
        let source = ListSource {
            format: Some(format),
            ..ListSource::at(Source::block("fuzz", &["porn"]), path)
        };
        let Ok(report) = read_source(&source, &mut Ignore) else { continue };
        for file in report.files {
            assert!(file.path.starts_with(folder.path()), "{}", file.path.display());
            let counts = file.report;
            assert_eq!(counts.lines, counts.accepted.total() + counts.skipped_lines(), "{format}");
        }
    }
});
