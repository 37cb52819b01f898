//! The program: reads the flags and hands over.

use std::process::ExitCode;

use image_automation_controller::Args;

#[global_allocator]
static ALLOCATOR: runtime::memory::Allocator = runtime::memory::Allocator;

fn main() -> ExitCode {
    let args: Args = runtime::args::parse();
    match image_automation_controller::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Said in full: nobody else hears of it, and the log may not have been started.
            tracing::error!(
                error = format!("{:#}", anyhow::Error::from(error)),
                "image-automation-controller ended"
            );
            ExitCode::FAILURE
        }
    }
}
