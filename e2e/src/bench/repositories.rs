//! Many GitRepositories of few repositories: how soon all have their artifact, what that costs source-controller, and how
//! often each repository is asked.
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use testkit::GitRepo;

use crate::{
    bench::{
        app::namespace_object,
        floor,
        report::{Report, say},
        rig::{Options, Rig, SOURCE},
        rows::{LIMIT, MIB, NS},
        watch::Watch,
    },
    git_repository,
};

/// The name that `--only` takes.
pub(crate) const ROW: &str = "repositories";

/// GitRepositories; each repository has as many as any other.
const SOURCES: usize = 1000;
const REPOSITORIES: usize = 40;
/// Files of each repository, and their size in bytes.
const FILES: usize = 50;
const FILE_SIZE: usize = 1024;

/// Measures what was asked for.
pub(crate) async fn run(options: &Options, report: &mut Report) -> Result<()> {
    if !options.wants(ROW) {
        return Ok(());
    }
    say(&format!("{SOURCES} GitRepositories of {REPOSITORIES} repositories …"));
    let mut rig = Rig::start(options).await?;
    let repositories = (0..REPOSITORIES).map(|number| filled(&rig, number)).collect::<Result<Vec<_>>>()?;
    let mut many = Many { rig: &mut rig, repositories, report };
    many.created().await?;
    many.unchanged().await?;
    many.changed().await?;
    many.restarted(options).await?;
    many.memory().await
}

fn filled(rig: &Rig, number: usize) -> Result<GitRepo> {
    let repo = rig.git.repo(&format!("many-{number}"))?;
    let text = "# settings\n".repeat(FILE_SIZE / 11);
    let files: Vec<_> = (0..FILES).map(|file| (format!("apps/{file}.yaml"), text.clone())).collect();
    repo.commit(&files, "first")?;
    Ok(repo)
}

struct Many<'a> {
    rig: &'a mut Rig,
    repositories: Vec<GitRepo>,
    report: &'a mut Report,
}

/// What had been used when a row began.
struct Before {
    start: Instant,
    cpu: f64,
    api: f64,
    git: usize,
}

impl Many<'_> {
    async fn created(&mut self) -> Result<()> {
        self.rig.cluster.apply(&namespace_object(NS)).await?;
        let (mut watch, before) = (self.watch().await?, self.before().await?);
        self.apply_all().await?;
        let revisions = self.revisions()?;
        let end = watch.until(SOURCES, LIMIT, |object| stored(object, &revisions)).await?;
        self.tell("repositories: created", before, end).await
    }

    /// All are asked to look again, and nothing is new.
    async fn unchanged(&mut self) -> Result<()> {
        let (mut watch, before) = (self.watch().await?, self.before().await?);
        let token = "again";
        self.announce(token).await?;
        let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == token;
        let end = watch.until(SOURCES, LIMIT, handled).await?;
        self.tell("repositories: unchanged", before, end).await
    }

    /// Each repository has a commit, and all are told.
    async fn changed(&mut self) -> Result<()> {
        for repo in &self.repositories {
            repo.commit(&[("apps/0.yaml", "# changed\n")], "second")?;
        }
        let (mut watch, before) = (self.watch().await?, self.before().await?);
        self.announce("changed").await?;
        let revisions = self.revisions()?;
        let end = watch.until(SOURCES, LIMIT, |object| stored(object, &revisions)).await?;
        self.tell("repositories: changed", before, end).await
    }

    /// The controller is started anew, so that all are woken at once.
    async fn restarted(&mut self, options: &Options) -> Result<()> {
        let before = self.before().await?;
        self.rig.restart_source(options).await?;
        let labels = [("kind", "GitRepository")];
        while self.rig.source.metrics().await?.sum("gotk_reconcile_duration_seconds_count", &labels)
            < SOURCES as f64
        {
            anyhow::ensure!(before.start.elapsed() < LIMIT, "not all GitRepositories were looked at");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.tell("repositories: restarted", Before { cpu: 0.0, ..before }, Instant::now()).await
    }

    async fn memory(&mut self) -> Result<()> {
        say("waiting for 60 s of rest …");
        tokio::time::sleep(Duration::from_secs(60)).await;
        let source = self.rig.source.usage()?;
        let figures =
            [("at rest", source.rss as f64 / MIB, "MiB"), ("peak", source.peak_rss as f64 / MIB, "MiB")];
        self.report.add(SOURCES, "repositories: memory", &figures, "measured");
        Ok(())
    }

    async fn apply_all(&self) -> Result<()> {
        let objects = (0..SOURCES).map(|number| git_repository(NS, &name(number), self.of(number).url()));
        floor::apply_all(&self.rig.cluster, objects).await
    }

    async fn announce(&self, token: &str) -> Result<()> {
        let asked = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": token } } });
        stream::iter(0..SOURCES)
            .map(|number| {
                let asked = asked.clone();
                async move {
                    self.rig.cluster.patch("GitRepository", NS, &name(number), asked).await.map(drop)
                }
            })
            .buffer_unordered(floor::CONNECTIONS)
            .try_collect()
            .await
    }

    async fn before(&self) -> Result<Before> {
        Ok(Before {
            start: Instant::now(),
            cpu: self.rig.source.usage()?.cpu_seconds,
            api: self.rig.requests_of(SOURCE).await?,
            git: self.rig.git.requests().len(),
        })
    }

    async fn tell(&mut self, row: &str, before: Before, end: Instant) -> Result<()> {
        let git = self.rig.git.requests().len() - before.git;
        let figures = [
            ("time", (end - before.start).as_secs_f64(), "s"),
            ("cpu", self.rig.source.usage()?.cpu_seconds - before.cpu, "CPU-s"),
            (
                "API requests",
                (self.rig.requests_of(SOURCE).await? - before.api) / SOURCES as f64,
                "per GitRepository",
            ),
            ("Git requests", git as f64 / REPOSITORIES as f64, "per repository"),
        ];
        self.report.add(SOURCES, row, &figures, "one question a repository and credentials");
        Ok(())
    }

    fn of(&self, number: usize) -> &GitRepo {
        &self.repositories[number % REPOSITORIES]
    }

    fn revisions(&self) -> Result<Vec<String>> {
        self.repositories.iter().map(GitRepo::revision).collect()
    }

    async fn watch(&self) -> Result<Watch> {
        let api_version = "source.toolkit.fluxcd.io/v1";
        Watch::start(self.rig.client(), api_version, "GitRepository", "gitrepositories").await
    }
}

fn name(number: usize) -> String {
    format!("many-{number:04}")
}

/// Ready, with the artifact of its repository's last commit.
fn stored(object: &Value, revisions: &[String]) -> bool {
    let number =
        object["metadata"]["name"].as_str().and_then(|name| name.strip_prefix("many-")?.parse().ok());
    let wanted = number.and_then(|number: usize| revisions.get(number % REPOSITORIES));
    let ready = testkit::condition(object, "Ready").is_some_and(|ready| ready["status"] == "True");
    ready && wanted.is_some_and(|wanted| object["status"]["artifact"]["revision"] == wanted.as_str())
}
