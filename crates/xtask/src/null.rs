//! `cargo xtask test --null`: every controller and e2e test against a stand-in that only says that all is well.
//!
//! A test that passes against it proves nothing. The count stands in `docs/conformance.md`.
use std::{fs, os::unix::fs::symlink, path::PathBuf};

use anyhow::{Result, bail};

use crate::{
    cargo::{CONTROLLERS, built, root},
    console::say,
    page,
    suites::{Outcome, Suite, Verdict},
};

/// Packages with tests that start a controller.
fn packages() -> impl Iterator<Item = &'static str> {
    CONTROLLERS.into_iter().chain(["e2e"])
}

/// Each wait of a test is cut to this: nothing will come.
pub(crate) const PATIENCE_SECONDS: u32 = 4;

/// Suites of `e2e` about manifests and images, in which no controller acts.
const WITHOUT_CONTROLLERS: [&str; 4] = ["e2e install", "e2e chart", "e2e chart_engine", "e2e images"];

/// Tests in files start controllers; unit tests do not.
pub(crate) fn concerns(suite: &Suite) -> bool {
    let acts = !suite.name.ends_with(" unit") && !WITHOUT_CONTROLLERS.contains(&suite.name.as_str());
    packages().any(|package| package == suite.package) && acts
}

/// A folder in which all controllers are the stand-in.
pub(crate) fn binaries() -> Result<PathBuf> {
    let dir = built("debug").join("null");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir)?;
    for name in CONTROLLERS {
        symlink(built("debug").join("null-controller"), dir.join(name))?;
    }
    Ok(dir)
}

/// Every test that ran must have failed.
pub(crate) fn judge(outcomes: &[Outcome], ran: impl Fn(&Outcome) -> bool) -> Result<()> {
    let passes = |outcome: &&Outcome| outcome.verdict == Verdict::Passed && ran(outcome);
    let passed: Vec<&Outcome> = outcomes.iter().filter(passes).collect();
    let failed = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Failed).count();
    for outcome in &passed {
        say(&format!("PASSED against the stand-in {}: {}", outcome.suite, outcome.test));
    }
    let total = passed.len() + failed;
    note(&format!("{failed} of {total} controller and e2e tests fail against the stand-in."))?;
    say(&format!("{failed} of {total} tests fail against the stand-in, as they must"));
    if !passed.is_empty() {
        bail!("{} tests pass against a stand-in that does nothing", passed.len());
    }
    Ok(())
}

fn note(line: &str) -> Result<()> {
    let file = root().join("docs/conformance.md");
    let text = fs::read_to_string(&file).unwrap_or_default();
    if let Some(text) = replace_between(&text, page::NULL, line) {
        fs::write(file, text)?;
    }
    Ok(())
}

fn replace_between(text: &str, (begin, end): (&str, &str), line: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{line}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_written_between_the_marks() {
        let text = "a\n<b>\nold\n<e>\nz\n";
        assert_eq!(replace_between(text, ("<b>", "<e>"), "new").unwrap(), "a\n<b>\nnew\n<e>\nz\n");
        assert_eq!(replace_between("no marks", ("<b>", "<e>"), "new"), None);
    }
}
