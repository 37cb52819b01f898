//! `docs/conformance.md`: what was compared with the reference tools and what differs, written by a full run of the tests.
use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    cargo::root,
    console::say,
    suites::{Outcome, Verdict},
};

/// Between these lines stands what the last run of `--null` counted.
pub(crate) const NULL: (&str, &str) = ("<!-- null: begin -->", "<!-- null: end -->");

/// The recordings lie beside the checkout; without them a run counts less than there is.
const RECORDINGS: &str = "../shared/conformance";

const HEAD: &str = "\
# Conformance

Written by `cargo xtask test`; do not edit. What users know is the judge: the expected side of every case was written by the
reference tool, never by us. A row is a case that differs, with the reason; it is run all the same, and the run fails when
it agrees and its row is still there.

| what | judge | cases | equal | rows |
|---|---|---:|---:|---:|
";

/// One set of cases.
struct Corpus {
    what: &'static str,
    judge: &'static str,
    suite: &'static str,
    cases: Cases,
    rows: &'static str,
}

/// How cases are counted.
enum Cases {
    /// One trial of the suite a case.
    Trials,
    /// Occurrences of a key in a file.
    Keys(&'static str, &'static str),
}

const CORPORA: [Corpus; 12] = [
    Corpus {
        what: "kustomize engine",
        judge: "kustomize 5.8.1",
        suite: "kustomize conformance",
        cases: Cases::Trials,
        rows: "crates/kustomize/tests/gaps.txt",
    },
    Corpus {
        what: "controllers, recorded scenarios",
        judge: "Flux 2.9 controllers",
        suite: "e2e recorded",
        cases: Cases::Trials,
        rows: "e2e/tests/recorded-gaps.txt",
    },
    Corpus {
        what: "builds of Kustomizations",
        judge: "Flux's package kustomize",
        suite: "flux-build recorded",
        cases: Cases::Keys("crates/flux-build/tests/corpus/recorded.json", "\"source\":"),
        rows: "crates/flux-build/tests/corpus/gaps.txt",
    },
    Corpus {
        what: "digests of builds",
        judge: "Flux 2.9 kustomize-controller",
        suite: "flux-build digests",
        cases: Cases::Keys("crates/flux-build/tests/corpus/digests.json", "\"scenario\":"),
        rows: "",
    },
    Corpus {
        what: "variable substitution",
        judge: "Flux's package envsubst",
        suite: "envsubst recorded",
        cases: Cases::Keys("crates/envsubst/tests/corpus/recorded.json", "\"strict\":"),
        rows: "",
    },
    Corpus {
        what: "CEL expressions",
        judge: "Flux's package cel",
        suite: "expr recorded",
        cases: Cases::Keys("crates/expr/tests/corpus/recorded.json", "\"expression\":"),
        rows: "crates/expr/tests/corpus/gaps.txt",
    },
    Corpus {
        what: "templates",
        judge: "Go's text/template",
        suite: "gotemplate recorded",
        cases: Cases::Keys("crates/gotemplate/tests/corpus/recorded.jsonl", "\"template\":"),
        rows: "crates/gotemplate/tests/gaps.txt",
    },
    Corpus {
        what: "functions of charts",
        judge: "Sprig 3.3, Helm's encoders",
        suite: "sprig recorded",
        cases: Cases::Keys("crates/sprig/tests/corpus/recorded.jsonl", "\"template\":"),
        rows: "crates/sprig/tests/gaps.txt",
    },
    Corpus {
        what: "charts",
        judge: "helm 4.2.4",
        suite: "helm-template conformance",
        cases: Cases::Trials,
        rows: "crates/helm-template/tests/gaps.txt",
    },
    Corpus {
        what: "releases, their values and digests",
        judge: "Helm's storage driver, Flux's package chartutil",
        suite: "helm-release recorded",
        cases: Cases::Keys("crates/helm-release/tests/corpus/recorded.json", "\"digest\":"),
        rows: "",
    },
    Corpus {
        what: "health of objects",
        judge: "kstatus",
        suite: "kstatus recorded",
        cases: Cases::Keys("crates/kstatus/tests/corpus/recorded.json", "\n  \"object\":"),
        rows: "",
    },
    Corpus {
        what: "version constraints, each against 19 versions",
        judge: "Masterminds/semver",
        suite: "semver-range masterminds",
        cases: Cases::Keys("crates/semver-range/tests/corpus/masterminds.json", "\":"),
        rows: "",
    },
];

