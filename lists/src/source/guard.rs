//! `[guard]`: what a new bundle may not do.

use std::collections::BTreeMap;

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
    /// Names that must be refused, by category: looked at where a source has that category. Those
    /// given for a category replace the shipped ones; none switch the guard off for it.
    pub must_block: BTreeMap<String, Vec<DomainName>>,
    /// Names that must not be refused.
    pub must_allow: Vec<DomainName>,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self { max_loss: 20, max_growth: 100, must_block: BTreeMap::new(), must_allow: Vec::new() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GuardTable {
    max_loss: Option<Spanned<u8>>,
    max_growth: Option<u32>,
    must_block: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    must_allow: Vec<Spanned<String>>,
}

impl Check {
    pub(super) fn guard(&mut self, table: GuardTable) -> GuardSettings {
        let default = GuardSettings::default();
        let must_block = table.must_block.into_iter().map(|(category, names)| {
            if let Err(error) = self.table.set([category.get_ref()]) {
                self.unknown_category(&category, &error);
            }
            (category.into_inner(), self.names(names))
        });
        GuardSettings {
            must_block: must_block.collect(),
            max_loss: table
                .max_loss
                .and_then(|loss| self.percent(loss))
                .unwrap_or(default.max_loss),
            max_growth: table.max_growth.unwrap_or(default.max_growth),
            must_allow: self.names(table.must_allow),
        }
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
