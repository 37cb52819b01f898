//! `cargo xtask demo` builds what this needs and then becomes this program.
use std::process::ExitCode;

use clap::Parser;
use e2e::demo::{DemoArgs, run};
use testkit::Scope;

#[tokio::main]
async fn main() -> ExitCode {
    let args = DemoArgs::parse();
    // A task of its own: the acts wait in blocking calls, and Ctrl-C must be heard meanwhile.
    let acts = tokio::spawn(run(args));
    let (code, word) = tokio::select! {
        outcome = acts => match outcome.map_err(anyhow::Error::from).flatten() {
            Ok(()) => (0, None),
            Err(error) => (1, Some(format!("{error:#}"))),
        },
        _ = tokio::signal::ctrl_c() => (130, Some("interrupted: cleaning up".to_string())),
    };
    if let Some(word) = word {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "demo: {word}");
    }
    Scope::close();
    // Not a return: that would wait for an act which still asks a cluster that has gone.
    std::process::exit(code)
}
