//! `preau`: a filtering DNS resolver for schools.

use std::process::ExitCode;

fn main() -> ExitCode {
    dns_server::cli::main()
}
