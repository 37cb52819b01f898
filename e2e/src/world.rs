//! What a flow test starts with.
use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use testkit::{Cluster, ControlPlane, Controller, EventSink, GitRepo, GitServer, TestNamespace};

use crate::{git_repository, kustomization};

/// A generous ceiling: tests assert order and counts, the bench measures times.
pub const SOON: Duration = Duration::from_secs(60);

/// A namespace of the shared control plane, a Git server with the repository `apps`, an event sink, and both controllers
/// bound to the namespace. Everything goes when it is dropped.
pub struct World {
    /// source-controller; `None` when the test asked for none or took it to kill it.
    pub source: Option<Controller>,
    /// kustomize-controller; `None` when the test asked for none or took it to kill it.
    pub kustomize: Option<Controller>,
    /// The control plane that all tests of a run share.
    pub plane: &'static ControlPlane,
    /// Objects as JSON, with every right.
    pub cluster: Cluster,
    /// The namespace of this test.
    pub ns: TestNamespace,
    /// Serves `repo`, and more if asked.
    pub git: GitServer,
    /// The repository `apps`, empty at first.
    pub repo: GitRepo,
    /// Takes the events of both controllers.
    pub events: EventSink,
}

/// How a [`World`] differs from the usual.
#[derive(Default)]
pub struct WorldBuilder {
    prefix: String,
    without_source: bool,
    without_kustomize: bool,
    source_args: Vec<String>,
    kustomize_args: Vec<String>,
    plane: Option<&'static ControlPlane>,
}

impl WorldBuilder {
    /// No source-controller: the test writes the status of sources itself.
    #[must_use]
    pub fn without_source(mut self) -> Self {
        self.without_source = true;
        self
    }

    /// No kustomize-controller.
    #[must_use]
    pub fn without_kustomize(mut self) -> Self {
        self.without_kustomize = true;
        self
    }

    /// One more flag of source-controller.
    #[must_use]
    pub fn source_arg(mut self, arg: &str) -> Self {
        self.source_args.push(arg.into());
        self
    }

    /// One more flag of kustomize-controller.
    #[must_use]
    pub fn kustomize_arg(mut self, arg: &str) -> Self {
        self.kustomize_args.push(arg.into());
        self
    }

    /// On this control plane instead of the shared one.
    #[must_use]
    pub fn on(mut self, plane: &'static ControlPlane) -> Self {
        self.plane = Some(plane);
        self
    }

    /// Starts it all.
    pub async fn start(self) -> Result<World> {
        let plane = match self.plane {
            Some(plane) => plane,
            None => ControlPlane::shared().await?,
        };
        let ns = plane.namespace(&self.prefix).await?;
        let git = GitServer::start()?;
        let repo = git.repo("apps")?;
        let mut world = World {
            source: None,
            kustomize: None,
            plane,
            cluster: plane.cluster().await?,
            ns,
            git,
            repo,
            events: EventSink::start()?,
        };
        if !self.without_source {
            world.source = Some(world.controller("source-controller", &self.source_args).await?);
        }
        if !self.without_kustomize {
            world.kustomize = Some(world.controller("kustomize-controller", &self.kustomize_args).await?);
        }
        Ok(world)
    }
}

impl World {
    /// The usual world; `prefix` names the namespace.
    pub async fn start(prefix: &str) -> Result<World> {
        World::builder(prefix).start().await
    }

    /// One that differs from the usual.
    pub fn builder(prefix: &str) -> WorldBuilder {
        WorldBuilder { prefix: prefix.into(), ..WorldBuilder::default() }
    }

    /// Starts one more controller bound to the namespace, under the user `BINARY:NAMESPACE`.
    pub async fn controller(&self, binary: &str, args: &[String]) -> Result<Controller> {
        let mut builder = self
            .plane
            .controller(binary)
            .namespace(&self.ns)
            .user(self.plane, &self.user(binary))?
            .arg(format!("--events-addr={}", self.events.url()))
            .arg("--requeue-dependency=5s")
            .arg("--concurrent=8");
        for arg in args {
            builder = builder.arg(arg);
        }
        builder.start().await
    }

