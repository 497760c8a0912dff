//! `list-compile sign`: a bundle's signature, beside it.

use std::{fmt, fs, path::PathBuf};

use clap::Args;
use filter_core::Filter;
use lists::signature::{SecretKey, signature_path, trusted_comment};
use serde::Serialize;

use crate::{failure::Failure, output, password::PasswordArguments, replace::replace};

/// Sign a bundle: writes FILE.minisig, which minisign verifies, too
#[derive(Args)]
pub(crate) struct Arguments {
    /// The bundle
    file: PathBuf,
    /// Secret key that `keygen` (or minisign -G) wrote
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    password: PasswordArguments,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Signed {
    signature: PathBuf,
    key: String,
    trusted_comment: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let shown = arguments.file.display();
    let bytes = fs::read(&arguments.file)
        .map_err(|error| Failure::Failed(format!("cannot read {shown}: {error}")))?;
    let filter = Filter::open(bytes.clone())
        .map_err(|error| Failure::Bundle(format!("{shown}: {error}; not signed")))?;
    let key =
        SecretKey::load(&arguments.key, arguments.password.password()?).map_err(Failure::failed)?;
    let trusted_comment = trusted_comment(&bytes, &filter.manifest().stamp);
    let text = key.sign(bytes.as_slice(), &trusted_comment).map_err(Failure::failed)?;
    let signature = signature_path(&arguments.file);
    replace(&signature, text.as_bytes())?;
    let key = key.public_key().id().to_string();
    output::print(arguments.json, &Signed { signature, key, trusted_comment })
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signature, key, trusted_comment } = self;
        let said = trusted_comment.replace('\t', ", ");
        writeln!(f, "{}: signed with key {key}: {said}", signature.display())
    }
}
