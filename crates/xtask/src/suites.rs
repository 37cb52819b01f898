//! Which test programs there are, and running one of them with a clock on every test.
use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{cargo, root},
    console::{say, watch},
    layers::sources,
};

/// One compiled test program.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Suite {
    /// Package and file: `manifest unit`, `e2e smoke`.
    pub(crate) name: String,
    pub(crate) package: String,
    pub(crate) program: PathBuf,
}

/// What one test said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) suite: String,
    pub(crate) test: String,
    pub(crate) verdict: Verdict,
    pub(crate) seconds: f64,
    /// What a failed test said, shortened.
    pub(crate) why: Option<String>,
    /// What the first try said, when it took a second.
    pub(crate) first_try: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Ignored,
}

/// Compiles the tests of these packages (all, when none is named) and lists the programs.
pub(crate) fn compile(packages: &[String]) -> Result<Vec<Suite>> {
    let mut args =
        vec!["build", "--bins", "--tests", "--examples", "--message-format=json-render-diagnostics"];
    if packages.is_empty() {
        args.push("--workspace");
    }
    for package in packages {
        args.extend(["-p", package]);
    }
    let mut suites = Vec::new();
    let status = watch("compiling the tests", cargo(&args), |line| match suite(line) {
        Some(found) => suites.push(found),
        None if line.starts_with('{') => {}
        None => say(line),
    })?;
    suites.sort_by(|a, b| a.name.cmp(&b.name));
    if !status.success() {
        bail!("the tests do not compile");
    }
    Ok(suites)
}

/// One line of cargo's JSON: a finished artifact with an `executable` that was compiled as a test.
///
/// Read by its keys, which cargo documents, and not by a JSON parser, which would be most of what xtask compiles.
fn suite(line: &str) -> Option<Suite> {
    let (_, profile) = line.split_once("\"profile\":")?;
    let (profile, _) = profile.split_once('}')?;
    let program = PathBuf::from(text_of(line, "executable").filter(|_| profile.ends_with("\"test\":true"))?);
    let manifest = PathBuf::from(text_of(line, "manifest_path")?);
    let package = manifest.parent()?.file_name()?.to_str()?.to_string();
    let (_, target) = line.split_once("\"target\":")?;
    let name = match text_of(target, "name")? {
        _ if target.starts_with("{\"kind\":[\"lib\"]") => "unit",
        name => name,
    };
    Some(Suite { name: format!("{package} {name}"), package, program })
}

/// The value of the first `"key":"value"`.
fn text_of<'a>(json: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = json.split_once(&format!("\"{key}\":\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Runs one program; every test's outcome, and the text of the failed ones said aloud.
pub(crate) fn run(suite: &Suite, env: &[(String, String)], loud: bool) -> Result<Vec<Outcome>> {
    let (outcomes, status) = attempt(suite, env, loud, &["-Zunstable-options", "--report-time"])?;
    // Programs with a test harness of their own refuse flags they do not know, before any test.
    if outcomes.is_empty() && !status {
        return Ok(attempt(suite, env, loud, &[])?.0);
    }
    Ok(outcomes)
}

fn attempt(
    suite: &Suite,
    env: &[(String, String)],
    loud: bool,
    flags: &[&str],
) -> Result<(Vec<Outcome>, bool)> {
    let folder = package_folder(&suite.package);
    let mut command = Command::new(&suite.program);
    command
        .args(flags)
        .current_dir(folder)
        // The times of single tests are an unstable flag of the test runner, not of the compiler.
        .env("RUSTC_BOOTSTRAP", "1")
        // A hundred lines of the runtime's frames hide the one line that says what failed.
        .env("RUST_BACKTRACE", "0")
        .env("CARGO_MANIFEST_DIR", package_folder(&suite.package))
        .envs(env.iter().map(|(name, value)| (name, value)));
    let mut outcomes = Vec::new();
    let mut tail = Vec::new();
    let begun = Instant::now();
    let status = watch(&suite.name, command, |line| match outcome(&suite.name, line) {
        Some(outcome) => outcomes.push(outcome),
        None => tail.push(line.to_string()),
    })?;
    // Refused flags are no failure: the program is run again without them.
    let refused = outcomes.is_empty() && !flags.is_empty();
    if !status.success() && loud && !refused {
        tail.iter().for_each(|line| say(line));
    }
    for failed in outcomes.iter_mut().filter(|outcome| outcome.verdict == Verdict::Failed) {
        failed.why = said(&tail, &failed.test);
    }
    if !status.success() && outcomes.iter().all(|o| o.verdict != Verdict::Failed) && flags.is_empty() {
        outcomes.push(crashed(suite, begun.elapsed()));
    }
    Ok((outcomes, status.success()))
}

