//! `list-compile explain`: what a bundle says of a name, and which lines of which lists say it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;
use filter_core::{DomainName, Matched, Options, Profile, RuleError, Scope, Trace};
use lists::{
    compile::read_source,
    formats::{Rule, Sink},
    source::Sources,
};
use serde::Serialize;

use crate::{bundle, failure::Failure, output};

/// Show every rule of a bundle that matches a name, in order, and the one that decides
#[derive(Args)]
pub(crate) struct Arguments {
    /// The bundle
    file: PathBuf,
    /// Host name to ask about
    name: String,
    /// Profile to ask for
    #[arg(long, value_name = "NAME", default_value = "child", value_parser = Profile::BUILTIN)]
    profile: String,
    /// Read the lists of this sources file again, and print file and line of each matching rule
    #[arg(long, value_name = "FILE")]
    sources: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Explanation<'a> {
    #[serde(flatten)]
    trace: &'a Trace<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<MatchedLine>>,
}

/// A line of a list whose rule matches.
#[derive(Serialize)]
struct MatchedLine {
    source: String,
    file: PathBuf,
    line: u64,
    rule: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let name: DomainName = arguments
        .name
        .parse()
        .map_err(|error| Failure::Usage(format!("{:?}: {error}", arguments.name)))?;
    let profile = Profile::named(&arguments.profile).map_err(Failure::failed)?;
    let filter = bundle::open(&arguments.file)?;
    let bound = filter
        .bind(&profile)
        .map_err(|error| Failure::Bundle(format!("{}: {error}", arguments.file.display())))?;
    let trace = bound.explain(&name);
    let lines = arguments.sources.as_deref().map(|path| lines(path, &trace)).transpose()?;
    output::print(arguments.json, &Explanation { trace: &trace, lines })
}

/// Reads again the lists that have a matching rule in the bundle. A list that changed since may no
/// longer have it.
fn lines(sources: &Path, trace: &Trace<'_>) -> Result<Vec<MatchedLine>, Failure> {
    let sources = Sources::load(sources).map_err(Failure::Sources)?;
    let mut found = Vec::new();
    for source in &sources.sources {
        let name = &source.definition.name;
        let own = |candidate: &&filter_core::Candidate<'_>| candidate.source == Some(name.as_str());
        let matched: Vec<_> = trace.candidates.iter().filter(own).map(|c| &c.matched).collect();
        if matched.is_empty() {
            continue;
        }
        let mut search = Search {
            source: name,
            asked: &trace.name,
            matched,
            file: PathBuf::new(),
            found: &mut found,
        };
        read_source(source, &mut search).map_err(Failure::failed)?;
    }
    Ok(found)
}

/// Notes the lines whose rules match a name.
struct Search<'a> {
    source: &'a str,
    asked: &'a DomainName,
    /// What the bundle holds of this source and matches.
    matched: Vec<&'a Matched<'a>>,
    file: PathBuf,
    found: &'a mut Vec<MatchedLine>,
}

impl Search<'_> {
    /// The rule as text, if it matches and the bundle holds it or an ancestor that covers it.
    fn matching(&self, rule: Rule<'_>) -> Option<String> {
        match rule {
            Rule::Domain { name, scope } => {
                let reaches = match scope {
                    Scope::Exact => self.asked == name,
                    Scope::Subtree => self.asked.is_within(name),
                    Scope::SubdomainsOnly => self.asked != name && self.asked.is_within(name),
                };
                let held = |matched: &&Matched<'_>| match matched {
                    Matched::Domain { name: held, .. } => name.is_within(held),
                    _ => false,
                };
                (reaches && self.matched.iter().any(held))
                    .then(|| Matched::Domain { name: name.clone(), scope }.to_string())
            }
            Rule::Fragment(text) | Rule::Expression(text) => {
                let same = |matched: &&&Matched<'_>| match **matched {
                    Matched::Fragment { text: own } => own.eq_ignore_ascii_case(text),
                    Matched::Expression { text: own } => *own == text,
                    _ => false,
                };
                self.matched.iter().find(same).map(|matched| matched.to_string())
            }
            Rule::Url(_) | Rule::Network(_) | Rule::Phrase(_) => None,
        }
    }
}

impl Sink for Search<'_> {
    fn file(&mut self, path: &Path) {
        self.file = path.to_owned();
    }

    fn rule(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        if let Some(rule) = self.matching(rule) {
            let rule = if options.exception { format!("exception {rule}") } else { rule };
            let (source, file) = (self.source.to_owned(), self.file.clone());
            self.found.push(MatchedLine { source, file, line, rule });
        }
        Ok(())
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trace)?;
        let Some(lines) = &self.lines else { return Ok(()) };
        if lines.is_empty() {
            return writeln!(f, "no line of the lists, as they are now, matches");
        }
        for MatchedLine { source, file, line, rule } in lines {
            writeln!(f, "{}:{line}: {rule} · {source}", file.display())?;
        }
        Ok(())
    }
}
