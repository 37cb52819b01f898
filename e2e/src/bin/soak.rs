//! `cargo xtask soak`: random commits, kills, faults and drift against a model of what must be live.
use std::{io::Write, time::Duration};

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use e2e::soak::{Options, Tally, chain, run, sources};

/// Runs until time or kills are up, or something is not as in Git.
#[derive(Parser)]
struct Args {
    /// How long: `90s`, `10m`, `2h`.
    #[arg(long = "for", default_value = "10m", value_parser = time)]
    time: Duration,
    /// Repeats the decisions of an earlier run. Default: the clock's.
    #[arg(long)]
    seed: Option<u64>,
    /// `spec.timeout` of the source: how long a server that is silent holds it up.
    #[arg(long, default_value = "5s", value_parser = time)]
    source_timeout: Duration,
    /// Runs something large instead: a chain of 1,000 dependencies, or 200 sources on a disk that goes.
    #[arg(long)]
    scenario: Option<Scenario>,
    /// Ends after so many kills.
    #[arg(long, default_value_t = u32::MAX)]
    kills: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Scenario {
    Chain,
    Sources,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(scenario) = args.scenario {
        let told = match scenario {
            Scenario::Chain => chain().await,
            Scenario::Sources => sources().await,
        };
        testkit::Scope::close();
        say(&told?);
        return Ok(());
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let seed = args.seed.unwrap_or(now.as_secs());
    say(&format!("seed {seed}, for {:?}", args.time));
    let (time, kills, source_timeout) = (args.time, args.kills, args.source_timeout);
    let options = Options { seed, time, kills, source_timeout, progress: Some(tell) };
    let outcome = run(&options).await;
    testkit::Scope::close();
    let tally = outcome.with_context(|| format!("again: cargo xtask soak --seed {seed}"))?;
    tell(&tally);
    say(&format!("seed {seed}: nothing lost, orphaned or wrongly pruned"));
    Ok(())
}

fn tell(tally: &Tally) {
    say(&format!(
        "{} steps: {} commits, {} kills ({} at kill points), {} faults, {} changes by hand",
        tally.steps, tally.commits, tally.kills, tally.at_points, tally.faults, tally.drifts
    ));
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn time(text: &str) -> Result<Duration> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => bail!("a time is a number with s, m or h, not {text:?}"),
    };
    Ok(Duration::from_secs(number.parse::<u64>().context("a time is a number with s, m or h")? * seconds))
}