/// A program that ended badly without naming a test: killed, or refused its input.
fn crashed(suite: &Suite, took: Duration) -> Outcome {
    let test = "(the program itself)".to_string();
    let (why, first_try) = (None, None);
    let seconds = took.as_secs_f64();
    Outcome { suite: suite.name.clone(), test, verdict: Verdict::Failed, seconds, why, first_try }
}

/// Runs the failed ones of a suite once more, each by itself. One that passes now counts as passed and is listed: a
/// machine that stood still for a while must not be told from a bug by losing the run, and a bug by chance must not hide.
pub(crate) fn try_again(suite: &Suite, env: &[(String, String)], outcomes: &mut [Outcome]) -> Result<()> {
    let failed = outcomes.iter_mut().filter(|o| o.verdict == Verdict::Failed && !o.test.starts_with('('));
    for outcome in failed {
        say(&format!("  once more, alone: {}", outcome.test));
        let (again, _) = attempt(suite, env, true, &["--exact", &outcome.test.clone()])?;
        if again.iter().any(|other| other.test == outcome.test && other.verdict == Verdict::Passed) {
            outcome.verdict = Verdict::Passed;
            outcome.first_try = Some(outcome.why.take().unwrap_or_else(|| "failed without a word".into()));
        }
    }
    Ok(())
}

/// The first lines of the section `---- NAME stdout ----` or `---- NAME ----`.
fn said(tail: &[String], test: &str) -> Option<String> {
    const LINES: usize = 12;
    let opens = |line: &String| {
        line.strip_prefix("---- ").is_some_and(|rest| {
            rest.strip_prefix(test).is_some_and(|rest| rest == " stdout ----" || rest == " ----")
        })
    };
    let begin = tail.iter().position(opens)? + 1;
    let section = tail[begin..].iter().take_while(|line| !line.starts_with("---- "));
    let told: Vec<&str> = section.map(String::as_str).filter(|line| !line.is_empty()).take(LINES).collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

fn package_folder(package: &str) -> PathBuf {
    if package == "e2e" { root().join("e2e") } else { root().join("crates").join(package) }
}

/// `test some::name ... ok <0.012s>`, also `FAILED` and `ignored`.
fn outcome(suite: &str, line: &str) -> Option<Outcome> {
    let rest = line.strip_prefix("test ")?;
    let (test, verdict) = rest.rsplit_once(" ... ")?;
    let (word, time) = verdict.split_once(" <").unwrap_or((verdict, "0s>"));
    let verdict = match word.split([',', ' ']).next()? {
        "ok" => Verdict::Passed,
        "FAILED" => Verdict::Failed,
        "ignored" => Verdict::Ignored,
        _ => return None,
    };
    let seconds = time.trim_end_matches("s>").parse().unwrap_or(0.0);
    Some(Outcome {
        suite: suite.into(),
        test: test.trim().into(),
        verdict,
        seconds,
        why: None,
        first_try: None,
    })
}

/// The documentation's examples, which only cargo can run; packages without one are left out, for each costs a compilation.
pub(crate) fn run_docs() -> Result<Vec<Outcome>> {
    let with_examples = examples()?;
    if with_examples.is_empty() {
        return Ok(Vec::new());
    }
    let mut args = vec!["test", "--doc", "--no-fail-fast"];
    for package in &with_examples {
        args.extend(["-p", package]);
    }
    let mut outcomes = Vec::new();
    let mut text = Vec::new();
    let status = watch("examples in the documentation", cargo(&args), |line| match outcome("doc", line) {
        Some(outcome) => outcomes.push(outcome),
        None => text.push(line.to_string()),
    })?;
    if !status.success() {
        text.iter().for_each(|line| say(line));
        let named = outcomes.iter().any(|o| o.verdict == Verdict::Failed);
        if !named {
            let last = text.last().context("cargo test --doc failed without a word")?;
            bail!("cargo test --doc: {last}");
        }
    }
    Ok(outcomes)
}

/// Packages with an example in their documentation.
fn examples() -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("crates"))? {
        let folder = entry?.path();
        let mut texts = sources(&folder.join("src"))?.into_iter().map(std::fs::read_to_string);
        if texts.any(|text| text.is_ok_and(|text| has_example(&text))) {
            found.extend(folder.file_name().and_then(|name| name.to_str()).map(String::from));
        }
    }
    found.sort();
    Ok(found)
}

