//! Every recorded event is sent to its recorded Provider; the requests must be those that Flux made.
//!
//! The receivers of the outside world (Slack, GitHub and the rest) are one fake server here, which keeps what it is sent
//! and answers as the recording says; public hosts are reached through a proxy that is part of it.
//! `gaps.txt` lists what differs, `type/case  # reason` a line; a listed case is replayed all the same and fails the run
//! when it agrees. Without the recordings this suite fails unless `SLUICE_NO_RECORDINGS=1` says that none are wanted.
//!
//! The variables for the proxy must be there when the process starts, so that it starts itself once more with them.
mod case;
mod compare;
mod protobuf;
mod sink;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::case::Case;
use crate::sink::Sink;

const GAPS: &str = include_str!("gaps.txt");
/// Where the second process finds ports and certificates.
const FOLDER: &str = "SLUICE_PROVIDERS_FOLDER";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/flux/notification/providers")
}

fn cases(root: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for kind in std::fs::read_dir(root).into_iter().flatten().flatten() {
        for file in std::fs::read_dir(kind.path()).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().trim_end_matches(".json").to_owned();
            found.push((format!("{}/{name}", kind.file_name().to_string_lossy()), file.path()));
        }
    }
    found.sort();
    found
}

fn gaps() -> BTreeMap<&'static str, &'static str> {
    let rows = GAPS.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    rows.filter_map(|line| line.split_once('#')).map(|(name, reason)| (name.trim(), reason.trim())).collect()
}

fn judge(name: &str, differences: &[String]) -> Result<(), Failed> {
    match (gaps().get(name), differences) {
        (None, []) | (Some(_), [_, ..]) => Ok(()),
        (Some(reason), []) => Err(format!("agrees now, take its row out of gaps.txt: {reason}").into()),
        (None, differences) => Err(differences.join("\n").into()),
    }
}

fn without_recordings(args: &Arguments) -> ExitCode {
    testkit::not_run("recorded providers of Flux", "no ../shared/conformance/flux beside this checkout");
    let wanted = std::env::var_os("SLUICE_NO_RECORDINGS").is_none();
    let verdict = move || if wanted { Err("they are absent".into()) } else { Ok(()) };
    libtest_mimic::run(args, vec![Trial::test("the recordings are beside this checkout", verdict)])
        .exit_code()
}

/// Starts this program again with the proxy and its certificate in the environment.
fn again() -> ExitCode {
    let folder = tempfile::tempdir().expect("folder");
    let sink = sink::prepare(folder.path()).expect("ports and certificates");
    let proxy = format!("http://127.0.0.1:{}", sink.proxy);
    let status = Command::new(std::env::current_exe().expect("own path"))
        .args(std::env::args_os().skip(1))
        .env(FOLDER, folder.path())
        .env("HTTPS_PROXY", &proxy)
        .env("SSL_CERT_FILE", folder.path().join("ca.pem"))
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env_remove("HTTP_PROXY")
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn main() -> ExitCode {
    let args = Arguments::from_args();
    if std::env::var_os("SLUICE_NULL").is_some() {
        testkit::not_run("recorded providers of Flux", "no controller acts in them");
        return ExitCode::SUCCESS;
    }
    let found = cases(&root());
    if found.is_empty() {
        return without_recordings(&args);
    }
    let Some(folder) = std::env::var_os(FOLDER) else { return again() };
    if args.list {
        let trials = found.into_iter().map(|(name, _)| Trial::test(name, || Ok(()))).collect();
        return libtest_mimic::run(&args, trials).exit_code();
    }
    testkit::install_crypto();
    let tokio = Arc::new(tokio::runtime::Runtime::new().expect("runtime"));
    let sink = Arc::new(tokio.block_on(Sink::start(Path::new(&folder))).expect("sink"));
    let clients = Arc::new(notification_controller::Clients::default());
    let trial = |(name, file): (String, PathBuf)| {
        let (tokio, sink, clients) = (tokio.clone(), sink.clone(), clients.clone());
        Trial::test(name.clone(), move || {
            let case = Case::read(&file, &sink).map_err(|error| format!("{error:#}"))?;
            let differences =
                tokio.block_on(case.play(&sink, &clients)).map_err(|error| format!("{error:#}"))?;
            judge(&name, &differences)
        })
    };
    let trials = found.into_iter().map(trial).collect();
    // The sink belongs to one case at a time.
    let args = Arguments { test_threads: Some(1), ..args };
    libtest_mimic::run(&args, trials).exit_code()
}
