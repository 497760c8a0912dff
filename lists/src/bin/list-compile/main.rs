//! `list-compile`: public blocklists in, one compiled bundle out.

#![forbid(unsafe_code)]

mod attempt;
mod build;
mod bundle;
mod cache;
mod check;
mod diff;
mod explain;
mod export;
mod failure;
mod guard;
mod keygen;
mod learn;
mod lint;
mod output;
mod password;
mod progress;
mod publish;
mod replace;
mod sign;
mod stats;
mod update;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Compiles blocklists into one bundle, and looks into bundles.
///
/// Exit codes: 0 done, 1 failure, 2 wrong usage, 3 sources file invalid, 4 bundle invalid, 5 refused
/// by the guards, 6 done, but from cached copies of lists that could not be fetched or used.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Build(build::Arguments),
    Check(check::Arguments),
    Diff(diff::Arguments),
    Explain(explain::Arguments),
    Export(export::Arguments),
    Guard(guard::Arguments),
    Keygen(keygen::Arguments),
    Learn(learn::Arguments),
    Publish(publish::Arguments),
    Sign(sign::Arguments),
    Lint(lint::Arguments),
    Stats(stats::Arguments),
    Update(update::Arguments),
    Verify(verify::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Build(arguments) => build::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Guard(arguments) => guard::run(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments),
        Command::Learn(arguments) => learn::run(&arguments),
        Command::Publish(arguments) => publish::run(&arguments),
        Command::Sign(arguments) => sign::run(&arguments),
        Command::Lint(arguments) => lint::run(&arguments),
        Command::Stats(arguments) => stats::run(&arguments),
        Command::Update(arguments) => update::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
