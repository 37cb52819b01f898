//! Kinds that come with the build, later, or never.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use anyhow::Result;
use kube::client::Body;
use serde_json::{Value, json};
use ssa::Pass;

use crate::world::{World, actions};

/// A CRD of its own for each test: groups are cluster-wide.
fn crd(world: &World, scope: &str) -> (Value, String) {
    let group = format!("{}.example.com", world.ns.name());
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {"group": group, "scope": scope, "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]}});
    (crd, group)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_and_its_resources_go_live_in_one_apply() -> Result<()> {
    let world = World::new("ssa-crd").await?;
    let (crd, group) = crd(&world, "Cluster");
    // targetNamespace puts a namespace on everything it does not know.
    let thing = world.object(&format!("{group}/v1"), "Thing", "one", json!({"spec": {"a": 1}}));
    let more = world.object(&format!("{group}/v1"), "Thing", "two", json!({"spec": {"a": 1}}));
    let applied = world.apply(&[thing, more, crd]).await?;
    assert_eq!(
        actions(&applied.changes),
        [format!("things.{group} created").as_str(), "one created", "two created"]
    );
    assert!(applied.deferred.is_empty());
    assert_eq!(applied.changes[1].id.namespace, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_new_namespace_go_live_in_one_apply() -> Result<()> {
    let world = World::new("ssa-ns").await?;
    let name = format!("{}-new", world.ns.name());
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let inside =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": name}});
    let applied = world.apply(&[inside, namespace]).await?;
    assert_eq!(actions(&applied.changes), [format!("{name} created").as_str(), "a created"]);
    world.cluster.delete("Namespace", "", &name).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_group_is_waited_for_and_its_definition_wakes() -> Result<()> {
    let mut world = World::new("ssa-defer").await?;
    let mut crds = world.ssa.crd_changes();
    let (crd, group) = crd(&world, "Namespaced");
    let objects =
        [world.object(&format!("{group}/v1"), "Thing", "one", json!({})), world.config_map("a", json!({}))];
    let applied = world.apply(&objects).await?;
    assert_eq!(actions(&applied.changes), ["a created"]);
    let ns = world.ns.name().to_owned();
    assert_eq!(
        applied.deferred[0].error.to_string(),
        format!("Thing/{ns}/one dry-run failed: no matches for kind \"Thing\" in version \"{group}/v1\"")
    );
    crds.borrow_and_update();
    world.cluster.apply(&crd).await?;
    tokio::time::timeout(testkit::patience(std::time::Duration::from_secs(10)), async {
        loop {
            crds.changed().await.unwrap();
            if world.apply(&objects).await.unwrap().deferred.is_empty() {
                break;
            }
        }
    })
    .await?;
    world.defer = false;
    let unknown = world.object("unknown.example.com/v1", "Thing", "one", json!({}));
    assert!(world.apply(&[unknown]).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_kind_that_nobody_serves_wait_for_it_together() -> Result<()> {
    let world = World::new("ssa-missing").await?;
    let (crd, group) = crd(&world, "Namespaced");
    world.cluster.apply(&crd).await?;
    world.plane.kubectl_ok(&["wait", "--for=condition=Established", &format!("crd/things.{group}")])?;
    let api_version = format!("{group}/v1");
    let objects: Vec<Value> =
        (0..200).map(|n| world.object(&api_version, "Thnig", &format!("x-{n}"), json!({}))).collect();
    world.all_requests();
    let error = world.apply(&objects).await.unwrap_err();
    assert_eq!(error.errors.len(), 200);
    let asked = world.all_requests().iter().filter(|line| line.contains(&group)).count();
    assert!((2..100).contains(&asked), "{asked} questions about one kind");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_cannot_be_reached_is_waited_for() -> Result<()> {
    let world = World::new("ssa-webhook").await?;
    let ns = world.ns.name().to_owned();
    let hook = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": ns},
        "webhooks": [{"name": "w.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            "clientConfig": {"url": "https://127.0.0.1:1/w"}, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ns}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}]}]});
    world.cluster.apply(&hook).await?;
    let objects = [world.config_map("a", json!({})), world.object("v1", "ServiceAccount", "sa", json!({}))];
    let deferred = async {
        // The webhook is in force a moment after its creation.
        for _ in 0..100 {
            let applied = world.apply(&objects).await?;
            if !applied.deferred.is_empty() {
                return Ok(applied);
            }
            world.cluster.delete("ConfigMap", &ns, "a").await?;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        anyhow::bail!("the webhook was never called")
    };
    let applied = deferred.await;
    world.plane.kubectl_ok(&["delete", "validatingwebhookconfiguration", &ns])?;
    let text = applied?.deferred[0].error.to_string();
    assert!(text.contains("failed calling webhook"), "{text}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_going_away_holds_the_rest_back() -> Result<()> {
    let world = World::new("ssa-going").await?;
    let name = format!("{}-old", world.ns.name());
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let inside = |name: &str, ns: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": ns}});
    world.cluster.apply(&namespace).await?;
    let mut stuck = inside("stuck", &name);
    stuck["metadata"]["finalizers"] = json!(["example.com/stays"]);
    world.cluster.apply(&stuck).await?;
    world.cluster.delete("Namespace", "", &name).await?;
    let objects = [namespace, inside("a", &name), inside("b", world.ns.name())];
    let applied = world.apply(&objects).await;
    world.cluster.patch("ConfigMap", &name, "stuck", json!({"metadata": {"finalizers": null}})).await?;
    let texts: Vec<_> = applied?.deferred.iter().map(|deferred| deferred.error.to_string()).collect();
    assert_eq!(texts, vec![format!("timeout waiting for: [Namespace/{name} status: 'Terminating']"); 3]);
    assert!(world.cluster.find("ConfigMap", world.ns.name(), "b").await?.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_with_a_defaulted_field_can_be_applied_over_an_old_one() -> Result<()> {
    let world = World::new("ssa-migrate").await?;
    let (mut crd, group) = crd(&world, "Namespaced");
    let version = |name: &str, storage: bool, item: Value| {
        let list = json!({"type": "array", "items": {"type": "object", "properties": {"from": {"type": "object", "properties": item}}}});
        let spec = json!({"type": "object", "properties": {"list": list}});
        let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}});
        json!({"name": name, "served": true, "storage": storage, "schema": schema})
    };
    let (old, new) = (
        json!({"a": {"type": "string"}}),
        json!({"a": {"type": "string"}, "b": {"type": "string", "default": "x"}}),
    );
    let thing = |version: &str, a: &str| {
        world.object(
            &format!("{group}/{version}"),
            "Thing",
            "one",
            json!({"spec": {"list": [{"from": {"a": a}}]}}),
        )
    };
    crd["spec"]["versions"] = json!([version("v1", true, old.clone())]);
    world.apply(&[crd.clone(), thing("v1", "1")]).await?;
    crd["spec"]["versions"] = json!([version("v1", false, old.clone()), version("v2", true, old.clone())]);
    world.apply(&[crd.clone(), thing("v1", "1")]).await?;
    // Stored anew in the new version, while our entry stays one of the old.
    let (kind, ns) = (format!("{group}/v2/Thing"), world.ns.name());
    world.cluster.patch(&kind, ns, "one", json!({"metadata": {"annotations": {"stored": "anew"}}})).await?;
    crd["spec"]["versions"] = json!([version("v1", false, old), version("v2", true, new)]);
    world.apply(&[crd]).await?;
    let defaulted = |live: &Value| live["spec"]["list"][0]["from"]["b"] == "x";
    world.cluster.wait((&kind, ns, "one"), std::time::Duration::from_secs(10), defaulted).await?;
    let applied = world.apply(&[thing("v2", "2"), world.config_map("other", json!({}))]).await?;
    assert_eq!(actions(&applied.changes), ["other created", "one configured"]);
    let live = world.cluster.get(&kind, ns, "one").await?;
    assert_eq!(live["spec"], json!({"list": [{"from": {"a": "2", "b": "x"}}]}));
    Ok(())
}

/// The real API server, but that it refuses the first dry run of an autoscaler as if an entry of another version in its
/// managedFields had a field that this one lacks: no kind of Kubernetes itself is in that state today.
fn refusing_once(client: kube::Client) -> kube::Client {
    let refused = Arc::new(AtomicBool::new(false));
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let uri = request.uri();
        let is_dry_run = uri.path().contains("/horizontalpodautoscalers/")
            && uri.query().is_some_and(|query| query.contains("dryRun"));
        let (client, refuse) = (client.clone(), is_dry_run && !refused.swap(true, Ordering::Relaxed));
        async move {
            if !refuse {
                return client.send(request).await;
            }
            let message = "failed to create typed live object: .spec.gone: field not declared in schema";
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": 500});
            let body = Body::from(status.to_string().into_bytes());
            Ok(http::Response::builder().status(500).body(body).unwrap())
        }
    });
    kube::Client::new(service, "default")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_nobody_knows_is_dropped_also_after_entries_were_migrated() -> Result<()> {
    let world = World::new("ssa-migrate-drop").await?;
    let scaler = |version: &str, spec: Value| {
        let mut object =
            world.object(&format!("autoscaling/{version}"), "HorizontalPodAutoscaler", "web", json!({}));
        let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
        object["spec"] = spec;
        object["spec"]["scaleTargetRef"] = target;
        object
    };
    world.cluster.apply(&scaler("v1", json!({"maxReplicas": 2}))).await?;
    let limited = ssa::Cluster::new(refusing_once(world.plane.client().await?), ssa::Settings::default());
    let session = limited.session(ssa::Identity::Controller);
    let object = scaler("v2", json!({"maxReplicas": 3, "nonsense": true}));
    let applied = world.apply_as(&session, &[object, world.config_map("a", json!({}))], Pass::Full).await?;
    assert_eq!(actions(&applied.changes), ["a created", "web configured"]);
    let live = world.live("autoscaling/v2/HorizontalPodAutoscaler", "web").await;
    assert_eq!(live["spec"]["maxReplicas"], 3);
    Ok(())
}
