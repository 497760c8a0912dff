//! Where the password of a secret key comes from.

use std::{fs, path::PathBuf};

use clap::Args;
use lists::signature::Password;

use crate::failure::Failure;

#[derive(Args)]
pub(crate) struct PasswordArguments {
    /// File whose first line is the secret key's password [default: asked on the terminal]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordArguments {
    pub(crate) fn password(&self) -> Result<Password, Failure> {
        let Some(path) = &self.password_file else { return Ok(Password::Prompt) };
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::Failed(format!("cannot read {}: {error}", path.display())))?;
        match text.lines().next() {
            Some(password) if !password.is_empty() => Ok(Password::Given(password.to_owned())),
            _ => Err(Failure::Failed(format!("{} holds no password", path.display()))),
        }
    }
}
