//! `list-compile verify`: is this the file that its publisher signed?

use std::{fmt, path::PathBuf};

use clap::Args;
use lists::signature::{PublicKey, PublicKeys};
use serde::Serialize;

use crate::{failure::Failure, output};

/// Verify FILE against FILE.minisig
#[derive(Args)]
pub(crate) struct Arguments {
    /// The signed file
    file: PathBuf,
    /// Public key, as itself or as its file; may be repeated: one of them must have signed
    #[arg(long, value_name = "KEY", required = true)]
    key: Vec<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Sound {
    file: PathBuf,
    key: String,
    trusted_comment: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let keys = public_keys(&arguments.key)?;
    let verified = keys
        .verify_file(&arguments.file)
        .map_err(|error| Failure::Bundle(format!("{}: {error}", arguments.file.display())))?;
    let sound = Sound {
        file: arguments.file.clone(),
        key: verified.key.to_string(),
        trusted_comment: verified.trusted_comment,
    };
    output::print(arguments.json, &sound)
}

/// Keys as they stand on the command line.
pub(crate) fn public_keys(texts: &[String]) -> Result<PublicKeys, Failure> {
    let key = |text: &String| PublicKey::from_text_or_file(text);
    texts
        .iter()
        .map(key)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Usage(error.to_string()))
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, key, trusted_comment } = self;
        let said = trusted_comment.replace('\t', ", ");
        writeln!(f, "{}: signed with key {key}: {said}", file.display())
    }
}
