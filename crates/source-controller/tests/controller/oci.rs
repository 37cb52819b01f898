use serde_json::{Value, json};
use testkit::{OciArtifact, Registry, RegistryOptions, Tls, condition};

use crate::rig::{Rig, SOON};

const APP: (&str, &str) = ("OCIRepository", "app");
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

fn files(text: &str) -> OciArtifact {
    OciArtifact::flux(&[("cm.yaml", text), ("a.png", "x"), ("docs/x.txt", "x")]).unwrap()
}

fn spec(registry: &Registry, more: Value) -> Value {
    let mut spec = json!({ "interval": "10m", "url": registry.url("team/app"), "insecure": true });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    spec
}

#[tokio::test]
async fn a_tag_becomes_an_artifact_with_the_manifests_annotations() {
    let (rig, registry) = (Rig::start("oci").await.unwrap(), Registry::start().await.unwrap());
    let pushed = files("a: 1\n")
        .annotated("org.opencontainers.image.source", "https://example.com/r.git")
        .annotated("org.opencontainers.image.revision", "main@sha1:1");
    let digest = registry.push("team/app", "v1", &pushed).await.unwrap();
    rig.source("OCIRepository", "app", spec(&registry, json!({ "ref": { "tag": "v1" } }))).await.unwrap();
    let object = rig.told(APP, "True", &format!("stored artifact for digest 'v1@{digest}'")).await.unwrap();
    let artifact = &object["status"]["artifact"];
    assert_eq!(artifact["revision"], format!("v1@{digest}"));
    assert_eq!(artifact["path"], format!("ocirepository/{}/app/{digest}.tar.gz", rig.ns.name()));
    assert_eq!(artifact["metadata"]["org.opencontainers.image.revision"], "main@sha1:1");
    let bytes = rig.served(&object).await.unwrap();
    let latest = object["status"]["url"].as_str().unwrap();
    assert!(latest.ends_with("/app/latest.tar.gz"), "{latest}");
    assert_eq!(reqwest::get(latest).await.unwrap().bytes().await.unwrap(), bytes);
    let event = rig.events.wait(SOON, |event| event["reason"] == "NewArtifact").await.unwrap();
    let url = registry.url("team/app");
    let expected = format!(
        "stored artifact with revision 'v1@{digest}' from '{url}', origin source 'https://example.com/r.git', \
         origin revision 'main@sha1:1'"
    );
    assert_eq!(event["message"], expected);
}

#[tokio::test]
async fn a_moved_tag_is_pulled_and_an_unmoved_one_is_not() {
    let (rig, registry) = (Rig::start("ocitag").await.unwrap(), Registry::start().await.unwrap());
    registry.push("team/app", "latest", &files("a: 1\n")).await.unwrap();
    rig.source("OCIRepository", "app", spec(&registry, json!({}))).await.unwrap();
    rig.told(APP, "True", "latest@").await.unwrap();
    let blobs = |registry: &Registry| {
        registry.requests().iter().filter(|r| r.starts_with("GET") && r.contains("/blobs/")).count()
    };
    let before = blobs(&registry);
    rig.request(APP).await.unwrap();
    assert_eq!(blobs(&registry), before);
    let second = registry.push("team/app", "latest", &files("a: 2\n")).await.unwrap();
    let object = rig.request(APP).await.unwrap();
    assert_eq!(object["status"]["artifact"]["revision"], format!("latest@{second}"));
    assert_eq!(blobs(&registry), before + 1);
}

#[tokio::test]
async fn a_range_follows_the_tags_and_a_filter_restricts_them() {
    let (rig, registry) = (Rig::start("ocisemver").await.unwrap(), Registry::start().await.unwrap());
    for tag in ["1.0.0", "1.1.0", "2.0.0-rc.1", "other"] {
        registry.push("team/app", tag, &files(tag)).await.unwrap();
    }
    rig.source("OCIRepository", "app", spec(&registry, json!({ "ref": { "semver": "1.x" } }))).await.unwrap();
    rig.told(APP, "True", "'1.1.0@").await.unwrap();
    let filtered = json!({ "ref": { "semver": ">=1.0.0-0", "semverFilter": ".*-rc.*" } });
    rig.source("OCIRepository", "app", spec(&registry, filtered)).await.unwrap();
    rig.told(APP, "True", "'2.0.0-rc.1@").await.unwrap();
    rig.source("OCIRepository", "app", spec(&registry, json!({ "ref": { "semver": "5.x" } }))).await.unwrap();
    let object = rig.told(APP, "False", "no match found for semver: 5.x").await.unwrap();
    assert_eq!(condition(&object, "FetchFailed").unwrap()["reason"], "ReadOperationFailed");
    assert!(object["status"]["artifact"].is_object(), "the last artifact is kept");
}

