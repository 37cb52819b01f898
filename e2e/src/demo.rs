//! The demo: ten acts on a real control plane, each announced, timed and judged by `kubectl`.
//!
//! Our own code only plays: it commits, and starts programs. Whether an act went well is read from what kubectl prints.
mod acts;
mod files;
mod judge;
mod releases;
mod report;
mod screen;
mod stage;

use std::{path::PathBuf, time::Instant};

use anyhow::{Result, bail};
use clap::Parser;

use crate::demo::{acts::ACTS, report::Report, screen::say, stage::Stage};

/// Shows in ten acts what Sluice does, on a control plane of its own.
#[derive(Parser, Clone)]
#[command(name = "cargo xtask demo")]
pub struct DemoArgs {
    /// Leave the cluster up at the end and print how to look at it and how to end it.
    #[arg(long)]
    pub keep: bool,
    /// Write the judged times to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Do not start this controller : shows that the acts are judged.
    #[arg(long, value_name = "CONTROLLER")]
    pub without: Option<String>,
    /// Take the controllers' binaries from this folder.
    #[arg(long, value_name = "DIR")]
    pub bin: Option<PathBuf>,
    /// Apply the CustomResourceDefinitions of this folder.
    #[arg(long, value_name = "DIR")]
    pub crd: Option<PathBuf>,
}

/// Runs the acts in order and stops at the first that goes wrong.
///
/// # Errors
/// Names the act and what kubectl last saw.
pub async fn run(args: DemoArgs) -> Result<()> {
    let begun = Instant::now();
    let stage = Stage::set(&args).await?;
    let mut report = Report::default();
    let outcome = play(&stage, &mut report);
    report.total_seconds = begun.elapsed().as_secs_f64();
    if let Some(file) = &args.report {
        report.write(file)?;
    }
    if let Err(error) = outcome {
        stage.explain();
        finish(stage, args.keep)?;
        return Err(error);
    }
    say(&format!("\nAll {} acts went well in {:.1} s, set-up included.", ACTS.len(), report.total_seconds));
    finish(stage, args.keep)
}

fn play(stage: &Stage, report: &mut Report) -> Result<()> {
    for (at, act) in ACTS.iter().enumerate() {
        say(&format!("\nAct {} of {}: {}", at + 1, ACTS.len(), act.title));
        let begun = Instant::now();
        let outcome = (act.play)(stage);
        let seconds = begun.elapsed().as_secs_f64();
        report.add(act.title, seconds, outcome.is_ok());
        match outcome {
            Ok(()) => say(&format!("  good, {seconds:.1} s")),
            Err(error) => bail!("act {} ({}) failed after {seconds:.1} s: {error:#}", at + 1, act.title),
        }
    }
    Ok(())
}

fn finish(stage: Stage, keep: bool) -> Result<()> {
    if keep {
        return stage.keep();
    }
    say("Cleaning up.");
    drop(stage);
    Ok(())
}
