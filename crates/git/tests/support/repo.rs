use std::{path::Path, process::Command};

/// A bare repository `repo.git` in a folder of its own, filled through a work tree.
pub struct Repo {
    dir: tempfile::TempDir,
}

impl Repo {
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        run(dir.path(), &["init", "-q", "--bare", "-b", "main", "repo.git"]);
        run(dir.path(), &["init", "-q", "-b", "main", "work"]);
        Self { dir }
    }

    /// One commit on `main` with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let repo = Self::empty();
        repo.commit("first", files);
        repo
    }

    /// The folder to serve.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Writes files, commits and pushes everything; gives the commit.
    pub fn commit(&self, message: &str, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            let path = self.dir.path().join("work").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.push();
        self.head()
    }

    pub fn push(&self) {
        self.git(&["push", "-q", "--force", "--all", "../repo.git"]);
        self.git(&["push", "-q", "--force", "--tags", "../repo.git"]);
    }

    pub fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs git in the work tree.
    pub fn git(&self, args: &[&str]) -> String {
        run(&self.dir.path().join("work"), args)
    }

    /// Runs git in the bare repository.
    pub fn bare(&self, args: &[&str]) -> String {
        run(&self.dir.path().join("repo.git"), args)
    }

    pub fn work(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join("work").join(path)
    }
}

fn run(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=A B", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"])
        .args(["-c", "protocol.file.allow=always", "-c", "core.hooksPath=/dev/null"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
