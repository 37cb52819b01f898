//! The pure crates are built for a machine without disk, clock and network: `wasm32-unknown-unknown`.
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{build, cargo},
    console::say,
    layers::PURE,
};

const TARGET: &str = "wasm32-unknown-unknown";

/// Libraries that ask an operating system for something.
const OF_A_SYSTEM: [&str; 10] =
    ["getrandom", "tokio", "mio", "socket2", "rustix", "nix", "openssl-sys", "ring", "hyper", "kube"];

/// Compiles the pure crates for the target. Where it is not installed, that is said, and only what they depend on is
/// looked at.
///
/// # Errors
/// When a crate does not compile, or a dependency has no place there.
pub(crate) fn check() -> Result<()> {
    if !installed()? {
        say(&format!(
            "  NOT RUN: {TARGET} is not installed (rustup target add {TARGET}); only dependencies are looked at"
        ));
        return dependencies();
    }
    build(&format!("pure crates for {TARGET}"), &arguments(&["check", "--quiet", "--target", TARGET]))
}

/// The arguments, and a `-p` for each pure crate.
fn arguments<'a>(first: &[&'a str]) -> Vec<&'a str> {
    first.iter().copied().chain(PURE.iter().flat_map(|name| ["-p", name])).collect()
}

/// Whether the compiler of the checkout has the target's standard library.
fn installed() -> Result<bool> {
    let mut command = std::process::Command::new("rustc");
    command.args(["--print", "target-libdir", "--target", TARGET]).current_dir(crate::cargo::root());
    let done = command.output().context("starting rustc")?;
    let place = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    Ok(done.status.success() && Path::new(&place).is_dir())
}

fn dependencies() -> Result<()> {
    let args = ["tree", "--target", TARGET, "-e", "normal", "--prefix", "none", "--format", "{p} {f}"];
    let done = cargo(&arguments(&args)).output()?;
    if !done.status.success() {
        bail!("cargo tree: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    let tree = String::from_utf8_lossy(&done.stdout);
    let found = of_a_system(&tree);
    if !found.is_empty() {
        bail!("pure crates depend on {}", found.join(", "));
    }
    Ok(())
}

/// The lines `name v1.2.3 features` that name a library of a system, as far as the host's page does not stand in for it.
fn of_a_system(tree: &str) -> Vec<&str> {
    let without_host = tree.lines().filter(|line| !line.contains("wasm_js"));
    let mut names: Vec<&str> = without_host.filter_map(|line| line.split(' ').next()).collect();
    names.retain(|name| OF_A_SYSTEM.contains(name));
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pure_crates_depend_on_nothing_that_needs_a_system() {
        dependencies().unwrap();
    }

    #[test]
    fn a_library_that_needs_a_system_is_found_once() {
        let tree = "sprig v0.1.0 (/x) \nbcrypt v1.0.0 \ngetrandom v0.4.3 std\nsprig v0.1.0 (/x)  (*)\n\
                    getrandom v0.4.3 std (*)\ngetrandom v0.3.4 wasm_js\n";
        assert_eq!(of_a_system(tree), ["getrandom"]);
    }
}
