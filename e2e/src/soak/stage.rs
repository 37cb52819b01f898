//! What runs: a world, both controllers with kill points, and a proxy before the API server of one of them.
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use testkit::{ApiProxy, Fault};

use super::model::Model;
use crate::{
    World,
    faults::{Objects, Victim, wanted},
    git_repository,
};

/// How long everything may take to be as in Git again once nothing is in the way.
const LIMIT: Duration = Duration::from_secs(90);

/// Dropped from top to bottom.
pub(super) struct Stage {
    pub(super) source: Victim,
    pub(super) kustomize: Victim,
    pub(super) proxy: ApiProxy,
    pub(super) world: World,
    revision: String,
}

/// Name and uid of what is live.
pub(super) type Uids = BTreeMap<String, String>;

impl Stage {
    pub(super) async fn set(model: &Model, source_timeout: Duration) -> Result<Stage> {
        let world = World::builder("soak").without_source().without_kustomize().start().await?;
        let proxy = ApiProxy::start(world.plane, &world.user("kustomize-controller"))?;
        let args = ["--artifact-retention-records=2", "--artifact-retention-ttl=5s"];
        let source = Victim::start(&world, "source-controller", &args).await?;
        let kustomize =
            Victim::behind(&world, "kustomize-controller", &["--requeue-dependency=2s"], &proxy).await?;
        let mut stage = Stage { source, kustomize, proxy, world, revision: String::new() };
        stage.commit(model).await?;
        let mut source = git_repository(&stage.world.ns, "apps", stage.world.repo.url());
        source["spec"]["timeout"] = json!(format!("{}s", source_timeout.as_secs()));
        stage.world.cluster.apply(&source).await?;
        for app in model.apps.keys() {
            let more = json!({ "retryInterval": "1s", "timeout": "30s" });
            stage.world.apply_kustomization(app, &format!("./{app}"), more).await?;
        }
        Ok(stage)
    }

    pub(super) async fn commit(&mut self, model: &Model) -> Result<()> {
        self.world.repo.commit(&model.files(), "soak")?;
        self.revision = self.world.repo.revision()?;
        self.world.tell_source().await
    }

    /// Lifts every fault, revives who is dead; how many were.
    pub(super) async fn heal(&mut self) -> Result<u32> {
        self.proxy.set([]);
        self.world.git.set_fault(Fault::None);
        let mut revived = 0;
        for victim in [&mut self.source, &mut self.kustomize] {
            victim.spare().await;
            if victim.is_dead() {
                victim.revive(&self.world).await?;
                revived += 1;
            }
        }
        // Who was told of the commit may have died before it looked, or found a server that was silent.
        self.world.tell_source().await?;
        Ok(revived)
    }

    /// Waits until all is as the model and the real `kustomize` say, and gives the uids.
    pub(super) async fn settled(&self, model: &Model) -> Result<Uids> {
        for (app, objects) in &model.apps {
            let built = wanted(&self.world.repo, app)?;
            ensure!(
                &built == objects,
                "the model is not what kustomize builds of {app}: {objects:?}, {built:?}"
            );
        }
        let since = Instant::now();
        loop {
            match self.look(model).await {
                Ok(uids) => return Ok(uids),
                Err(error) if since.elapsed() > testkit::patience(LIMIT) => {
                    return Err(error.context(format!("not as in Git {LIMIT:?} after the last fault")));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn look(&self, model: &Model) -> Result<Uids> {
        let world = &self.world;
        for object in world.cluster.list("Kustomization", &world.ns).await? {
            let ready = testkit::condition(&object, "Ready").is_some_and(|ready| ready["status"] == "True");
            let applied = object["status"]["lastAppliedRevision"] == self.revision.as_str();
            ensure!(ready && applied, "{}: {:#}", object["metadata"]["name"], object["status"]);
            let name = object["metadata"]["name"].as_str().context("no name")?;
            let objects = model.apps.get(name).context("a Kustomization that nobody made")?;
            same_inventory(name, &object, objects)?;
        }
        let mut uids = Uids::new();
        let mut live: BTreeMap<String, Objects> = BTreeMap::new();
        for object in world.cluster.list("ConfigMap", &world.ns).await? {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let name = text(&object["metadata"]["name"]);
            if name == "kube-root-ca.crt" {
                continue;
            }
            uids.insert(name.clone(), text(&object["metadata"]["uid"]));
            let owner = text(&object["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"]);
            live.entry(owner).or_default().insert(name, text(&object["data"]["v"]));
            ensure!(object["data"]["by-hand"].is_null(), "a change by hand is left: {object:#}");
        }
        for app in live.keys().chain(model.apps.keys()) {
            let (is, must) = (live.get(app), model.apps.get(app));
            ensure!(is == must, "{app:?}: live {is:?}, in Git {must:?}");
        }
        Ok(uids)
    }
}

fn same_inventory(name: &str, object: &Value, objects: &Objects) -> Result<()> {
    let entries = object["status"]["inventory"]["entries"].as_array().cloned().unwrap_or_default();
    let mut known: Vec<&str> =
        entries.iter().filter_map(|entry| entry["id"].as_str()?.split('_').nth(1)).collect();
    known.sort_unstable();
    if !known.iter().eq(objects.keys()) {
        bail!("{name}: the inventory has {known:?}, Git has {:?}", objects.keys());
    }
    Ok(())
}
