//! Manifests, kustomizations, variables and expressions that no honest author writes.
use e2e::{World, stuck::shows};
use serde_json::{Value, json};

use crate::{
    BUILD,
    Outcome::{Harmless, Refused},
    Row, files, hold, page, with,
};

const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";

/// Each row's own object, where it is applied.
fn named(name: &str, more: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n{more}\n")
}

/// Every line doubles the one before.
fn alias_bomb() -> String {
    let mut text = String::from(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\na0: &a0 [x,x,x,x,x,x,x,x,x]\n",
    );
    for at in 1..40 {
        let before = format!("*a{}", at - 1);
        text.push_str(&format!("a{at}: &a{at} [{}]\n", [before.as_str(); 9].join(",")));
    }
    text
}

/// Row 19.
fn yaml() -> Vec<Row> {
    let anchor = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(150_000), ["*a"; 5000].join(","));
    let deep = format!("{OBJECT}data: {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        files("a19-aliases", &[("cm.yaml", &alias_bomb())], BUILD),
        files("a19-anchor", &[("cm.yaml", &(OBJECT.to_owned() + &anchor))], BUILD),
        files("a19-deep", &[("cm.yaml", &deep)], BUILD),
        files("a19-merge-loop", &[("cm.yaml", &format!("{OBJECT}data: &d {{<<: *d}}\n"))], BUILD),
        files("a19-binary", &[("cm.yaml", &format!("{OBJECT}data: {{x: !!binary '%%%'}}\n"))], BUILD),
    ]
}

/// Row 20.
fn kustomizations() -> Vec<Row> {
    let one = |name, text| files(name, &[("kustomization.yaml", text)], BUILD);
    let function = "apiVersion: v1\nkind: X\nmetadata: {name: x, annotations: {config.kubernetes.io/function: 'exec: {path: /bin/true}'}}";
    vec![
        one("a20-itself", "resources: [../app]"),
        files(
            "a20-circle",
            &[("kustomization.yaml", "resources: [b]"), ("b/kustomization.yaml", "resources: [..]")],
            BUILD,
        ),
        one("a20-outside", "resources: [../../../etc]"),
        one("a20-remote", "resources: ['https://nobody.example/x.yaml']"),
        one("a20-charts", "helmCharts: [{name: x, repo: 'https://nobody.example'}]"),
        one("a20-openapi", "openapi: {path: 'https://nobody.example/x'}"),
        files("a20-exec", &[("kustomization.yaml", "generators: [gen.yaml]"), ("gen.yaml", function)], BUILD),
    ]
}

/// Row 21.
fn patches() -> Vec<Row> {
    let patched = |name, object: &str, target: &str, patch: &str, outcome| {
        let text = format!(
            "resources: [cm.yaml]\npatches: [{{target: {{kind: ConfigMap{target}}}, patch: '{patch}'}}]"
        );
        files(name, &[("cm.yaml", object), ("kustomization.yaml", &text)], outcome)
    };
    let index = r#"[{"op": "add", "path": "/data/0/1000000000", "value": "x"}]"#;
    let remove = r#"[{"op": "remove", "path": "/data"}]"#;
    let long = named(&"a".repeat(60), "data: {}");
    vec![
        patched("a21-index", OBJECT, "", index, BUILD),
        patched("a21-regex", &long, ", name: \"(a+)+b\"", remove, Harmless),
    ]
}

const SCRIPT: &str = "for i in \"${list[@]}\"; do echo ${i%%.*} $((1+1)) $$ ${given}; done";

/// Row 22.
fn variables() -> Vec<Row> {
    let given = |name, text: &str, vars: Value, outcome| {
        with(files(name, &[("cm.yaml", text)], outcome), json!({ "postBuild": { "substitute": vars } }))
    };
    let one = |name, value: &str, outcome| {
        given(name, &named(name, &format!("data: {{x: '{value}'}}")), json!({ "given": "1" }), outcome)
    };
    let big = json!({ "big": "x".repeat(500_000), "given": "1" });
    let product = named("a22-product", &format!("data: {{x: '{}'}}", "${big}".repeat(20_000)));
    let own = json!({ "a": "${a}", "b": "${c}", "c": "${b}" });
    vec![
        one("a22-missing", "${absent}", BUILD),
        one("a22-nested", &"${a:-".repeat(5000), BUILD),
        one(
            "a22-default",
            &format!("${{absent:={}}}", "x".repeat(10 << 20)),
            Refused("ReconciliationFailed"),
        ),
        one("a22-script", "${list[@]}", BUILD),
        given("a22-product", &product, big, BUILD),
        given("a22-self", &named("a22-self", "data: {x: '${a}', y: '${b}'}"), own, Harmless),
        given("a22-opt-out", &opted_out(), json!({ "given": "1" }), Harmless),
        given("a22-definition", &definition(), json!({ "given": "1" }), Harmless),
    ]
}

/// A script that looks as if it were full of variables.
fn opted_out() -> String {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": { "x": SCRIPT },
        "metadata": { "name": "a22-opt-out", "annotations": { "kustomize.toolkit.fluxcd.io/substitute": "disabled" } },
    })
    .to_string()
}

