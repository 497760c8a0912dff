//! Reading a dated table of facts: TOML, ours or an operator's, every fault with its place.

use std::{fmt, ops::Range, sync::Arc};

use filter_core::DomainName;
use jiff::civil::Date;
use lists::diagnostic::{Diagnostic, TextFile};
use serde::de::DeserializeOwned;
use toml::Spanned;

/// Why a table cannot be used: every fault, each pointing into the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableError(Vec<Diagnostic>);

impl TableError {
    /// The faults; at least one.
    pub fn faults(&self) -> &[Diagnostic] {
        &self.0
    }

    /// The same, to be told with others.
    pub fn into_faults(self) -> Vec<Diagnostic> {
        self.0
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TableError {}

/// A table being checked, and what is wrong with it so far.
pub(super) struct Table {
    file: Arc<TextFile>,
    faults: Vec<Diagnostic>,
}

impl Table {
    /// The file as it is written: its types are right, its values not checked yet.
    pub(super) fn read<T: DeserializeOwned>(file: Arc<TextFile>) -> Result<(Self, T), TableError> {
        match toml::from_str(&file.text) {
            Ok(written) => Ok((Self { file, faults: Vec::new() }, written)),
            Err(error) => {
                let span = error.span().unwrap_or_default();
                Err(TableError(vec![Diagnostic::new(file, span, error.message())]))
            }
        }
    }

    /// Notes a fault, with what to write instead.
    pub(super) fn fault(&mut self, span: Range<usize>, title: impl Into<String>, help: &str) {
        self.faults.push(Diagnostic::new(self.file.clone(), span, title).help(help));
    }

    /// The name that `text` is, which `written` gave.
    pub(super) fn name(&mut self, written: &Spanned<String>, text: &str) -> Option<DomainName> {
        let name = DomainName::parse(text);
        name.map_err(|error| {
            let title = format!("`{text}` is not a host name: {error}");
            self.fault(written.span(), title, "write a name alone, such as \"www.example.com\"");
        })
        .ok()
    }

    /// The date that is written; any other where it is none.
    pub(super) fn date(&mut self, written: &Spanned<String>) -> Date {
        parse_date(written.get_ref()).unwrap_or_else(|| {
            let title = format!("`{}` is not a date", written.get_ref());
            self.fault(written.span(), title, "write year-month-day, such as \"2026-12-19\"");
            Date::default()
        })
    }

    /// What was made of the table, unless something is wrong with it.
    pub(super) fn finish<T>(self, made: T) -> Result<T, TableError> {
        if self.faults.is_empty() { Ok(made) } else { Err(TableError(self.faults)) }
    }
}

/// A date as `2026-12-19`, and no other form of ISO 8601.
pub(crate) fn parse_date(text: &str) -> Option<Date> {
    let is_plain = text.len() == "2026-12-19".len()
        && text.bytes().enumerate().all(|(at, octet)| match at {
            4 | 7 => octet == b'-',
            _ => octet.is_ascii_digit(),
        });
    if is_plain { text.parse().ok() } else { None }
}

/// A table that ships with the program.
///
/// # Panics
/// If it has a fault: a test of each module reads its own.
pub(super) fn shipped<T>(
    path: &str,
    text: &str,
    read: impl FnOnce(Arc<TextFile>) -> Result<T, TableError>,
) -> T {
    let file = TextFile { path: path.to_owned(), text: text.to_owned() };
    read(file.into()).unwrap_or_else(|error| panic!("a shipped table has a fault: {error}"))
}
