//! What every test starts with.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use testkit::{
    Cluster, ControlPlane, Controller, ControllerBuilder, EventSink, GitRepo, GitServer, TestNamespace,
};

/// A generous ceiling; order and counts are asserted, not times.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A namespace with a Git server, an event sink and source-controller bound to it.
pub(crate) struct Rig {
    pub(crate) controller: Option<Controller>,
    pub(crate) plane: &'static ControlPlane,
    pub(crate) cluster: Cluster,
    pub(crate) ns: TestNamespace,
    pub(crate) git: GitServer,
    pub(crate) repo: GitRepo,
    pub(crate) events: EventSink,
}

impl Rig {
    pub(crate) async fn start(prefix: &str) -> Result<Self> {
        let mut rig = Self::without_controller(prefix).await?;
        rig.controller = Some(rig.builder("")?.start().await?);
        Ok(rig)
    }

    pub(crate) async fn without_controller(prefix: &str) -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        let git = GitServer::start()?;
        let repo = git.repo("app")?;
        Ok(Self {
            controller: None,
            plane,
            cluster: plane.cluster().await?,
            ns: plane.namespace(prefix).await?,
            git,
            repo,
            events: EventSink::start()?,
        })
    }

    /// A controller bound to the namespace under a user of its own.
    pub(crate) fn builder(&self, suffix: &str) -> Result<ControllerBuilder> {
        let builder = self.plane.controller("source-controller").namespace(self.ns.name());
        let builder = builder.user(self.plane, &self.user(suffix))?;
        Ok(builder.arg(format!("--events-addr={}", self.events.url())).arg("--min-retry-delay=200ms"))
    }

    pub(crate) fn user(&self, suffix: &str) -> String {
        format!("source-controller{suffix}:{}", self.ns.name())
    }

    pub(crate) fn controller(&self) -> &Controller {
        self.controller.as_ref().expect("the controller runs")
    }

    /// Applies a GitRepository `app` with these fields over url, branch main and an interval of 10 minutes.
    pub(crate) async fn apply(&self, spec: Value) -> Result<Value> {
        let mut full = json!({ "url": self.repo.url(), "interval": "10m", "ref": { "branch": "main" } });
        for (key, value) in spec.as_object().into_iter().flatten() {
            full[key] = value.clone();
        }
        self.cluster
            .apply(&json!({
                "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
                "metadata": { "name": "app", "namespace": self.ns.name() }, "spec": full,
            }))
            .await
    }

    /// Applies an object of the source API.
    pub(crate) async fn source(&self, kind: &str, name: &str, spec: Value) -> Result<Value> {
        let meta = json!({ "name": name, "namespace": self.ns.name() });
        let version = "source.toolkit.fluxcd.io/v1";
        let object = json!({ "apiVersion": version, "kind": kind, "metadata": meta, "spec": spec });
        self.cluster.apply(&object).await
    }

    /// Waits until an object of the source API is as wanted; its conditions keep the rules.
    pub(crate) async fn see(
        &self,
        (kind, name): (&str, &str),
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let object = self.cluster.wait((kind, self.ns.name(), name), SOON, wanted).await?;
        testkit::check_conditions(&object)?;
        Ok(object)
    }

    /// Waits for Ready with this status and a message with this text, of the object's own generation.
    pub(crate) async fn told(&self, object: (&str, &str), status: &str, text: &str) -> Result<Value> {
        let wanted = |object: &Value| {
            let ready = testkit::condition(object, "Ready");
            ready.is_some_and(|ready| {
                ready["status"] == status
                    && ready["observedGeneration"] == object["metadata"]["generation"]
                    && ready["message"].as_str().unwrap_or_default().contains(text)
            })
        };
        self.see(object, wanted).await
    }

    /// The bytes behind `status.artifact`, which are those of its digest.
    pub(crate) async fn served(&self, object: &Value) -> Result<Vec<u8>> {
        let artifact = &object["status"]["artifact"];
        let url = artifact["url"].as_str().unwrap_or_default();
        let bytes = reqwest::get(url).await?.error_for_status()?.bytes().await?.to_vec();
        assert_eq!(artifact["digest"], artifact::Digest::of(&bytes).to_string());
        assert_eq!(artifact["size"], bytes.len());
        Ok(bytes)
    }

    /// Asks an object for a run and waits until it was handled.
    pub(crate) async fn request(&self, (kind, name): (&str, &str)) -> Result<Value> {
        let token = self.cluster.request_reconcile(kind, self.ns.name(), name).await?;
        self.see((kind, name), |object| object["status"]["lastHandledReconcileAt"] == token.as_str()).await
    }

    pub(crate) async fn secret(&self, name: &str, data: Value) -> Result<Value> {
        let meta = json!({ "name": name, "namespace": self.ns.name() });
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": data });
        self.cluster.apply(&secret).await
    }

    pub(crate) async fn ready(&self, status: &str) -> Result<Value> {
        self.cluster.wait_ready(("GitRepository", self.ns.name(), "app"), status, SOON).await
    }

    pub(crate) async fn when(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        self.cluster.wait(("GitRepository", self.ns.name(), "app"), SOON, wanted).await
    }

    /// Asks for a run and waits until it was handled.
    pub(crate) async fn reconcile(&self) -> Result<Value> {
        let token = self.cluster.request_reconcile("GitRepository", self.ns.name(), "app").await?;
        self.when(|object| object["status"]["lastHandledReconcileAt"] == token.as_str()).await
    }

    /// Waits until the Git server was asked so often.
    pub(crate) async fn asked(&self, count: usize) {
        let (limit, since) = (testkit::patience(SOON), std::time::Instant::now());
        while self.git.requests().len() < count {
            assert!(since.elapsed() < limit, "the Git server was asked {} times", self.git.requests().len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// As [`writes`](Self::writes) of the first controller, once no more come: the API server notes requests a moment late.
    pub(crate) async fn settled_writes(&self) -> Result<Vec<String>> {
        let mut known = self.writes("")?;
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = self.writes("")?;
            if now == known {
                return Ok(now);
            }
            known = now;
        }
    }

    /// Requests of the controller so far that change GitRepositories.
    pub(crate) fn writes(&self, suffix: &str) -> Result<Vec<String>> {
        let all = self.plane.requests_of(&self.user(suffix))?;
        let writes = |request: &String| !request.starts_with("get ") && request.contains("/gitrepositories/");
        Ok(all.into_iter().filter(|request| writes(request) && !request.starts_with("watch")).collect())
    }
}
