//! The demo judges: without a controller it must fail at act 1, and it leaves nothing behind.
use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// Runs the demo with the binaries of this run and a temporary folder of its own.
fn demo(dir: &Path, args: &[&str]) -> Output {
    testkit::require_programs();
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    if !args.is_empty() {
        // What must fail need not be waited for as long as what must go well.
        command.env("SLUICE_TEST_PATIENCE", "10");
    }
    command.args(args).env("TMPDIR", dir).output().unwrap()
}

fn left_behind(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn without_kustomize_controller_act_1_fails_with_exit_code_1_and_nothing_stays() {
    let dir = tempfile::tempdir().unwrap();
    let report = tempfile::NamedTempFile::new().unwrap();
    let args = ["--without", "kustomize-controller", "--report", report.path().to_str().unwrap()];
    let done = demo(dir.path(), &args);
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(said.contains("act 1"), "{said}");
    let report: Value = serde_json::from_slice(&std::fs::read(report.path()).unwrap()).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["acts"].as_array().unwrap().len(), 1);
    // The source was served meanwhile: act 1 fails for want of kustomize-controller and for nothing else.
    let shown = String::from_utf8_lossy(&done.stdout);
    assert!(shown.contains("stored artifact"), "{shown}");
    assert_eq!(left_behind(dir.path()), Vec::<String>::new());
}

#[test]
fn all_ten_acts_go_well() {
    let dir = tempfile::tempdir().unwrap();
    let done = demo(dir.path(), &[]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(said.matches("  good, ").count(), 10, "{said}");
    assert_eq!(left_behind(dir.path()), Vec::<String>::new());
}
