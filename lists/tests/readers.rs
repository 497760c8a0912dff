//! Readers on any bytes: no panic, and every line accounted for.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{fs, io::BufReader};

use filter_core::{FilterBuilder, Fragment, Options, RuleError, Source};
use lists::{
    compile::read_source,
    formats::{Corrections, FileReport, ReadError, ReadOptions, Rule, Sink, detect, read},
    source::{Format, ListSource},
};
use proptest::prelude::*;

/// Formats whose lists are files.
fn file_formats() -> impl Iterator<Item = Format> {
    Format::ALL.into_iter().filter(|format| !format.is_directory())
}

/// Counts rules, as the engine takes them.
struct Count {
    batch: filter_core::Batch,
    rules: u64,
    last_line: u64,
}

impl Count {
    fn new() -> Self {
        let mut builder = FilterBuilder::new();
        let id = builder.source(Source::block("any", &["porn"])).unwrap();
        Self { batch: builder.batch(id), rules: 0, last_line: 0 }
    }
}

impl Sink for Count {
    fn rule(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        assert!(line >= self.last_line, "lines go forward");
        self.last_line = line;
        match rule {
            Rule::Domain { name, scope } => self.batch.domain(name, scope, options)?,
            Rule::Fragment(text) => self.batch.fragment(&Fragment::parse(text)?, options)?,
            Rule::Expression(text) => self.batch.expression(text, options)?,
            Rule::Network(network) => self.batch.network(network, options)?,
            Rule::Url(prefix) => self.batch.url(prefix, options)?,
            Rule::UrlExpression(text) => self.batch.url_expression(text, options)?,
            Rule::Phrase(phrase) => self.batch.phrase(phrase)?,
            Rule::Protected(site) => self.batch.protect(site, options)?,
        }
        self.rules += 1;
        Ok(())
    }
}

fn check(bytes: &[u8], report: &FileReport, rules: u64) {
    assert_eq!(report.lines, report.accepted.total() + report.skipped_lines());
    assert_eq!(report.rules, rules);
    assert!(report.rules >= report.accepted.total());
    // As `wc -l` counts, with a last line that has no end.
    let ended = bytes.iter().filter(|&&octet| octet == b'\n').count() as u64;
    let mark = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let unended = u64::from(!mark.is_empty() && !mark.ends_with(b"\n"));
    assert_eq!(report.lines, ended + unended);
    for skipped in report.skipped.values() {
        assert!(skipped.first.len() <= 5 && skipped.first.len() as u64 <= skipped.lines);
        for example in &skipped.first {
            assert!(example.line >= 1 && example.line <= report.lines);
            assert!(!example.text.contains(char::is_control), "{:?}", example.text);
        }
    }
}

fn read_everything(bytes: &[u8]) {
    let _ = detect(bytes);
    for format in file_formats() {
        let mut sink = Count::new();
        // A small buffer, so that lines and marks fall across its ends.
        let input = || BufReader::with_capacity(16, bytes);
        let Ok(corrections) = Corrections::scan(format, input()) else { return };
        let options = ReadOptions { corrections, ..ReadOptions::default() };
        let report = match read(format, input(), &options, &mut sink) {
            Ok(report) => report,
            Err(ReadError::Binary | ReadError::Utf16 | ReadError::Compressed(_)) => return,
            Err(error) => panic!("{error}"),
        };
        check(bytes, &report, sink.rules);
    }
}

/// Lists made of what readers look for.
fn list() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "example.com",
        "com",
        "co.uk",
        "a",
        ".",
        "..",
        "-",
        "_",
        "*",
        "*.",
        "||",
        "|",
        "^",
        "@@",
        "/",
        "://",
        "http",
        "$",
        "$important",
        "$badfilter",
        ",badfilter",
        "$script",
        "~",
        "=",
        "##",
        "#",
        "!",
        "[",
        "]",
        ";",
        " ",
        "\t",
        "\r",
        "\n",
        "\n",
        "\n",
        "0.0.0.0 ",
        "127.0.0.1\t",
        "::1 ",
        "192.0.2.1",
        "2001:db8::",
        ":80",
        "localhost",
        "é",
        "рф",
        "\u{feff}",
        "ads",
        "/ads/",
        "[a-z]",
        "(",
        ")",
        "{9}",
        "\\",
        "?",
        "+",
        "%lo0",
        "[[:alpha:]]",
        "\n+",
        "\n-",
        "www.",
        "\n<",
        "\n< a ",
        ">",
        "><",
        ">,<",
        "><10>\n",
        "><10%>\n",
        "\n#listcategory: \"a\"\n",
        "\n#time: 9 0 17 0 01234\n",
        "\n.Include<",
        "banned>\n",
        "$denyallow=",
        "address=/",
        "server=/",
        "local=/",
        "/#",
        "server:",
        "local-zone:",
        "local-data:",
        "view:",
        "always_nxdomain",
        "redirect",
        "transparent",
        "\"",
        "'",
    ];
    made_of(&pieces)
}

