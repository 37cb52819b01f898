//! The engines beside the real tools: public charts, and speed. Both are examples of the engines' own crates.
use anyhow::{Result, bail};

use crate::{
    cargo::{build, built},
    console::{say, watch},
    tools,
};

/// `charts FOLDER...`: renders every chart below the folders with defaults and each file of `ci/`, here and with Helm.
pub(crate) fn charts(folders: &[String]) -> Result<()> {
    if folders.is_empty() {
        bail!("charts: name folders with charts");
    }
    example("helm-template", "charts", &["helm"], folders)
}

/// `bench --engines [CHART...]`: our engines' times beside those of kustomize and Helm.
pub(crate) fn speed(charts: &[String]) -> Result<()> {
    example("fuzz", "speed", &["kustomize", "helm"], charts)
}

/// Builds an example of a package for release and runs it: first the programs it compares with, then what the user gave.
fn example(package: &str, name: &str, programs: &[&str], rest: &[String]) -> Result<()> {
    let programs: Vec<String> = programs.iter().map(ToString::to_string).collect();
    tools::ensure(&programs)?;
    build(&format!("building {name}"), &["build", "--release", "-p", package, "--example", name])?;
    let mut command = std::process::Command::new(built("release").join("examples").join(name));
    for program in &programs {
        command.arg(tools::path(program)?);
    }
    command.args(rest);
    let status = watch(name, command, say)?;
    if !status.success() {
        bail!("{name}: {status}");
    }
    Ok(())
}
