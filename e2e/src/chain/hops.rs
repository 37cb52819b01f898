//! A release, hop by hop: from the pushed image to the provider's event, each with its time.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::{Stage, objects::TOKEN};

const LIMIT: Duration = Duration::from_secs(90);

/// One release of the image.
pub struct Release<'a> {
    /// Where.
    pub stage: &'a Stage,
    /// The new tag.
    pub version: &'a str,
    /// Where the forge tells of a pushed image, and of a pushed commit.
    pub hooks: &'a [String; 2],
}

/// Seconds since the webhook that told of the image.
#[derive(Debug, Clone, Copy)]
pub struct Hops {
    /// The commit stands in the repository.
    pub commit: f64,
    /// The Deployment of the Kustomization has the image and is available.
    pub kustomization: f64,
    /// So has that of the HelmRelease.
    pub helm_release: f64,
    /// The provider was told of the HelmRelease's upgrade.
    pub event: f64,
    /// The forge was told that the commit is applied.
    pub status: f64,
}

impl Release<'_> {
    /// Pushes the image, tells of it, and follows it to the end.
    ///
    /// # Errors
    /// When a hop does not happen within 90 s, or the repository holds more or less than one new commit.
    pub async fn run(&self) -> Result<Hops> {
        let (stage, version) = (self.stage, self.version);
        let before = commits(stage)?;
        stage.registry.push_images("app", &[version]).await?;
        let start = Instant::now();
        stage.forge.tell(&self.hooks[0], TOKEN, "package", &json!({ "action": "published" })).await?;
        let (head, commit) = self.committed(start).await?;
        stage
            .forge
            .tell(&self.hooks[1], TOKEN, "push", &json!({ "ref": "refs/heads/main", "after": head }))
            .await?;
        let kustomization = async {
            stage.live("web", version).await.context("Kustomization")?;
            Ok::<f64, anyhow::Error>(start.elapsed().as_secs_f64())
        };
        let helm_release = async {
            stage.live("released", version).await.context("HelmRelease")?;
            Ok::<f64, anyhow::Error>(start.elapsed().as_secs_f64())
        };
        let (kustomization, helm_release) = tokio::try_join!(kustomization, helm_release)?;
        let event = self.told(start).await?;
        let status = self.status(start, &head).await?;
        ensure!(commits(stage)? == before + 1, "one release made {} commits", commits(stage)? - before);
        Ok(Hops { commit, kustomization, helm_release, event, status })
    }

    async fn committed(&self, start: Instant) -> Result<(String, f64)> {
        let wanted = format!("/app:{}\"", self.version);
        let limit = testkit::patience(LIMIT);
        loop {
            let text = self.stage.repo.served(&["show", "main:apps/web.yaml"])?;
            if text.contains(&wanted) {
                let head = self.stage.repo.served(&["rev-parse", "main"])?.trim().to_owned();
                return Ok((head, start.elapsed().as_secs_f64()));
            }
            if start.elapsed() > limit {
                bail!("no commit of {} within {limit:?}", self.version);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn told(&self, start: Instant) -> Result<f64> {
        let upgraded = |posted: &testkit::Posted| {
            posted.path.starts_with("/chat")
                && posted.at > start
                && posted.body["involvedObject"]["kind"] == "HelmRelease"
                && posted.body["reason"] == "UpgradeSucceeded"
        };
        let posted = self.stage.forge.wait(LIMIT, upgraded).await.context("event of the upgrade")?;
        Ok((posted.at - start).as_secs_f64())
    }

    async fn status(&self, start: Instant, head: &str) -> Result<f64> {
        let good = |posted: &testkit::Posted| {
            posted.path.ends_with(&format!("/statuses/{head}")) && posted.body["state"] == "success"
        };
        let posted = self.stage.forge.wait(LIMIT, good).await.context("commit status")?;
        Ok((posted.at - start).as_secs_f64())
    }
}

fn commits(stage: &Stage) -> Result<usize> {
    Ok(stage.repo.served(&["rev-list", "--count", "main"])?.trim().parse()?)
}