    /// The user as which [`World::controller`] runs a binary.
    pub fn user(&self, binary: &str) -> String {
        format!("{binary}:{}", self.ns.name())
    }

    /// `verb path` of every request that a controller of this world has made.
    pub fn requests(&self, binary: &str) -> Result<Vec<String>> {
        self.plane.requests_of(&self.user(binary))
    }

    /// Applies a GitRepository `apps` of the world's repository.
    pub async fn apply_source(&self) -> Result<()> {
        self.cluster.apply(&git_repository(&self.ns, "apps", self.repo.url())).await.map(drop)
    }

    /// Applies a Kustomization of `apps`; `more` is merged over its spec.
    pub async fn apply_kustomization(&self, name: &str, path: &str, more: Value) -> Result<()> {
        self.cluster.apply(&kustomization(&self.ns, name, "apps", path, more)).await.map(drop)
    }

    /// Commits the files, pushes, and tells the source; returns the revision.
    pub async fn push(&self, files: &[(&str, &str)], message: &str) -> Result<String> {
        self.repo.commit(files, message)?;
        self.tell_source().await?;
        self.repo.revision()
    }

    /// Requests a reconciliation of GitRepository `apps`, when there is one.
    pub async fn tell_source(&self) -> Result<()> {
        if self.cluster.find("GitRepository", &self.ns, "apps").await?.is_some() {
            self.cluster.request_reconcile("GitRepository", &self.ns, "apps").await?;
        }
        Ok(())
    }

    /// Waits until the Kustomization is Ready with this revision applied, and checks the rules of conditions.
    pub async fn applied(&self, name: &str, revision: &str) -> Result<Value> {
        let key = ("Kustomization", &*self.ns, name);
        self.cluster.wait(key, SOON, |object| object["status"]["lastAppliedRevision"] == revision).await?;
        self.cluster.wait_ready(key, "True", SOON).await
    }

    /// Waits until the Kustomization is Ready=False with a message that holds `text`, and checks the rules of conditions.
    pub async fn failed(&self, name: &str, text: &str) -> Result<Value> {
        let key = ("Kustomization", &*self.ns, name);
        let has_text = |object: &Value| {
            let ready = testkit::condition(object, "Ready");
            ready.is_some_and(|r| {
                r["status"] == "False" && r["message"].as_str().is_some_and(|m| m.contains(text))
            })
        };
        let object = self.cluster.wait(key, SOON, has_text).await?;
        testkit::check_conditions(&object)?;
        Ok(object)
    }

    /// The object of this namespace.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        self.cluster.get(kind, &self.ns, name).await
    }

    /// Waits until the object of this namespace is as wanted.
    pub async fn until(&self, kind: &str, name: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.cluster.wait((kind, &self.ns, name), SOON, wanted).await
    }

    /// Waits until the object of this namespace does not exist.
    pub async fn gone(&self, kind: &str, name: &str) -> Result<()> {
        self.cluster.wait_gone((kind, &self.ns, name), SOON).await
    }

    /// The core/v1 Events of one object, as `reason: message`.
    pub async fn events_of(&self, kind: &str, name: &str) -> Result<Vec<String>> {
        let all = self.cluster.list("Event", &self.ns).await?;
        let about = |event: &&Value| {
            event["involvedObject"]["kind"] == kind && event["involvedObject"]["name"] == name
        };
        let text = |event: &Value| format!("{}: {}", event["reason"], event["message"]).replace('"', "");
        Ok(all.iter().filter(about).map(text).collect())
    }

    /// A ConfigMap with one key `v`, as a file.
    pub fn config_map(name: &str, value: &str) -> String {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "v": value } }).to_string()
    }
}

/// Asks again and again until the answer is yes.
pub async fn eventually<F: Future<Output = Result<bool>>>(
    claim: &str,
    mut ask: impl FnMut() -> F,
) -> Result<()> {
    let (since, limit) = (Instant::now(), testkit::patience(SOON));
    while !ask().await? {
        if since.elapsed() > limit {
            bail!("not seen within {limit:?}: {claim}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
