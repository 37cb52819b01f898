//! Random kustomizations, built by the reference tool and by us: the outputs must be equal.
//!
//! The tool is found through `KUSTOMIZE_BIN` or in the cache folder; without it, the test says so and compares
//! nothing, unless `CONFORMANCE_REQUIRE_TOOLS` is set.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the engine is pure; this test runs the tool it is compared with"
)]

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use kustomize::{BuildOptions, MemoryTree, build};
use proptest::{
    prelude::{Just, Strategy, any, prop, prop_oneof},
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

const VERSION: &str = "5.8.1";
/// Builds compared; each takes the reference tool some tenths of a second.
const BUILDS: usize = 12;

fn tool() -> Option<PathBuf> {
    if let Some(path) = env::var_os("KUSTOMIZE_BIN") {
        return Some(path.into());
    }
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?;
    let path = cache.join(format!("sluice/tools/kustomize-v{VERSION}/kustomize"));
    path.is_file().then_some(path)
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "web", "api-1", "x.y"])
}

fn text() -> impl Strategy<Value = &'static str> {
    let texts = vec![
        "x",
        "1",
        "true",
        "yes",
        "a: b",
        "",
        "2001-01-01",
        "0x1f",
        "two\nlines\n",
        "é",
        "tab\tx",
        "- a",
        " lead",
        "😀",
        "a text that goes on and on so that it has to be folded by the printer after column eighty",
    ];
    prop::sample::select(texts)
}

fn container(name: &'static str) -> impl Strategy<Value = Value> {
    let images = prop::sample::select(vec!["nginx", "nginx:1", "reg:5000/app:2"]);
    (images, text(), any::<bool>(), prop::sample::subsequence(vec![80, 443, 8080], 0..3)).prop_map(
        move |(image, value, from_generated, ports)| {
            let mut container = json!({"name": name, "image": image, "env": [{"name": "A", "value": value}]});
            if from_generated {
                container["envFrom"] =
                    json!([{"configMapRef": {"name": "gen"}}, {"secretRef": {"name": "web"}}]);
            }
            if !ports.is_empty() {
                container["ports"] = ports.into_iter().map(|port| json!({"containerPort": port})).collect();
            }
            container
        },
    )
}

fn spec(kind: &'static str) -> impl Strategy<Value = Value> {
    (container("main"), container("side"), any::<bool>()).prop_map(move |(main, side, both)| {
        let containers = if both { json!([main, side]) } else { json!([main]) };
        let template = json!({"spec": {"containers": containers, "serviceAccountName": "web"}});
        match kind {
            "Deployment" => json!({"template": template, "replicas": 1}),
            "CronJob" => json!({"jobTemplate": {"spec": {"template": template}}}),
            _ => json!({"containers": containers, "list": [1, null, {"a": side}]}),
        }
    })
}

fn object() -> impl Strategy<Value = Value> {
    let kinds = prop_oneof![
        Just(("apps/v1", "Deployment")),
        Just(("batch/v1", "CronJob")),
        Just(("example.com/v1", "Thing")),
        Just(("v1", "ConfigMap")),
        Just(("v1", "ServiceAccount")),
        Just(("v1", "Secret")),
    ];
    (kinds, name(), text(), text()).prop_flat_map(|((api_version, kind), name, label, data)| {
        spec(kind).prop_map(move |spec| {
            let metadata = json!({"name": name, "annotations": {"n": label}});
            let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata});
            match kind {
                "ConfigMap" | "Secret" => object["data"] = json!({"k": data, "yes": "no"}),
                "ServiceAccount" => {}
                _ => object["spec"] = spec,
            }
            object
        })
    })
}

fn kustomization(resources: Value) -> impl Strategy<Value = Value> {
    let maybe = || any::<bool>();
    (maybe(), maybe(), maybe(), maybe(), maybe(), text(), container("side")).prop_map(
        move |(prefix, namespace, labels, images, patch, literal, side)| {
            let mut file = json!({"resources": resources});
            let mut set = |wanted: bool, field: &str, value: Value| {
                if wanted {
                    file[field] = value;
                }
            };
            set(prefix, "namePrefix", json!("p-"));
            set(namespace, "namespace", json!("ns"));
            set(labels, "labels", json!([{"pairs": {"l": literal}, "includeSelectors": true}]));
            set(images, "images", json!([{"name": "nginx", "newTag": "9"}]));
            set(
                !prefix,
                "configMapGenerator",
                json!([{"name": "gen", "literals": [format!("a={literal}")]}]),
            );
            let change = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "any"},
                "spec": {"replicas": null, "template": {"spec": {"containers": [side]}}}});
            let target = json!({"kind": "Deployment"});
            set(patch, "patches", json!([{"patch": change.to_string(), "target": target}]));
            file
        },
    )
}

fn project() -> impl Strategy<Value = Vec<(String, String)>> {
    let objects = prop::collection::vec(object(), 1..6);
    (objects, kustomization(json!(["r.yaml"])), kustomization(json!(["../base"]))).prop_map(
        |(objects, base, mut overlay)| {
            if let Some(list) = overlay.get_mut("configMapGenerator") {
                list[0]["name"] = json!("gen2");
            }
            let mut seen = std::collections::BTreeSet::new();
            let id = |object: &Value| format!("{}{}", object["kind"], object["metadata"]["name"]);
            let kept: Vec<_> =
                objects.iter().filter(|object| seen.insert(id(object))).map(Value::to_string).collect();
            vec![
                ("base/r.yaml".into(), kept.join("\n---\n")),
                ("base/kustomization.yaml".into(), base.to_string()),
                ("overlay/kustomization.yaml".into(), overlay.to_string()),
            ]
        },
    )
}

fn reference(tool: &Path, dir: &Path, files: &[(String, String)]) -> Option<String> {
    for (path, text) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("every path has a folder"))
            .expect("temporary folder is writable");
        fs::write(path, text).expect("temporary folder is writable");
    }
    let output = Command::new(tool).args(["build", "--reorder", "none"]).arg(dir.join("overlay")).output();
    let output = output.expect("the tool can be started");
    output.status.success().then(|| String::from_utf8(output.stdout).expect("the tool prints UTF-8"))
}

#[test]
fn random_builds_equal_those_of_the_reference_tool() {
    let Some(tool) = tool() else {
        assert!(env::var_os("CONFORMANCE_REQUIRE_TOOLS").is_none(), "kustomize {VERSION} is not there");
        let mut out = std::io::stderr().lock();
        writeln!(out, "NOT RUN: kustomize {VERSION} is not there; nothing compared").expect("stderr is open");
        return;
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for number in 0..BUILDS {
        let files = project().new_tree(&mut runner).expect("strategies do not reject").current();
        let dir = tempfile::tempdir().expect("temporary folder can be made");
        let theirs = reference(&tool, dir.path(), &files);
        let tree: MemoryTree = files.iter().map(|(path, text)| (path.clone(), text.clone())).collect();
        let ours = build(&tree, "overlay", &BuildOptions::default()).map(|built| built.to_yaml());
        match (theirs, ours) {
            (Some(theirs), Ok(ours)) => assert_eq!(ours, theirs, "build {number}: {files:#?}"),
            (None, Err(_)) => {}
            (theirs, ours) => panic!("build {number}: {theirs:?} but {ours:?}: {files:#?}"),
        }
    }
}
