use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use manifest::Gvk;
use serde_json::Value;

use crate::{ApiError, Identity, request};

/// How old a cached group-version may be before it is read again although it has the kind.
const FRESH: Duration = Duration::from_secs(600);
/// How old it may be when the kind is missing: a burst of unknown kinds costs one request a second.
const FRESH_MISS: Duration = Duration::from_secs(1);

/// Where objects of one kind live on the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) gvk: Gvk,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    pub(crate) watchable: bool,
}

/// What discovery says about a kind.
#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    Found(Resource),
    /// The group is served, the kind (in this version) is not.
    NoKind,
    /// No version of the group is served.
    NoGroup,
}

/// Lazy discovery: a group-version is read when an object of it is first met.
#[derive(Default)]
pub(crate) struct Discovery {
    versions: Mutex<HashMap<(String, String), Cached>>,
}

#[derive(Clone)]
struct Cached {
    at: Instant,
    resources: Arc<Vec<Resource>>,
}

impl Discovery {
    /// Looks a kind up in the version asked for.
    ///
    /// # Errors
    /// When the API server cannot be asked; an absent group or version is no error.
    pub(crate) async fn find(&self, client: &kube::Client, gvk: &Gvk) -> Result<Lookup, ApiError> {
        let key = (gvk.group.clone(), gvk.version.clone());
        let cached = self.lock().get(&key).cloned();
        if let Some(found) = cached.as_ref().and_then(|cached| cached.usable(&gvk.kind)) {
            return Ok(found);
        }
        match self.read(client, &key).await? {
            Some(resources) => Ok(pick(&resources, &gvk.kind).map_or(Lookup::NoKind, Lookup::Found)),
            None if group_versions(client, &gvk.group).await?.is_empty() => Ok(Lookup::NoGroup),
            None => Ok(Lookup::NoKind),
        }
    }

