//! `cargo xtask test`: everything, with a time for each stage, the slowest tests, and what was not run and why.
use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{self, CONTROLLERS, build, built},
    console::say,
    null, page,
    suites::{self, Outcome, Suite, Verdict},
    tools,
};

/// Packages whose tests need a control plane, beside the controllers.
const NEEDS_PLANE: [&str; 6] = ["e2e", "testkit", "ssa", "runtime", "oci", "cli"];

fn needs_plane(package: &str) -> bool {
    NEEDS_PLANE.contains(&package) || CONTROLLERS.contains(&package)
}

/// Our programs that tests start.
fn programs() -> impl Iterator<Item = &'static str> {
    CONTROLLERS.into_iter().chain(["cli"])
}

/// How many of the slowest tests are printed.
const SLOWEST: usize = 10;

/// What was asked for.
pub(crate) struct Asked {
    /// A package, a suite (`e2e smoke`) or part of the name of either.
    only: Option<String>,
    null: bool,
    /// Folder with Flux's own controllers, for the chain among them.
    peer_bin: Option<String>,
}

/// Times of the stages, in order.
#[derive(Default)]
struct Stages(Vec<(String, f64)>);

impl Stages {
    fn run<T>(&mut self, name: &str, stage: impl FnOnce() -> Result<T>) -> Result<T> {
        say(&format!("== {name}"));
        let begun = Instant::now();
        let outcome = stage();
        self.0.push((name.to_string(), begun.elapsed().as_secs_f64()));
        outcome
    }
}

pub(crate) fn run(args: &[String]) -> Result<()> {
    let asked = read(args)?;
    let mut stages = Stages::default();
    let packages = packages(&asked);
    let needs_plane = packages.is_empty() || packages.iter().any(|package| needs_plane(package));
    if needs_plane {
        stages.run("programs of the control plane", || tools::ensure(&[]))?;
    }
    if needs_plane && !packages.is_empty() {
        stages.run("our binaries", || build_binaries(&packages))?;
    }
    let all = stages.run("compiling the tests", || suites::compile(&packages))?;
    let chosen: Vec<Suite> = all.into_iter().filter(|suite| chosen(&asked, suite)).collect();
    if chosen.is_empty() {
        bail!("no suite matches --only {}", asked.only.unwrap_or_default());
    }
    let notes = env::temp_dir().join(format!("sluice-not-run-{}", std::process::id()));
    let mut outcomes = run_suites(&asked, &chosen, &notes, &mut stages)?;
    if !asked.null && asked.only.is_none() {
        outcomes.extend(stages.run("examples in the documentation", suites::run_docs)?);
    }
    let skipped = read_notes(&notes);
    report(&stages, &outcomes, &skipped, &asked);
    let ran = |outcome: &Outcome| skipped.iter().all(|(test, _)| *test != outcome.test);
    if asked.null {
        return null::judge(&outcomes, ran);
    }
    if asked.only.is_none() {
        page::write(&outcomes)?;
    }
    verdict(&outcomes)
}

fn read(args: &[String]) -> Result<Asked> {
    let mut asked = Asked { only: None, null: false, peer_bin: None };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--null" => asked.null = true,
            "--only" => asked.only = Some(args.next().context("--only wants a crate or a suite")?.clone()),
            "--peer-bin" => asked.peer_bin = Some(args.next().context("--peer-bin wants a folder")?.clone()),
            other => {
                bail!("cargo xtask test takes --only NAME, --null and --peer-bin DIR, not {other:?}")
            }
        }
    }
    Ok(asked)
}

/// The packages to compile; none means all. A run against the stand-in compiles what every run compiles: another
/// selection has other features of libraries, so that all of them would be compiled anew.
fn packages(asked: &Asked) -> Vec<String> {
    let Some(only) = &asked.only else { return Vec::new() };
    let package = only.split(' ').next().unwrap_or(only);
    let known = cargo::root().join("crates").join(package).is_dir() || package == "e2e";
    if known { vec![package.to_string()] } else { Vec::new() }
}

fn chosen(asked: &Asked, suite: &Suite) -> bool {
    let wanted =
        asked.only.as_ref().is_none_or(|only| suite.package == *only || suite.name.contains(only.as_str()));
    wanted && (!asked.null || null::concerns(suite))
}

/// What tests of these packages start. Compiling every test builds every program with it: built apart, with the features
/// that only programs ask for, half of the libraries would be compiled twice, and lie on the disk twice.
///
/// Tests of `ssa` and `runtime` start no controller, and shall run while one does not compile.
fn build_binaries(packages: &[String]) -> Result<()> {
    let spawns = |package: &String| package == "e2e" || programs().any(|program| program == package);
    let mut args = vec!["build", "--bins", "-p", "e2e"];
    if packages.iter().any(spawns) {
        args.extend(programs().flat_map(|program| ["-p", program]));
    }
    build("building our binaries", &args)
}

