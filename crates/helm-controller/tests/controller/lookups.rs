//! What templates may take from the cluster: all releases share the controller's memory.

use serde_json::json;

use crate::charts::chart;
use crate::rig::Rig;

/// Keeps what 900 lookups answer.
const GREEDY: &str = "{{- $all := list }}{{- range until 900 }}\
    {{- $found := lookup \"v1\" \"ConfigMap\" $.Release.Namespace $.Values.name }}\
    {{- $all = append $all (ternary $found (len $found) $.Values.keep) }}{{- end }}\n\
    apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  found: {{ len $all | quote }}\n";

#[tokio::test]
async fn a_template_that_keeps_more_of_the_cluster_than_one_may_ends_in_a_condition() {
    let rig = Rig::start("greedy").await.unwrap();
    let big = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "big", "namespace": rig.ns.name() } });
    rig.cluster.apply(&big).await.unwrap();
    rig.publish(&chart(
        "1.0.0",
        &[("values.yaml", "name: big\nkeep: true\n"), ("templates/cm.yaml", GREEDY)],
    ))
    .await
    .unwrap();
    rig.apply("small", json!({})).await.unwrap();
    rig.ready("small", "True").await.unwrap();
    assert_eq!(rig.get("ConfigMap", "small").await.unwrap()["data"]["found"], "900");

    let data = json!({ "data": { "text": "x".repeat(1_000_000) } });
    rig.cluster.patch("ConfigMap", rig.ns.name(), "big", data).await.unwrap();
    let (asked, kept) = ("bytes that are left for it", "bytes at once");
    for (release, name, keep, words) in
        [("one", "big", false, asked), ("all", "", false, asked), ("kept", "big", true, kept)]
    {
        rig.apply(release, json!({ "values": { "name": name, "keep": keep } })).await.unwrap();
        rig.says(release, "False", words).await.unwrap();
        assert!(!rig.exists("ConfigMap", release).await.unwrap());
    }
}
