//! What a bundle says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Categories, LearnedRecord, Source};

/// When and as what a bundle was made: inputs of a build, so that same inputs give same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Grows with each bundle that is published.
    pub serial: u64,
    /// Instant of making, RFC 3339.
    pub created: String,
    /// Instant after which it no longer replaces another, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// The manifest section: who made the bundle from what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Serial, creation, expiry.
    #[serde(flatten)]
    pub stamp: Stamp,
    /// Every category, the built-in ones first.
    pub categories: Categories,
    /// Every source, in the order of the rule sets' numbers.
    pub sources: Vec<SourceRecord>,
    /// What the bundle holds.
    pub counts: Counts,
    /// The table for names that no list knows, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<LearnedRecord>,
}

/// A source and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// The source.
    #[serde(flatten)]
    pub source: Source,
    /// Distinct rules that it gave.
    pub rules: u64,
}

/// Counts over a whole bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Distinct names that rules were given for.
    pub names: u64,
    /// Of those, names left out because an ancestor's rule says the same.
    pub covered: u64,
    /// Host-name fragments.
    pub fragments: u64,
    /// Expressions.
    pub expressions: u64,
    /// Networks.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub networks: u64,
    /// Rules on URLs: beginnings and expressions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub urls: u64,
    /// Phrases.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub phrases: u64,
    /// Sites that impostors imitate.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub protected: u64,
    /// Names and patterns of any kind with a block rule of each category.
    pub by_category: BTreeMap<String, u64>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
