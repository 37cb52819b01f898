//! Every command of the documentation is run, in the order of its page, by a shell on a cluster of the page's own.
//!
//! A page says in comments what it stands on: `<!-- controllers: NAME ... -->` (run beside the cluster, since no node
//! runs a container here), `<!-- repositories: NAME=FOLDER ... -->` (of `docs/examples/repos`, served where
//! `https://git.example.com` stands), `<!-- registry -->` (stands for `registry.example.com`), `<!-- new cluster -->` before a
//! block. `<!-- run: FILE -->` stands for a block with the file's text, `<!-- controllers end -->` before a block for the end
//! of their pods, `<!-- controllers start -->` for new ones. A block of `sh` that is not run has `<!-- not run: REASON -->`
//! before it.
use std::{env, fs, os::unix::fs::symlink, path::PathBuf, process::Command};

use e2e::{example_repository, sluice_program};
use testkit::{ControlPlane, Controller, GitServer, Registry, not_run, workspace_root};

/// One `sh` block.
struct Block {
    line: usize,
    text: String,
    before: Before,
    not_run: Option<String>,
}

/// What happens before a block.
#[derive(Default)]
struct Before {
    new_cluster: bool,
    /// The controllers end (false) or start (true).
    controllers: Option<bool>,
}

/// A page as far as a shell is concerned.
#[derive(Default)]
struct Page {
    controllers: Vec<String>,
    repositories: Vec<(String, String)>,
    registry: bool,
    blocks: Vec<Block>,
}

fn read(page: &str) -> Page {
    let text = fs::read_to_string(workspace_root().join(page)).unwrap();
    let (mut found, mut block, mut before, mut reason) =
        (Page::default(), None::<Block>, Before::default(), None);
    for (at, line) in text.lines().enumerate() {
        if let Some(open) = &mut block {
            if line == "```" {
                found.blocks.extend(block.take());
            } else {
                open.text.push_str(&format!("{line}\n"));
            }
        } else if line == "```sh" {
            let (before, not_run) = (std::mem::take(&mut before), reason.take());
            block = Some(Block { line: at + 1, text: String::new(), before, not_run });
        } else if let Some(file) = comment(line, "run:") {
            let text = fs::read_to_string(workspace_root().join(file)).unwrap();
            let before = std::mem::take(&mut before);
            found.blocks.push(Block { line: at + 1, text, before, not_run: None });
        } else if let Some(words) = comment(line, "controllers:") {
            found.controllers = words.split_whitespace().map(String::from).collect();
        } else if let Some(words) = comment(line, "repositories:") {
            let pairs = words.split_whitespace().filter_map(|pair| pair.split_once('='));
            found.repositories = pairs.map(|(name, folder)| (name.to_owned(), folder.to_owned())).collect();
        } else if comment(line, "registry").is_some() {
            found.registry = true;
        } else if comment(line, "new cluster").is_some() {
            before.new_cluster = true;
        } else if comment(line, "controllers end").is_some() {
            before.controllers = Some(false);
        } else if comment(line, "controllers start").is_some() {
            before.controllers = Some(true);
        } else if let Some(why) = comment(line, "not run:") {
            reason = Some(why.to_owned());
        }
    }
    assert!(block.is_none(), "{page}: a block without an end");
    found
}

fn comment<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    Some(line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim().strip_prefix(word)?.trim())
}

/// A cluster and a folder in which a page's commands run.
struct Shell {
    plane: ControlPlane,
    git: GitServer,
    registry: Option<Registry>,
    dir: tempfile::TempDir,
    controllers: Vec<Controller>,
}

impl Shell {
    async fn start(page: &Page) -> Shell {
        let plane = ControlPlane::start().await.unwrap();
        let git = GitServer::start().unwrap();
        let registry = if page.registry { Some(Registry::start().await.unwrap()) } else { None };
        for (name, folder) in &page.repositories {
            let mut files = example_repository(folder).unwrap();
            if let Some(registry) = &registry {
                files
                    .iter_mut()
                    .for_each(|(_, text)| *text = text.replace("registry.example.com", registry.address()));
            }
            git.repo(name).unwrap().commit(&files, "example").unwrap();
        }
        let controllers = start(&plane, page).await;
        let dir = tempfile::tempdir().unwrap();
        for name in ["config", "charts", "docs"] {
            symlink(workspace_root().join(name), dir.path().join(name)).unwrap();
        }
        let bin = dir.path().join(".bin");
        fs::create_dir(&bin).unwrap();
        for tool in ["kubectl", "helm", "kustomize", "crane"] {
            symlink(testkit::program(tool).unwrap(), bin.join(tool)).unwrap();
        }
        symlink(sluice_program().unwrap(), bin.join("sluice")).unwrap();
        Shell { plane, git, registry, dir, controllers }
    }

