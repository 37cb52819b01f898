//! Builds with cargo, then becomes the program of the task.
use std::{
    env,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    chart_files,
    console::{say, watch},
    differences, tools,
};

/// What a control plane needs, and the registry of the demo.
pub(crate) const PLANE: [&str; 7] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok", "registry"];

/// Our controllers: package and binary.
pub(crate) const CONTROLLERS: [&str; 5] = [
    "source-controller",
    "kustomize-controller",
    "helm-controller",
    "image-automation-controller",
    "notification-controller",
];

/// The checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Where cargo puts what it builds in this profile.
pub(crate) fn built(profile: &str) -> PathBuf {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir));
    target.join(profile)
}

/// `cargo` with these arguments, in the checkout.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Runs cargo, passes its lines on and speaks while it is silent.
pub(crate) fn build(what: &str, args: &[&str]) -> Result<()> {
    let status = watch(what, cargo(args), |line| {
        if !line.trim_start().starts_with("Finished") {
            say(line);
        }
    })?;
    if !status.success() {
        bail!("{what}: cargo {}: {status}", args.join(" "));
    }
    Ok(())
}

/// Builds controllers and demo, then becomes the demo.
pub(crate) fn demo(args: &[String]) -> Result<()> {
    say("Preparing the demo: programs of a real control plane, then our own.");
    tools::ensure(&PLANE.map(String::from))?;
    if !built("debug").join("demo").is_file() {
        say("Building the Rust programs for the first time: about 8 minutes on 2 cores, 4 GB of disk.");
    }
    let mut packages = vec!["build", "-p", "e2e", "--bin", "demo"];
    if !args.iter().any(|arg| arg.starts_with("--bin")) {
        packages.extend(CONTROLLERS.iter().flat_map(|name| ["-p", name, "--bin", name]));
    }
    build("building the demo", &packages)?;
    become_program("debug", "demo", args)
}

/// Builds controllers and bench as they are shipped, then becomes the bench.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    tools::ensure(&PLANE.map(String::from))?;
    if !built("release").join("bench").is_file() {
        say(
            "Building the Rust programs for release for the first time: about 12 minutes on 2 cores, 3 GB of disk.",
        );
    }
    // Apart from each other, so that what is measured is what is shipped: together with the tests the controllers would
    // have kill points.
    build("building the bench", &["build", "--release", "-p", "e2e", "--bin", "bench"])?;
    if !args.iter().any(|arg| arg.starts_with("--bin")) {
        let mut packages = vec!["build", "--release", "-p", "cli", "--bin", "sluice"];
        packages.extend(CONTROLLERS.iter().flat_map(|name| ["-p", name, "--bin", name]));
        build("building what is measured", &packages)?;
    }
    become_program("release", "bench", args)
}

/// The first flow tests, or the suites that are named, on the oldest Kubernetes that is supported.
fn oldest(suites: &[String]) -> Result<()> {
    let programs = tools::oldest()?;
    let smoke = ["smoke".to_string()];
    for suite in if suites.is_empty() { &smoke[..] } else { suites } {
        let mut test = Command::new(env::current_exe().context("finding this program")?);
        test.args(["test", "--only", &format!("e2e {suite}")]).env("KUBEBUILDER_ASSETS", &programs);
        let status = test.status()?;
        if !status.success() {
            bail!("e2e {suite} on {}: {status}", programs.display());
        }
    }
    Ok(())
}

/// Builds controllers and soak with kill points, then becomes the soak.
pub(crate) fn soak(args: &[String]) -> Result<()> {
    if let Some((_, suites)) = args.split_first().filter(|(first, _)| *first == "--oldest") {
        return oldest(suites);
    }
    tools::ensure(&PLANE.map(String::from))?;
    tools::ensure(&["kustomize".to_string()])?;
    let mut packages = vec!["build", "-p", "e2e", "--bin", "soak"];
    packages.extend(CONTROLLERS.iter().flat_map(|name| ["-p", name, "--bin", name]));
    build("building the soak", &packages)?;
    become_program("debug", "soak", args)
}

/// `config/crd` and `config/crd-legacy` are written by a program of crate `api`, which knows the types.
pub(crate) fn generate(args: &[String]) -> Result<()> {
    let mut command = cargo(&["run", "--quiet", "-p", "api", "--bin", "generate-crds", "--"]);
    command.args(args).arg(root().join("config"));
    let status = watch("generating", command, say)?;
    if !status.success() {
        bail!("generate: {status}");
    }
    let check = args.iter().any(|arg| arg == "--check");
    chart_files::copy(check)?;
    differences::write(check)
}

/// Replaces this process, so that Ctrl-C and the exit code are the program's own.
fn become_program(profile: &str, name: &str, args: &[String]) -> Result<()> {
    let dir = built(profile);
    let mut command = Command::new(dir.join(name));
    command.args(args).env("SLUICE_BIN_DIR", &dir);
    Err(command.exec()).with_context(|| format!("starting {name}"))
}
