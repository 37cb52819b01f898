//! `images`: see `cargo xtask images`.
use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::Parser;
use images::{Options, Source, build};

/// Builds an OCI image layout of each binary.
#[derive(Parser)]
struct Args {
    /// The folder with the binaries.
    #[arg(long)]
    bin: PathBuf,
    /// Where the layouts go: one folder a binary, and `NAME.spdx.json` beside it.
    #[arg(long)]
    out: PathBuf,
    /// The checkout whose `cargo metadata` tells the packages.
    #[arg(long)]
    source: PathBuf,
    /// Seconds since 1970 that the images are said to be made at: those of the commit, so that a rebuild is equal.
    #[arg(long, env = "SOURCE_DATE_EPOCH", default_value_t = 0)]
    created: u64,
    /// The commit.
    #[arg(long, default_value = "")]
    revision: String,
    /// The binaries.
    #[arg(required = true)]
    names: Vec<String>,
}

fn main() -> ExitCode {
    let Args { bin, out, source, created, revision, names } = Args::parse();
    let options = Options { source: Source { checkout: source, revision, created }, bin, out };
    let mut console = std::io::stdout();
    for name in &names {
        match build(name, &options) {
            Ok(line) => drop(writeln!(console, "{line}")),
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "images: {name}: {error:#}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
