//! `cargo xtask lint`: what no test says about the sources.
use anyhow::{Result, bail};

use crate::{
    cargo::{build, cargo},
    console::say,
    layers, sizes, wasm,
};

/// Says what is wrong.
type Check = fn() -> Result<()>;

/// Runs every check whose name holds one of the words (all, without a word) and fails at the end if any failed, so that one
/// run names them all.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let checks: [(&str, Check); 7] = [
        ("format", || build("cargo fmt", &["fmt", "--all", "--check"])),
        ("layers", layers::check),
        ("function sizes", sizes::check),
        ("wasm", wasm::check),
        ("clippy", clippy),
        ("documentation", documentation),
        ("licences, advisories, bans", deny),
    ];
    let mut failed = Vec::new();
    let asked = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    for (name, check) in checks.into_iter().filter(|(name, _)| asked(name)) {
        say(&format!("== {name}"));
        if let Err(error) = check() {
            say(&format!("  {error:#}"));
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("lint: {}", failed.join(", "));
    }
    say("lint: clean");
    Ok(())
}

fn clippy() -> Result<()> {
    build("clippy", &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])
}

fn documentation() -> Result<()> {
    let mut command = cargo(&["doc", "--quiet", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    let status = crate::console::watch("cargo doc", command, say)?;
    if !status.success() {
        bail!("cargo doc: {status}");
    }
    Ok(())
}

/// cargo-deny is a program of its own: `cargo install cargo-deny`. The bans are also held by the test of the layers.
fn deny() -> Result<()> {
    let known = cargo(&["deny", "--version"]).output().is_ok_and(|done| done.status.success());
    if !known {
        say("  not run: cargo-deny is not installed");
        return Ok(());
    }
    build("cargo deny", &["deny", "check"])
}
