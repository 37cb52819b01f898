//! Features that reach further: list directives, patches of several documents, selectors, escaped paths.
use conformance::random::Dice;
use serde_json::{Value, json};

use crate::{
    layers::{Layer, merge_patch},
    objects::{NAMES, container, text},
    text::document,
};

const PODS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

fn named(object: &Value) -> Value {
    let mut metadata = json!({"name": object["metadata"]["name"]});
    if let Some(namespace) = object["metadata"].get("namespace") {
        metadata["namespace"] = namespace.clone();
    }
    json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": metadata})
}

/// Directives of strategic merge: order, kept keys, deletion from lists of scalars, replacement of maps.
pub(crate) fn directives(layer: &mut Layer, dice: &mut Dice) -> bool {
    let Some(object) = layer.of_kinds(&PODS, dice) else { return false };
    let mut patch = named(&object);
    let pod = match dice.below(7) {
        0 => json!({"$setElementOrder/containers": [{"name": "side"}, {"name": "main"}],
            "containers": [container("side", dice)]}),
        1 => {
            json!({"containers": [{"name": "main", "$setElementOrder/ports": [{"containerPort": 443}, {"containerPort": 80}],
            "ports": [{"containerPort": 443, "name": "tls"}]}]})
        }
        2 => json!({"volumes": [{"name": "c", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}]}),
        3 => {
            json!({"containers": [{"name": "main", "resources": {"$patch": "replace", "limits": {"cpu": "2"}}}]})
        }
        4 => json!({"containers": [{"name": "main", "resources": {"$patch": "delete"}, "args": ["only"]}]}),
        5 => {
            json!({"containers": [{"name": "main", "env": [{"name": "A", "$patch": "delete"}, {"name": "N", "value": text(dice)}]}]})
        }
        _ => {
            json!({"containers": [{"name": "main", "ports": [{"containerPort": 80, "protocol": "UDP"}], "envFrom": null}],
            "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a", "b"]}], "nodeSelector": {"a": null, "b": "x"}})
        }
    };
    patch["spec"] = json!({"template": {"spec": pod}});
    match dice.below(5) {
        0 => patch["metadata"]["finalizers"] = json!(["a/b"]),
        1 => patch["metadata"]["labels"] = json!({"$patch": "replace", "only": "x"}),
        2 => patch["spec"]["strategy"] = json!({"$retainKeys": ["type"], "type": "Recreate"}),
        _ => {}
    }
    let entry = json!({"patch": document(&patch, dice)});
    layer.append("patches", entry)
}

/// One file with patches of several objects.
pub(crate) fn several_documents(layer: &mut Layer, dice: &mut Dice) -> bool {
    let (Some(one), Some(two)) = (layer.of_kinds(&[], dice), layer.of_kinds(&[], dice)) else { return false };
    let texts = [merge_patch(&one, dice), merge_patch(&two, dice)].map(|patch| document(&patch, dice));
    let separator = *dice.pick(&["---\n", "---\n# between\n", "--- # c\n", "---\n---\n"]);
    let name = format!("several-{}-{}.yaml", layer.tag, layer.files.len());
    layer.files.push((name.clone(), texts.join(separator)));
    layer.append("patches", json!({"path": name}))
}

/// Patches that name their objects by patterns and selectors, and may rename them.
pub(crate) fn selectors(layer: &mut Layer, dice: &mut Dice) -> bool {
    let targets = [
        json!({"name": "(web|db)"}),
        json!({"kind": ".*Set", "labelSelector": "app notin (web)"}),
        json!({"labelSelector": "app,tier=one"}),
        json!({"annotationSelector": "note"}),
        json!({"kind": "Deployment", "labelSelector": "app!=web,!none"}),
        json!({"namespace": "default", "kind": "Deployment"}),
        json!({"group": "apps", "version": "v.*", "name": "[a-z]+"}),
        json!({"kind": "Config.*|Secret"}),
    ];
    let target = dice.pick(&targets).clone();
    let patch = if dice.chance(50) {
        let metadata = json!({"name": "any", "annotations": {"sel": text(dice), "n": null}});
        document(&json!({"apiVersion": "v1", "kind": "Any", "metadata": metadata}), dice)
    } else {
        json!([{"op": "add", "path": "/metadata/labels", "value": {"sel": "x"}},
            {"op": "test", "path": "/metadata/labels/sel", "value": "x"},
            {"op": "move", "from": "/metadata/labels/sel", "path": "/metadata/labels/a~1b"}])
        .to_string()
    };
    layer.append("patches", json!({"patch": patch, "target": target}))
}

