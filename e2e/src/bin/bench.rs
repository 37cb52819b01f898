//! `cargo xtask bench`: what Sluice costs, beside what a bare client needs.
use anyhow::{Context, Result, ensure};
use clap::Parser;
use e2e::bench::{Options, Report, all_rows, run};

/// Measures times, CPU seconds, memory and API requests: of source- and kustomize-controller beside a bare client, then
/// of all five controllers and the command.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Args::parse().options;
    for row in &options.only {
        ensure!(
            all_rows().any(|known| known == row),
            "no row '{row}': there are {}",
            all_rows().collect::<Vec<_>>().join(", ")
        );
    }
    // A row that fails does not take with it what the rows before it measured.
    let mut report = Report::default();
    let outcome = run(&options, &mut report).await;
    testkit::Scope::close();
    print(&report.text())?;
    if let Some(file) = &options.json {
        std::fs::write(file, format!("{:#}\n", report.json())).with_context(|| file.display().to_string())?;
    }
    if let Some(file) = &options.page {
        std::fs::write(file, report.page()).with_context(|| file.display().to_string())?;
    }
    outcome
}

fn print(text: &str) -> Result<()> {
    use std::io::Write;
    std::io::stdout().write_all(text.as_bytes()).context("writing the table")
}
