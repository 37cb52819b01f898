//! What the chain runs on: registry, forge, repository and five controllers that can be killed and come back.
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::{
    CONTROLLERS, Cluster, ControlPlane, Controller, FakeForge, GitRepo, GitServer, Registry, TestNamespace,
};

use super::objects::{self, Chart};

/// The half of image automation that Flux has apart.
const REFLECTOR: &str = "image-reflector-controller";

const LIMIT: Duration = Duration::from_secs(90);

/// Everything that runs. Dropped from top to bottom.
pub struct Stage {
    controllers: Mutex<BTreeMap<&'static str, Controller>>,
    /// Takes events and statuses, sends webhooks. A fake.
    pub forge: FakeForge,
    /// Holds the image and the chart.
    pub registry: Registry,
    /// What the controllers read and write.
    pub repo: GitRepo,
    _git: GitServer,
    /// The namespace of all objects.
    pub ns: TestNamespace,
    /// Objects as JSON, with every right.
    pub cluster: Cluster,
    /// What it runs on.
    pub plane: &'static ControlPlane,
    binaries: BTreeMap<String, PathBuf>,
    /// One folder of kill points a controller.
    points: tempfile::TempDir,
}

impl Stage {
    /// Starts all controllers of this build.
    pub async fn set(prefix: &str) -> Result<Stage> {
        Stage::set_with(prefix, &BTreeMap::new()).await
    }

    /// Starts them; those named come from another folder.
    pub async fn set_with(prefix: &str, binaries: &BTreeMap<String, PathBuf>) -> Result<Stage> {
        let plane = ControlPlane::shared().await?;
        let git = GitServer::start()?;
        let stage = Stage {
            controllers: Mutex::default(),
            forge: FakeForge::start()?,
            registry: Registry::start().await?,
            repo: git.repo("apps")?,
            _git: git,
            ns: plane.namespace(prefix).await?,
            cluster: plane.cluster().await?,
            plane,
            binaries: binaries.clone(),
            points: tempfile::Builder::new().prefix("sluice-kill-points-").tempdir()?,
        };
        for name in CONTROLLERS {
            stage.start(name, None).await?;
        }
        // Where we have one controller for images, Flux has two.
        let images = stage.binaries.get("image-automation-controller");
        if images.is_some_and(|dir| dir.join(REFLECTOR).is_file()) {
            stage.start(REFLECTOR, None).await?;
        }
        Ok(stage)
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<&'static str, Controller>> {
        self.controllers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Memory in bytes and CPU seconds of each controller.
    pub fn usage(&self) -> Result<BTreeMap<&'static str, testkit::Usage>> {
        self.running().iter().map(|(name, controller)| Ok((*name, controller.usage()?))).collect()
    }

    /// SIGKILL, and the same again at the same addresses and with the same files.
    pub async fn kill_and_restart(&self, name: &'static str) -> Result<()> {
        let old = self.running().remove(name).with_context(|| format!("{name} does not run"))?;
        // It may have died of an order already.
        if old.process().exit_status().is_none() {
            old.process().signal("KILL")?;
        }
        let place = (old.ports(), old.dir().to_path_buf());
        drop(old);
        self.start(name, Some(place)).await
    }

    /// Orders a controller to die at the `count`-th pass of a kill point.
    pub fn order(&self, name: &str, point: kill_points::Point, count: u32) -> Result<()> {
        let folder = self.points.path().join(name);
        let aside = folder.join("next");
        std::fs::write(&aside, format!("{point} {count}"))?;
        Ok(std::fs::rename(aside, folder.join(kill_points::ORDER))?)
    }

    /// Waits until a controller has died of its order, and starts it again.
    pub async fn until_dead_and_restart(&self, name: &'static str) -> Result<()> {
        loop {
            let dead = self.running().get(name).is_none_or(|one| one.process().exit_status().is_some());
            if dead {
                return self.kill_and_restart(name).await;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn start(&self, name: &'static str, place: Option<([u16; 4], PathBuf)>) -> Result<()> {
        let user = format!("{name}:{}", self.ns.name());
        let mut builder =
            self.plane.controller(name).namespace(&self.ns).user(self.plane, &user)?.arg("--concurrent=8");
        let same = if name == REFLECTOR { "image-automation-controller" } else { name };
        if let Some(dir) = self.binaries.get(same) {
            builder = builder.binaries(dir);
        }
        if name == "notification-controller" {
            builder = builder.arg("--rate-limit-interval=1s");
        } else {
            builder = builder.arg(format!("--events-addr={}/", self.notifications(Controller::service_url)?));
        }
        let points = self.points.path().join(name);
        std::fs::create_dir_all(&points)?;
        builder = builder.env(kill_points::FOLDER, points.to_str().context("folder name is not text")?);
        if let Some((ports, dir)) = place {
            builder = builder.ports(ports).dir(&dir);
        }
        let controller = builder.start().await.with_context(|| format!("starting {name}"))?;
        self.running().insert(name, controller);
        Ok(())
    }

    /// Pushes image, chart and repository, applies all objects, and waits until version 1.0.0 is live both ways.
    pub async fn open(&self, chart: Chart) -> Result<()> {
        self.registry.push_images("app", &["1.0.0"]).await?;
        objects::push_chart(&self.registry, chart).await?;
        self.repo.commit(&objects::files(&self.ns, self.registry.address()), "the application")?;
        let objects = objects::objects(&self.ns, self.repo.url(), self.registry.address(), &self.forge.url());
        for object in &objects {
            self.cluster.apply(object).await?;
        }
        for (kind, name) in objects::RECONCILED {
            let ready = self.cluster.wait_ready((kind, &self.ns, name), "True", LIMIT).await;
            ready.with_context(|| format!("{kind}/{name}"))?;
        }
        self.live("web", "1.0.0").await?;
        self.live("released", "1.0.0").await
    }

    /// Waits until a Deployment runs this version of the image and is available.
    pub async fn live(&self, deployment: &str, version: &str) -> Result<()> {
        let image = format!("{}/app:{version}", self.registry.address());
        let runs = |object: &Value| {
            object["spec"]["template"]["spec"]["containers"][0]["image"] == image.as_str()
                && object["status"]["availableReplicas"] == 1
                && object["status"]["observedGeneration"] == object["metadata"]["generation"]
        };
        self.cluster.wait(("Deployment", &self.ns, deployment), LIMIT, runs).await.map(drop)
    }

    /// Where the forge tells of a pushed image, and of a pushed commit.
    pub async fn hooks(&self) -> Result<[String; 2]> {
        Ok([self.hook("image").await?, self.hook("push").await?])
    }

    /// Tells notification-controller that the branch was pushed to, as the forge does.
    ///
    /// # Errors
    /// When the webhook is refused.
    pub async fn told_of_a_push(&self, hook: &str) -> Result<()> {
        self.forge.tell(hook, objects::TOKEN, "push", &serde_json::json!({ "ref": "refs/heads/main" })).await
    }

    async fn hook(&self, receiver: &str) -> Result<String> {
        let object = self.cluster.get("Receiver", &self.ns, receiver).await?;
        let path = object["status"]["webhookPath"].as_str().context("the Receiver has no webhookPath")?;
        Ok(format!("{}{path}", self.notifications(Controller::receiver_url)?))
    }

    fn notifications(&self, url: impl Fn(&Controller) -> String) -> Result<String> {
        self.running().get(CONTROLLERS[0]).map(url).context("notification-controller does not run")
    }
}
