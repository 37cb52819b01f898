//! Release Secrets that somebody wrote who may write Secrets, and nothing else: the controller makes nothing of what
//! they hold.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helm_release::{Release, ReleaseHook, Status, secret_name};
use serde_json::{Value, json};

use crate::charts::{app, small};
use crate::rig::{RELEASE, Rig, SOON};

/// What the controller may apply, and that somebody may not.
const FOREIGN: &str = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: foreign\n";

/// A release as its Secret has it, and the plan on it.
pub(crate) async fn stored(rig: &Rig, version: i64) -> (Release, Value) {
    let secret = rig.get("Secret", &secret_name("app", version)).await.unwrap();
    let bytes = STANDARD.decode(secret["data"]["release"].as_str().unwrap()).unwrap();
    let release = helm_release::decode(&bytes, &BTreeMap::new()).unwrap();
    let plan = secret["metadata"]["annotations"]["helm.sluice.dev/plan"].as_str().unwrap();
    (release, serde_json::from_str(plan).unwrap())
}

/// Stores a release that has one more object and a hook, to be gone on with from the beginning.
async fn forge(rig: &Rig, mut release: Release, mut plan: Value) {
    release.manifest.push_str(FOREIGN);
    release.hooks.push(ReleaseHook {
        name: "foreign-hook".into(),
        kind: "ConfigMap".into(),
        manifest: FOREIGN.replace("foreign", "foreign-hook"),
        events: ["pre-install", "pre-upgrade", "pre-rollback", "pre-delete"].map(str::to_owned).into(),
        ..ReleaseHook::default()
    });
    plan["phase"] = "before".into();
    plan["deadline"] = i64::MAX.into();
    store(rig, &release, &plan).await;
}

/// Writes the Secret of a release.
pub(crate) async fn store(rig: &Rig, release: &Release, plan: &Value) {
    rig.cluster
        .apply(&json!({
            "apiVersion": "v1", "kind": "Secret", "type": helm_release::SECRET_TYPE,
            "metadata": {
                "name": secret_name("app", release.version), "namespace": rig.ns.name(),
                "labels": helm_release::secret_labels(release),
                "annotations": { "helm.sluice.dev/plan": plan.to_string() },
            },
            "data": { "release": STANDARD.encode(helm_release::encode(release).unwrap()) },
        }))
        .await
        .unwrap();
}

async fn assert_nothing_foreign(rig: &Rig) {
    for name in ["foreign", "foreign-hook"] {
        assert!(!rig.exists("ConfigMap", name).await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_release_that_somebody_else_wrote_meanwhile_is_not_gone_on_with_after_a_kill() {
    let mut rig = Rig::start("forgedkill").await.unwrap();
    rig.publish(&app("1.0.0")).await.unwrap();
    rig.apply("app", json!({ "timeout": "8s", "values": { "never": true } })).await.unwrap();
    let key = ("Deployment", rig.ns.name(), "app");
    rig.cluster.wait(key, SOON, |object| !object["metadata"]["uid"].is_null()).await.unwrap();
    rig.kill();
    let (release, plan) = stored(&rig, 1).await;
    forge(&rig, release, plan).await;
    rig.restart().await.unwrap();
    let object = rig.when("app", |object| object["status"]["history"][0]["version"] == 2).await.unwrap();
    assert!(testkit::condition(&object, "Acting").is_none(), "{object}");
    assert_nothing_foreign(&rig).await;
    rig.event("Unlocked Helm release").await.unwrap();
}

#[tokio::test]
async fn an_action_that_nobody_began_is_not_gone_on_with() {
    let rig = Rig::start("forgednew").await.unwrap();
    rig.publish(&small("1.0.0")).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    let object = rig.ready("app", "True").await.unwrap();
    assert!(testkit::condition(&object, "Acting").is_none(), "{object}");
    let before = rig.get("ConfigMap", "app-cfg").await.unwrap();
    let forgeries = [
        ("upgrade", Status::PendingUpgrade),
        ("rollback", Status::PendingRollback),
        ("uninstall", Status::Uninstalling),
    ];
    for (version, (doing, status)) in (2_i64..).step_by(2).zip(forgeries) {
        let (mut release, mut plan) = stored(&rig, version - 1).await;
        plan["doing"] = doing.into();
        plan["original"] = (version - 1).into();
        release.version = version;
        release.info.status = Some(status);
        forge(&rig, release, plan).await;
        let ask = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": doing } } });
        rig.cluster.patch(RELEASE, rig.ns.name(), "app", ask).await.unwrap();
        rig.when("app", |object| object["status"]["lastHandledReconcileAt"] == doing).await.unwrap();
        rig.says("app", "True", &format!("app.v{}", version + 1)).await.unwrap();
        assert_nothing_foreign(&rig).await;
    }
    let config = rig.get("ConfigMap", "app-cfg").await.unwrap();
    assert_eq!(config["metadata"]["uid"], before["metadata"]["uid"], "nothing was uninstalled");
}
