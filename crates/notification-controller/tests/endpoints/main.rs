//! The recorded events and webhooks are played against the running program and a real API server.
//!
//! The receivers of events, the issuers of tokens and Google's keys are one fake server here (that of the suite
//! `providers`). `gaps.txt` lists what differs, `folder/case  # reason` a line; a listed case is played all the same and
//! fails the run when it agrees. Without the recordings this suite fails unless `SLUICE_NO_RECORDINGS=1` says that none
//! are wanted.
mod events;
mod http;
mod rig;
#[path = "../providers/sink.rs"]
mod sink;
mod tokens;
mod webhooks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

use crate::rig::Rig;

const GAPS: &str = include_str!("gaps.txt");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/flux/notification")
}

/// The recordings below a folder, by `folder/…/case`.
fn cases(folder: &str) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), root().join(folder))];
    while let Some((name, path)) = folders.pop() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            let part = entry.file_name().to_string_lossy().into_owned();
            let name = format!("{name}/{}", part.trim_end_matches(".json"));
            match entry.path() {
                path if path.is_dir() => folders.push((name, path)),
                path => found.push((name, path)),
            }
        }
    }
    found.sort();
    found
}

fn gaps() -> BTreeMap<&'static str, &'static str> {
    let rows = GAPS.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    rows.filter_map(|line| line.split_once('#')).map(|(name, reason)| (name.trim(), reason.trim())).collect()
}

/// Against the stand-in of `cargo xtask test --null` no row excuses a difference.
fn judge(name: &str, differences: &[String]) -> Result<(), Failed> {
    let gaps = if std::env::var_os("SLUICE_NULL").is_some() { BTreeMap::new() } else { gaps() };
    match (gaps.get(name), differences) {
        (None, []) | (Some(_), [_, ..]) => Ok(()),
        (Some(reason), []) => Err(format!("agrees now, take its row out of gaps.txt: {reason}").into()),
        (None, differences) => Err(differences.join("\n").into()),
    }
}

fn without_recordings(args: &Arguments) -> ExitCode {
    testkit::not_run(
        "recorded events and webhooks of Flux",
        "no ../shared/conformance/flux beside this checkout",
    );
    let wanted = std::env::var_os("SLUICE_NO_RECORDINGS").is_none();
    let verdict = move || if wanted { Err("they are absent".into()) } else { Ok(()) };
    libtest_mimic::run(args, vec![Trial::test("the recordings are beside this checkout", verdict)])
        .exit_code()
}

fn main() -> ExitCode {
    let args = Arguments::from_args();
    let (webhooks, events) = (cases("receivers"), cases("event-server"));
    if webhooks.is_empty() || events.is_empty() {
        return without_recordings(&args);
    }
    let all: Vec<_> = webhooks.into_iter().chain(events).collect();
    if args.list {
        let trials = all.into_iter().map(|(name, _)| Trial::test(name, || Ok(()))).collect();
        return libtest_mimic::run(&args, trials).exit_code();
    }
    let tokio = Arc::new(tokio::runtime::Runtime::new().expect("runtime"));
    let rig = Arc::new(tokio.block_on(Rig::start()).expect("control plane and controller start"));
    let trial = |(name, file): (String, PathBuf)| {
        let (tokio, rig) = (tokio.clone(), rig.clone());
        Trial::test(name.clone(), move || {
            let differences =
                tokio.block_on(play(&rig, &name, &file)).map_err(|error| format!("{error:#}"))?;
            judge(&name, &differences)
        })
    };
    let trials = all.into_iter().map(trial).collect();
    // The sink and the objects belong to one case at a time.
    let conclusion = libtest_mimic::run(&Arguments { test_threads: Some(1), ..args }, trials);
    drop(Arc::into_inner(rig));
    testkit::Scope::close();
    conclusion.exit_code()
}

async fn play(rig: &Rig, name: &str, file: &Path) -> anyhow::Result<Vec<String>> {
    let recording: Value = serde_json::from_str(&rig.ours(std::fs::read_to_string(file)?))?;
    if name.starts_with("receivers/") {
        return webhooks::play(rig, &recording).await;
    }
    events::play(rig, name.trim_start_matches("event-server/"), &recording).await
}
