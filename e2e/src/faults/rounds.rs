//! Work that passes every kill point: each round changes, adds, recreates and removes objects, and one Kustomization and
//! one source come and go.
use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::{Objects, Victim, Work, compare, config_maps, wanted};
use crate::{SOON, World, git_repository};

/// How many objects each sort has: a point is passed that often in a round.
const EACH: u32 = 3;

/// The rounds so far.
pub struct Rounds {
    number: u32,
    revision: String,
    /// Those that are always in Git, and changed in place: they must never be deleted.
    uids: BTreeMap<String, String>,
    with_sources: bool,
}

impl Rounds {
    /// Round 0: source and Kustomization `app` are there and live. With `with_sources` each round makes and deletes a
    /// source too.
    ///
    /// # Errors
    /// When it does not go live.
    pub async fn open(world: &World, with_sources: bool) -> Result<Rounds> {
        let mut rounds = Rounds { number: 0, revision: String::new(), uids: BTreeMap::new(), with_sources };
        rounds.commit(world)?;
        rounds.revision = world.repo.revision()?;
        world.apply_source().await?;
        world.apply_kustomization("app", "./app", json!({ "force": true })).await?;
        world.applied("app", &rounds.revision).await?;
        rounds.uids = uids(world).await?;
        Ok(rounds)
    }

    async fn change(&mut self, world: &World) -> Result<()> {
        self.number += 1;
        self.edit_by_hand(world).await?;
        self.commit(world)?;
        self.revision = world.repo.revision()?;
        let (this, last) = (self.number, self.number - 1);
        let temporary = json!({ "nameSuffix": format!("-{this}") });
        world.apply_kustomization(&format!("temporary-{this}"), "./temporary", temporary).await?;
        world.cluster.delete("Kustomization", &world.ns, &format!("temporary-{last}")).await?;
        if self.with_sources {
            let source = git_repository(&world.ns, &format!("temporary-{this}"), world.repo.url());
            world.cluster.apply(&source).await?;
            world.cluster.delete("GitRepository", &world.ns, &format!("temporary-{last}")).await?;
        }
        world.tell_source().await
    }

    /// Waits until all of it is live, and compares it with what the real `kustomize` says.
    async fn judge(&self, world: &World) -> Result<()> {
        let (this, last) = (self.number, self.number - 1);
        world.applied("app", &self.revision).await?;
        compare(world, "app", &wanted(&world.repo, "app")?).await?;
        let temporary = format!("temporary-{this}");
        world.applied(&temporary, &self.revision).await?;
        let objects = wanted(&world.repo, "temporary")?;
        let objects: Objects = objects.into_iter().map(|(name, v)| (format!("{name}-{this}"), v)).collect();
        compare(world, &temporary, &objects).await?;
        let gone = format!("temporary-{last}");
        world.gone("Kustomization", &gone).await?;
        let left = super::live(world, &gone).await?;
        ensure!(left.is_empty(), "{gone} was deleted and left {left:?}");
        if self.with_sources {
            world.cluster.wait_ready(("GitRepository", &world.ns, &temporary), "True", SOON).await?;
            world.gone("GitRepository", &gone).await?;
        }
        let uids = uids(world).await?;
        ensure!(uids == self.uids, "objects that never left Git were deleted: {:?}, now {uids:?}", self.uids);
        Ok(())
    }

    fn commit(&self, world: &World) -> Result<()> {
        let number = self.number;
        let names = |prefix: &str| (0..EACH).map(|n| format!("{prefix}-{n}")).collect::<Vec<_>>();
        let mut objects = Objects::new();
        for name in [names("stays"), names("fixed"), names(&format!("round-{number}"))].concat() {
            objects.insert(name, number.to_string());
        }
        let temporary: Objects = names("temporary").into_iter().map(|name| (name, "1".into())).collect();
        let kustomization = "resources: [objects.yaml]\n".to_owned();
        let files = [
            ("app/objects.yaml", config_maps(&objects, |name| name.starts_with("fixed"))),
            ("app/kustomization.yaml", kustomization.clone()),
            ("temporary/objects.yaml", config_maps(&temporary, |_| false)),
            ("temporary/kustomization.yaml", kustomization),
        ];
        world.repo.commit(&files, &format!("round {number}")).map(drop)
    }

    /// As `kubectl edit` does: under a manager whose fields are taken over.
    async fn edit_by_hand(&self, world: &World) -> Result<()> {
        for n in 0..EACH {
            let path = format!(
                "/api/v1/namespaces/{}/configmaps/stays-{n}?fieldManager=kubectl-edit",
                world.ns.name()
            );
            let body = json!({ "data": { "by-hand": self.number.to_string() } });
            let request = http::Request::patch(path)
                .header("content-type", "application/merge-patch+json")
                .body(serde_json::to_vec(&body)?)?;
            world.cluster.client().request_text(request).await.context("editing by hand")?;
        }
        Ok(())
    }
}

impl Work for Rounds {
    async fn begin(&mut self, world: &World, _: &Victim) -> Result<()> {
        self.change(world).await
    }

    async fn end(&mut self, world: &World, _: &Victim) -> Result<()> {
        self.judge(world).await
    }
}

async fn uids(world: &World) -> Result<BTreeMap<String, String>> {
    let mut uids = BTreeMap::new();
    for n in 0..EACH {
        let name = format!("stays-{n}");
        let uid = world.get("ConfigMap", &name).await?["metadata"]["uid"].to_string();
        uids.insert(name, uid);
    }
    Ok(uids)
}
