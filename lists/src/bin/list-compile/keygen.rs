//! `list-compile keygen`: a key to sign with.

use std::{fmt, path::PathBuf};

use clap::Args;
use lists::signature::{Password, SecretKey};
use serde::Serialize;

use crate::{failure::Failure, output, password::PasswordArguments};

/// Make a key to sign bundles with; minisign reads it, too
///
/// Keep the secret key off the servers that publish, if you can, and a copy of it in a safe: without
/// it, every `preau` must be given another public key.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Secret key to write; the public one goes beside it, to FILE.pub
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    password: PasswordArguments,
    /// Leave the secret key without a password: whoever can read the file can sign
    #[arg(long, conflicts_with = "password_file")]
    no_password: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Made {
    secret_key: PathBuf,
    public_key: PathBuf,
    id: String,
    key: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let password = match arguments.no_password {
        true => Password::None,
        false => arguments.password.password()?,
    };
    let (key, public_key) =
        SecretKey::generate(&arguments.out, password).map_err(Failure::failed)?;
    let made = Made {
        secret_key: arguments.out.clone(),
        public_key,
        id: key.id().to_string(),
        key: key.to_string(),
    };
    output::print(arguments.json, &made)
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "secret key  {}", self.secret_key.display())?;
        writeln!(f, "public key  {}", self.public_key.display())?;
        writeln!(f, "identifier  {}", self.id)?;
        writeln!(f, "\nIn preau.toml:\n\n[lists]\nkeys = [\"{}\"]", self.key)
    }
}
