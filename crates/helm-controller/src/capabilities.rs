//! What the cluster can do, as templates ask for it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use helm_template::Capabilities;
use serde_json::Value;
use ssa::{ApiError, Session};

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(60);

/// The capabilities last read, shared by all releases.
#[derive(Default)]
pub(crate) struct Cached {
    last: Mutex<Option<(Instant, u64, Capabilities)>>,
}

impl Cached {
    /// What the cluster can do. `crds` changes when kinds came or went.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(crate) async fn get(&self, session: &Session, crds: u64) -> Result<Capabilities, ApiError> {
        if let Some(found) = self.fresh(crds) {
            return Ok(found);
        }
        let read = read(session).await?;
        *self.lock() = Some((Instant::now(), crds, read.clone()));
        Ok(read)
    }

    /// Forgets the answer: kinds were added.
    pub(crate) fn forget(&self) {
        *self.lock() = None;
    }

    fn fresh(&self, crds: u64) -> Option<Capabilities> {
        let last = self.lock();
        let (at, seen, found) = last.as_ref()?;
        (at.elapsed() < FRESH && *seen == crds).then(|| found.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, u64, Capabilities)>> {
        self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn read(session: &Session) -> Result<Capabilities, ApiError> {
    let version = session.ask("/version").await?;
    let text = version.get("gitVersion").and_then(Value::as_str).unwrap_or("v0.0.0");
    let mut versions = vec!["v1".to_owned()];
    let core = session.ask("/api/v1").await?;
    versions.extend(kinds("v1", &core));
    let groups = session.ask("/apis").await?;
    for group_version in group_versions(&groups) {
        // A group whose server is away must not stop releases that do not use it.
        if let Ok(list) = session.ask(&format!("/apis/{group_version}")).await {
            versions.extend(kinds(&group_version, &list));
        }
        versions.push(group_version);
    }
    let default = Capabilities::default();
    let kube_version = helm_template::KubeVersion::parse(text).unwrap_or(default.kube_version.clone());
    Ok(Capabilities { kube_version, api_versions: versions, ..default })
}

fn group_versions(groups: &Value) -> Vec<String> {
    let groups = groups["groups"].as_array().into_iter().flatten();
    let versions = groups.flat_map(|group| group["versions"].as_array().into_iter().flatten());
    versions.filter_map(|version| version["groupVersion"].as_str().map(str::to_owned)).collect()
}

fn kinds(group_version: &str, list: &Value) -> Vec<String> {
    let resources = list["resources"].as_array().into_iter().flatten();
    let named = resources.filter(|one| one["name"].as_str().is_some_and(|name| !name.contains('/')));
    named.filter_map(|one| one["kind"].as_str()).map(|kind| format!("{group_version}/{kind}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn versions_and_kinds_are_named_as_templates_ask_for_them() {
        let groups = json!({"groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1"}]}]});
        assert_eq!(group_versions(&groups), ["apps/v1"]);
        let list = json!({"resources": [{"name": "deployments", "kind": "Deployment"}, {"name": "deployments/scale", "kind": "Scale"}]});
        assert_eq!(kinds("apps/v1", &list), ["apps/v1/Deployment"]);
    }
}
