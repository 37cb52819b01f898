use serde_json::{Value, json};
use testkit::{ApiFault, ApiRule};

use crate::charts::chart;
use crate::rig::{Rig, SOON};

/// Two variables, one of which goes, and a volume that changes its sort.
const WORKLOAD: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\n\
    spec:\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      labels: {app: web}\n    spec:\n\
    \x20     containers:\n      - name: web\n        image: example.com/web:{{ .Values.tag }}\n        env:\n\
    \x20       - {name: TAG, value: {{ .Values.tag | quote }}}\n{{- if eq .Values.tag \"one\" }}\n\
    \x20       - {name: GOES, value: x}\n{{- end }}\n      volumes:\n      - name: data\n{{- if eq .Values.tag \"one\" }}\n\
    \x20       emptyDir: {}\n{{- else }}\n        configMap: {name: data, optional: true}\n{{- end }}\n";

fn spec(tag: &str) -> Value {
    json!({
        "install": { "serverSideApply": false, "disableWait": true },
        "upgrade": { "serverSideApply": "disabled", "disableWait": true },
        "values": { "tag": tag },
    })
}

fn theirs(namespace: &str) -> Value {
    let containers = json!([
        { "name": "proxy", "image": "example.com/proxy:1" },
        { "name": "web", "env": [{ "name": "THEIRS", "value": "y" }] },
    ]);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "app", "namespace": namespace },
        "spec": { "template": { "spec": { "containers": containers } } },
    })
}

fn web(deployment: &Value) -> &Value {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array();
    let found = containers.and_then(|list| list.iter().find(|container| container["name"] == "web"));
    found.unwrap_or(&Value::Null)
}

fn names(list: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        list.as_array().into_iter().flatten().filter_map(|item| item["name"].as_str()).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn client_side_apply_leaves_to_others_what_they_put_into_lists() {
    let rig = Rig::start("clientside").await.unwrap();
    let files = [("values.yaml", "tag: one\n"), ("templates/workload.yaml", WORKLOAD)];
    rig.publish(&chart("1.0.0", &files)).await.unwrap();
    rig.apply("app", spec("one")).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    rig.cluster.apply(&theirs(rig.ns.name())).await.unwrap();

    rig.apply("app", spec("two")).await.unwrap();
    rig.says("app", "True", "app.v2").await.unwrap();
    let key = ("Deployment", rig.ns.name(), "app");
    let is_new = |object: &Value| web(object)["image"] == "example.com/web:two";
    let object = rig.cluster.wait(key, SOON, is_new).await.unwrap();
    let pod = &object["spec"]["template"]["spec"];
    assert_eq!(names(&pod["containers"]), ["proxy", "web"]);
    assert_eq!(names(&web(&object)["env"]), ["TAG", "THEIRS"]);
    let volume = &pod["volumes"][0];
    assert!(volume["emptyDir"].is_null() && volume["configMap"]["name"] == "data", "{volume}");
}

#[tokio::test]
async fn client_side_apply_leaves_unknown_fields_to_the_server() {
    let rig = Rig::start("unknown").await.unwrap();
    let odd = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd}\ndata: {tag: {{ .Values.tag }}}\nwrong: field\n";
    rig.publish(&chart("1.0.0", &[("values.yaml", "tag: one\n"), ("templates/odd.yaml", odd)]))
        .await
        .unwrap();
    rig.apply("app", spec("one")).await.unwrap();
    rig.ready("app", "True").await.unwrap();
    rig.apply("app", spec("two")).await.unwrap();
    rig.says("app", "True", "app.v2").await.unwrap();
    assert_eq!(rig.get("ConfigMap", "odd").await.unwrap()["data"]["tag"], "two");
}

/// A hook that is a Job, and an object.
const MIGRATION: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations: {helm.sh/hook: pre-install}\n\
    spec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: c, image: a}]\n";

#[tokio::test]
async fn what_was_made_and_whose_answer_was_lost_is_not_made_again_nor_missed() {
    let mut rig = Rig::start("lostanswer").await.unwrap();
    let files = [
        ("values.yaml", "tag: one\n"),
        ("templates/a.yaml", MIGRATION),
        ("templates/workload.yaml", WORKLOAD),
    ];
    rig.publish(&chart("1.0.0", &files)).await.unwrap();
    let lost = |part: &str| ApiRule::of(part, ApiFault::Half).verb("POST".parse().unwrap()).times(1);
    let parts = ["/secrets", "/jobs", "/deployments"];
    let proxy = rig.behind_a_proxy().await.unwrap();
    proxy.set(parts.map(lost));
    rig.apply("app", spec("one")).await.unwrap();
    let object = rig.says("app", "True", "Helm install succeeded").await.unwrap();
    assert!(object["status"]["failures"].is_null(), "{object}");
    assert_eq!(rig.storage().unwrap(), ["app.1: deployed"]);
    assert_eq!(rig.met(), 3, "an answer of each was lost");
}
