//! A repository made by the real `git`, apart from the configuration of whoever runs the tests.
use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// A bare repository that is served, and a working copy from which every change is pushed to it.
pub struct GitRepo {
    bare: PathBuf,
    work: PathBuf,
    url: String,
}

impl GitRepo {
    pub(crate) fn create(bare: PathBuf, work: PathBuf, url: &str) -> Result<GitRepo> {
        std::fs::create_dir_all(&bare)?;
        std::fs::create_dir_all(&work)?;
        let repo = GitRepo { bare, work, url: url.into() };
        run(&repo.bare, &["init", "-q", "--bare", "-b", "main"])?;
        run(&repo.bare, &["config", "http.receivepack", "true"])?;
        run(&repo.bare, &["config", "uploadpack.allowAnySHA1InWant", "true"])?;
        run(&repo.work, &["init", "-q", "-b", "main"])?;
        let bare = repo.bare.to_str().context("folder name is not text")?;
        run(&repo.work, &["remote", "add", "origin", bare])?;
        Ok(repo)
    }

    /// Where it is served.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its working copy.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// The bare repository on disk, for `file://` or a server of another kind.
    pub fn bare(&self) -> &Path {
        &self.bare
    }

    /// Writes the files, commits and pushes; returns the commit's full id. Other files stay as they are.
    pub fn commit<P: AsRef<str>, T: AsRef<[u8]>>(&self, files: &[(P, T)], message: &str) -> Result<String> {
        for (path, text) in files {
            let path = self.work.join(path.as_ref());
            std::fs::create_dir_all(path.parent().context("path without a folder")?)?;
            std::fs::write(&path, text)?;
        }
        self.git(&["add", "-A"])?;
        self.git(&["commit", "-q", "--allow-empty", "-m", message])?;
        self.push()
    }

    /// `git rm -r`, commit, push.
    pub fn remove(&self, paths: &[&str], message: &str) -> Result<String> {
        self.git(&[&["rm", "-r", "-q", "--"], paths].concat())?;
        self.git(&["commit", "-q", "-m", message])?;
        self.push()
    }

    /// `git revert` of a commit, push.
    pub fn revert(&self, commit: &str) -> Result<String> {
        self.git(&["revert", "--no-edit", commit])?;
        self.push()
    }

    /// Makes a branch here and now, goes on with it and pushes it.
    pub fn branch(&self, name: &str) -> Result<String> {
        self.git(&["checkout", "-q", "-b", name])?;
        self.push()
    }

    /// Goes on with an existing branch.
    pub fn checkout(&self, name: &str) -> Result<()> {
        self.git(&["checkout", "-q", name]).map(drop)
    }

    /// Merges a branch into the present one with a merge commit, and pushes.
    pub fn merge(&self, branch: &str) -> Result<String> {
        self.git(&["merge", "-q", "--no-ff", "--no-edit", branch])?;
        self.push()
    }

    /// Tags the present commit and pushes the tag; an existing tag is moved.
    pub fn tag(&self, name: &str) -> Result<()> {
        self.git(&["tag", "-f", "-a", "-m", name, name])?;
        self.git(&["push", "-q", "-f", "origin", &format!("refs/tags/{name}")]).map(drop)
    }

    /// The present commit's full id.
    pub fn head(&self) -> Result<String> {
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_string())
    }

    /// `main@sha1:…` of the present commit, as it stands in an artifact's revision.
    pub fn revision(&self) -> Result<String> {
        let branch = self.git(&["rev-parse", "--abbrev-ref", "HEAD"])?;
        Ok(format!("{}@sha1:{}", branch.trim(), self.head()?))
    }

    /// Pushes the present branch, by force, and returns its commit.
    pub fn push(&self) -> Result<String> {
        self.git(&["push", "-q", "-f", "origin", "HEAD"])?;
        self.head()
    }

    /// Any other git command in the working copy; returns what it printed.
    pub fn git(&self, args: &[&str]) -> Result<String> {
        run(&self.work, args)
    }

    /// A git command in the bare repository, which others push to as well; returns what it printed.
    pub fn served(&self, args: &[&str]) -> Result<String> {
        run(&self.bare, args)
    }
}

/// `git` in `dir`, blind to the configuration of user and system.
pub(crate) fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Jane Doe")
            .env(format!("GIT_{role}_EMAIL"), "jane@example.com");
    }
    command
}

fn run(dir: &Path, args: &[&str]) -> Result<String> {
    let done = git(dir).args(args).output().context("running git")?;
    if !done.status.success() {
        bail!("git {}: {}", args.join(" "), String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
