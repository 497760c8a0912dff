//! Search engines, as browsers' policies want them.

use std::sync::LazyLock;

use serde::Deserialize;

/// A search engine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchEngine {
    /// As `search` names it.
    pub(crate) id: String,
    /// As people see it.
    pub(crate) label: String,
    /// What is typed before a search for it.
    pub(crate) keyword: String,
    /// The address of a search, with [`TERMS`] for what is searched for.
    pub(crate) url: String,
    /// Where that was read.
    #[serde(rename = "source")]
    _source: Option<String>,
}

/// What stands for the search in an address: the same in every browser.
pub(crate) const TERMS: &str = "{searchTerms}";

impl SearchEngine {
    /// One of an operator's own.
    pub(crate) fn new(id: String, label: String, keyword: String, url: String) -> Self {
        Self { id, label, keyword, url, _source: None }
    }
}

/// What this crate knows of engines.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// The day it is of.
    #[serde(rename = "dated")]
    _dated: String,
    /// Names of those that Firefox brings.
    pub(crate) firefox_built_in: Vec<String>,
    /// The engines.
    #[serde(rename = "engine")]
    pub(crate) engines: Vec<SearchEngine>,
}

/// The table of this version.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/search-engines.toml"))
        .expect("a test reads the table that this is compiled with")
});

#[cfg(test)]
mod tests {
    use super::*;

    /// The resolver says how each engine is filtered: an engine of ours that it does not know, or whose
    /// host it knows under another name, would be refused by it.
    #[test]
    fn every_engine_is_one_that_the_resolver_knows() {
        let text = include_str!("../../dns-server/data/search-engines.toml");
        let known: toml::Table = toml::from_str(text).unwrap();
        let known = known["engine"].as_array().unwrap();
        assert_eq!(TABLE.engines.len(), 6);
        for engine in &TABLE.engines {
            let row = known.iter().find(|row| row["id"].as_str() == Some(&engine.id)).unwrap();
            assert_eq!(row["label"].as_str(), Some(engine.label.as_str()));
            let host = url::Url::parse(&engine.url).unwrap().host_str().unwrap().to_owned();
            let names = ["hosts", "domains", "rewrite"].into_iter().filter_map(|key| row.get(key));
            let names: Vec<_> = names.flat_map(|names| names.as_array().unwrap()).collect();
            let is_known = names.iter().filter_map(|name| name.as_str()).any(|name| {
                let name = name.replace("{suffix}", "com");
                host == name || host.ends_with(&format!(".{name}"))
            });
            assert!(is_known, "{} is at {host}", engine.id);
            assert!(engine.url.contains(TERMS));
        }
        assert_eq!(TABLE._dated.len(), "2026-11-22".len());
    }
}
