//! The command sluice: everything a user does from a terminal.
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
