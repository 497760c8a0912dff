//! `[guard]`: what a new bundle may not do.

use std::collections::{BTreeMap, BTreeSet};

use filter_core::DomainName;
use serde::Deserialize;
use toml::Spanned;

use super::Check;

/// What a new bundle may not do, besides what the product ships with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardSettings {
    /// Largest loss of a source or category, in percent of its rules.
    pub max_loss: u8,
    /// Largest growth of a source, in percent of its rules.
    pub max_growth: u32,
    /// Names that must be refused, by category, besides the shipped ones.
    pub must_block: BTreeMap<String, Vec<DomainName>>,
    /// Categories that the bundle is not meant to block. Each is a warning whenever the guards are
    /// asked.
    pub without: BTreeSet<String>,
    /// Names that must not be refused.
    pub must_allow: Vec<DomainName>,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            max_loss: 20,
            max_growth: 100,
            must_block: BTreeMap::new(),
            without: BTreeSet::new(),
            must_allow: Vec::new(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GuardTable {
    max_loss: Option<Spanned<u8>>,
    max_growth: Option<u32>,
    must_block: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    without: Vec<Spanned<String>>,
    must_allow: Vec<Spanned<String>>,
}

impl Check {
    pub(super) fn guard(&mut self, table: GuardTable) -> GuardSettings {
        let default = GuardSettings::default();
        let must_block = table
            .must_block
            .into_iter()
            .map(|(category, names)| (self.known_category(category), self.names(names)));
        let must_block = must_block.collect();
        GuardSettings {
            must_block,
            without: table
                .without
                .into_iter()
                .map(|category| self.known_category(category))
                .collect(),
            max_loss: table
                .max_loss
                .and_then(|loss| self.percent(loss))
                .unwrap_or(default.max_loss),
            max_growth: table.max_growth.unwrap_or(default.max_growth),
            must_allow: self.names(table.must_allow),
        }
    }

    fn known_category(&mut self, category: Spanned<String>) -> String {
        if let Err(error) = self.table.set([category.get_ref()]) {
            self.unknown_category(&category, &error);
        }
        category.into_inner()
    }

    pub(super) fn names(&mut self, names: Vec<Spanned<String>>) -> Vec<DomainName> {
        let mut parsed = Vec::new();
        for name in names {
            match name.get_ref().parse() {
                Ok(name) => parsed.push(name),
                Err(error) => self.push(name.span(), format!("{:?}: {error}", name.get_ref())),
            }
        }
        parsed
    }
}
