//! The rights of an account, one by one: a verb on a resource of a group.
use std::{collections::BTreeSet, fmt};

use anyhow::Result;
use serde_json::Value;
use testkit::Cluster;

/// A verb on a resource (`deployments`, `kustomizations/status`) of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Right {
    group: String,
    resource: String,
    verb: String,
}

impl Right {
    pub(crate) fn new(group: &str, resource: &str, verb: &str) -> Right {
        Right { group: group.into(), resource: resource.into(), verb: verb.into() }
    }

    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    pub(crate) fn verb(&self) -> &str {
        &self.verb
    }

    /// The same on the same, for another verb.
    pub(crate) fn with_verb(&self, verb: &str) -> Right {
        Right { verb: verb.into(), ..self.clone() }
    }

    pub(crate) fn is_wildcard(&self) -> bool {
        [&self.group, &self.resource, &self.verb].iter().any(|part| part.contains('*'))
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = if self.group.is_empty() { "core" } else { &self.group };
        write!(f, "{} {} ({group})", self.verb, self.resource)
    }
}

/// A role that an account is bound to, with its rights.
pub(crate) struct Bound {
    pub(crate) role: String,
    pub(crate) rights: BTreeSet<Right>,
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// The roles of a ServiceAccount of flux-system, as the API server holds them.
pub(crate) async fn of_account(cluster: &Cluster, account: &str) -> Result<Vec<Bound>> {
    let mut bound = Vec::new();
    for kind in ["ClusterRoleBinding", "RoleBinding"] {
        for binding in cluster.list(&format!("{RBAC}/{kind}"), "").await? {
            if names(&binding, account) {
                bound.push(role_of(cluster, &binding).await?);
            }
        }
    }
    Ok(bound)
}

async fn role_of(cluster: &Cluster, binding: &Value) -> Result<Bound> {
    let reference = &binding["roleRef"];
    let (kind, name) = (reference["kind"].as_str().unwrap_or(""), reference["name"].as_str().unwrap_or(""));
    let namespace = binding["metadata"]["namespace"].as_str().unwrap_or("");
    let role = cluster.get(&format!("{RBAC}/{kind}"), namespace, name).await?;
    Ok(Bound { role: format!("{kind} {name}"), rights: of_role(&role) })
}

/// The rights that the rules of a role give.
pub(crate) fn of_role(role: &Value) -> BTreeSet<Right> {
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(Value::as_str).map(String::from).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in role["rules"].as_array().into_iter().flatten() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                rights.extend(texts(&rule["verbs"]).iter().map(|verb| Right::new(&group, &resource, verb)));
            }
        }
    }
    rights
}

fn names(binding: &Value, account: &str) -> bool {
    let subjects = binding["subjects"].as_array().map(Vec::as_slice).unwrap_or_default();
    subjects.iter().any(|subject| {
        subject["kind"] == "ServiceAccount"
            && subject["namespace"] == "flux-system"
            && subject["name"] == account
    })
}
