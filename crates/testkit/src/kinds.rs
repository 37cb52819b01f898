//! Kind → address on the API server.
use anyhow::{Context, Result, bail};
use kube::Client;
use serde_json::Value;

/// Where objects of a kind live.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resource {
    /// `v1` or `group/version`.
    pub(crate) api_version: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
}

/// Kind, apiVersion, plural, namespaced: those that tests name most, so that they cost no discovery.
const KNOWN: [(&str, &str, &str, bool); 35] = [
    ("Namespace", "v1", "namespaces", false),
    ("Node", "v1", "nodes", false),
    ("ConfigMap", "v1", "configmaps", true),
    ("Secret", "v1", "secrets", true),
    ("Service", "v1", "services", true),
    ("ServiceAccount", "v1", "serviceaccounts", true),
    ("Pod", "v1", "pods", true),
    ("Event", "v1", "events", true),
    ("Deployment", "apps/v1", "deployments", true),
    ("StatefulSet", "apps/v1", "statefulsets", true),
    ("DaemonSet", "apps/v1", "daemonsets", true),
    ("ReplicaSet", "apps/v1", "replicasets", true),
    ("Job", "batch/v1", "jobs", true),
    ("CronJob", "batch/v1", "cronjobs", true),
    ("Lease", "coordination.k8s.io/v1", "leases", true),
    ("Role", "rbac.authorization.k8s.io/v1", "roles", true),
    ("RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings", true),
    ("ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles", false),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings", false),
    ("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers", true),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1", "customresourcedefinitions", false),
    ("GitRepository", "source.toolkit.fluxcd.io/v1", "gitrepositories", true),
    ("OCIRepository", "source.toolkit.fluxcd.io/v1", "ocirepositories", true),
    ("Bucket", "source.toolkit.fluxcd.io/v1", "buckets", true),
    ("HelmRepository", "source.toolkit.fluxcd.io/v1", "helmrepositories", true),
    ("HelmChart", "source.toolkit.fluxcd.io/v1", "helmcharts", true),
    ("Kustomization", "kustomize.toolkit.fluxcd.io/v1", "kustomizations", true),
    ("HelmRelease", "helm.toolkit.fluxcd.io/v2", "helmreleases", true),
    ("ImageRepository", "image.toolkit.fluxcd.io/v1", "imagerepositories", true),
    ("ImagePolicy", "image.toolkit.fluxcd.io/v1", "imagepolicies", true),
    ("ImageUpdateAutomation", "image.toolkit.fluxcd.io/v1", "imageupdateautomations", true),
    ("Receiver", "notification.toolkit.fluxcd.io/v1", "receivers", true),
    ("Provider", "notification.toolkit.fluxcd.io/v1beta3", "providers", true),
    ("Alert", "notification.toolkit.fluxcd.io/v1beta3", "alerts", true),
    ("ExternalArtifact", "source.toolkit.fluxcd.io/v1", "externalartifacts", true),
];

impl Resource {
    /// By kind alone, for the kinds of the table, or by `group/version/Kind`.
    pub(crate) async fn of(client: &Client, kind: &str) -> Result<Resource> {
        match kind.rsplit_once('/') {
            Some((api_version, kind)) => Resource::named(client, api_version, kind).await,
            None => known(None, kind).with_context(|| format!("write {kind} as group/version/{kind}")),
        }
    }

    /// That of an object, which states both.
    pub(crate) async fn of_object(client: &Client, object: &Value) -> Result<Resource> {
        let api_version = object["apiVersion"].as_str().context("object without apiVersion")?;
        Resource::named(client, api_version, object["kind"].as_str().context("object without kind")?).await
    }

    async fn named(client: &Client, api_version: &str, kind: &str) -> Result<Resource> {
        match known(Some(api_version), kind) {
            Some(resource) => Ok(resource),
            None => discover(client, api_version, kind).await,
        }
    }

    /// The path of one object, or of the collection when `name` is empty.
    pub(crate) fn path(&self, namespace: &str, name: &str) -> String {
        let root =
            if self.api_version == "v1" { "/api/v1".into() } else { format!("/apis/{}", self.api_version) };
        let within = if self.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{namespace}/{}", self.plural)
        } else {
            format!("{root}/{}", self.plural)
        };
        if name.is_empty() { within } else { format!("{within}/{name}") }
    }
}

fn known(api_version: Option<&str>, kind: &str) -> Option<Resource> {
    let mut rows = KNOWN.iter();
    let row = rows.find(|row| row.0 == kind && api_version.is_none_or(|version| version == row.1))?;
    Some(Resource { api_version: row.1.into(), plural: row.2.into(), namespaced: row.3 })
}

async fn discover(client: &Client, api_version: &str, kind: &str) -> Result<Resource> {
    let root = if api_version == "v1" { "/api/v1".into() } else { format!("/apis/{api_version}") };
    let list: Value = client.request(http::Request::get(root).body(Vec::new())?).await?;
    let resources = list["resources"].as_array().cloned().unwrap_or_default();
    for found in resources {
        let name = found["name"].as_str().unwrap_or("");
        if found["kind"] == kind && !name.contains('/') {
            let namespaced = found["namespaced"] == true;
            return Ok(Resource { api_version: api_version.into(), plural: name.into(), namespaced });
        }
    }
    bail!("the API server knows no {kind} in {api_version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_group_and_scope() {
        let deployment = known(None, "Deployment").unwrap();
        assert_eq!(deployment.path("a", "b"), "/apis/apps/v1/namespaces/a/deployments/b");
        assert_eq!(known(None, "Namespace").unwrap().path("ignored", "b"), "/api/v1/namespaces/b");
        assert_eq!(deployment.path("", ""), "/apis/apps/v1/deployments");
    }
}
