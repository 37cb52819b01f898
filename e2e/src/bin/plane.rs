//! The control plane that all tests of one `cargo xtask test` share: prints its kubeconfig, ends with its standard input.
use std::{
    io::{Read, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use testkit::{ControlPlane, PlaneOptions, Scope, workspace_root};

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = serve().await;
    if let Err(error) = &outcome {
        let _ = writeln!(std::io::stderr(), "control plane: {error:#}");
    }
    Scope::close();
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn serve() -> Result<()> {
    let progress = |step: &str| drop(writeln!(std::io::stderr(), "  {step}"));
    let options = PlaneOptions { progress: Some(progress), ..PlaneOptions::default() };
    let plane = ControlPlane::start_with(options).await?;
    let given = std::env::var_os("SLUICE_CRD_DIR").map(PathBuf::from);
    let crds = given.unwrap_or_else(|| workspace_root().join("config/crd"));
    if crds.is_dir() {
        progress("applying the CustomResourceDefinitions");
        plane.apply_crds(&crds)?;
    }
    let mut out = std::io::stdout();
    writeln!(out, "{}", plane.kubeconfig().display())?;
    out.flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