/// The group of the definition: definitions belong to no namespace, so that two runs must not meet.
fn group() -> String {
    format!("run-{}.abuse.example", std::process::id())
}

/// A definition with text that looks like variables, as that of Kustomizations has.
fn definition() -> String {
    let schema = json!({ "type": "object", "description": SCRIPT });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {
            "name": format!("things.{}", group()),
            "annotations": { "kustomize.toolkit.fluxcd.io/substitute": "disabled" },
        },
        "spec": {
            "group": group(), "scope": "Namespaced", "names": { "kind": "Thing", "plural": "things" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }],
        },
    })
    .to_string()
}

/// Row 24.
fn expressions() -> Vec<Row> {
    let judged = |name, current: &str, reason| {
        let expression = json!({ "apiVersion": "v1", "kind": "ConfigMap", "current": current });
        let spec = json!({ "wait": true, "timeout": "3s", "healthCheckExprs": [expression] });
        with(files(name, &[("cm.yaml", &named(name, ""))], Refused(reason)), spec)
    };
    vec![
        judged("a24-syntax", "data.x ==", "InvalidCELExpression"),
        judged("a24-cost", &quadratic(), "HealthCheckFailed"),
        judged("a24-strings", &doubling(16), "HealthCheckFailed"),
        judged("a24-deep", &"(".repeat(10_000), "InvalidCELExpression"),
        judged(
            "a24-pattern",
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('(a*)*{1000}{1000}{1000}b')",
            "HealthCheckFailed",
        ),
        judged("a24-type", "metadata.name + 1 == 2", "HealthCheckFailed"),
        judged("a24-missing-field", "status.nothing == 1", "HealthCheckFailed"),
    ]
}

/// Ten to the sixth of steps over lists.
fn quadratic() -> String {
    let list = format!("[{}]", vec!["1"; 100].join(","));
    format!("{list}.all(a, {list}.all(b, {list}.all(c, {list}.all(d, a == b && c == d || true))))")
}

/// Eight kilobytes that double so often: 16 times are half a gigabyte. Deeper nesting is refused as such.
fn doubling(times: usize) -> String {
    let doubled =
        (0..times).fold(format!("'{}'", "x".repeat(8 << 10)), |text, _| format!("[{text}].map(s, s + s)[0]"));
    format!("size({doubled}) > 0")
}

/// Rows 26, 27 and 38.
fn objects() -> Vec<Row> {
    let annotated = |name, annotations: Value| {
        let metadata = json!({ "name": name, "annotations": annotations });
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }).to_string()
    };
    let odd = json!({
        "kustomize.toolkit.fluxcd.io/ssa": "%s%n\u{2028}", "kustomize.toolkit.fluxcd.io/prune": "\u{feff}",
        "kustomize.toolkit.fluxcd.io/force": "[]", "kustomize.toolkit.fluxcd.io/reconcile": "{",
        "kustomize.toolkit.fluxcd.io/substitute": "\n", "kustomize.toolkit.fluxcd.io/ssa-ignore": "/\u{0}",
    });
    let large = annotated("x", json!({ "large": "x".repeat(1 << 20) }));
    vec![
        with(
            files("a26-interval", &[("cm.yaml", &named("a26", ""))], Harmless),
            json!({ "interval": "9999999999h" }),
        ),
        files("a27-large", &[("cm.yaml", &large)], Refused("ReconciliationFailed")),
        files("a27-malformed", &[("cm.yaml", &annotated("a27-malformed", odd))], Harmless),
        with(
            files("a38-self", &[("cm.yaml", OBJECT)], Refused("DependencyNotReady")),
            json!({ "dependsOn": [{ "name": "a38-self" }] }),
        ),
    ]
}

#[tokio::test]
async fn manifests_and_expressions_of_an_enemy_end_in_a_condition() {
    let rows = [yaml(), kustomizations(), patches(), variables(), expressions(), objects()];
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let (world, told) = hold(&rows, "manifests").await;
    for (name, data) in [
        ("a22-self", json!({ "x": "${a}", "y": "${c}" })),
        ("a22-opt-out", json!({ "x": SCRIPT })),
        ("a27-malformed", Value::Null),
    ] {
        assert_eq!(world.get("ConfigMap", name).await.unwrap()["data"], data, "{name}");
    }
    shows(&world, "kustomization", "a22-missing", &["ConfigMap", "\"absent\"", "in app/cm.yaml"])
        .await
        .unwrap();
    definition_is_as_it_was_written(&world).await;
    page::keep("manifests", &told);
}

async fn definition_is_as_it_was_written(world: &World) {
    const KIND: &str = "apiextensions.k8s.io/v1/CustomResourceDefinition";
    let name = format!("things.{}", group());
    let live = world.cluster.get(KIND, "", &name).await.unwrap();
    let schema = &live["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    assert_eq!(schema["description"], SCRIPT);
    world.cluster.delete(KIND, "", &name).await.unwrap();
}
