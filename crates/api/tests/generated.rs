//! The committed files below `config/` are those the types make.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use api::crd::{all_files, folders};

fn config() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

#[test]
fn committed_files_are_what_the_types_make() {
    for file in all_files() {
        let committed = std::fs::read_to_string(config().join(&file.path)).unwrap_or_default();
        assert!(committed == file.text, "{} is out of date: run `cargo xtask generate`", file.path);
    }
}

#[test]
fn no_other_file_stands_in_the_generated_folders() {
    let generated: BTreeSet<PathBuf> = all_files().iter().map(|file| config().join(&file.path)).collect();
    for folder in folders() {
        let entries = std::fs::read_dir(config().join(folder)).expect("the folder is committed");
        for entry in entries {
            let path = entry.expect("the folder can be listed").path();
            assert!(generated.contains(&path), "{} is not generated", path.display());
        }
    }
}
