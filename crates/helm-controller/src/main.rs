//! The program: reads the flags and hands over.

use std::process::ExitCode;

use helm_controller::args::Command;

#[global_allocator]
static ALLOCATOR: runtime::memory::Allocator = runtime::memory::Allocator;

fn main() -> ExitCode {
    let command: Command = runtime::args::parse();
    match helm_controller::run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Said in full: nobody else hears of it, and the log may not have been started.
            tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "helm-controller ended");
            ExitCode::FAILURE
        }
    }
}