/// Writes the page, when the run was a whole one.
pub(crate) fn write(outcomes: &[Outcome]) -> Result<()> {
    if !root().join(RECORDINGS).is_dir() {
        say("docs/conformance.md stays as it is: the recordings are not beside this checkout");
        return Ok(());
    }
    let file = root().join("docs/conformance.md");
    let before = fs::read_to_string(&file).unwrap_or_default();
    let text = page(outcomes, &null_count(&before))?;
    if text != before {
        fs::write(&file, text).context("writing docs/conformance.md")?;
        say("docs/conformance.md is written anew");
    }
    crate::differences::write(false)
}

fn page(outcomes: &[Outcome], null: &str) -> Result<String> {
    let mut table = HEAD.to_string();
    let mut sections = String::new();
    for corpus in &CORPORA {
        let rows = rows(&root().join(corpus.rows))?;
        let (cases, failed) = count(corpus, outcomes)?;
        let differing: usize = rows.values().map(Vec::len).sum();
        let equal = cases.saturating_sub(differing + failed);
        table
            .push_str(&format!("| {} | {} | {cases} | {equal} | {differing} |\n", corpus.what, corpus.judge));
        sections.push_str(&section(corpus, &rows));
    }
    let (begin, end) = NULL;
    let stand_in = format!(
        "\n## Tests that can fail\n\n`cargo xtask test --null` runs every controller and e2e test against a stand-in that \
         sets finalizer,\nobservedGeneration, lastHandledReconcileAt, the newest revision and Ready=True and does nothing \
         else.\n\n{begin}\n{null}\n{end}\n"
    );
    Ok(table + &stand_in + &sections)
}

/// Cases, and how many of them failed: those are neither equal nor a row.
fn count(corpus: &Corpus, outcomes: &[Outcome]) -> Result<(usize, usize)> {
    match corpus.cases {
        Cases::Trials => {
            let is_case = |o: &&Outcome| o.suite == corpus.suite && !o.test.starts_with("corpus ");
            let cases: Vec<&Outcome> = outcomes.iter().filter(is_case).collect();
            Ok((cases.len(), cases.iter().filter(|o| o.verdict == Verdict::Failed).count()))
        }
        Cases::Keys(file, key) => {
            let text = fs::read_to_string(root().join(file)).with_context(|| format!("reading {file}"))?;
            // The two keys that hold the lists themselves.
            let lists = if key == "\":" { 2 } else { 0 };
            Ok((text.matches(key).count().saturating_sub(lists), 0))
        }
    }
}

/// Reason → cases, from lines `case  # reason`.
fn rows(file: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let mut rows = BTreeMap::new();
    if !file.is_file() {
        return Ok(rows);
    }
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((case, reason)) = line.rsplit_once(" # ") {
            rows.entry(reason.trim().to_string()).or_insert_with(Vec::new).push(case.trim().to_string());
        }
    }
    Ok(rows)
}

fn section(corpus: &Corpus, rows: &BTreeMap<String, Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut text = format!("\n## Rows: {}\n\n| why | cases |\n|---|---|\n", corpus.what);
    for (reason, cases) in rows {
        let cases: Vec<String> = cases.iter().map(|case| format!("`{}`", case.replace('|', "\\|"))).collect();
        text.push_str(&format!("| {} | {} |\n", reason.replace('|', "\\|"), cases.join(", ")));
    }
    text
}

fn null_count(page: &str) -> String {
    let between = page.split_once(NULL.0).and_then(|(_, rest)| rest.split_once(NULL.1));
    between.map_or("Not counted yet.", |(text, _)| text.trim()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_grouped_by_reason() {
        let file = std::env::temp_dir().join(format!("sluice-rows-{}", std::process::id()));
        fs::write(&file, "# head\na # 1  # why\nb  # why\nc  # else\n").unwrap();
        let rows = rows(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(rows["why"], ["a # 1", "b"]);
        assert_eq!(rows["else"], ["c"]);
    }

    #[test]
    fn a_page_keeps_what_the_stand_in_counted() {
        let page = page(&[], "7 of 7 fail.").unwrap();
        assert_eq!(null_count(&page), "7 of 7 fail.");
    }

    #[test]
    fn every_corpus_that_is_counted_by_keys_holds_cases() {
        for corpus in CORPORA.iter().filter(|corpus| matches!(corpus.cases, Cases::Keys(..))) {
            assert!(count(corpus, &[]).unwrap().0 > 10, "{}", corpus.what);
        }
    }
}
