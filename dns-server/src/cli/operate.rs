//! Commands that talk to a running server over its control socket.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Subcommand;
use filter_core::DomainName;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    bundle,
    config::{self, Config},
    control::{
        self, Allowed, Reloaded, Request,
        status::{Record, Status},
    },
    failure::Failure,
    state::{self, audit, reports::Report},
};

#[derive(Debug, Subcommand)]
pub(super) enum Operate {
    /// Tell how the running server does
    Status {
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// Have the running server read configuration and lists again
    Reload,
    /// Have the running server forget what upstream said
    Flush {
        /// Only about this name and all below it
        name: Option<DomainName>,
    },
    /// Let a name, and all below it, through for a while
    Allow {
        /// The name, such as www.example.com
        #[arg(required_unless_present = "list")]
        name: Option<DomainName>,
        /// For whom
        #[arg(long, value_name = "GROUP", required_unless_present = "list")]
        group: Option<String>,
        /// How long, such as 50m or 2h
        #[arg(
            long = "for",
            value_name = "TIME",
            value_parser = time,
            required_unless_present_any = ["list", "end"]
        )]
        time: Option<Duration>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT", required_unless_present_any = ["list", "end"])]
        why: Option<String>,
        /// No longer, from now on
        #[arg(long, conflicts_with_all = ["time", "why", "list"])]
        end: bool,
        /// Tell what is let through at the moment
        #[arg(long, conflicts_with_all = ["name", "group", "time", "why"])]
        list: bool,
    },
    /// Print what visitors of the block page reported
    Reports {
        /// For machines
        #[arg(long)]
        json: bool,
        #[command(subcommand)]
        action: Option<ReportAction>,
    },
    /// Print the audit log: what was changed, by whom, when and why
    Audit {
        /// The log; absent: the running server's
        file: Option<PathBuf>,
        /// Check that nobody has changed it
        #[arg(long)]
        verify: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ReportAction {
    /// Somebody has dealt with a name: forget what was reported about it
    Done {
        /// The name
        name: DomainName,
    },
}

impl Operate {
    /// `config` is the path of a configuration.
    pub(super) fn run(self, config: Option<&Path>) -> Result<(), Failure> {
        let socket = control::socket_to_ask(config);
        let ask = |request| control::ask(&socket, &request);
        match self {
            Self::Status { json: true } => println!("{}", ask(Request::Status)?),
            Self::Status { json: false } => {
                print!("{}", understood::<Status>(ask(Request::Status)?)?);
            }
            Self::Reload => {
                let Reloaded { not_applied, notes } = understood(ask(Request::Reload)?)?;
                println!("Reloaded.");
                for key in not_applied {
                    println!("Not applied: {key} takes a restart to take effect.");
                }
                for note in notes {
                    println!("Note: {note}.");
                }
            }
            Self::Flush { name } => {
                ask(Request::Flush { name: name.map(|name| name.to_string()) })?;
                println!("Flushed.");
            }
            Self::Allow { name: Some(name), group: Some(group), end: true, .. } => {
                let told = format!("{name} is no longer let through for {group}.");
                ask(Request::End { name: name.to_string(), group })?;
                println!("{told}");
            }
            Self::Allow {
                name: Some(name),
                group: Some(group),
                time: Some(time),
                why: Some(why),
                ..
            } => {
                let (name, seconds) = (name.to_string(), time.as_secs());
                let allowed = ask(Request::Allow { name, group, seconds, why })?;
                let Allowed { name, group, until, lifts } = understood(allowed)?;
                println!("{name}, and all below it, is let through for {group} until {until}.");
                match lifts {
                    Some(rule) => println!("What refuses it otherwise: {rule}"),
                    None => println!("Nothing refuses it at this moment."),
                }
            }
            // Without the others, clap has seen `--list`.
            Self::Allow { .. } => {
                for allowance in understood::<Status>(ask(Request::Status)?)?.allowed {
                    let (name, group, until) = (allowance.name, allowance.group, allowance.until);
                    println!(
                        "{name} for {group} until {until}, by {}: {}",
                        allowance.by, allowance.why
                    );
                }
            }
            Self::Reports { action: Some(ReportAction::Done { name }), .. } => {
                let settled: u64 = understood(ask(Request::Settle { name: name.to_string() })?)?;
                println!("{name}: {settled} settled.");
            }
            Self::Reports { json: true, .. } => println!("{}", ask(Request::Reports)?),
            Self::Reports { json: false, .. } => {
                for report in understood::<Vec<Report>>(ask(Request::Reports)?)? {
                    println!("{report}");
                }
            }
            Self::Audit { file, verify } => {
                let (path, head) = match file {
                    Some(path) => (path, None),
                    None => running_log(&socket, config)?,
                };
                audit(path, head, verify)?;
            }
        }
        Ok(())
    }
}

/// A response, in the words of this version.
fn understood<T: DeserializeOwned>(response: Value) -> Result<T, Failure> {
    serde_json::from_value(response).map_err(|error| {
        let message =
            format!("the server is of another version ({error}); --json prints its words");
        Failure::Told { message, code: 1 }
    })
}

/// The audit log of the running server and the digest of its last record; without a server, where
/// the configuration has it.
fn running_log(socket: &Path, config: Option<&Path>) -> Result<(PathBuf, Option<String>), Failure> {
    match control::ask(socket, &Request::Status) {
        Ok(status) => match understood::<Status>(status)?.record {
            Record::Kept { folder, head } => Ok((state::audit_log(Path::new(&folder)), Some(head))),
            Record::NotKept(message) => Err(Failure::Told { message, code: 1 }),
        },
        Err(_) => {
            let config = config.map_or_else(|| Ok(Config::default()), Config::load)?;
            Ok((state::audit_log(&bundle::cache(&config)?), None))
        }
    }
}

/// Prints or verifies a log; `head` is what its last record must be.
fn audit(path: PathBuf, head: Option<String>, verify: bool) -> Result<(), Failure> {
    let octets = fs::read(&path).map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        Failure::Told { message, code: 1 }
    })?;
    if !verify {
        print!("{}", audit::told(&octets));
        return Ok(());
    }
    let broken = match audit::verify(&octets) {
        Ok(verified) => {
            let digest = verified.head.to_string();
            if head.is_none_or(|head| head == digest) {
                println!("{}: {} records, unbroken.", path.display(), verified.entries.len());
                println!("Last record: {digest} (the system's journal has it, too)");
                return Ok(());
            }
            format!("its last line is not the server's last record, {digest}")
        }
        Err(broken) => broken.to_string(),
    };
    Err(Failure::Audit { path, broken })
}

fn time(text: &str) -> Result<Duration, String> {
    config::duration(text)
        .ok_or_else(|| "write a number and a unit, s, m, h or d, such as 50m".into())
}