    /// What is to happen before a block.
    async fn prepare(&mut self, page: &Page, before: &Before) {
        match before.controllers {
            Some(false) => self.controllers.clear(),
            Some(true) => self.controllers = start(&self.plane, page).await,
            None => {}
        }
    }

    /// Runs the lines of several blocks in one shell that ends at the first command that fails.
    fn run(&self, script: &str) -> Result<(), String> {
        let mut script = script.replace("https://git.example.com", &self.git.url());
        if let Some(registry) = &self.registry {
            script = script.replace("registry.example.com", registry.address());
        }
        let path =
            format!("{}:{}", self.dir.path().join(".bin").display(), env::var("PATH").unwrap_or_default());
        let done = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script])
            .current_dir(self.dir.path())
            .env("PATH", path)
            .env("HOME", self.dir.path())
            .env("KUBECONFIG", self.plane.kubeconfig())
            .output()
            .unwrap();
        match done.status.success() {
            true => Ok(()),
            false => Err(format!(
                "{}{}",
                String::from_utf8_lossy(&done.stdout),
                String::from_utf8_lossy(&done.stderr)
            )),
        }
    }
}

async fn start(plane: &ControlPlane, page: &Page) -> Vec<Controller> {
    let mut controllers = Vec::new();
    for name in &page.controllers {
        controllers.push(plane.controller(name).start().await.unwrap());
    }
    controllers
}

async fn walk(name: &str) {
    let page = read(name);
    if env::var_os("SLUICE_NULL").is_some() && page.controllers.is_empty() {
        return not_run(name, "no controller acts on this page, so that a stand-in cannot fail it");
    }
    let mut shell = Shell::start(&page).await;
    // Variables and the folder do not carry over from block to block; a page changes back where it went elsewhere.
    for block in &page.blocks {
        if let Some(why) = &block.not_run {
            not_run(&format!("{name}:{}", block.line), why);
            continue;
        }
        if block.before.new_cluster {
            drop(shell);
            shell = Shell::start(&page).await;
        }
        shell.prepare(&page, &block.before).await;
        if let Err(said) = shell.run(&block.text) {
            panic!("{name}:{}: the shell ended with an error\n{}\n{said}", block.line, block.text);
        }
    }
}

/// The pages that this program walks; the test below holds the list to the folder.
macro_rules! pages {
    ($($test:ident: $page:literal,)*) => {
        const PAGES: &[&str] = &[$($page),*];
        $(
            #[tokio::test]
            async fn $test() {
                walk($page).await;
            }
        )*
    };
}

pages! {
    getting_started_works_as_written: "docs/getting-started.md",
    install_works_as_written: "docs/install.md",
    repository_structure_works_as_written: "docs/repository-structure.md",
    helm_works_as_written: "docs/helm.md",
    image_updates_works_as_written: "docs/image-updates.md",
    monitoring_works_as_written: "docs/monitoring.md",
    notifications_works_as_written: "docs/notifications.md",
    uninstall_works_as_written: "docs/uninstall.md",
}

/// Pages whose commands build or take long; they are run by `cargo xtask demo` and by CI itself.
const OTHERS: [&str; 1] = ["README.md"];

#[test]
fn every_page_with_commands_is_walked() {
    if env::var_os("SLUICE_NULL").is_some() {
        return not_run("the list of pages", "no controller acts in it");
    }
    let docs = fs::read_dir(workspace_root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|file| file.extension().is_some_and(|end| end == "md")).collect();
    pages.push(workspace_root().join("README.md"));
    pages.push(workspace_root().join("charts/sluice/README.md"));
    for page in pages {
        let name = page.strip_prefix(workspace_root()).unwrap().display().to_string();
        let runs = !read(&name).blocks.is_empty();
        assert!(
            !runs || PAGES.contains(&&*name) || OTHERS.contains(&&*name),
            "{name} has commands that nobody runs"
        );
    }
}
