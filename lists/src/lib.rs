//! From public blocklists to one compiled bundle.
//!
//! | module | feature | what it does |
//! |---|---|---|
//! | [`diagnostic`] | | shows a fault in a text file: place, caret, help |
//! | `source` | `compile` | reads `sources.toml`: which lists, what each of them means |
//! | `archive` | `compile` | unpacks archives and compressed files, safely and within limits |
//! | `digest` | `compile`, `pull` | SHA-256, by which files are named and compared |
//! | `durable` | `cli` | puts files into their place, whole or not at all |
//! | `pointer` | `pull` | what is published where |
//! | `pull` | `pull` | fetches a published bundle |
//! | `publish` | `cli` | puts a bundle where servers pull it from |
//! | `signature` | `pull` | minisign's keys and signatures; making them with `cli` |
//! | `formats` | `compile` | one streaming reader for each list format, and their detection |
//! | `compile` | `compile` | reads all sources in parallel and builds the bundle |
//! | `fetch` | `cli` | fetches the lists that have a URL into a cache |
//! | `diff` | `compile` | what a new bundle changes, by category and source |
//! | `overlap`, `growth` | `compile` | what each source adds, and how a bundle grew |
//! | `learn` | `compile` | pieces of names that tell what no list knows yet |
//! | `lint` | `compile` | what a list's author should look at, line by line |
//! | `export` | `compile` | writes a bundle in the formats of other filters |
//! | `report` | `compile` | counts every line, accepted or skipped for a reason |
//! | `guard` | `compile` | what must hold of a bundle before it replaces another |
//! | `trusted` | `compile` | names known to be good or bad, by which bundles are judged |
//! | [`shared_cdn`] | | networks that serve many strangers' sites |
//!
//! The binary `list-compile` (feature `cli`) is their face on the command line.

#![forbid(unsafe_code)]

#[cfg(feature = "compile")]
pub mod archive;
#[cfg(feature = "compile")]
pub mod compile;
pub mod diagnostic;
#[cfg(feature = "compile")]
pub mod diff;
#[cfg(any(feature = "compile", feature = "pull"))]
pub mod digest;
#[cfg(feature = "cli")]
pub mod durable;
#[cfg(feature = "compile")]
pub mod export;
#[cfg(feature = "cli")]
pub mod fetch;
#[cfg(feature = "compile")]
pub mod formats;
#[cfg(feature = "compile")]
pub mod growth;
#[cfg(feature = "compile")]
pub mod guard;
#[cfg(feature = "pull")]
mod http;
#[cfg(feature = "compile")]
pub mod learn;
#[cfg(feature = "compile")]
pub mod lint;
#[cfg(feature = "compile")]
pub mod overlap;
#[cfg(feature = "pull")]
pub mod pointer;
#[cfg(feature = "cli")]
pub mod publish;
#[cfg(feature = "pull")]
pub mod pull;
#[cfg(feature = "compile")]
pub mod report;
pub mod shared_cdn;
#[cfg(feature = "pull")]
pub mod signature;
#[cfg(feature = "compile")]
pub mod source;
#[cfg(feature = "compile")]
pub mod trusted;