#[tokio::test]
async fn a_layer_is_chosen_by_its_media_type_and_copied_byte_for_byte() {
    let (rig, registry) = (Rig::start("ocilayer").await.unwrap(), Registry::start().await.unwrap());
    let chart = [("Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n")];
    let chart = chart.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
    let pushed = OciArtifact::chart(&chart).unwrap();
    registry.push("team/app", "1.0.0+build.5", &pushed).await.unwrap();
    let selected = |operation: &str, media_type: &str| json!({ "layerSelector": { "mediaType": media_type, "operation": operation }, "ref": { "semver": "1.x" } });
    rig.source("OCIRepository", "app", spec(&registry, selected("copy", CHART))).await.unwrap();
    let object = rig.told(APP, "True", "'1.0.0_build.5@").await.unwrap();
    assert_eq!(rig.served(&object).await.unwrap(), pushed.layers[0].1);
    rig.source("OCIRepository", "app", spec(&registry, selected("extract", CHART))).await.unwrap();
    let object = rig
        .see(APP, |object| object["status"]["observedLayerSelector"]["operation"] == "extract")
        .await
        .unwrap();
    assert_ne!(rig.served(&object).await.unwrap(), pushed.layers[0].1);
    let other = json!({ "layerSelector": { "mediaType": "x/y" }, "ref": { "tag": "1.0.0_build.5" } });
    rig.source("OCIRepository", "app", spec(&registry, other)).await.unwrap();
    rig.told(APP, "False", "failed to find layer with media type 'x/y' in artifact").await.unwrap();
}

#[tokio::test]
async fn a_private_registry_with_its_own_authority_is_reached_by_secrets_that_are_never_shown() {
    let (rig, tls) = (Rig::start("ociauth").await.unwrap(), Tls::create().unwrap());
    let options = RegistryOptions {
        basic: Some(("user", "hunter2-canary")),
        tls: Some(&tls),
        demand_certificate: true,
        ..Default::default()
    };
    let registry = Registry::start_with(options).await.unwrap();
    registry.push("team/app", "v1", &files("a: 1\n")).await.unwrap();
    let keys =
        json!({ "ca.crt": tls.authority, "tls.crt": tls.client_certificate, "tls.key": tls.client_key });
    rig.secret("tls", keys).await.unwrap();
    let mut asked = json!({
        "interval": "10m", "url": registry.url("team/app"), "ref": { "tag": "v1" },
        "certSecretRef": { "name": "tls" },
    });
    rig.source("OCIRepository", "app", asked.clone()).await.unwrap();
    rig.told(APP, "False", "UNAUTHORIZED").await.unwrap();
    let config =
        json!({ "auths": { registry.address(): { "username": "user", "password": "hunter2-canary" } } });
    let meta = json!({ "name": "pull", "namespace": rig.ns.name() });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/dockerconfigjson",
        "stringData": { ".dockerconfigjson": config.to_string() },
    });
    rig.cluster.apply(&secret).await.unwrap();
    asked["secretRef"] = json!({ "name": "pull" });
    rig.source("OCIRepository", "app", asked.clone()).await.unwrap();
    rig.told(APP, "True", "v1@").await.unwrap();
    // The same by the account's pull secrets.
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "puller", "namespace": rig.ns.name() },
        "imagePullSecrets": [{ "name": "pull" }],
    });
    rig.cluster.apply(&account).await.unwrap();
    asked.as_object_mut().unwrap().remove("secretRef");
    asked["serviceAccountName"] = json!("puller");
    rig.source("OCIRepository", "app", asked).await.unwrap();
    rig.told(APP, "True", "v1@").await.unwrap();
    assert!(!rig.controller().process().log().contains("hunter2-canary"));
    assert!(!format!("{:?}", rig.events.events()).contains("canary"));
}

#[tokio::test]
async fn what_is_not_built_yet_stalls_by_name() {
    let (rig, registry) = (Rig::start("ocilater").await.unwrap(), Registry::start().await.unwrap());
    for (more, field) in [
        (json!({ "verify": { "provider": "cosign" } }), "spec.verify is not supported"),
        (json!({ "provider": "aws" }), "spec.provider 'aws' is not supported"),
    ] {
        rig.source("OCIRepository", "app", spec(&registry, more)).await.unwrap();
        let object = rig.told(APP, "False", field).await.unwrap();
        assert_eq!(condition(&object, "Stalled").unwrap()["reason"], "UnsupportedFeature");
    }
    let bucket = json!({ "interval": "10m", "bucketName": "b", "endpoint": "e" });
    rig.source("Bucket", "b", bucket).await.unwrap();
    let object = rig.told(("Bucket", "b"), "False", "Buckets are not supported").await.unwrap();
    assert_eq!(condition(&object, "Stalled").unwrap()["reason"], "UnsupportedFeature");
}

#[tokio::test]
async fn a_deletion_removes_what_was_stored() {
    let (rig, registry) = (Rig::start("ocigone").await.unwrap(), Registry::start().await.unwrap());
    registry.push("team/app", "latest", &files("a: 1\n")).await.unwrap();
    rig.source("OCIRepository", "app", spec(&registry, json!({}))).await.unwrap();
    rig.told(APP, "True", "").await.unwrap();
    let folder = rig.controller().dir().join("storage/ocirepository").join(rig.ns.name()).join("app");
    assert!(folder.is_dir());
    rig.cluster.delete("OCIRepository", rig.ns.name(), "app").await.unwrap();
    rig.cluster.wait_gone(("OCIRepository", rig.ns.name(), "app"), SOON).await.unwrap();
    assert!(!folder.exists());
}
