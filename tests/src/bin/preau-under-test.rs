//! `preau` itself, under a name that tests of this package can find.

use std::process::ExitCode;

fn main() -> ExitCode {
    dns_server::cli::main()
}
