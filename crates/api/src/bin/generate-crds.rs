//! Writes the CustomResourceDefinitions below a folder: `generate-crds [--check] <config folder>`.
//!
//! Generated files that no kind owns any more are removed; files made by others are left. With `--check` nothing is
//! written; files that would change, that are missing or that no kind owns are named, and the exit code is 1.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use api::crd::{CrdFile, HEADER, all_files, folders};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [config] => write_all(Path::new(config)).map(|()| Vec::new()),
        ["--check", config] => differences(Path::new(config)),
        _ => Err(io::Error::other("usage: generate-crds [--check] <config folder>")),
    };
    report(outcome)
}

fn report(outcome: io::Result<Vec<String>>) -> ExitCode {
    let lines = match outcome {
        Ok(lines) if lines.is_empty() => return ExitCode::SUCCESS,
        Ok(lines) => lines,
        Err(error) => vec![error.to_string()],
    };
    // A closed standard error leaves the exit code to tell.
    _ = writeln!(io::stderr(), "{}", lines.join("\n"));
    ExitCode::FAILURE
}

fn write_all(config: &Path) -> io::Result<()> {
    for file in all_files() {
        let path = config.join(&file.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, &file.text)?;
    }
    unowned(config)?.iter().try_for_each(std::fs::remove_file)
}

fn differences(config: &Path) -> io::Result<Vec<String>> {
    let stale = all_files().into_iter().filter(|file| !is_current(config, file));
    let mut lines: Vec<_> = stale.map(|file| format!("out of date: {}", file.path)).collect();
    lines.extend(unowned(config)?.iter().map(|path| format!("not generated: {}", path.display())));
    Ok(lines)
}

fn is_current(config: &Path, file: &CrdFile) -> bool {
    std::fs::read_to_string(config.join(&file.path)).is_ok_and(|text| text == file.text)
}

/// Generated files that no kind owns.
fn unowned(config: &Path) -> io::Result<Vec<PathBuf>> {
    let owned: Vec<_> = all_files().iter().map(|file| config.join(&file.path)).collect();
    let mut found = Vec::new();
    for folder in folders().iter().map(|folder| config.join(folder)).filter(|folder| folder.is_dir()) {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if !owned.contains(&path) && is_generated(&path) {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn is_generated(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.starts_with(HEADER))
}
