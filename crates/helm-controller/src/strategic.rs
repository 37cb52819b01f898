//! Helm's client-side apply of built-in kinds: a strategic merge patch that removes what left the manifest, sets what
//! differs from the live object, and leaves to others what is theirs in lists too: a container beside the chart's, a
//! variable somebody added. Pure.

use std::sync::LazyLock;

use manifest::Gvk;
use serde_json::{Map, Value, json};

/// API groups whose kinds Helm knows as Go types; all others take a JSON merge patch.
const BUILT_IN: [&str; 21] = [
    "",
    "admissionregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Whether objects of the kind take strategic merge patches.
pub(crate) fn is_built_in(kind: &Gvk) -> bool {
    BUILT_IN.contains(&kind.group.as_str())
}

/// The patch from what was released before to what is wanted now, for the live object.
pub(crate) fn patch(kind: &Gvk, before: &Value, wanted: &Value, live: &Value) -> Value {
    let place = Place { kind, api_version: kind.api_version() };
    let [before, wanted, live] = [before, wanted, live].map(|value| value.as_object().unwrap_or(&EMPTY));
    Value::Object(place.mapping(&mut Vec::new(), before, wanted, live))
}

/// Knows how lists of a kind merge.
struct Place<'k> {
    kind: &'k Gvk,
    api_version: String,
}

type Path<'p> = Vec<&'p str>;

impl Place<'_> {
    /// Changes of a mapping; none when the live one is as wanted.
    fn mapping<'p>(
        &self,
        path: &mut Path<'p>,
        before: &'p Map<String, Value>,
        wanted: &'p Map<String, Value>,
        live: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut patch = Map::new();
        for key in before.keys().filter(|key| !wanted.contains_key(*key) && live.contains_key(*key)) {
            patch.insert(key.clone(), Value::Null);
        }
        for (key, value) in wanted {
            path.push(key);
            self.field(path, &mut patch, before.get(key), value, live.get(key));
            path.pop();
        }
        if !patch.is_empty() && keeps_keys(path) {
            let keys: Vec<&String> = wanted.keys().collect();
            patch.insert("$retainKeys".into(), json!(keys));
        }
        patch
    }

    fn field<'p>(
        &self,
        path: &mut Path<'p>,
        patch: &mut Map<String, Value>,
        before: Option<&'p Value>,
        wanted: &'p Value,
        live: Option<&Value>,
    ) {
        let Some(key) = path.last().map(|key| (*key).to_owned()) else { return };
        match (wanted, live) {
            (Value::Object(map), Some(Value::Object(live))) => {
                let before = before.and_then(Value::as_object).unwrap_or(&EMPTY);
                let inner = self.mapping(path, before, map, live);
                if !inner.is_empty() {
                    patch.insert(key, inner.into());
                }
            }
            (Value::Array(list), Some(Value::Array(live))) => {
                let before = before.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                self.list(path, patch, before, list, live);
            }
            _ if before != Some(wanted) || live.is_none_or(|live| !holds(live, wanted)) => {
                patch.insert(key, wanted.clone());
            }
            _ => {}
        }
    }

    fn list<'p>(
        &self,
        path: &mut Path<'p>,
        patch: &mut Map<String, Value>,
        before: &'p [Value],
        wanted: &'p [Value],
        live: &[Value],
    ) {
        let Some(name) = path.last().map(|name| (*name).to_owned()) else { return };
        let settled = before == wanted && holds_all(live, wanted);
        match kustomize::merge_key(&self.api_version, &self.kind.kind, path) {
            None if settled => {}
            None => {
                patch.insert(name, wanted.into());
            }
            Some("") => scalars(&name, patch, before, wanted, live),
            Some(key) if [before, wanted, live].iter().all(|list| has_own_keys(list, key)) => {
                let items = self.items(path, key, before, wanted, live);
                if !items.is_empty() {
                    let order: Vec<Value> = wanted.iter().map(|item| json!({key: item[key]})).collect();
                    patch.insert(format!("$setElementOrder/{name}"), order.into());
                    patch.insert(name, items.into());
                }
            }
            // Two ports of one number: a merge by number would take them for one.
            Some(_) if settled => {}
            Some(_) => {
                let whole = [json!({"$patch": "replace"})].into_iter().chain(wanted.iter().cloned());
                patch.insert(name, whole.collect());
            }
        }
    }

    /// What is new or differs of a list that merges, and what left it.
    fn items<'p>(
        &self,
        path: &mut Path<'p>,
        key: &str,
        before: &'p [Value],
        wanted: &'p [Value],
        live: &[Value],
    ) -> Vec<Value> {
        let mut items = Vec::new();
        for item in wanted {
            let (old, now) = (same(before, key, item), same(live, key, item));
            let (Some(map), Some(now)) = (item.as_object(), now.and_then(Value::as_object)) else {
                items.push(item.clone());
                continue;
            };
            let old = old.and_then(Value::as_object).unwrap_or(&EMPTY);
            let mut inner = self.mapping(path, old, map, now);
            if !inner.is_empty() {
                inner.insert(key.to_owned(), item[key].clone());
                items.push(inner.into());
            }
        }
        let left = before.iter().filter(|item| same(wanted, key, item).is_none());
        let left = left.filter(|item| same(live, key, item).is_some());
        items.extend(left.map(|item| json!({"$patch": "delete", key: item[key]})));
        items
    }
}