/// Replacements of parts of lists, of keys with dots and slashes, between many objects.
pub(crate) fn wide_replacement(layer: &mut Layer, dice: &mut Dice) -> bool {
    let Some(source) = layer.of_kinds(&PODS, dice) else { return false };
    let from = *dice.pick(&[
        "metadata.name",
        "spec.template.spec.containers.[name=main].image",
        "spec.template.spec.containers.0.image",
        "spec.template.spec.containers.[name=main].env.[name=A].value",
        "spec.template.spec.containers.[name=main].ports.0.containerPort",
        "spec.replicas",
    ]);
    let to = *dice.pick(&[
        "metadata.annotations.[a.b/c]",
        "metadata.annotations.a\\.b/c",
        "spec.template.spec.containers.*.env.[name=A].value",
        "spec.template.spec.containers.[name=new].image",
        "spec.template.spec.initContainers.*.image",
        "spec.template.metadata.labels.from",
        "spec.own.deep.field",
    ]);
    let select = match dice.below(3) {
        0 => json!({"kind": "Deployment|StatefulSet"}),
        1 => json!({"group": "apps"}),
        _ => json!({"kind": source["kind"], "name": source["metadata"]["name"]}),
    };
    let mut target = json!({"select": select, "fieldPaths": [to]});
    if dice.chance(70) {
        target["options"] = json!({"create": true});
    }
    if dice.chance(30) {
        target["reject"] = json!([{"kind": "StatefulSet"}, {"name": *dice.pick(&NAMES)}]);
    }
    let source = json!({"kind": source["kind"], "name": source["metadata"]["name"], "fieldPath": from});
    layer.append("replacements", json!({"source": source, "targets": [target]}))
}

/// Images by digest, with ports, with prefixes of names.
pub(crate) fn odd_images(layer: &mut Layer, dice: &mut Dice) -> bool {
    let images = [
        json!({"name": "nginx", "newName": "r:5000/x/nginx", "newTag": "1", "digest": "sha256:a"}),
        json!({"name": "reg:5000/app", "newName": "app", "tagSuffix": "-s"}),
        json!({"name": "busybox", "digest": "sha256:0"}),
        json!({"name": "ngin.", "newTag": "no"}),
        json!({"name": "nginx", "newTag": "012"}),
        json!({"name": "nginx", "newTag": "1e3"}),
        json!({"name": "app", "newTag": "no"}),
    ];
    layer.append("images", dice.pick(&images).clone())
}

/// Selectors, templates and own fields of labels at once.
pub(crate) fn wide_labels(layer: &mut Layer, dice: &mut Dice) -> bool {
    let mut label = json!({"pairs": {"w": *dice.pick(&["x", "1", "true", ""]), "a.b/c": "d"}});
    match dice.below(3) {
        0 => label["includeSelectors"] = json!(true),
        1 => label["includeTemplates"] = json!(true),
        _ => {
            label["fields"] = json!([{"path": "spec/template/metadata/labels", "create": true, "group": "apps"},
                {"path": "metadata/labels", "create": false}]);
        }
    }
    layer.append("labels", label)
}

/// ConfigMaps of files and literals in odd forms.
pub(crate) fn odd_generators(layer: &mut Layer, dice: &mut Dice) -> bool {
    let field = *dice.pick(&["configMapGenerator", "secretGenerator"]);
    let literal = *dice.pick(&[
        "k='single'",
        "k=\"double\"",
        "k=a=b=c",
        "k= lead",
        "k=",
        "k=\u{85}x",
        "k='",
        "k=\"a'",
        "a.b-c_d=1",
        "k=line\nbreak",
    ]);
    let path = format!("odd-{}-{}.txt", layer.tag, layer.files.len());
    let content = *dice.pick(&[
        "",
        "one",
        "a\r\nb\r\n",
        " lead\n",
        "trail \n",
        "tab\t\n",
        "a\n\n\n",
        "\u{feff}bom",
        "x\u{85}y\n",
        "\n",
    ]);
    layer.files.push((path.clone(), content.to_owned()));
    let env = format!("odd-{}-{}.env", layer.tag, layer.files.len());
    let lines =
        *dice.pick(&["A=1\r\nB=2\r\n", "  C=3 \n#x\n", "\u{feff}D=4\n", "E='5'\nF=\"6\"\n", "G=a b # c\n"]);
    layer.files.push((env.clone(), lines.to_owned()));
    let entry = json!({"name": format!("odd-{}", layer.tag), "literals": [literal], "files": [path], "envs": [env],
        "options": {"immutable": dice.chance(30), "annotations": {"o": text(dice)}}});
    layer.append(field, entry)
}
