use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{CommitInfo, MAX_FILE, Tree, is_manifest};
use crate::CommandError;

/// Files that are looked into.
const MAX_FILES: usize = 1_000;
/// The fields of a commit, one to a line.
const FORMAT: &str = "--format=%H%n%an <%ae>%n%aI%n%s";

/// A clone on this machine, read with the user's own `git`.
pub(crate) struct Clone(PathBuf);

impl Clone {
    /// Nothing is read yet.
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    /// A commit and those of its files below a folder that hold a text.
    ///
    /// # Errors
    /// When the clone does not have the commit.
    pub(crate) fn tree(&self, commit: &str, text: &str) -> Result<Tree, CommandError> {
        let info = self.commit(&["show", "--no-patch", FORMAT, commit])?;
        // Exit code 1 is for no file.
        let found = self.git(&["grep", "-l", "-z", "-F", "-e", text, commit]).unwrap_or_default();
        let paths = found.split('\0').filter_map(|line| line.strip_prefix(commit)?.strip_prefix(':'));
        let mut files = Vec::new();
        for path in paths.filter(|path| is_manifest(path)).take(MAX_FILES) {
            let content = self.git(&["show", &format!("{commit}:{path}")])?;
            if content.len() <= MAX_FILE {
                files.push((path.to_owned(), content));
            }
        }
        Ok(Tree { commit: info, files })
    }

    /// The commit that changed a line last.
    pub(crate) fn blame(&self, commit: &str, file: &str, line: u32) -> Option<CommitInfo> {
        let range = format!("{line},{line}");
        let told = self.git(&["blame", "--porcelain", "-L", &range, commit, "--", file]).ok()?;
        let id = told.split_whitespace().next()?;
        self.commit(&["show", "--no-patch", FORMAT, id]).ok()
    }

    fn commit(&self, args: &[&str]) -> Result<CommitInfo, CommandError> {
        let told = self.git(args)?;
        let mut lines = told.lines().map(str::to_owned);
        let mut next = || lines.next().unwrap_or_default();
        Ok(CommitInfo { id: next(), author: next(), time: next(), subject: next() })
    }

    fn git(&self, args: &[&str]) -> Result<String, CommandError> {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.0).args(args).stdin(Stdio::null());
        let done = command.output().map_err(|error| CommandError::failed(format!("git: {error}")))?;
        if !done.status.success() {
            let cause = String::from_utf8_lossy(&done.stderr);
            let shown = self.0.display();
            return Err(CommandError::failed(format!("git in {shown}: {}", cause.trim()))
                .hint("is --repo a clone of the source, and has it been fetched lately? git fetch --all"));
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }
}
