//! The engines beside the real tools: public charts, and speed. Both are examples of the engines' own crates.
use std::fs;

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{build, built, root},
    console::{say, watch},
    tools,
};

/// What stands above the lines of a run.
const PAGE: &str = "\
# Speed of the engines

Written by `cargo xtask bench --engines --page docs/engines/speed.md CHART...`; do not edit. Each line: the time of our
engine, of our command `sluice` and of the real tool in the same run (the fastest of five; commands with their start and their
reading of files), how often ours fit into theirs, and what is wanted of the engine.
`kustomize` is not asked for 10,000 objects: its time grows with their square.

";

/// `charts FOLDER...`: renders every chart below the folders with defaults and each file of `ci/`, here and with Helm.
pub(crate) fn charts(folders: &[String]) -> Result<()> {
    if folders.is_empty() {
        bail!("charts: name folders with charts");
    }
    example("helm-template", "charts", &["helm"], folders, say)
}

/// `bench --engines [--page FILE] [CHART...]`: our engines' times beside those of kustomize and Helm; also as a page.
pub(crate) fn speed(arguments: &[String]) -> Result<()> {
    let (page, charts) = match arguments {
        [flag, file, charts @ ..] if flag == "--page" => (Some(file), charts),
        charts => (None, charts),
    };
    let mut lines = Vec::new();
    build("building sluice", &["build", "--release", "-p", "cli", "--bin", "sluice"])?;
    let sluice = built("release").join("sluice").display().to_string();
    let rest: Vec<String> = std::iter::once(sluice).chain(charts.iter().cloned()).collect();
    let done = example("fuzz", "speed", &["kustomize", "helm"], &rest, |line| {
        say(line);
        lines.push(line.to_owned());
    });
    if let Some(page) = page {
        let text = format!("{PAGE}```\n{}\n```\n", lines.join("\n"));
        fs::write(root().join(page), text).with_context(|| format!("writing {page}"))?;
    }
    done
}

/// Builds an example of a package for release and runs it: first the programs it compares with, then what the user gave.
fn example(
    package: &str,
    name: &str,
    programs: &[&str],
    rest: &[String],
    line: impl FnMut(&str),
) -> Result<()> {
    let programs: Vec<String> = programs.iter().map(ToString::to_string).collect();
    tools::ensure(&programs)?;
    build(&format!("building {name}"), &["build", "--release", "-p", package, "--example", name])?;
    let mut command = std::process::Command::new(built("release").join("examples").join(name));
    for program in &programs {
        command.arg(tools::path(program)?);
    }
    command.args(rest);
    let status = watch(name, command, line)?;
    if !status.success() {
        bail!("{name}: {status}");
    }
    Ok(())
}