/// A fence opens in a comment of documentation, with no word after it or one that rustdoc takes for Rust.
fn has_example(text: &str) -> bool {
    let mut open = false;
    for line in text.lines().map(str::trim_start) {
        let Some(doc) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else {
            open = false;
            continue;
        };
        let Some(word) = doc.trim().strip_prefix("```") else { continue };
        if !open && ["", "rust", "no_run", "should_panic", "compile_fail"].contains(&word) {
            return true;
        }
        open = !open;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_with_their_times() {
        let read = outcome("s", "test a::b ... ok <0.012s>").unwrap();
        assert_eq!((read.test.as_str(), read.verdict, read.seconds), ("a::b", Verdict::Passed, 0.012));
        assert_eq!(outcome("s", "test a - should panic ... ok").unwrap().verdict, Verdict::Passed);
        assert_eq!(outcome("s", "test a ... FAILED <1.5s>").unwrap().seconds, 1.5);
        assert_eq!(outcome("s", "test a ... ignored, why").unwrap().verdict, Verdict::Ignored);
        assert_eq!(outcome("s", "test result: ok. 1 passed"), None);
    }

    #[test]
    fn a_failed_test_is_quoted_with_what_it_said() {
        let tail: Vec<String> = ["---- a stdout ----", "", "panicked: no", "---- b stdout ----", "other"]
            .map(String::from)
            .into();
        assert_eq!(said(&tail, "a").as_deref(), Some("panicked: no"));
        assert_eq!(said(&tail, "c"), None);
    }

    #[test]
    fn examples_are_told_from_other_fences() {
        assert!(has_example("/// Adds.\n/// ```\n/// f();\n/// ```\n"));
        assert!(!has_example("//! ```text\n//! a -> b\n//! ```\nlet x = \"```\";\n"));
    }

    #[test]
    fn suites_are_read_from_what_cargo_says() {
        let line = |kind: &str, name: &str| {
            format!(
                "{{\"reason\":\"compiler-artifact\",\"manifest_path\":\"/x/crates/flux-build/Cargo.toml\",\
                 \"target\":{{\"kind\":[\"{kind}\"],\"name\":\"{name}\"}},\"profile\":{{\"test\":true}},\
                 \"executable\":\"/t/deps/{name}-0a\"}}"
            )
        };
        let unit = suite(&line("lib", "flux_build")).unwrap();
        assert_eq!((&*unit.name, &*unit.package), ("flux-build unit", "flux-build"));
        assert_eq!(suite(&line("test", "merge")).unwrap().name, "flux-build merge");
        assert_eq!(suite(&line("test", "merge").replace("true", "false")), None);
    }
}
