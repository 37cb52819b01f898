//! `validate`: what a repository holds, checked without a cluster, for CI.
//!
//! Flow: `files` (load) → `index` (documents by name) → `units` (what is built) → `build` → `check` (schemas) → `report`.
mod build;
mod builtin;
mod charts;
mod check;
mod files;
mod finding;
mod index;
mod parallel;
mod report;
mod schema;
mod sources;
mod units;
mod variables;

use std::path::PathBuf;

use clap::Args;

use self::{
    build::built,
    check::Checker,
    files::Repository,
    finding::Finding,
    index::Index,
    report::Form,
    sources::Sources,
    units::{folders, kustomizations},
};
use crate::{CommandError, say};

/// Check what a folder of Git holds, without a cluster: build, substitute, render, compare with schemas
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # The repository around this folder; exit code 1 when something is wrong
  sluice validate

  # As annotations of a pull request on GitHub
  sluice validate ./clusters --output=github")]
pub(crate) struct ValidateArgs {
    /// Folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Form of the report
    #[arg(long, short, value_enum, default_value = "text")]
    output: Form,
    /// More files or folders with CustomResourceDefinitions
    #[arg(long, value_delimiter = ',', value_name = "PATH")]
    crds: Vec<PathBuf>,
    /// A variable without a value is an error, as for the controller
    #[arg(long, num_args = 0..=1, default_missing_value = "true", default_value = "true", require_equals = true, action = clap::ArgAction::Set)]
    strict_substitute: bool,
}

/// What was looked at.
#[derive(Debug, Default)]
struct Summary {
    /// Names of all that was built, rendered or read.
    units: Vec<String>,
    /// Objects held against a schema.
    checked: usize,
    /// Objects of kinds whose schema is not here.
    unknown: usize,
    findings: Vec<Finding>,
}

/// Runs it.
///
/// # Errors
/// When the folder cannot be read, and (told on standard output already) when something in it is wrong.
pub(crate) fn run(args: &ValidateArgs) -> Result<(), CommandError> {
    let repository = Repository::load(&args.path)?;
    let (index, mut findings) = Index::of(&repository);
    let sources = Sources::of(&index);
    let checker = Checker::new(&index, &sources, &args.crds)?;
    let mut units = kustomizations(&repository, &index, &sources);
    let mut outcome = built(&repository, &index, &units, args.strict_substitute);
    // What a Kustomization takes in is built with its variables, and not once more without them.
    let folders = folders(&repository, &outcome.read);
    outcome.append(built(&repository, &index, &folders, args.strict_substitute));
    units.extend(folders);
    findings.extend(checker.broken());
    findings.extend(outcome.findings);
    let mut summary = checker.checked(&repository, outcome.objects, &outcome.read);
    summary.units.splice(0..0, units.iter().map(ToString::to_string));
    summary.findings.append(&mut findings);
    summary.findings.sort();
    summary.findings.dedup();
    say::data(&report::printed(args.output, &summary)?)?;
    ended(&summary)
}

fn ended(summary: &Summary) -> Result<(), CommandError> {
    let errors = summary.findings.iter().filter(|one| one.is_error()).count();
    let warnings = summary.findings.len() - errors;
    let told = format!(
        "{} objects of {} builds and files: {errors} errors, {warnings} warnings; {} of kinds without a schema",
        summary.checked + summary.unknown,
        summary.units.len(),
        summary.unknown
    );
    if errors > 0 {
        return Err(CommandError::failed(told));
    }
    say::success(&told);
    Ok(())
}