static EMPTY: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Kinds of a union: what the wanted one does not name goes, so that no two of them stand side by side.
fn keeps_keys(path: &[&str]) -> bool {
    matches!(path, ["spec", "strategy"] | [.., "spec", "volumes"])
}

fn same<'l>(list: &'l [Value], key: &str, item: &Value) -> Option<&'l Value> {
    list.iter().find(|one| one[key] == item[key])
}

/// Whether each item has the key, and no two the same.
fn has_own_keys(list: &[Value], key: &str) -> bool {
    let mut seen = Vec::new();
    list.iter().all(|item| {
        let id = &item[key];
        let fresh = !id.is_null() && !seen.contains(&id);
        seen.push(id);
        fresh
    })
}

/// A list of scalars that merges, such as finalizers.
fn scalars(name: &str, patch: &mut Map<String, Value>, before: &[Value], wanted: &[Value], live: &[Value]) {
    let new: Vec<Value> = wanted.iter().filter(|item| !live.contains(item)).cloned().collect();
    if !new.is_empty() {
        patch.insert(name.to_owned(), new.into());
    }
    let left = before.iter().filter(|item| !wanted.contains(item) && live.contains(item));
    let left: Vec<Value> = left.cloned().collect();
    if !left.is_empty() {
        patch.insert(format!("$deleteFromPrimitiveList/{name}"), left.into());
    }
}

/// Whether the live value is the wanted one, with whatever the server has filled in.
pub(crate) fn holds(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| live.get(key).is_some_and(|live| holds(live, value)))
        }
        (Value::Array(live), Value::Array(wanted)) => holds_all(live, wanted),
        (live, wanted) => live == wanted,
    }
}

