//! The command `sluice` as a file.
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use testkit::workspace_root;

/// Where the runner has built it (`SLUICE_BIN_DIR`), else built now by cargo.
///
/// # Errors
/// When it cannot be built.
pub fn sluice_program() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("SLUICE_BIN_DIR") {
        return Ok(Path::new(&dir).join("sluice"));
    }
    let mut cargo = Command::new(env!("CARGO"));
    let built = cargo.args(["build", "--quiet", "-p", "cli"]).current_dir(workspace_root()).status()?;
    ensure!(built.success(), "cargo cannot build cli");
    let exe = env::current_exe()?;
    let found = exe.ancestors().map(|dir| dir.join("sluice")).find(|file| file.is_file());
    found.context("cargo has built no sluice")
}
