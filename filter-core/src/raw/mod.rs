//! The byte level: a container of checked sections, and one reader for each kind of section.
//!
//! Nothing here knows a profile. Every reader takes any bytes without panicking: sections are
//! checked against their digests when a bundle is opened, and what digests cannot vouch for (a
//! bundle made to harm) is bounds-checked as it is read.

pub(crate) mod bundle;
pub(crate) mod domains;
pub(crate) mod expressions;
pub(crate) mod index;
pub(crate) mod learned;
pub(crate) mod networks;
pub(crate) mod pages;
pub(crate) mod patterns;
pub(crate) mod phrases;
pub(crate) mod rule_sets;
