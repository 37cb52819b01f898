//! Objects as JSON: get, apply, patch, delete, wait.
//!
//! A kind is named alone (`Deployment`, `Kustomization`) or, when it is not a common one, as `group/version/Kind`.
//! For cluster-scoped kinds the namespace is ignored: write `""`.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};

use crate::{check_conditions, kinds::Resource};

/// The field manager of everything applied by tests.
const MANAGER: &str = "testkit";

/// How often [`Cluster::wait`] asks.
const PERIOD: Duration = Duration::from_millis(40);

/// A client that speaks JSON.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// Objects as `client` may see them.
    pub fn new(client: Client) -> Cluster {
        Cluster { client }
    }

    /// The client beneath.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The object, or nothing when it does not exist.
    pub async fn find(&self, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>> {
        let path = Resource::of(&self.client, kind).await?.path(namespace, name);
        match self.send(Method::GET, &path, None, Value::Null).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if code(&error) == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The object; an error when it does not exist.
    pub async fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value> {
        self.find(kind, namespace, name)
            .await?
            .with_context(|| format!("{kind} {namespace}/{name} does not exist"))
    }

    /// All objects of a kind in a namespace, or in all when it is empty.
    pub async fn list(&self, kind: &str, namespace: &str) -> Result<Vec<Value>> {
        let path = Resource::of(&self.client, kind).await?.path(namespace, "");
        let mut list = self.send(Method::GET, &path, None, Value::Null).await?;
        Ok(std::mem::take(list["items"].as_array_mut().context("not a list")?))
    }

    /// Server-side apply by force. The object states apiVersion, kind, name and namespace.
    pub async fn apply(&self, object: &Value) -> Result<Value> {
        let path = self.path_of(object).await?;
        let path = format!("{path}?fieldManager={MANAGER}&force=true");
        self.send(Method::PATCH, &path, Some("application/apply-patch+yaml"), object.clone()).await
    }

    /// Creates the object; an error when it exists.
    pub async fn create(&self, object: &Value) -> Result<Value> {
        let resource = Resource::of_object(&self.client, object).await?;
        let path = resource.path(object["metadata"]["namespace"].as_str().unwrap_or(""), "");
        self.send(Method::POST, &path, Some("application/json"), object.clone()).await
    }

    /// JSON merge patch.
    pub async fn patch(&self, kind: &str, namespace: &str, name: &str, patch: Value) -> Result<Value> {
        let path = Resource::of(&self.client, kind).await?.path(namespace, name);
        self.send(Method::PATCH, &path, Some("application/merge-patch+json"), patch).await
    }

    /// JSON merge patch of the status subresource.
    pub async fn patch_status(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
        status: Value,
    ) -> Result<Value> {
        let path = Resource::of(&self.client, kind).await?.path(namespace, name) + "/status";
        self.send(Method::PATCH, &path, Some("application/merge-patch+json"), json!({ "status": status }))
            .await
    }

    /// Deletes the object and does not wait; it is no error when it does not exist.
    pub async fn delete(&self, kind: &str, namespace: &str, name: &str) -> Result<()> {
        let path = Resource::of(&self.client, kind).await?.path(namespace, name);
        match self.send(Method::DELETE, &path, None, Value::Null).await {
            Err(error) if code(&error) != Some(404) => Err(error),
            _ => Ok(()),
        }
    }

    /// Asks for a reconciliation as `flux reconcile` does, and returns the token.
    pub async fn request_reconcile(&self, kind: &str, namespace: &str, name: &str) -> Result<String> {
        let token = format!("{:?}", std::time::SystemTime::now());
        let annotations = json!({ "reconcile.fluxcd.io/requestedAt": token });
        self.patch(kind, namespace, name, json!({ "metadata": { "annotations": annotations } })).await?;
        Ok(token)
    }

    /// Asks until the object is as `wanted` says, and returns it.
    ///
    /// # Errors
    /// When `limit` has passed, with the object as it was last seen.
    pub async fn wait(
        &self,
        (kind, namespace, name): (&str, &str, &str),
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let limit = patience(limit);
        let since = Instant::now();
        loop {
            let seen = self.find(kind, namespace, name).await?;
            match seen {
                Some(object) if wanted(&object) => return Ok(object),
                seen if since.elapsed() > limit => {
                    bail!(
                        "{kind} {namespace}/{name} is not as wanted after {limit:?}: {}",
                        brief(seen.as_ref())
                    )
                }
                _ => tokio::time::sleep(PERIOD).await,
            }
        }
    }

    /// Waits until the object does not exist.
    pub async fn wait_gone(
        &self,
        (kind, namespace, name): (&str, &str, &str),
        limit: Duration,
    ) -> Result<()> {
        let limit = patience(limit);
        let since = Instant::now();
        while let Some(object) = self.find(kind, namespace, name).await? {
            if since.elapsed() > limit {
                bail!("{kind} {namespace}/{name} still exists after {limit:?}: {}", brief(Some(&object)));
            }
            tokio::time::sleep(PERIOD).await;
        }
        Ok(())
    }

    /// Waits until Ready has this status at the object's present generation and nothing is under way, and checks the
    /// rules of its conditions.
    pub async fn wait_ready(
        &self,
        (kind, namespace, name): (&str, &str, &str),
        status: &str,
        limit: Duration,
    ) -> Result<Value> {
        let object = self.wait((kind, namespace, name), limit, |object| settled(object, status)).await?;
        check_conditions(&object)?;
        Ok(object)
    }

    async fn path_of(&self, object: &Value) -> Result<String> {
        let resource = Resource::of_object(&self.client, object).await?;
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().context("object without a name")?;
        Ok(resource.path(metadata["namespace"].as_str().unwrap_or(""), name))
    }

    async fn send(&self, method: Method, path: &str, content: Option<&str>, body: Value) -> Result<Value> {
        let mut request = Request::builder().method(method.clone()).uri(path);
        if let Some(content) = content {
            request = request.header("content-type", content);
        }
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(&body)? };
        let answer = self.client.request(request.body(body)?).await;
        answer.with_context(|| format!("{method} {path}"))
    }
}

/// `SLUICE_TEST_PATIENCE` (seconds) shortens every wait: `--null` expects each to fail.
pub fn patience(limit: Duration) -> Duration {
    let given = std::env::var("SLUICE_TEST_PATIENCE").ok().and_then(|seconds| seconds.parse().ok());
    given.map_or(limit, |seconds| limit.min(Duration::from_secs(seconds)))
}

/// The HTTP status of an API server's refusal.
fn code(error: &anyhow::Error) -> Option<u16> {
    match error.downcast_ref::<kube::Error>() {
        Some(kube::Error::Api(status)) => Some(status.code),
        _ => None,
    }
}

fn settled(object: &Value, status: &str) -> bool {
    let generation = &object["metadata"]["generation"];
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or(&[]);
    let ready = conditions.iter().any(|c| c["type"] == "Ready" && c["status"] == status);
    let busy = conditions.iter().any(|c| c["type"] == "Reconciling" && c["status"] == "True");
    let observed = &object["status"]["observedGeneration"] == generation;
    // A failure is retried for ever, with Reconciling=True between the tries.
    ready && (status == "False" || (!busy && observed))
}

/// What one wants to see of an object in an error.
fn brief(object: Option<&Value>) -> String {
    let Some(object) = object else { return "it does not exist".into() };
    let mut shown = object.clone();
    if let Some(metadata) = shown["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    format!("{shown:#}")
}
