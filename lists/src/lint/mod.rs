//! What a list's author would want to know: entries that say nothing, too much, or something else
//! than was meant.
//!
//! Each list is read twice, streaming: the first time to know which names it holds (a hash and a
//! line number each, about 30 octets a rule), the second to look at every rule with that knowledge.

mod bystanders;
mod check;
mod findings;
mod header;
mod lookalike;
mod review;
mod same;
mod survey;
mod written;

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Serialize, Serializer, ser::SerializeStruct};

pub use self::{
    check::{Check, Severity},
    same::compare,
};
use self::{findings::Place, review::Review, survey::Survey};
use crate::{
    archive::{self, Content},
    compile::{ListError, ListErrorKind, read_source},
    formats::{ReadError, detect},
    report::grouped,
    source::{Format, ListSource},
};

/// Octets of a list from which its format is found out.
const HEAD: u64 = 64 * 1024;

/// What there is to say of one list. `Display` is for people, `Serialize` for machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LintReport {
    /// The list.
    pub path: PathBuf,
    /// The format that it was read in; none where it could not be.
    pub format: Option<Format>,
    /// Lines read.
    pub lines: u64,
    /// Rules that they gave.
    pub rules: u64,
    /// Distinct names among them.
    pub names: u64,
    /// Findings of each kind, shown or not.
    #[serde(serialize_with = "by_code")]
    pub counts: BTreeMap<Check, u64>,
    /// The first findings of each kind, in the order of the lines.
    pub findings: Vec<Finding>,
    /// Hashes of the names, sorted.
    #[serde(skip)]
    hashes: Vec<u64>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked for.
    pub check: Check,
    /// The file: of a directory, the one that holds the line.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u64,
    /// The character of the line, from 1.
    pub column: u64,
    /// What was found.
    pub message: String,
}

/// Looks through one list; of each kind of finding, the report holds the first `limit`.
///
/// # Errors
/// [`ListError`], when the list is not there; one that is there and cannot be read is a finding.
pub fn lint(source: &ListSource, limit: usize) -> Result<LintReport, ListError> {
    let path = source
        .path()
        .map_err(|error| ListError::new(source, Path::new(""), ListErrorKind::from(error)))?;
    let head = head(path).map_err(|error| {
        ListError::new(source, path, ListErrorKind::from(ReadError::from(error)))
    })?;
    let found = head.as_deref().and_then(|head| detect(head).ok());

    let mut survey = Survey::new(source, found, limit);
    let read = read_source(source, &mut survey);
    let (mut report, mut findings) = match read {
        Ok(read) => {
            let mut report = LintReport::new(path, Some(read.format));
            report.lines = read.lines();
            report.rules = read.files.iter().map(|file| file.report.rules).sum();
            survey.compare_with_header(read.format, read.accepted().total());
            let mut review = Review::new(survey, source.definition.action);
            read_source(source, &mut review)?;
            let (findings, hashes) = review.finish();
            report.hashes = hashes;
            report.names = report.hashes.len() as u64;
            (report, findings)
        }
        Err(error) => {
            let mut findings = survey.into_findings();
            if head.as_deref().is_some_and(written::begins_a_web_page) {
                let message = || "this is a web page, not a list".into();
                findings.add(Check::Html, Place::start(), 1, message);
            } else {
                let message = || error.kind.to_string();
                findings.add(Check::Unreadable, Place::start(), 1, message);
            }
            (LintReport::new(path, source.format), findings)
        }
    };
    survey::compare_formats(source.format, found, path, &mut findings);
    (report.counts, report.findings) = findings.finish(path);
    Ok(report)
}

/// The beginning of a file; nothing of a directory or archive.
fn head(path: &Path) -> std::io::Result<Option<Vec<u8>>> {
    if path.is_dir() || archive::content(path).is_ok_and(|content| content == Content::Archive) {
        return Ok(None);
    }
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    Ok(Some(head))
}

impl LintReport {
    /// Findings that are errors, shown or not.
    pub fn errors(&self) -> u64 {
        self.total(Severity::Error)
    }

    /// Findings that are warnings, shown or not.
    pub fn warnings(&self) -> u64 {
        self.total(Severity::Warning)
    }

    /// The same report, of a list that people know by another address than the path it was read at.
    #[must_use]
    pub fn under(mut self, path: &Path, address: &Path) -> Self {
        let shown = |file: &Path| match file.strip_prefix(path) {
            Ok(inner) if inner.as_os_str().is_empty() => address.to_path_buf(),
            Ok(inner) => address.join(inner),
            Err(_) => file.to_path_buf(),
        };
        self.path = shown(&self.path);
        for finding in &mut self.findings {
            finding.file = shown(&finding.file);
        }
        self
    }

    fn total(&self, severity: Severity) -> u64 {
        self.counts.iter().filter(|(check, _)| check.severity() == severity).map(|(_, n)| n).sum()
    }

    fn new(path: &Path, format: Option<Format>) -> Self {
        Self {
            path: path.into(),
            format,
            lines: 0,
            rules: 0,
            names: 0,
            counts: BTreeMap::new(),
            findings: Vec::new(),
            hashes: Vec::new(),
        }
    }
}

impl fmt::Display for LintReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        if !self.findings.is_empty() {
            writeln!(f)?;
        }
        let width = Check::ALL.iter().map(|check| check.name().len()).max().unwrap_or_default();
        for (check, count) in &self.counts {
            let (code, name, count) = (check.code(), check.name(), grouped(*count));
            writeln!(f, "{count:>10}  {code} {name:width$}  {}", check.severity())?;
            writeln!(f, "{:12}{}", "", wrapped(check.help(), 12))?;
        }
        let format = self.format.map_or("unknown", Format::name);
        writeln!(
            f,
            "{}: {}, {}; {} lines, {} rules on {} names, format {format}",
            self.path.display(),
            several(self.errors(), "error"),
            several(self.warnings(), "warning"),
            grouped(self.lines),
            grouped(self.rules),
            grouped(self.names)
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, file, line, column, message } = self;
        write!(f, "{}:{line}:{column}: {}: {check}: {message}", file.display(), check.severity())
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Finding", 8)?;
        map.serialize_field("code", self.check.code())?;
        map.serialize_field("name", self.check.name())?;
        map.serialize_field("severity", &self.check.severity())?;
        map.serialize_field("file", &self.file)?;
        map.serialize_field("line", &self.line)?;
        map.serialize_field("column", &self.column)?;
        map.serialize_field("message", &self.message)?;
        map.serialize_field("help", self.check.help())?;
        map.end()
    }
}

fn by_code<S: Serializer>(counts: &BTreeMap<Check, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(check, count)| (check.code(), count)))
}

fn several(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(count))
}

/// Text broken into lines of at most a hundred columns, the further ones indented.
fn wrapped(text: &str, indent: usize) -> String {
    let mut shown = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > indent && column + 1 + length > 100 {
            shown.push('\n');
            shown.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column > indent {
            shown.push(' ');
            column += 1;
        }
        shown.push_str(word);
        column += length;
    }
    shown
}
