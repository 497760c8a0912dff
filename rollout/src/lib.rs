//! Roll-out to browsers: from a few lines, the policy files that make every browser of a town use the
//! right search engine, ask the right resolver, and keep to what its audience may do.
//!
//! ```
//! let rollout = rollout::Rollout::parse("rollout.toml", rollout::EXAMPLE, "".as_ref())?;
//! let files = rollout.files();
//! assert!(files.contains_key("pupils/linux/etc/chromium/policies/managed/preau.json"));
//! # Ok::<(), rollout::RolloutError>(())
//! ```
//!
//! What the vendors call things stands in tables, each with where that was read and when:
//! `chromium/facts.rs`, `firefox.rs`, `data/search-engines.toml`. [`Rollout::files`] is a pure function
//! of the configuration: the same lines give the same octets. [`write()`] is the only place that touches
//! a disk, but for reading the configuration and the authorities that it names.

mod authority;
mod chromium;
mod config;
mod engine;
mod firefox;
mod folder;
mod guide;
mod linux;
mod macos;
mod windows;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use lists::diagnostic::Diagnostic;
use thiserror::Error;

pub use self::folder::{Written, write};
use self::{authority::Authority, engine::SearchEngine};

/// A configuration with every key, for a town's pupils and its offices.
pub const EXAMPLE: &str = include_str!("../data/example.toml");

/// Files by their paths, which have slashes on every system.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What every audience's browsers are to do.
#[derive(Clone, Debug)]
pub struct Rollout {
    audiences: Vec<Audience>,
}

/// People whose browsers are set up alike.
#[derive(Clone, Debug)]
struct Audience {
    /// Unique; a folder's name, too.
    name: String,
    /// The engine that the address bar searches with, and whether that is all there is.
    search: Option<Choice<SearchEngine>>,
    /// Whom the browser asks for names.
    doh: Doh,
    /// Google and Bing, by the browser's own means.
    safe_search: bool,
    youtube: YouTube,
    private_browsing: bool,
    guest: bool,
    home_page: Option<Choice<String>>,
    new_tab: Option<NewTab>,
    extensions: Option<Extensions>,
    prefetch: bool,
    quic: bool,
    authority: Option<Authority>,
}

/// A value that its audience may change, or not.
#[derive(Clone, Debug)]
struct Choice<T> {
    value: T,
    locked: bool,
}

/// Whom the browser asks for names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Doh {
    /// The system's resolver.
    Off,
    /// A resolver over HTTPS, and nobody else.
    Url(String),
}

/// YouTube's restricted mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum YouTube {
    Off,
    Moderate,
    Strict,
}

/// What a new tab shows.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NewTab {
    Blank,
    Url(String),
}

/// Extensions that may be installed, and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Extensions {
    chrome: BTreeSet<String>,
    edge: BTreeSet<String>,
    firefox: BTreeSet<String>,
}

impl Rollout {
    /// Reads and checks a configuration. Relative paths in it start from its folder.
    ///
    /// # Errors
    /// [`RolloutError::Read`], and [`RolloutError::Invalid`] with every fault of the file.
    pub fn load(path: &Path) -> Result<Self, RolloutError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| RolloutError::Read { path: path.to_owned(), error })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&path.display().to_string(), &text, folder)
    }

    /// Checks a configuration that messages call `path`, and whose relative paths start from `folder`.
    ///
    /// # Errors
    /// [`RolloutError::Invalid`], with every fault.
    pub fn parse(path: &str, text: &str, folder: &Path) -> Result<Self, RolloutError> {
        config::parse(path, text, folder)
    }

    /// Every file, for every audience, browser and system, and how to put them in place.
    pub fn files(&self) -> Files {
        let mut files = Files::new();
        for audience in &self.audiences {
            let mut put = |path: &str, octets: Vec<u8>| {
                files.insert(format!("{}/{path}", audience.name), octets);
            };
            linux::files(audience, &mut put);
            windows::files(audience, &mut put);
            macos::files(audience, &mut put);
            put("chromeos/policies.json", chromium::chromeos(audience));
        }
        guide::files(&self.audiences, &mut files);
        files
    }
}

/// Why there is nothing to roll out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RolloutError {
    /// The configuration is not there, not readable, or not UTF-8.
    #[error("cannot read the configuration {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What it says cannot be done: every fault, each pointing into the file.
    #[error("{}", paragraphs(.0))]
    Invalid(Vec<Diagnostic>),
    /// The folder holds what this program did not write, or what was changed since.
    #[error(
        "{} is left as it is: {}; move it away, or choose another folder",
        folder.display(), foreign.join(", ")
    )]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// What is there, in words.
        foreign: Vec<String>,
    },
    /// The folder cannot be written; what was there is there still.
    #[error("cannot write {}: {error}; nothing was changed", folder.display())]
    Write {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

fn paragraphs(faults: &[Diagnostic]) -> String {
    faults.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n")
}
