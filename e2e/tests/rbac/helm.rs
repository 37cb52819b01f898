//! helm-controller in the locked-down profile: what it releases, it releases as the tenant.
use std::collections::BTreeMap;

use e2e::{SOON, yaml_list};
use serde_json::{Value, json};
use testkit::{StaticServer, chart_archive};

use crate::{
    applier::{one_of_each, sha256, tenant, values, written},
    install::{Installed, object},
};

const HELM: &str = "helm.toolkit.fluxcd.io/v2";
const RELEASE: &str = "helm.toolkit.fluxcd.io/v2/HelmRelease";
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";

/// A chart with a ConfigMap, and with one of each kind that the controller may watch for drift when asked for.
fn chart() -> Vec<u8> {
    let all = format!("{{{{ if .Values.all }}}}\n{}{{{{ end }}}}\n", yaml_list(&one_of_each()));
    let files = [
        ("templates/all.yaml", all.as_str()),
        ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        (
            "templates/settings.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  v: {{ .Values.v }}\n",
        ),
    ];
    let files: BTreeMap<String, String> = files.map(|(path, text)| (path.to_owned(), text.to_owned())).into();
    chart_archive(&files).unwrap()
}

/// The status of a source as a source-controller would write it.
async fn publish(world: &Installed, server: &StaticServer, kind: &str, name: &str) {
    let bytes = chart();
    let (size, sum) = (bytes.len(), sha256(&bytes));
    let revision =
        if kind.ends_with("OCIRepository") { format!("1.0.0@sha256:{sum}") } else { "1.0.0".to_owned() };
    let url = server.put(&format!("/{name}/web-1.0.0.tgz"), bytes);
    let artifact = json!({ "revision": revision, "digest": format!("sha256:{sum}"), "url": url, "path": "a", "size": size,
        "lastUpdateTime": "2026-01-01T00:00:00Z" });
    let ready = json!({ "type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z" });
    let status = json!({ "observedGeneration": 1, "artifact": artifact, "conditions": [ready] });
    world.cluster.patch_status(kind, "tenant", name, status).await.unwrap();
}

fn releases() -> [Value; 2] {
    let values = json!([{ "kind": "ConfigMap", "name": "values" }, { "kind": "Secret", "name": "values" }]);
    let template = json!({ "spec": { "chart": "web", "version": "1.0.0",
        "sourceRef": { "kind": "HelmRepository", "name": "charts" } } });
    [
        object(
            "tenant",
            HELM,
            "HelmRelease",
            "templated",
            json!({ "interval": "10m", "chart": template, "valuesFrom": values }),
        ),
        object(
            "tenant",
            HELM,
            "HelmRelease",
            "referred",
            json!({ "interval": "10m", "chartRef": { "kind": "OCIRepository", "name": "web" },
                "values": { "all": true }, "driftDetection": { "mode": "enabled" } }),
        ),
    ]
}

/// What the watch does not show is asked for.
async fn missing_charts(world: &Installed) {
    for kind in ["OCIRepository", "HelmChart", "ExternalArtifact"] {
        let name = format!("without-{}", kind.to_lowercase());
        let spec = json!({ "interval": "10m", "chartRef": { "kind": kind, "name": "missing" } });
        world.cluster.apply(&object("tenant", HELM, "HelmRelease", &name, spec)).await.unwrap();
        world.cluster.wait_ready((RELEASE, "tenant", &name), "False", SOON).await.unwrap();
    }
}

#[tokio::test]
async fn the_locked_down_releaser_uses_every_right_it_holds_and_writes_workloads_as_the_tenant() {
    let parts = ["namespace", "crd", "helm-controller"];
    let world = Installed::new(&parts, &["tenancy/locked-down"]).await.unwrap();
    tenant(&world).await;
    values(&world, "values.yaml", "v: one\n").await;
    let controller = world.run("helm-controller", &["--feature-gates=ExternalArtifact=true"]).await.unwrap();
    let server = StaticServer::start().unwrap();
    let oci = json!({ "interval": "10m", "url": "oci://nobody.example/web" });
    world.cluster.apply(&object("tenant", SOURCE, "OCIRepository", "web", oci)).await.unwrap();
    publish(&world, &server, "source.toolkit.fluxcd.io/v1/OCIRepository", "web").await;
    let releases = releases();
    for release in &releases {
        world.cluster.apply(release).await.unwrap();
    }
    world
        .cluster
        .wait(("source.toolkit.fluxcd.io/v1/HelmChart", "tenant", "tenant-templated"), SOON, |_| true)
        .await
        .unwrap();
    publish(&world, &server, "source.toolkit.fluxcd.io/v1/HelmChart", "tenant-templated").await;
    for name in ["templated", "referred"] {
        world.cluster.wait_ready((RELEASE, "tenant", name), "True", SOON).await.unwrap();
        world.cluster.get("ConfigMap", "tenant", name).await.unwrap();
    }
    missing_charts(&world).await;
    world.used_all("helm-controller", "ClusterRole sluice-impersonator").await.unwrap();
    for name in ["templated", "referred"] {
        world.cluster.delete(RELEASE, "tenant", name).await.unwrap();
        world.cluster.wait_gone((RELEASE, "tenant", name), SOON).await.unwrap();
    }
    world.conflict("helm-controller", &releases[1], "helmreleases").await.unwrap();
    world.end(&controller).await.unwrap();
    let requests = world.requests("helm-controller").unwrap();
    let (as_tenant, otherwise) = written(&requests);
    assert!(otherwise.is_empty(), "not as the tenant: {otherwise:#?}");
    assert!(as_tenant.len() >= 4, "objects and release records: {as_tenant:#?}");
    world.judge("helm-controller").await.unwrap();
}
