//! What every test starts with.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use testkit::{
    Cluster, ControlPlane, Controller, ControllerBuilder, EventSink, GitRepo, GitServer, Registry,
    RegistryOptions, TestNamespace,
};

/// A generous ceiling; order and counts are asserted, not times.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A namespace with a registry, a Git server, an event sink and the controller bound to it.
pub(crate) struct Rig {
    pub(crate) controller: Option<Controller>,
    pub(crate) plane: &'static ControlPlane,
    pub(crate) cluster: Cluster,
    pub(crate) ns: TestNamespace,
    pub(crate) registry: Registry,
    pub(crate) git: GitServer,
    pub(crate) repo: GitRepo,
    pub(crate) events: EventSink,
}

impl Rig {
    pub(crate) async fn start(prefix: &str) -> Result<Self> {
        Self::start_with(prefix, RegistryOptions::default()).await
    }

    pub(crate) async fn start_with(prefix: &str, options: RegistryOptions<'_>) -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        let git = GitServer::start()?;
        let repo = git.repo("app")?;
        let mut rig = Self {
            controller: None,
            plane,
            cluster: plane.cluster().await?,
            ns: plane.namespace(prefix).await?,
            registry: Registry::start_with(options).await?,
            git,
            repo,
            events: EventSink::start()?,
        };
        rig.controller = Some(rig.builder()?.start().await?);
        Ok(rig)
    }

    /// A controller bound to the namespace under a user of its own.
    pub(crate) fn builder(&self) -> Result<ControllerBuilder> {
        let builder = self.plane.controller("image-automation-controller").namespace(self.ns.name());
        let builder = builder.user(self.plane, &self.user())?;
        Ok(builder
            .arg(format!("--events-addr={}", self.events.url()))
            .arg("--requeue-dependency=1m")
            .arg("--min-retry-delay=200ms"))
    }

    fn user(&self) -> String {
        format!("image-automation-controller:{}", self.ns.name())
    }

    pub(crate) fn controller(&self) -> &Controller {
        self.controller.as_ref().expect("the controller runs")
    }

    /// The name of the image `app` in the registry.
    pub(crate) fn image(&self) -> String {
        format!("{}/app", self.registry.address())
    }

    /// A line of a manifest that the policy `app` marks.
    pub(crate) fn marked(&self, value: &str, suffix: &str) -> String {
        format!("{value} # {{\"$imagepolicy\": \"{}:app{suffix}\"}}", self.ns.name())
    }

    pub(crate) async fn apply(&self, kind: &str, name: &str, spec: Value) -> Result<Value> {
        let group = if kind == "GitRepository" { "source" } else { "image" };
        let meta = json!({ "name": name, "namespace": self.ns.name() });
        let object = json!({
            "apiVersion": format!("{group}.toolkit.fluxcd.io/v1"), "kind": kind, "metadata": meta, "spec": spec,
        });
        self.cluster.apply(&object).await
    }

    /// An ImageRepository `app` with these fields over image and interval.
    pub(crate) async fn repository(&self, more: Value) -> Result<Value> {
        let spec = json!({ "image": self.image(), "interval": "10m", "insecure": true });
        self.apply("ImageRepository", "app", merged(spec, &more)).await
    }

    /// An ImagePolicy `app` of that repository, by version where nothing else is said.
    pub(crate) async fn policy(&self, more: Value) -> Result<Value> {
        let spec =
            json!({ "imageRepositoryRef": { "name": "app" }, "policy": { "semver": { "range": "*" } } });
        self.apply("ImagePolicy", "app", merged(spec, &more)).await
    }

    /// A GitRepository `app` and an ImageUpdateAutomation `app` that writes to its branch main.
    pub(crate) async fn automation(&self, git: Value, more: Value) -> Result<Value> {
        let source = json!({ "url": self.repo.url(), "interval": "10m", "ref": { "branch": "main" } });
        self.apply("GitRepository", "app", source).await?;
        let author = json!({ "name": "bot", "email": "bot@example.com" });
        let git = merged(json!({ "commit": { "author": author }, "push": { "branch": "main" } }), &git);
        let spec = json!({
            "interval": "10m",
            "sourceRef": { "kind": "GitRepository", "name": "app" },
            "git": git,
            "update": { "path": "./", "strategy": "Setters" },
        });
        self.apply("ImageUpdateAutomation", "app", merged(spec, &more)).await
    }

    pub(crate) async fn secret(&self, name: &str, kind: &str, data: Value) -> Result<Value> {
        let meta = json!({ "name": name, "namespace": self.ns.name() });
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": kind, "stringData": data,
        });
        self.cluster.apply(&secret).await
    }

    /// Waits for Ready of the object `app` of a kind.
    pub(crate) async fn ready(&self, kind: &str, status: &str) -> Result<Value> {
        let object = self.cluster.wait_ready((&full(kind), self.ns.name(), "app"), status, SOON).await?;
        testkit::check_conditions(&object)?;
        Ok(object)
    }

    pub(crate) async fn when(&self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.cluster.wait((&full(kind), self.ns.name(), "app"), SOON, wanted).await
    }

    /// Asks for a run and waits until it was handled.
    pub(crate) async fn reconcile(&self, kind: &str) -> Result<Value> {
        let token = self.cluster.request_reconcile(&full(kind), self.ns.name(), "app").await?;
        self.when(kind, |object| object["status"]["lastHandledReconcileAt"] == token.as_str()).await
    }

    /// Requests of the controller so far that change objects of a kind.
    pub(crate) fn writes(&self, plural: &str) -> Result<usize> {
        let all = self.plane.requests_of(&self.user())?;
        let path = format!("/{plural}/");
        let reads = ["get ", "watch ", "list "];
        let is_write = |request: &&String| {
            request.contains(&path) && !reads.iter().any(|verb| request.starts_with(verb))
        };
        Ok(all.iter().filter(is_write).count())
    }

    /// Runs git in the bare repository.
    pub(crate) fn bare(&self, args: &[&str]) -> String {
        let bare = self.repo.bare().display().to_string();
        let mut all = vec!["--git-dir", bare.as_str()];
        all.extend(args);
        self.repo.git(&all).unwrap().trim().to_owned()
    }
}

/// A kind of images with its group.
pub(crate) fn full(kind: &str) -> String {
    format!("image.toolkit.fluxcd.io/v1/{kind}")
}

/// `more` over `base`; fields of `more` replace those of `base`.
fn merged(mut base: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().into_iter().flatten() {
        base[key] = value.clone();
    }
    base
}

/// The message of Ready.
pub(crate) fn message(object: &Value) -> &str {
    let ready = testkit::condition(object, "Ready");
    ready.and_then(|ready| ready["message"].as_str()).unwrap_or_default()
}
