//! The command sluice: everything a user does from a terminal.
use std::process::ExitCode;

/// Builds and renders make and drop many small values: with it they take two thirds of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
