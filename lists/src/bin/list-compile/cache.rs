//! Where fetched lists are kept.

use std::{env, path::PathBuf};

use clap::Args;

use crate::failure::Failure;

/// Which folder.
#[derive(Args)]
pub(crate) struct CacheArguments {
    /// Folder of the lists that `update` fetched [default: $CACHE_DIRECTORY,
    /// $XDG_CACHE_HOME/preau/lists or ~/.cache/preau/lists]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

impl CacheArguments {
    /// The folder, which need not be there.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(folder) = &self.cache {
            return Ok(folder.clone());
        }
        let folder = |name: &str, below: &str| {
            let value = env::var_os(name).filter(|value| !value.is_empty())?;
            // systemd separates several folders by colons.
            let first = env::split_paths(&value).next()?;
            Some(first.join(below))
        };
        folder("CACHE_DIRECTORY", "")
            .or_else(|| folder("XDG_CACHE_HOME", "preau/lists"))
            .or_else(|| folder("HOME", ".cache/preau/lists"))
            .ok_or_else(|| Failure::Usage("there is no HOME: say where with --cache".into()))
    }

    /// The folder, unless it was given and is not there: a mistyped one.
    pub(crate) fn existing(&self) -> Result<PathBuf, Failure> {
        match &self.cache {
            Some(folder) if !folder.is_dir() => Err(Failure::Failed(format!(
                "{} is no folder: where does `update` cache?",
                folder.display()
            ))),
            _ => self.folder(),
        }
    }
}
