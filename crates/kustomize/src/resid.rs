use std::fmt;

use manifest::yaml::Text;

use crate::schema::is_cluster_scoped;

/// Group, version and kind; empty where unknown or, in a selector, where anything goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Gvk {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

/// The borrowed form of [`Gvk`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct GvkRef<'a> {
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    pub(crate) kind: &'a str,
}

/// What kustomize calls a resource: group, version, kind, name and namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ResId<'a> {
    pub(crate) gvk: GvkRef<'a>,
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
}

/// The namespace of things that have none.
const NO_NAMESPACE: &str = "_non_namespaceable_";
const KINDS_FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const KINDS_LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

impl Gvk {
    pub(crate) fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    pub(crate) fn as_ref(&self) -> GvkRef<'_> {
        GvkRef { group: &self.group, version: &self.version, kind: &self.kind }
    }
}

impl<'a> GvkRef<'a> {
    pub(crate) fn from_api_version(api_version: &'a str, kind: &'a str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group, version, kind }
    }

    /// Whether every field that the selector gives is equal.
    pub(crate) fn is_selected(self, selector: GvkRef<'_>) -> bool {
        let fits = |want: &str, have: &str| want.is_empty() || want == have;
        // Kinds tell most objects apart.
        fits(selector.kind, self.kind)
            && fits(selector.group, self.group)
            && fits(selector.version, self.version)
    }

    pub(crate) fn is_cluster_scoped(self) -> bool {
        is_cluster_scoped(self)
    }

    /// The order in which kustomize sorts field specs by kind: namespaces first, webhooks last.
    pub(crate) fn sort_key(self) -> (i32, String) {
        (kind_rank(self.kind, &KINDS_FIRST, &KINDS_LAST), self.legacy_string())
    }

    /// `group_version_Kind` with `~G`, `~V`, `~K` for what is empty.
    pub(crate) fn legacy_string(self) -> String {
        let or = |text: &'a str, empty: &'a str| if text.is_empty() { empty } else { text };
        [or(self.group, "~G"), or(self.version, "~V"), or(self.kind, "~K")].join("_")
    }
}

/// Negative for kinds of the first list, positive for those of the last, 0 for others.
pub(crate) fn kind_rank<S: AsRef<str>>(kind: &str, first: &[S], last: &[S]) -> i32 {
    let place = |list: &[S]| {
        list.iter().rposition(|listed| listed.as_ref() == kind).and_then(|at| i32::try_from(at).ok())
    };
    let len = i32::try_from(first.len()).unwrap_or(i32::MAX);
    match (place(last), place(first)) {
        (Some(at), _) => at + 1,
        (None, Some(at)) => at - len,
        (None, None) => 0,
    }
}

/// The kinds that the legacy order puts first and last.
pub(crate) fn legacy_order() -> (Vec<String>, Vec<String>) {
    let own = |list: &[&str]| list.iter().map(|kind| (*kind).to_owned()).collect();
    (own(&KINDS_FIRST), own(&KINDS_LAST))
}

impl<'a> ResId<'a> {
    /// The namespace to compare: `default` where it is left out, a mark of its own for cluster-scoped kinds.
    pub(crate) fn effective_namespace(self) -> &'a str {
        if self.gvk.is_cluster_scoped() {
            NO_NAMESPACE
        } else if self.namespace.is_empty() {
            "default"
        } else {
            self.namespace
        }
    }

    pub(crate) fn same_namespace(self, other: ResId<'_>) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// Equal names and kinds in equal effective namespaces.
    pub(crate) fn equals(self, other: ResId<'_>) -> bool {
        self.gvk == other.gvk && self.name == other.name && self.same_namespace(other)
    }

    /// The form in which equal ids are equal values: with the effective namespace.
    pub(crate) fn key(self) -> Self {
        Self { namespace: self.effective_namespace(), ..self }
    }

    pub(crate) fn owned(self) -> OwnedId {
        OwnedId {
            group: self.gvk.group.into(),
            version: self.gvk.version.into(),
            kind: self.gvk.kind.into(),
            name: self.name.into(),
            namespace: self.namespace.into(),
        }
    }
}

/// The owned form of [`ResId`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OwnedId {
    group: Text,
    version: Text,
    kind: Text,
    name: Text,
    namespace: Text,
}

impl fmt::Display for GvkRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind.is_empty() { "[noKind]" } else { self.kind };
        let version = if self.version.is_empty() { "[noVer]" } else { self.version };
        let group = if self.group.is_empty() { "[noGrp]" } else { self.group };
        write!(f, "{kind}.{version}.{group}")
    }
}

impl fmt::Display for ResId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { "[noName]" } else { self.name };
        let namespace = if self.namespace.is_empty() { "[noNs]" } else { self.namespace };
        write!(f, "{}/{name}.{namespace}", self.gvk)
    }
}

#[cfg(test)]
mod tests {
    use super::{GvkRef, ResId};

    fn id<'a>(api_version: &'a str, kind: &'a str, namespace: &'a str) -> ResId<'a> {
        ResId { gvk: GvkRef::from_api_version(api_version, kind), name: "n", namespace }
    }

    #[test]
    fn no_namespace_is_the_default_one() {
        assert!(id("v1", "Pod", "").equals(id("v1", "Pod", "default")));
        assert!(!id("v1", "Pod", "").equals(id("v1", "Pod", "x")));
        assert!(id("v1", "Namespace", "").equals(id("v1", "Namespace", "x")));
    }

    #[test]
    fn prints_what_is_missing() {
        assert_eq!(id("apps/v1", "Deployment", "").to_string(), "Deployment.v1.apps/n.[noNs]");
        assert_eq!(ResId::default().to_string(), "[noKind].[noVer].[noGrp]/[noName].[noNs]");
    }
}
