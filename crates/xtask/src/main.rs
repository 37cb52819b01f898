//! `cargo xtask`: builds the tools and binaries that a task needs, then runs it.
//!
//! This program is small, so that it says its first word within seconds; demo and bench are programs of package `e2e`.
mod cargo;
mod chart_files;
mod console;
mod differences;
mod engines;
mod images;
mod layers;
mod lint;
mod null;
mod page;
mod sizes;
mod suites;
mod test;
mod tools;
mod wasm;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::console::say;

const HELP: &str = "\
cargo xtask <task>

  tools [PROGRAM...]    build the pinned Go programs that tests run against (all, or these)
  demo [--keep] [--report FILE] [--without CONTROLLER] [--bin DIR] [--crd DIR]
                        ten acts on a real control plane, judged by kubectl
  test [--only NAME] [--null] [--peer-bin DIR]
                        every test; --only a crate or suite; --null against a stand-in that does nothing;
                        --peer-bin: the chain also among Flux's own controllers of that folder
  bench [--only ROW] [--count N] [--json FILE] [--bin DIR] [--crd DIR] [--peer-bin DIR --ours NAME,..]
                        measures the controllers beside a bare client
  bench --engines [--page FILE] [CHART...]
                        measures the engines beside kustomize and Helm
  charts FOLDER...      renders charts with defaults and each file of ci/, here and with Helm
  soak [--for TIME] [--seed N] [--kills N] [--source-timeout TIME] [--scenario chain|sources]
                        random commits, kills, faults and drift against a model of what must be live
  soak --oldest [SUITE...]
                        the suite e2e smoke, or those named, on the oldest Kubernetes that is supported
  generate [--check]    write config/crd and config/crd-legacy from the types of crate api, the chart's copies,
                        docs/differences-from-flux.md
  images [--bin DIR] [--out DIR] [--push REGISTRY [--tag TAG]] [NAME...]
                        one OCI image layout a binary, without a container engine
  lint [CHECK...]       format, layers, function sizes, wasm, clippy, documentation, licences
                        (all, or these)
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::complain(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let (task, rest) = args.split_first().map_or(("help", &[][..]), |(task, rest)| (task.as_str(), rest));
    match task {
        "tools" => tools::ensure(rest),
        "demo" => cargo::demo(rest),
        "bench" if rest.first().is_some_and(|arg| arg == "--engines") => engines::speed(&rest[1..]),
        "bench" => cargo::bench(rest),
        "charts" => engines::charts(rest),
        "soak" => cargo::soak(rest),
        "generate" => cargo::generate(rest),
        "images" => images::run(rest),
        "test" => test::run(rest),
        "lint" => lint::run(rest),
        "help" | "--help" | "-h" => {
            say(HELP);
            Ok(())
        }
        other => bail!("there is no task {other:?}\n\n{HELP}"),
    }
}
