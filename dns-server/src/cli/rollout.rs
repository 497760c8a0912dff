//! `preau rollout`: policy files for browsers, from a configuration of their own.

use std::path::{Path, PathBuf};

use clap::Args;
use rollout::{EXAMPLE, Written, write};

use crate::failure::Failure;

/// Write policy files for browsers, and how to deploy them; --config names a file of their own
#[derive(Debug, Args)]
pub(super) struct Rollout {
    /// The folder for the files: a new one, or an earlier roll-out, which is replaced
    #[arg(long, value_name = "FOLDER", required_unless_present = "example")]
    out: Option<PathBuf>,
    /// Print a configuration with every key
    #[arg(long, conflicts_with = "out")]
    example: bool,
}

impl Rollout {
    /// `config` is the path of the roll-out's own configuration.
    pub(super) fn run(self, config: Option<&Path>) -> Result<(), Failure> {
        let Some(out) = self.out else {
            print!("{EXAMPLE}");
            return Ok(());
        };
        let Some(config) = config else {
            let message = "error: whose browsers? Name the roll-out's configuration: --config \
                           rollout.toml (`preau rollout --example` prints one)";
            return Err(Failure::Told { message: message.into(), code: Failure::CONFIG });
        };
        let files = rollout::Rollout::load(config)?.files();
        let verb = match write(&files, &out)? {
            Written::New => "Wrote",
            Written::Replaced => "Replaced",
        };
        println!("{verb} {}: {} files.", out.display(), files.len());
        println!("How to put them in place: LISEZMOI.md (French), README.md (English).");
        Ok(())
    }
}
