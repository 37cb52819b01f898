//! Releases of long ago: their manifests name versions that the API server serves no more.

use serde_json::json;

use crate::charts::{app, small};
use crate::forged::{store, stored};
use crate::rig::{RELEASE, Rig, SOON};

/// A release whose stored manifest names its Deployment by a version that is not served.
async fn of_long_ago(prefix: &str) -> Rig {
    let rig = Rig::start(prefix).await.unwrap();
    rig.publish(&app("1.0.0")).await.unwrap();
    rig.apply("app", json!({})).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    let (mut release, plan) = stored(&rig, 1).await;
    release.manifest = release.manifest.replace("apps/v1", "apps/v1beta1");
    store(&rig, &release, &plan).await;
    rig
}

#[tokio::test]
async fn an_object_of_a_version_that_is_not_served_any_more_goes_with_its_release() {
    let rig = of_long_ago("oldgone").await;
    rig.cluster.delete(RELEASE, rig.ns.name(), "app").await.unwrap();
    rig.cluster.wait_gone((RELEASE, rig.ns.name(), "app"), SOON).await.unwrap();
    assert!(!rig.exists("Deployment", "app").await.unwrap());
}

#[tokio::test]
async fn an_object_of_a_version_that_is_not_served_any_more_goes_when_the_chart_has_it_no_more() {
    let rig = of_long_ago("oldleft").await;
    rig.publish(&small("1.1.0")).await.unwrap();
    rig.says("app", "True", "app.v2").await.unwrap();
    assert!(!rig.exists("Deployment", "app").await.unwrap());
}
