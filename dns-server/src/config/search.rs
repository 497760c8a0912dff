//! `[search]`, and what profiles make of search engines and YouTube.

use std::{fs, path::Path, sync::Arc};

use super::Spanned;
use lists::diagnostic::TextFile;

use super::{typed, validated::Check};
use crate::policy::{
    search::{SearchMode, SearchTable, YouTube},
    table::TableError,
};

impl Check {
    /// The table of search engines: the shipped one, with the operator's rows before its own.
    /// Relative paths start from `folder`.
    pub(super) fn search_table(&mut self, written: &typed::Search, folder: &Path) -> SearchTable {
        let shipped = SearchTable::shipped();
        let Some(own) = written.engines_file.as_ref().and_then(|path| self.text(path, folder))
        else {
            return shipped;
        };
        shipped.clone().with(own).unwrap_or_else(|error| {
            self.faults_of(error);
            shipped
        })
    }

    /// What a profile makes of search engines, of YouTube; `defaults` where it says nothing.
    pub(super) fn search(
        &mut self,
        written: &typed::Profile,
        defaults: (SearchMode, YouTube),
        table: &SearchTable,
    ) -> (SearchMode, YouTube) {
        let youtube = match written.youtube {
            None => defaults.1,
            Some(typed::YouTube::Off) => YouTube::Off,
            Some(typed::YouTube::Moderate) => YouTube::Moderate,
            Some(typed::YouTube::Strict) => YouTube::Strict,
        };
        let search = match (&written.search, &written.engines) {
            (Some(search), Some(engines)) if *search.get_ref() == typed::SearchMode::Only => {
                self.only(engines, table)
            }
            (_, Some(engines)) => {
                let help =
                    "with search = \"only\" they are all that is left; drop them, or write that";
                self.fault(engines.span(), "`engines` without search = \"only\"", help);
                defaults.0
            }
            (None, None) => defaults.0,
            (Some(search), None) => match search.get_ref() {
                typed::SearchMode::Off => SearchMode::Off,
                typed::SearchMode::Safe => SearchMode::Safe,
                typed::SearchMode::Forced => SearchMode::Forced,
                typed::SearchMode::Only => {
                    let help = "add those that are left, such as engines = [\"qwant-junior\"]";
                    self.fault(search.span(), "search = \"only\" without `engines`", help);
                    defaults.0
                }
            },
        };
        (search, youtube)
    }

    fn only(&mut self, written: &Spanned<Vec<Spanned<String>>>, table: &SearchTable) -> SearchMode {
        if written.get_ref().is_empty() {
            let help = "name those that are left, such as \"qwant-junior\"";
            self.fault(written.span(), "no search engine is left", help);
        }
        for id in written.get_ref() {
            if let Err(error) = table.engines([id.get_ref().as_str()]) {
                let known: Vec<_> = table.all().iter().map(|row| row.id.as_str()).collect();
                let help = format!(
                    "the engines are {}; another one needs a row in a file of yours: \
                     [search] engines_file",
                    known.join(", ")
                );
                self.fault(id.span(), error.to_string(), help);
            }
        }
        let ids = written.get_ref().iter().map(|id| id.get_ref().as_str());
        table.engines(ids).map_or(SearchMode::Forced, SearchMode::Only)
    }

    /// A file that the configuration names.
    pub(super) fn text(
        &mut self,
        path: &Spanned<std::path::PathBuf>,
        folder: &Path,
    ) -> Option<Arc<TextFile>> {
        let file = folder.join(path.get_ref());
        match fs::read_to_string(&file) {
            Ok(text) => {
                Some(Arc::new(TextFile { path: file.to_string_lossy().into_owned(), text }))
            }
            Err(error) => {
                let title = format!("cannot read {}: {error}", file.display());
                self.fault(path.span(), title, "paths start from the folder of this file");
                None
            }
        }
    }

    /// Notes what is wrong with a table of the operator's.
    pub(super) fn faults_of(&mut self, error: TableError) {
        self.extend(error.into_faults());
    }
}

/// What a built-in profile makes of search engines and of YouTube.
pub(super) fn built_in(profile: &str) -> (SearchMode, YouTube) {
    match profile {
        "child" => (SearchMode::Forced, YouTube::Strict),
        "teen" => (SearchMode::Safe, YouTube::Moderate),
        _ => (SearchMode::Off, YouTube::Off),
    }
}