fn holds_all(live: &[Value], wanted: &[Value]) -> bool {
    live.len() == wanted.len() && live.iter().zip(wanted).all(|(live, wanted)| holds(live, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment() -> Gvk {
        Gvk::new("apps/v1", "Deployment")
    }

    fn pod(containers: Value) -> Value {
        json!({"spec": {"template": {"spec": {"containers": containers}}}})
    }

    #[test]
    fn what_others_put_into_lists_stays_and_what_left_the_chart_goes() {
        let before = pod(json!([
            {"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]},
            {"name": "old", "image": "old:1"}
        ]));
        let wanted = pod(json!([
            {"name": "web", "image": "web:2", "env": [{"name": "A", "value": "1"}]}
        ]));
        let live = pod(json!([
            {"name": "web", "image": "web:1", "imagePullPolicy": "Always",
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}, {"name": "THEIRS", "value": "x"}]},
            {"name": "old", "image": "old:1"},
            {"name": "sidecar", "image": "proxy:1"}
        ]));
        let web = json!({"name": "web", "image": "web:2", "env": [{"$patch": "delete", "name": "B"}],
            "$setElementOrder/env": [{"name": "A"}]});
        let expected = json!({"spec": {"template": {"spec": {
            "$setElementOrder/containers": [{"name": "web"}],
            "containers": [web, {"$patch": "delete", "name": "old"}]
        }}}});
        assert_eq!(patch(&deployment(), &before, &wanted, &live), expected);
    }

    #[test]
    fn a_live_object_that_is_as_wanted_needs_no_patch() {
        let wanted = pod(json!([{"name": "web", "image": "web:1"}]));
        let live =
            pod(json!([{"name": "web", "image": "web:1", "imagePullPolicy": "Always"}, {"name": "sidecar"}]));
        assert_eq!(patch(&deployment(), &wanted, &wanted, &live), json!({}));
    }

    #[test]
    fn members_of_a_union_replace_each_other() {
        let volume = |source: Value| {
            let mut volume = json!({"name": "v"});
            volume.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
            json!({"spec": {"template": {"spec": {"volumes": [volume]}}}})
        };
        let (before, wanted) = (volume(json!({"emptyDir": {}})), volume(json!({"configMap": {"name": "c"}})));
        let found = patch(&deployment(), &before, &wanted, &before);
        let item = &found["spec"]["template"]["spec"]["volumes"][0];
        assert_eq!(item["$retainKeys"], json!(["name", "configMap"]));
        assert_eq!(item["emptyDir"], Value::Null);
        assert_eq!(item["configMap"], json!({"name": "c"}));
        let strategy = |strategy: Value| json!({"spec": {"strategy": strategy}});
        let live = strategy(json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}));
        let wanted = strategy(json!({"type": "Recreate"}));
        assert_eq!(
            patch(&deployment(), &strategy(json!({})), &wanted, &live)["spec"]["strategy"],
            json!({"type": "Recreate", "$retainKeys": ["type"]})
        );
    }

    #[test]
    fn lists_that_do_not_merge_are_set_whole() {
        let spec = |args: Value| pod(json!([{"name": "web", "args": args}]));
        let found = patch(&deployment(), &spec(json!(["a"])), &spec(json!(["b"])), &spec(json!(["a", "x"])));
        assert_eq!(found["spec"]["template"]["spec"]["containers"][0]["args"], json!(["b"]));
        let ports = |ports: Value| json!({"spec": {"ports": ports}});
        let both = ports(json!([{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]));
        let one = ports(json!([{"port": 53, "protocol": "TCP"}]));
        let found = patch(&Gvk::new("v1", "Service"), &both, &one, &both);
        assert_eq!(found["spec"]["ports"], json!([{"$patch": "replace"}, {"port": 53, "protocol": "TCP"}]));
    }

    #[test]
    fn scalars_of_lists_that_merge_are_added_and_taken_out_one_by_one() {
        let meta = |list: &[&str]| json!({"metadata": {"finalizers": list}});
        let found =
            patch(&deployment(), &meta(&["a", "b"]), &meta(&["b", "c"]), &meta(&["a", "b", "theirs"]));
        let expected =
            json!({"metadata": {"finalizers": ["c"], "$deleteFromPrimitiveList/finalizers": ["a"]}});
        assert_eq!(found, expected);
    }

    #[test]
    fn kinds_of_other_groups_take_no_strategic_merge() {
        assert!(is_built_in(&deployment()) && is_built_in(&Gvk::new("v1", "ConfigMap")));
        for kind in [Gvk::new("apiextensions.k8s.io/v1", "CustomResourceDefinition"), Gvk::new("a.b/v1", "C")]
        {
            assert!(!is_built_in(&kind), "{kind:?}");
        }
    }
}
