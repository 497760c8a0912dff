//! Golden files: `golden/FORMAT/NAME.in` is a list (a directory for `ut1`), `NAME.expected` the
//! rules and the report that reading it gives; under `golden/sources`, `NAME.in` is a sources file
//! and `NAME.expected` what is said of it. `NAME.exact.in` is read with `scope = "exact"`, and so on.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lists --test golden` writes the expected files anew.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::BTreeMap,
    env,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use filter_core::{Batch, DomainName, FilterBuilder, Fragment, Options, RuleError, Scope, Source};
use lists::{
    compile::read_source,
    diagnostic::TextFile,
    formats::{Rule, Sink, Skip, Skipped},
    report::SourceReport,
    source::{Format, ListSource, Sources},
};

#[test]
fn golden_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let update = env::var_os("UPDATE_GOLDEN").is_some();
    let mut seen = BTreeMap::<String, usize>::new();
    let mut wrong = Vec::new();
    for input in inputs(&root) {
        let folder = input.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let got = match folder.as_str() {
            "sources" => sources(&input),
            format => list(&input, format),
        };
        *seen.entry(folder).or_default() += 1;
        let expected = input.with_extension("expected");
        if update {
            fs::write(&expected, &got).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != got {
            wrong.push(format!("{}:\n{got}", expected.display()));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n\n{}", wrong.len(), wrong.join("\n"));
    let formats = Format::ALL.into_iter().map(Format::name);
    for folder in formats.chain(["auto", "sources"]) {
        assert!(seen.get(folder).is_some_and(|&n| n > 0), "no golden files for {folder}");
    }
}

/// Every `*.in`, file or directory.
fn inputs(root: &Path) -> Vec<PathBuf> {
    let mut inputs = Vec::new();
    for folder in fs::read_dir(root).unwrap() {
        for entry in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = entry.unwrap().path();
            inputs.extend((path.extension() == Some("in".as_ref())).then_some(path));
        }
    }
    inputs.sort();
    inputs
}

/// What is said of a sources file.
fn sources(input: &Path) -> String {
    let text = fs::read_to_string(input).unwrap();
    let file = TextFile { path: "sources.toml".into(), text };
    match Sources::parse(file, Path::new("/lists")) {
        Ok(sources) => format!("{sources:#?}\n"),
        Err(error) => format!("{error}\n"),
    }
}

/// Rules and report of a list.
fn list(input: &Path, format: &str) -> String {
    let stem = Path::new(input.file_stem().unwrap());
    let scope = stem.extension().map(|scope| match scope.to_str() {
        Some("exact") => Scope::Exact,
        Some("subtree") => Scope::Subtree,
        Some("subdomains") => Scope::SubdomainsOnly,
        other => panic!("no such scope: {other:?}"),
    });
    let definition = Source::block("golden", &["porn"]);
    let named = |name: &str| {
        let format = Format::ALL.into_iter().find(|format| format.name() == name);
        format.unwrap_or_else(|| panic!("no such format: {name}"))
    };
    let source = ListSource {
        format: (format != "auto").then(|| named(format)),
        scope,
        ..ListSource::at(definition.clone(), input)
    };
    let mut builder = FilterBuilder::new();
    let id = builder.source(definition).unwrap();
    let mut dump = Dump { batch: builder.batch(id), text: String::new() };
    match read_source(&source, &mut dump) {
        Ok(report) => dump.text + &report_text(&report),
        Err(error) => format!("{}error: {}\n", dump.text, error.kind),
    }
}

/// Writes down the rules that the engine takes.
struct Dump {
    batch: Batch,
    text: String,
}

impl Sink for Dump {
    fn file(&mut self, path: &Path) {
        let name = path.file_name().unwrap().to_str().unwrap();
        writeln!(self.text, "rules of {name}").unwrap();
    }

    fn rule(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        let rule = match rule {
            Rule::Domain { name, scope } => {
                self.batch.domain(name, scope, options)?;
                domain(name, scope)
            }
            Rule::Fragment(text) => {
                self.batch.fragment(&Fragment::parse(text)?, options)?;
                format!("fragment {text}")
            }
            Rule::Expression(text) => {
                self.batch.expression(text, options)?;
                format!("expression {text}")
            }
            Rule::Network(network) => {
                self.batch.network(network, options)?;
                format!("network {network}")
            }
            Rule::UrlExpression(text) => {
                self.batch.url_expression(text, options)?;
                format!("url expression {text}")
            }
            Rule::Url(prefix) => {
                self.batch.url(prefix, options)?;
                format!("url {prefix}")
            }
            Rule::Phrase(phrase) => {
                self.batch.phrase(phrase)?;
                format!("phrase {phrase}")
            }
            Rule::Protected(site) => {
                self.batch.protect(site, options)?;
                format!("site {site}")
            }
        };
        let important = if options.important { " important" } else { "" };
        let exception = if options.exception { " exception" } else { "" };
        let narrow = if options.narrow { " narrow" } else { "" };
        let nearest = if options.nearest { " nearest" } else { "" };
        writeln!(self.text, "{line:>4}  {rule}{important}{exception}{narrow}{nearest}").unwrap();
        Ok(())
    }
}

fn domain(name: &DomainName, scope: Scope) -> String {
    match scope {
        Scope::Exact => format!("{name} exact"),
        Scope::Subtree => format!("{name} subtree"),
        Scope::SubdomainsOnly => format!("{name} subdomains"),
    }
}

fn report_text(report: &SourceReport) -> String {
    let mut text = format!("format {}\n", report.format);
    for file in &report.files {
        let name = file.path.file_name().unwrap().to_str().unwrap();
        let (counts, accepted) = (&file.report, file.report.accepted);
        assert_eq!(counts.lines, accepted.total() + counts.skipped_lines(), "{name}");
        writeln!(
            text,
            "report of {name}: {} lines, {} accepted ({} names, {} fragments, {} expressions, {} urls{}), {} skipped, {} rules",
            counts.lines, accepted.total(), accepted.names, accepted.fragments, accepted.expressions,
            accepted.urls, networks(accepted.networks), counts.skipped_lines(), counts.rules
        )
        .unwrap();
        reasons(&mut text, "skipped", &counts.skipped);
        reasons(&mut text, "refused name", &counts.refused_names);
    }
    for name in &report.unread {
        writeln!(text, "not read: {name}").unwrap();
    }
    for warning in &report.warnings {
        writeln!(text, "warning: {warning}").unwrap();
    }
    text
}

/// Only where a format has them.
fn networks(number: u64) -> String {
    if number == 0 { String::new() } else { format!(", {number} networks") }
}

fn reasons(text: &mut String, title: &str, reasons: &BTreeMap<Skip, Skipped>) {
    for (reason, skipped) in reasons {
        writeln!(text, "{:>4}  {title}: {reason}", skipped.lines).unwrap();
        for example in &skipped.first {
            writeln!(text, "        {}: {}", example.line, example.text).unwrap();
        }
    }
}
