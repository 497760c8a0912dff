//! `list-compile explain`: what a bundle says of a name, and which lines of which lists say it.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use filter_core::{
    DomainName, Filter, Matched, Network, Options, PatternKind, Profile, RuleError, Scope, Trace,
};
use lists::{
    compile::read_source,
    fetch::Copies,
    formats::{Rule, Sink},
    source::{ListSource, Place, Sources},
};
use serde::Serialize;

use crate::{bundle, cache::CacheArguments, failure::Failure, output};

/// Show every rule of a bundle that matches a name, in order, and the one that decides
#[derive(Args)]
pub(crate) struct Arguments {
    /// The bundle
    file: PathBuf,
    /// Host name or address to ask about
    name: String,
    /// Profile to ask for
    #[arg(long, value_name = "NAME", default_value = "child", value_parser = Profile::BUILTIN)]
    profile: String,
    /// Mistakes accepted in 10 000 harmless names that no list knows: the profile's `unlisted`
    #[arg(long, value_name = "N", default_value_t = 0)]
    unlisted: u32,
    /// Refuse names that look like others, too: the category `lookalikes`, and homographs
    #[arg(long)]
    lookalikes: bool,
    /// Read the lists of this sources file again, and print file and line of each matching rule
    #[arg(long, value_name = "FILE")]
    sources: Option<PathBuf>,
    #[command(flatten)]
    cache: CacheArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Explanation<'a> {
    #[serde(flatten)]
    trace: &'a Trace<'a>,
    /// Of an address: the networks that it is in, by which answers are judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    networks: Vec<MatchedNetwork>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    lists: Option<Lists>,
}

/// A network of the bundle that holds the address.
#[derive(Serialize)]
struct MatchedNetwork {
    /// `192.0.2.0/24`
    network: String,
    source: String,
    exception: bool,
}

/// What the lists, as they are now, say.
#[derive(Default, Serialize)]
struct Lists {
    lines: Vec<MatchedLine>,
    /// Sources with a matching rule whose list is not here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    elsewhere: Vec<String>,
}

/// A line of a list whose rule matches.
#[derive(Serialize)]
struct MatchedLine {
    source: String,
    file: PathBuf,
    /// Where the file comes from, if it is a copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    line: u64,
    rule: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let name: DomainName = arguments
        .name
        .parse()
        .map_err(|error| Failure::Usage(format!("{:?}: {error}", arguments.name)))?;
    let mut profile = Profile {
        unlisted: arguments.unlisted,
        ..Profile::named(&arguments.profile).map_err(Failure::failed)?
    };
    profile.block.extend(arguments.lookalikes.then(|| Profile::LOOKALIKES.to_owned()));
    let filter = bundle::open(&arguments.file)?;
    let bound = filter
        .bind(&profile)
        .map_err(|error| Failure::Bundle(format!("{}: {error}", arguments.file.display())))?;
    let trace = bound.explain(&name);
    let networks = networks(&filter, &name);
    let lists = match &arguments.sources {
        Some(path) => Some(lists(path, &arguments.cache, &trace, &networks)?),
        None => None,
    };
    output::print(arguments.json, &Explanation { trace: &trace, networks, lists })
}

/// The networks of the bundle that hold the address which the name is written as.
fn networks(filter: &Filter, name: &DomainName) -> Vec<MatchedNetwork> {
    let Ok(address) = name.to_string().parse::<IpAddr>() else { return Vec::new() };
    let mut found = Vec::new();
    for listed in filter.patterns(PatternKind::Network) {
        let Ok(network) = listed.text.parse::<Network>() else { continue };
        if network.contains(&address) {
            found.extend(listed.rules().map(|rule| MatchedNetwork {
                network: network.to_string(),
                source: filter.manifest().sources[rule.source].source.name.clone(),
                exception: rule.options.exception,
            }));
        }
    }
    found
}

