//! From public blocklists to one compiled bundle.
//!
//! | module | feature | what it does |
//! |---|---|---|
//! | [`diagnostic`] | | shows a fault in a text file: place, caret, help |
//! | `source` | `compile` | reads `sources.toml`: which lists, what each of them means |
//! | `archive` | `compile` | unpacks archives and compressed files, safely and within limits |
//! | `formats` | `compile` | one streaming reader for each list format, and their detection |
//! | `compile` | `compile` | reads all sources in parallel and builds the bundle |
//! | `report` | `compile` | counts every line, accepted or skipped for a reason |
//!
//! The binary `list-compile` (feature `cli`) is their face on the command line.

#![forbid(unsafe_code)]

#[cfg(feature = "compile")]
pub mod archive;
#[cfg(feature = "compile")]
pub mod compile;
pub mod diagnostic;
#[cfg(feature = "compile")]
pub mod formats;
#[cfg(feature = "compile")]
pub mod report;
#[cfg(feature = "compile")]
pub mod source;
