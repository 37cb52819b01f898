//! Every recorded scenario of sources, Kustomizations, HelmReleases and image objects is played against our controllers.
//!
//! `recorded-gaps.txt` lists what differs, `scenario  # reason` a line. A listed scenario is played all the same, and
//! fails the run when it agrees: then its row must go. Without the recordings this suite fails unless
//! `SLUICE_NO_RECORDINGS=1` says that none are wanted.
use std::{collections::BTreeMap, process::ExitCode, sync::Arc};

use e2e::recorded::{Rig, Scenario, corpus, play};
use libtest_mimic::{Arguments, Failed, Trial};

const GAPS: &str = include_str!("recorded-gaps.txt");

fn gaps() -> BTreeMap<&'static str, &'static str> {
    let rows = GAPS.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    rows.filter_map(|line| line.split_once('#')).map(|(name, reason)| (name.trim(), reason.trim())).collect()
}

/// Against the stand-in of `cargo xtask test --null` no row excuses a difference: every scenario must differ.
fn judge(name: &str, differences: &[String]) -> Result<(), Failed> {
    let gaps = if std::env::var_os("SLUICE_NULL").is_some() { BTreeMap::new() } else { gaps() };
    match (gaps.get(name), differences) {
        (None, []) | (Some(_), [_, ..]) => Ok(()),
        (Some(reason), []) => {
            Err(format!("agrees now, take its row out of recorded-gaps.txt: {reason}").into())
        }
        (None, differences) => Err(differences.join("\n").into()),
    }
}

/// A run that has no recordings fails unless it was told that none are wanted, and says so either way.
fn without_recordings(args: &Arguments) -> ExitCode {
    testkit::not_run("recorded scenarios of Flux", "no ../shared/conformance/flux beside this checkout");
    let wanted = std::env::var_os("SLUICE_NO_RECORDINGS").is_none();
    let verdict = move || if wanted { Err("they are absent".into()) } else { Ok(()) };
    libtest_mimic::run(args, vec![Trial::test("the recordings are beside this checkout", verdict)])
        .exit_code()
}

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let files = corpus().expect("the recordings cannot be read");
    let Some(files) = files else {
        return without_recordings(&args);
    };
    if args.list {
        libtest_mimic::run(&args, Vec::new()).exit();
    }
    let tokio = Arc::new(tokio::runtime::Runtime::new().expect("runtime"));
    let rig = Arc::new(tokio.block_on(Rig::start()).expect("control plane and controllers start"));
    let trial = |file: &std::path::PathBuf| {
        let scenario = Scenario::read(file).expect("scenario");
        let (tokio, rig) = (tokio.clone(), rig.clone());
        Trial::test(scenario.name.clone(), move || {
            let differences = tokio.block_on(play(&rig, &scenario)).map_err(|error| format!("{error:#}"))?;
            judge(&scenario.name, &differences)
        })
    };
    let trials = files.iter().map(trial).collect();
    let args = Arguments { test_threads: args.test_threads.or(Some(8)), ..args };
    let conclusion = libtest_mimic::run(&args, trials);
    drop(Arc::into_inner(rig));
    testkit::Scope::close();
    conclusion.exit_code()
}