/// Reads again the lists that have a matching rule in the bundle. A list that changed since may no
/// longer have it.
fn lists(
    sources: &Path,
    cache: &CacheArguments,
    trace: &Trace<'_>,
    networks: &[MatchedNetwork],
) -> Result<Lists, Failure> {
    let sources = Sources::load(sources).map_err(Failure::Sources)?;
    let is_elsewhere = |source: &ListSource| matches!(source.place, Place::Url(_));
    let copies = match sources.sources.iter().any(is_elsewhere) {
        true => Some(Copies::of(&cache.existing()?)),
        false => None,
    };
    let mut lists = Lists::default();
    for source in &sources.sources {
        let name = &source.definition.name;
        let own = |candidate: &&filter_core::Candidate<'_>| candidate.source == Some(name.as_str());
        let matched: Vec<_> = trace.candidates.iter().filter(own).map(|c| &c.matched).collect();
        let networks = networks.iter().filter(|found| found.source == *name);
        let networks: Vec<_> = networks.map(|found| found.network.as_str()).collect();
        if matched.is_empty() && networks.is_empty() {
            continue;
        }
        let local = match &copies {
            Some(copies) => copies.local(source),
            None => Some(source.clone()),
        };
        let Some(local) = local else {
            lists.elsewhere.push(name.clone());
            continue;
        };
        let mut search = Search {
            source,
            asked: &trace.name,
            matched,
            networks,
            file: PathBuf::new(),
            found: &mut lists.lines,
        };
        read_source(&local, &mut search).map_err(Failure::failed)?;
    }
    Ok(lists)
}

/// Notes the lines whose rules match a name.
struct Search<'a> {
    source: &'a ListSource,
    asked: &'a DomainName,
    /// What the bundle holds of this source and matches.
    matched: Vec<&'a Matched<'a>>,
    networks: Vec<&'a str>,
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
                    Matched::Domain { name: held, .. } | Matched::Typo { name: held, .. } => {
                        name.is_within(held)
                    }
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
            Rule::Network(network) => {
                let network = network.trunc().to_string();
                self.networks.contains(&network.as_str()).then(|| format!("network {network}"))
            }
            Rule::Protected(site) => {
                let same = |matched: &&Matched<'_>| match matched {
                    Matched::Homograph { of, .. } => of == site,
                    _ => false,
                };
                self.matched.iter().any(same).then(|| format!("protected {site}"))
            }
            // What else a list holds is no rule on hosts.
            _ => None,
        }
    }
}

impl Sink for Search<'_> {
    fn file(&mut self, path: &Path) {
        self.file = path.to_owned();
    }

    fn rule(&mut self, line: u64, rule: Rule<'_>, options: Options) -> Result<(), RuleError> {
        let Some(rule) = self.matching(rule) else { return Ok(()) };
        let rule = match options {
            Options { exception: true, narrow: true, .. } => {
                format!("{rule} (left out: denyallow)")
            }
            Options { exception: true, .. } => format!("exception {rule}"),
            Options { important: true, .. } => format!("important {rule}"),
            _ => rule,
        };
        let url = match &self.source.place {
            Place::Url(remote) => Some(remote.url.to_string()),
            Place::Path(_) => None,
        };
        let source = self.source.definition.name.clone();
        self.found.push(MatchedLine { source, file: self.file.clone(), url, line, rule });
        Ok(())
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trace)?;
        for MatchedNetwork { network, source, exception } in &self.networks {
            let effect = if *exception { "passed" } else { "refused" };
            writeln!(f, "answers within {network}: {effect} · {source}")?;
        }
        let Some(Lists { lines, elsewhere }) = &self.lists else { return Ok(()) };
        if lines.is_empty() && elsewhere.is_empty() {
            return writeln!(f, "no line of the lists, as they are now, matches");
        }
        for MatchedLine { source, file, url, line, rule } in lines {
            write!(f, "{}:{line}: {rule} · {source}", file.display())?;
            match url {
                Some(url) => writeln!(f, " · {url}")?,
                None => writeln!(f)?,
            }
        }
        if !elsewhere.is_empty() {
            let names = elsewhere.join(", ");
            writeln!(f, "not here: {names}; --cache DIR says where `update` keeps lists")?;
        }
        Ok(())
    }
}
