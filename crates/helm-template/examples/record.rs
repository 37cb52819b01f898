//! Writes what the real `helm template` says about each case of the corpus: `record HELM [CORPUS]`.
//!
//! A case is a folder with `input/chart`, optionally `input/values.yaml` and `input/flags` (one flag or argument a
//! line). Beside `input`, this writes `expected.yaml` or `expected.err`. Nothing else may write them. A case with an
//! `input/helm` of `3` is recorded by a Helm 3 only, all others by a Helm 4.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a program, not the crate"
)]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(helm) = arguments.next() else {
        println!("record HELM [CORPUS]");
        return ExitCode::FAILURE;
    };
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let root = arguments.next().map_or_else(own, PathBuf::from);
    let mut count = 0;
    let major = major(&helm);
    for case in cases(&root).into_iter().filter(|case| wanted(case) == major) {
        match record(&helm, &case) {
            Ok(()) => count += 1,
            Err(error) => {
                println!("{}: {error}", case.display());
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{count} cases recorded");
    ExitCode::SUCCESS
}

/// `3` or `4`.
fn major(helm: &str) -> String {
    let said = Command::new(helm).args(["version", "--template", "{{.Version}}"]).output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    said.trim_start_matches('v').chars().take(1).collect()
}

fn wanted(case: &Path) -> String {
    fs::read_to_string(case.join("input/helm")).map_or("4".to_owned(), |major| major.trim().to_owned())
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    if folder.join("input").is_dir() {
        return vec![folder.to_owned()];
    }
    let mut folders: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    folders.iter().filter(|path| path.is_dir()).flat_map(|path| cases(path)).collect()
}

fn record(helm: &str, case: &Path) -> io::Result<()> {
    let mut command = Command::new(helm);
    command.current_dir(case.join("input")).args(["template", "release-name", "chart"]);
    command.env("HELM_NAMESPACE", "default").env("KUBECONFIG", "/nonexistent");
    if case.join("input/values.yaml").is_file() {
        command.args(["-f", "values.yaml"]);
    }
    if let Ok(flags) = fs::read_to_string(case.join("input/flags")) {
        command.args(flags.lines());
    }
    let output = command.output()?;
    for stale in ["expected.yaml", "expected.err"] {
        let _ = fs::remove_file(case.join(stale));
    }
    if output.status.success() {
        return fs::write(case.join("expected.yaml"), &output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("level=")).collect();
    let text = text.join("\n");
    // Helm 3 writes its log without levels.
    let error = text.split_once("Error: ").map_or(text.as_str(), |(_, error)| error);
    fs::write(case.join("expected.err"), error)
}
