//! A world whose kustomize-controller reaches the API server through a proxy that misbehaves as told, and a neighbour.
use anyhow::Result;
use serde_json::{Value, json};
use testkit::{ApiProxy, Controller};

use super::{Neighbour, Objects, config_maps};
use crate::World;

/// Sick and well, side by side. Dropped from top to bottom.
pub struct Bench {
    /// kustomize-controller, behind `proxy`.
    pub controller: Controller,
    /// Healthy at first.
    pub proxy: ApiProxy,
    /// Kustomization `well`.
    pub neighbour: Neighbour,
    /// Everything else.
    pub world: World,
}

impl Bench {
    /// Starts it; the neighbour is live.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn start(prefix: &str) -> Result<Bench> {
        let world = World::builder(prefix).without_kustomize().start().await?;
        Bench::over(world).await
    }

    /// The same over a world without kustomize-controller.
    ///
    /// # Errors
    /// When anything does not start.
    pub async fn over(world: World) -> Result<Bench> {
        let proxy = ApiProxy::start(world.plane, &world.user("kustomize-controller"))?;
        let builder = world.plane.controller("kustomize-controller").namespace(&world.ns);
        let controller = builder
            .kubeconfig(proxy.kubeconfig())
            .arg(format!("--events-addr={}", world.events.url()))
            .arg("--requeue-dependency=5s")
            .start()
            .await?;
        let neighbour = Neighbour::move_in(&world, &controller).await?;
        Ok(Bench { controller, proxy, neighbour, world })
    }

    /// Commits five ConfigMaps with this value to folder `sick`, and applies Kustomization `sick`, which tries again
    /// each second. Returns revision and objects.
    ///
    /// # Errors
    /// When the commit or a request fails.
    pub async fn fall_sick(&self, value: &str) -> Result<(String, Objects)> {
        let world = &self.world;
        let objects: Objects = (0..5).map(|n| (format!("sick-{n}"), value.to_owned())).collect();
        let files = [
            ("sick/objects.yaml", config_maps(&objects, |_| false)),
            ("sick/kustomization.yaml", "resources: [objects.yaml]\n".to_owned()),
        ];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let revision = world.push(&files, "sick").await?;
        world.apply_kustomization("sick", "./sick", sick()).await?;
        Ok((revision, objects))
    }

    /// The neighbour did not notice this fault, and the controller is the same process still.
    ///
    /// # Errors
    /// Says what was noticed.
    pub async fn is_calm(&self, fault: &str) -> Result<()> {
        anyhow::ensure!(
            self.controller.process().exit_status().is_none(),
            "{fault}: the controller has ended"
        );
        self.neighbour.did_not_notice(&self.world, &self.controller, fault).await
    }
}

/// What a sick Kustomization has besides the usual.
pub fn sick() -> Value {
    json!({ "retryInterval": "1s", "timeout": "30s" })
}
