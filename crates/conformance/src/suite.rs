use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{Case, Expected, Gaps, find_cases, first_difference, names_same_cause};

/// When set, a corpus that is not there fails the run.
const REQUIRE: &str = "CONFORMANCE_REQUIRE_CORPUS";

/// A folder of cases.
#[derive(Clone, Debug)]
pub struct Root {
    /// Where it is.
    pub path: PathBuf,
    /// Part of the repository: it must be there. Others are reported when absent.
    pub own: bool,
}

/// The corpora of one engine and how a case is run.
pub struct Suite {
    /// Name of the engine, for the report.
    pub name: &'static str,
    /// Where the cases are.
    pub roots: Vec<Root>,
    /// Known gaps.
    pub gaps: Gaps,
    /// Runs a case: its output, or the message it fails with.
    pub run: fn(&Case) -> Result<String, String>,
}

#[derive(Default)]
struct Counts {
    passed: AtomicUsize,
    gaps: AtomicUsize,
    failed: AtomicUsize,
}

impl Suite {
    /// Runs every case as a trial, with libtest's arguments, and prints pass/gap/total at the end.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let arguments = Arguments::from_args();
        let counts = Arc::new(Counts::default());
        let mut trials = Vec::new();
        let mut names = Vec::new();
        let mut absent = Vec::new();
        for root in &self.roots {
            if !root.path.is_dir() {
                trials.push(absent_root(root));
                absent.push(root.path.clone());
                continue;
            }
            trials.extend(self.root_trials(&root.path, &counts, &mut names));
        }
        if absent.is_empty() {
            trials.push(self.unknown_gaps(&names));
        }
        let listing = arguments.list;
        let conclusion = libtest_mimic::run(&arguments, trials);
        if !listing {
            self.report(&counts, &absent);
        }
        conclusion.exit_code()
    }

    fn root_trials(&self, root: &Path, counts: &Arc<Counts>, names: &mut Vec<String>) -> Vec<Trial> {
        let cases = match find_cases(root) {
            Ok(cases) => cases,
            Err(error) => {
                let message = error.to_string();
                return vec![Trial::test(format!("corpus {}", root.display()), move || Err(message.into()))];
            }
        };
        let mut trials = Vec::new();
        for case in cases {
            names.push(case.name.clone());
            let (run, counts) = (self.run, Arc::clone(counts));
            let gap = self.gaps.reason(&case.name).map(str::to_owned);
            trials.push(Trial::test(case.name.clone(), move || judge(&case, run, gap.as_deref(), &counts)));
        }
        trials
    }

    /// A gap whose case is gone hides nothing, but it misleads.
    fn unknown_gaps(&self, names: &[String]) -> Trial {
        let unknown: Vec<_> = self.gaps.unknown(names).map(str::to_owned).collect();
        Trial::test("gaps name existing cases", move || {
            if unknown.is_empty() {
                Ok(())
            } else {
                Err(format!("no such cases: {}", unknown.join(", ")).into())
            }
        })
    }

    fn report(&self, counts: &Counts, absent: &[PathBuf]) {
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        let (passed, gaps, failed) = (count(&counts.passed), count(&counts.gaps), count(&counts.failed));
        let mut out = io::stdout().lock();
        let mut lines = vec![format!(
            "{}: pass {passed}, gap {gaps}, fail {failed}, total {}",
            self.name,
            passed + gaps + failed
        )];
        for root in absent {
            lines.push(format!("{}: CORPUS NOT RUN: {} is absent", self.name, root.display()));
        }
        for line in lines {
            // A report that cannot be printed changes no verdict.
            let _ = writeln!(out, "{line}");
        }
    }
}

fn absent_root(root: &Root) -> Trial {
    let path = root.path.display().to_string();
    let must = root.own || env::var_os(REQUIRE).is_some();
    Trial::test(format!("corpus {path} is there"), move || {
        if must { Err(format!("{path} is absent").into()) } else { Ok(()) }
    })
    .with_ignored_flag(!must)
}

fn judge(
    case: &Case,
    run: fn(&Case) -> Result<String, String>,
    gap: Option<&str>,
    counts: &Counts,
) -> Result<(), Failed> {
    let verdict = compare(&case.expected, run(case));
    let counter = match (&verdict, gap) {
        (Ok(()), None) => &counts.passed,
        (Err(_), Some(_)) => &counts.gaps,
        _ => &counts.failed,
    };
    counter.fetch_add(1, Ordering::Relaxed);
    match (verdict, gap) {
        (Ok(()), Some(reason)) => Err(format!("passes, but is listed as a gap: {reason}").into()),
        (Ok(()), None) | (Err(_), Some(_)) => Ok(()),
        (Err(message), None) => Err(message.into()),
    }
}

fn compare(expected: &Expected, actual: Result<String, String>) -> Result<(), String> {
    match (expected, actual) {
        (Expected::Output(expected), Ok(actual)) => first_difference(expected, &actual).map_or(Ok(()), Err),
        (Expected::Output(_), Err(error)) => Err(format!("fails: {error}")),
        (Expected::Failure(error), Ok(_)) => {
            Err(format!("succeeds, where the reference tool fails: {error}"))
        }
        (Expected::Failure(reference), Err(ours)) => {
            let same = names_same_cause(reference, &ours);
            if same {
                Ok(())
            } else {
                Err(format!("names another cause\n  reference: {reference}\n  ours: {ours}"))
            }
        }
    }
}