fn made_of(pieces: &[&'static str]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let piece = prop::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec());
    let bytes = prop::collection::vec(any::<u8>(), 0..3);
    prop::collection::vec(prop_oneof![9 => piece, 1 => bytes], 0..60).prop_map(|all| all.concat())
}

/// Master files: what its parser, which is not ours, looks for.
fn zone() -> impl Strategy<Value = Vec<u8>> {
    made_of(&[
        "\n",
        "\n",
        "\n",
        " ",
        "\t",
        "@",
        "a",
        "*",
        ".",
        "..",
        "\\",
        "\\.",
        "\\046",
        "\\300",
        "\\#",
        "\"",
        "(",
        ")",
        ";",
        "$",
        "$ORIGIN ",
        "$ORIGIN\n",
        "$TTL 1h",
        "$INCLUDE ",
        "\n$INCLUDE f o.\n",
        "@ SOA a b 1 2 3 4 5\n",
        "\na.example CNAME .\n",
        "\n  CNAME *.\n",
        " CNAME ",
        "rpz-passthru.",
        "b.example.",
        "\n32.1.2.0.192.rpz-ip CNAME .\n",
        ".rpz-ip",
        "128.1.zz",
        "zz.",
        "3600 ",
        "1h ",
        "IN ",
        "CH ",
        " A 192.0.2.1",
        " AAAA ::",
        " TXT ",
        " MX 10 ",
        " NAPTR 1 1 ",
        " HTTPS 1 . alpn=\"h2\" port=",
        " SVCB 0 ",
        " TYPE65280 \\# 1 00",
        " \\# 3 0102",
        " DS 1 8 2 ",
        " DNSKEY 256 3 8 AwEA",
        " RRSIG A 8 2 300 20260101000000 20250101000000 1 a. ",
        " NSEC a. A TYPE1",
        " CAA 0 issue ",
        " LOC ",
        "label-of-sixty-three-octets-label-of-sixty-three-octets-label-63",
        "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.",
        "é",
    ])
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_everything(&bytes);
    }

    #[test]
    fn likely_bytes(bytes in list()) {
        read_everything(&bytes);
    }

    #[test]
    fn likely_zones(bytes in zone()) {
        read_everything(&bytes);
    }

    #[test]
    fn likely_bytes_as_a_tree(bytes in list()) {
        let folder = tempfile::tempdir().unwrap();
        let names =
            ["domains", "domains.diff", "urls", "urls.diff", "expressions", "usage", "banned"];
        for name in names {
            fs::write(folder.path().join(name), &bytes).unwrap();
        }
        let path = folder.path().to_path_buf();
        let lists = [
            (Format::Ut1, path.clone()),
            (Format::Squidguard, path.clone()),
            (Format::Phrases, path.clone()),
            (Format::E2guardian, path.join("banned")),
        ];
        for (format, path) in lists {
            let source = ListSource {
                format: Some(format),
                ..ListSource::at(Source::block("any", &["porn"]), path)
            };
            let mut sink = PerFile::default();
            if let Ok(report) = read_source(&source, &mut sink) {
                assert_eq!(report.files.len(), sink.rules.len());
                for (file, rules) in report.files.iter().zip(sink.rules) {
                    check(&bytes, &file.report, rules);
                }
            }
        }
    }
}

/// Counts rules file by file.
#[derive(Default)]
struct PerFile {
    rules: Vec<u64>,
}

impl Sink for PerFile {
    fn file(&mut self, _path: &std::path::Path) {
        self.rules.push(0);
    }

    fn rule(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        Count::new().rule(line, rule, options)?;
        *self.rules.last_mut().expect("a file is named before its rules") += 1;
        Ok(())
    }
}

#[test]
fn reasons_are_bounded() {
    // A list made to fill the memory with modifier names.
    let text: String = (0..10_000).map(|n| format!("||a{n}.example^$m{n}\n")).collect();
    let report =
        read(Format::Adblock, text.as_bytes(), &ReadOptions::default(), &mut Count::new()).unwrap();
    assert_eq!(report.skipped_lines(), 10_000);
    assert!(report.skipped.len() <= 257, "{}", report.skipped.len());
}

#[test]
fn a_directory_format_reads_no_file() {
    let error = read(Format::Ut1, &b"x"[..], &ReadOptions::default(), &mut Count::new());
    assert!(error.unwrap_err().to_string().contains("reads a directory"));
}
