use std::fmt;

/// Group, version and kind of an object. The core group is the empty string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gvk {
    /// API group; empty for the core group.
    pub group: String,
    /// API version without the group, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
}

impl Gvk {
    /// Splits an `apiVersion` field into group and version.
    #[must_use]
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// The `apiVersion` field: `group/version`, or `version` alone for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// What makes an object the same object across versions: group, kind, namespace, name.
///
/// The text form is Flux's inventory id `<namespace>_<name>_<group>_<kind>`, where a colon in the
/// name (RBAC) is written as two underscores.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
}

/// An inventory id that does not have the four fields of `<namespace>_<name>_<group>_<kind>`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid inventory id '{0}': want <namespace>_<name>_<group>_<kind>")]
pub struct ParseIdError(pub String);

impl ObjectId {
    /// Parses Flux's inventory id. Kubernetes names hold no underscore, so that the first field is
    /// the namespace and the last two are group and kind; what is between is the name.
    ///
    /// # Errors
    /// When there are fewer than four fields, or kind or name is empty.
    pub fn parse(id: &str) -> Result<Self, ParseIdError> {
        let bad = || ParseIdError(id.to_owned());
        let (namespace, rest) = id.split_once('_').ok_or_else(bad)?;
        let (rest, kind) = rest.rsplit_once('_').ok_or_else(bad)?;
        let (name, group) = rest.rsplit_once('_').ok_or_else(bad)?;
        if kind.is_empty() || name.is_empty() {
            return Err(bad());
        }
        Ok(Self {
            namespace: namespace.into(),
            name: name.replace("__", ":"),
            group: group.into(),
            kind: kind.into(),
        })
    }

    /// Group, version and kind, for an object of this version (without the group).
    #[must_use]
    pub fn gvk(&self, version: &str) -> Gvk {
        Gvk { group: self.group.clone(), version: version.into(), kind: self.kind.clone() }
    }

    /// `Kind/namespace/name`, or `Kind/name` for cluster-scoped objects: the form of Flux's messages.
    #[must_use]
    pub fn subject(&self) -> String {
        if self.namespace.is_empty() {
            format!("{}/{}", self.kind, self.name)
        } else {
            format!("{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}_{}", self.namespace, self.name.replace(':', "__"), self.group, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, subject: &str) {
        let id = ObjectId::parse(text).unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.subject(), subject);
    }

    #[test]
    fn reads_and_prints_inventory_ids() {
        check("default_web_apps_Deployment", "Deployment/default/web");
        check("_default__Namespace", "Namespace/default");
        check("_system__node_rbac.authorization.k8s.io_ClusterRole", "ClusterRole/system:node");
        check("ns_a__b_rbac.authorization.k8s.io_Role", "Role/ns/a:b");
    }

    #[test]
    fn an_api_version_is_split_and_joined() {
        for (text, group, version) in
            [("v1", "", "v1"), ("apps/v1", "apps", "v1"), ("a.io/v1/x", "a.io", "v1/x")]
        {
            let gvk = Gvk::new(text, "K");
            assert_eq!((gvk.group.as_str(), gvk.version.as_str(), gvk.kind.as_str()), (group, version, "K"));
            assert_eq!(gvk.api_version(), text);
        }
        let id = ObjectId::parse("ns_a_apps_Deployment").unwrap();
        assert_eq!(id.gvk("v2"), Gvk::new("apps/v2", "Deployment"));
    }

    #[test]
    fn refuses_ids_with_missing_fields() {
        for bad in ["", "a", "a_b", "a_b_c", "a_b_c_", "ns__apps_Deployment"] {
            assert!(ObjectId::parse(bad).is_err(), "{bad}");
        }
    }
}