fn run_suites(asked: &Asked, chosen: &[Suite], notes: &Path, stages: &mut Stages) -> Result<Vec<Outcome>> {
    let mut env = vec![("SLUICE_NOT_RUN".to_string(), notes.display().to_string())];
    let (apart, together): (Vec<&Suite>, Vec<&Suite>) =
        chosen.iter().partition(|suite| !needs_plane(&suite.package));
    let mut outcomes = Vec::new();
    for suite in apart {
        outcomes.extend(stages.run(&suite.name, || suites::run(suite, &env, true))?);
    }
    if together.is_empty() {
        return Ok(outcomes);
    }
    let plane = stages.run("starting the shared control plane", Plane::start)?;
    env.push(("SLUICE_TEST_KUBECONFIG".into(), plane.kubeconfig.clone()));
    let binaries = if asked.null { null::binaries()? } else { built("debug") };
    env.push(("SLUICE_BIN_DIR".into(), binaries.display().to_string()));
    if let Some(dir) = &asked.peer_bin {
        env.push(("SLUICE_PEER_BIN".into(), dir.clone()));
    }
    if env::var_os("RUST_TEST_THREADS").is_none() {
        // Against the stand-in tests only wait, and cost nothing meanwhile.
        let threads = if asked.null { "12" } else { "4" };
        env.push(("RUST_TEST_THREADS".into(), threads.into()));
    }
    if asked.null {
        env.push(("SLUICE_TEST_PATIENCE".into(), null::PATIENCE_SECONDS.to_string()));
        env.push(("SLUICE_NULL".into(), "1".into()));
    }
    for suite in together {
        let mut told = stages.run(&suite.name, || suites::run(suite, &env, !asked.null))?;
        if !asked.null {
            suites::try_again(suite, &env, &mut told)?;
        }
        outcomes.extend(told);
    }
    Ok(outcomes)
}

/// The program `plane` of package `e2e`: ends when its standard input is closed, so when this process ends.
struct Plane {
    child: Child,
    kubeconfig: String,
}

impl Plane {
    fn start() -> Result<Plane> {
        let mut command = Command::new(built("debug").join("plane"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting plane")?;
        let mut kubeconfig = String::new();
        BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut kubeconfig)?;
        let kubeconfig = kubeconfig.trim().to_string();
        if kubeconfig.is_empty() {
            bail!("the control plane did not start");
        }
        Ok(Plane { child, kubeconfig })
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// What `testkit::not_run` wrote: the test, and what was not run and why.
fn read_notes(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let _ = std::fs::remove_file(file);
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(test, note)| (test.into(), note.into()))
        .collect()
}

fn report(stages: &Stages, outcomes: &[Outcome], skipped: &[(String, String)], asked: &Asked) {
    say("\n== time of each stage");
    for (name, seconds) in &stages.0 {
        say(&format!("{seconds:8.1} s  {name}"));
    }
    say("\n== slowest tests");
    let mut by_time: Vec<&Outcome> = outcomes.iter().collect();
    by_time.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    for outcome in by_time.iter().take(SLOWEST).filter(|outcome| outcome.seconds > 0.0) {
        say(&format!("{:8.1} s  {}: {}", outcome.seconds, outcome.suite, outcome.test));
    }
    say_second_tries(outcomes);
    say("\n== not run, and why");
    say_not_run(outcomes, skipped, asked);
    say("");
}

fn say_second_tries(outcomes: &[Outcome]) {
    let second: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.first_try.is_some()).collect();
    say(&format!("\n== passed only at the second try: {}", second.len()));
    for outcome in second {
        let why = outcome.first_try.as_deref().unwrap_or_default();
        say(&format!("  {}: {}\n{}", outcome.suite, outcome.test, indented(why)));
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n")
}

fn say_not_run(outcomes: &[Outcome], skipped: &[(String, String)], asked: &Asked) {
    let mut lines: Vec<String> = skipped.iter().map(|(_, note)| note.clone()).collect();
    lines.sort();
    lines.dedup();
    let ignored = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Ignored);
    lines.extend(ignored.map(|outcome| format!("{}: {}: marked as ignored", outcome.suite, outcome.test)));
    if let Some(only) = &asked.only {
        lines.push(format!("everything else: --only {only}"));
    }
    lines.extend(ALWAYS.map(String::from));
    lines.iter().for_each(|line| say(&format!("  {line}")));
}

/// What this harness cannot do at all.
const ALWAYS: [&str; 3] = [
    "what a kubelet, kube-proxy or DNS does (containers, images, probes, Service traffic): kwok plays the node",
    "NetworkPolicy: nothing enforces it here",
    "a full disk: needs a file system of limited size, which needs root",
];

fn verdict(outcomes: &[Outcome]) -> Result<()> {
    let count = |verdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
    let (passed, failed, ignored) = (count(Verdict::Passed), count(Verdict::Failed), count(Verdict::Ignored));
    for outcome in outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Failed) {
        let why = outcome.why.as_deref().unwrap_or("(it said nothing)");
        say(&format!("FAILED {}: {}\n{}", outcome.suite, outcome.test, indented(why)));
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    say(&format!("test result: {word}. {passed} passed; {failed} failed; {ignored} ignored"));
    if failed > 0 {
        bail!("{failed} tests failed");
    }
    Ok(())
}