    /// Looks a kind up in `version`, else in every served version of the group, the preferred one first,
    /// with nothing taken from the cache: `None` is a proof that the kind is absent.
    ///
    /// # Errors
    /// When any of the questions cannot be answered.
    pub(crate) async fn find_anywhere(
        &self,
        client: &kube::Client,
        gvk: &Gvk,
    ) -> Result<Option<Resource>, ApiError> {
        let mut versions = group_versions(client, &gvk.group).await?;
        versions.sort_by_key(|version| *version != gvk.version);
        for version in versions {
            let resources = self.read(client, &(gvk.group.clone(), version)).await?.unwrap_or_default();
            if let Some(found) = pick(&resources, &gvk.kind) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Forgets everything: a CRD came, went or changed.
    pub(crate) fn invalidate(&self) {
        self.lock().clear();
    }

    /// Forgets one group: a kind of it is awaited.
    pub(crate) fn forget(&self, group: &str) {
        self.lock().retain(|(of, _), _| of != group);
    }

    async fn read(
        &self,
        client: &kube::Client,
        key: &(String, String),
    ) -> Result<Option<Arc<Vec<Resource>>>, ApiError> {
        let (group, version) = key;
        let asked = optional(client, &version_path(group, version)).await;
        let Some(list) = asked.map_err(|error| error.of_group(&format!("{group}/{version}")))? else {
            self.lock().remove(key);
            return Ok(None);
        };
        let resources = Arc::new(resources(group, version, &list));
        let cached = Cached { at: Instant::now(), resources: resources.clone() };
        self.lock().insert(key.clone(), cached);
        Ok(Some(resources))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), Cached>> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cached {
    fn usable(&self, kind: &str) -> Option<Lookup> {
        match pick(&self.resources, kind) {
            Some(found) => (self.at.elapsed() < FRESH).then_some(Lookup::Found(found)),
            None => (self.at.elapsed() < FRESH_MISS).then_some(Lookup::NoKind),
        }
    }
}

fn pick(resources: &[Resource], kind: &str) -> Option<Resource> {
    resources.iter().find(|resource| resource.gvk.kind == kind).cloned()
}

fn version_path(group: &str, version: &str) -> String {
    let version = segment(version);
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{}/{version}", segment(group)) }
}

/// Served versions of a group, the preferred one first; empty when the group is unknown.
async fn group_versions(client: &kube::Client, group: &str) -> Result<Vec<String>, ApiError> {
    if group.is_empty() {
        return Ok(vec!["v1".into()]);
    }
    let asked = optional(client, &format!("/apis/{}", segment(group))).await;
    let Some(found) = asked.map_err(|error| error.of_group(group))? else {
        return Ok(Vec::new());
    };
    let preferred = found["preferredVersion"]["version"].as_str().map(str::to_owned);
    let all = found["versions"].as_array().into_iter().flatten();
    let served = all.filter_map(|version| version["version"].as_str().map(str::to_owned));
    let mut versions: Vec<String> = preferred.into_iter().collect();
    for version in served {
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    Ok(versions)
}

async fn optional(client: &kube::Client, path: &str) -> Result<Option<Value>, ApiError> {
    match request::send(client, &Identity::Controller, &request::Call::get(path)).await {
        Ok(answer) => Ok(Some(answer.value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn resources(group: &str, version: &str, list: &Value) -> Vec<Resource> {
    let all = list["resources"].as_array().into_iter().flatten();
    all.filter_map(|entry| {
        let plural = entry["name"].as_str().filter(|name| !name.contains('/'))?;
        let verbs = entry["verbs"].as_array();
        Some(Resource {
            gvk: Gvk { group: group.into(), version: version.into(), kind: entry["kind"].as_str()?.into() },
            plural: plural.into(),
            namespaced: entry["namespaced"].as_bool().unwrap_or(false),
            watchable: verbs.is_some_and(|verbs| verbs.iter().any(|verb| verb == "watch")),
        })
    })
    .collect()
}

impl Resource {
    /// Path of one object.
    pub(crate) fn object_path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.list_path(namespace), segment(name))
    }

    /// Path of the list in a namespace; of all namespaces when that is empty.
    pub(crate) fn list_path(&self, namespace: &str) -> String {
        let base = version_path(&self.gvk.group, &self.gvk.version);
        if self.namespaced && !namespace.is_empty() {
            format!("{base}/namespaces/{}/{}", segment(namespace), self.plural)
        } else {
            format!("{base}/{}", self.plural)
        }
    }
}

/// A text as one path segment or query value: a hostile name must never reach another path.
/// `.` and `..` stay what they are to every decoder, so that they become a name that cannot exist.
pub(crate) fn segment(text: &str) -> String {
    if matches!(text, "" | "." | "..") {
        return "%00".into();
    }
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                out.push(byte as char)
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployments() -> Resource {
        let list = json!({"resources": [
            {"name": "deployments/scale", "kind": "Scale", "namespaced": true, "verbs": ["get"]},
            {"name": "deployments", "kind": "Deployment", "namespaced": true, "verbs": ["get", "watch"]},
            {"kind": "Broken"}, 3,
        ]});
        let found = resources("apps", "v1", &list);
        assert_eq!(found.len(), 1);
        pick(&found, "Deployment").unwrap()
    }

    #[test]
    fn builds_paths_of_namespaced_and_cluster_objects() {
        let resource = deployments();
        assert!(resource.watchable);
        assert_eq!(resource.object_path("ns", "web"), "/apis/apps/v1/namespaces/ns/deployments/web");
        assert_eq!(resource.list_path(""), "/apis/apps/v1/deployments");
        let namespaces = Resource {
            plural: "namespaces".into(),
            namespaced: false,
            gvk: Gvk::new("v1", "Namespace"),
            watchable: true,
        };
        assert_eq!(namespaces.object_path("ignored", "x"), "/api/v1/namespaces/x");
    }

    #[test]
    fn hostile_names_stay_in_their_segment() {
        let resource = deployments();
        for name in ["../secrets/x", "a?b=c", "a#b", "a/b", "%2e%2e", "ä"] {
            let path = resource.object_path("ns", name);
            let rest = path.strip_prefix("/apis/apps/v1/namespaces/ns/deployments/").unwrap();
            assert!(!rest.contains(['/', '?', '#']), "{path}");
        }
        assert_eq!(segment(".."), "%00");
        assert_eq!(segment("system:node"), "system:node");
    }
}
