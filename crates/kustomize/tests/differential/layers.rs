//! Kustomizations: each layer uses some of the features below, on objects that are there.

use conformance::random::Dice;
use serde_json::{Map, Value, json};

use crate::{
    objects::{NAMES, container, text},
    text::document,
    wider,
};

/// One directory with a kustomization.
pub(crate) struct Layer {
    pub(crate) fields: Map<String, Value>,
    /// Paths below the directory, with their content.
    pub(crate) files: Vec<(String, String)>,
    /// Objects that are there when its transformers run, as they were loaded.
    pub(crate) objects: Vec<Value>,
    /// ConfigMaps and Secrets that layers below generate.
    pub(crate) generated: Vec<(&'static str, String)>,
    pub(crate) used: Vec<&'static str>,
    /// Makes names of this layer's own things unlike those of others.
    pub(crate) tag: String,
}

type Feature = fn(&mut Layer, &mut Dice) -> bool;

/// What a kustomization can do. A feature answers false where there is nothing for it to do.
pub(crate) const FEATURES: [(&str, Feature); 50] = [
    ("directives", wider::directives),
    ("patches: several documents", wider::several_documents),
    ("patches: selectors", wider::selectors),
    ("replacements: wide", wider::wide_replacement),
    ("images: odd", wider::odd_images),
    ("labels: wide", wider::wide_labels),
    ("generators: odd", wider::odd_generators),
    ("namePrefix", |layer, dice| layer.set("namePrefix", json!(*dice.pick(&["p-", "1", "a.b-"])))),
    ("nameSuffix", |layer, dice| layer.set("nameSuffix", json!(*dice.pick(&["-s", "-2"])))),
    ("namespace", |layer, dice| layer.set("namespace", json!(*dice.pick(&["ns", "prod", "default"])))),
    ("commonLabels", |layer, dice| {
        let labels = json!({"team": *dice.pick(&NAMES), "ver": "1"});
        layer.set("commonLabels", labels)
    }),
    ("labels", |layer, dice| layer.label(json!({"pairs": {"plain": *dice.pick(&NAMES)}}))),
    ("labels: selectors", |layer, _| layer.label(json!({"pairs": {"sel": "x"}, "includeSelectors": true}))),
    ("labels: templates", |layer, _| layer.label(json!({"pairs": {"tpl": "x"}, "includeTemplates": true}))),
    ("labels: fields", |layer, _| {
        let fields = json!([{"path": "spec/own/labels", "kind": "Thing", "create": true}]);
        layer.label(json!({"pairs": {"f": "x"}, "fields": fields}))
    }),
    ("commonAnnotations", |layer, dice| layer.set("commonAnnotations", json!({"an": text(dice)}))),
    ("images", images),
    ("replicas", replicas),
    ("patches: merge", |layer, dice| layer.patch_by_name(dice, false)),
    ("patches: file", |layer, dice| layer.patch_by_name(dice, true)),
    ("patches: target", patch_of_target),
    ("patches: json", json_patch),
    ("patches: delete", delete_patch),
    ("patchesStrategicMerge", strategic_merge),
    ("patchesJson6902", json6902),
    ("replacements", replacement),
    ("replacements: options", replacement_with_options),
    ("vars", vars),
    ("configMapGenerator", |layer, dice| layer.generate("configMapGenerator", dice)),
    ("secretGenerator", |layer, dice| layer.generate("secretGenerator", dice)),
    ("generators: behavior", behavior),
    ("generatorOptions", |layer, dice| {
        let options = json!({"labels": {"gl": "x"}, "annotations": {"ga": text(dice)},
            "disableNameSuffixHash": dice.chance(40), "immutable": dice.chance(30)});
        layer.set("generatorOptions", options)
    }),
    ("configurations", configurations),
    ("crds", crds),
    ("openapi", openapi),
    ("sortOptions", |layer, dice| {
        let legacy = json!({"order": "legacy"});
        let own = json!({"order": "legacy", "legacySortOptions": {"orderFirst": ["Secret", "Deployment"],
            "orderLast": ["Namespace"]}});
        layer.set("sortOptions", dice.pick(&[json!({"order": "fifo"}), legacy, own]).clone())
    }),
    ("buildMetadata", |layer, dice| {
        let all = ["managedByLabel", "originAnnotations", "transformerAnnotations"];
        let wanted: Vec<_> = all.into_iter().filter(|_| dice.chance(50)).collect();
        layer.set("buildMetadata", json!(wanted))
    }),
    ("AnnotationsTransformer", |layer, dice| {
        let fields = json!({"annotations": {"at": text(dice)},
            "fieldSpecs": [{"path": "metadata/annotations", "create": true}]});
        layer.transformer("AnnotationsTransformer", fields, dice)
    }),
    ("LabelTransformer", |layer, dice| {
        let fields = json!({"labels": {"lt": "x"}, "fieldSpecs": [{"path": "metadata/labels", "create": true},
            {"path": "spec/selector/matchLabels", "kind": "Deployment"}]});
        layer.transformer("LabelTransformer", fields, dice)
    }),
    ("NamespaceTransformer", namespace_transformer),
    ("PrefixTransformer", |layer, dice| {
        let fields = json!({"prefix": "pt-", "fieldSpecs": [{"path": "metadata/name"}]});
        layer.transformer("PrefixTransformer", fields, dice)
    }),
    ("PrefixSuffixTransformer", |layer, dice| {
        let fields = json!({"prefix": "ps-", "suffix": "-ps",
            "fieldSpecs": [{"path": "metadata/name", "kind": "Service"}]});
        layer.transformer("PrefixSuffixTransformer", fields, dice)
    }),
    ("ImageTagTransformer", |layer, dice| {
        let image = json!({"name": "nginx", "newTag": "it"});
        let specs = json!([{"path": "spec/template/spec/containers[]/image", "create": dice.chance(20)}]);
        layer.transformer("ImageTagTransformer", json!({"imageTag": image, "fieldSpecs": specs}), dice)
    }),
    ("ReplicaCountTransformer", |layer, dice| {
        let Some(name) = layer.scalable(dice) else { return false };
        let specs = json!([{"path": "spec/replicas", "create": true, "kind": "Deployment"},
            {"path": "spec/replicas", "create": true, "kind": "StatefulSet"}]);
        let fields = json!({"replica": {"name": name, "count": 7}, "fieldSpecs": specs});
        layer.transformer("ReplicaCountTransformer", fields, dice)
    }),
    ("PatchTransformer", |layer, dice| {
        let patch = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "any"},
            "spec": {"paused": true}});
        let fields = json!({"patch": patch.to_string(), "target": {"kind": "Deployment"}});
        layer.transformer("PatchTransformer", fields, dice)
    }),
    ("ReplacementTransformer", |layer, dice| {
        let Some(entry) = layer.replacement(dice, &Value::Null) else { return false };
        layer.transformer("ReplacementTransformer", json!({"replacements": [entry]}), dice)
    }),
    ("ValueAddTransformer", |layer, dice| {
        let fields = json!({"value": "added", "targets": [{"fieldPath": "metadata/annotations/va"}]});
        layer.transformer("ValueAddTransformer", fields, dice)
    }),
    ("HashTransformer", |layer, dice| layer.transformer("HashTransformer", json!({}), dice)),
    ("generators as files", generator_file),
    ("validators", |layer, dice| {
        let fields = json!({"labels": {"none": "x"}, "fieldSpecs": [{"path": "spec/nowhere/labels"}]});
        layer.plugin("validators", "LabelTransformer", fields, dice)
    }),
];

impl Layer {
    pub(crate) fn new(tag: &str, objects: Vec<Value>, generated: Vec<(&'static str, String)>) -> Self {
        let (fields, files, used) = (Map::new(), Vec::new(), Vec::new());
        Self { fields, files, objects, generated, used, tag: tag.to_owned() }
    }

    /// Uses some features, none twice.
    pub(crate) fn decorate(&mut self, count: usize, dice: &mut Dice) {
        for _ in 0..count {
            let (name, feature) = dice.pick(&FEATURES);
            if !self.used.contains(name) && feature(self, dice) {
                self.used.push(name);
            }
        }
    }

    /// Uses one of the named features.
    pub(crate) fn decorate_with(&mut self, names: &[&str], dice: &mut Dice) {
        let wanted = *dice.pick(names);
        if let Some((name, feature)) = FEATURES.iter().find(|(name, _)| *name == wanted)
            && feature(self, dice)
        {
            self.used.push(name);
        }
    }

    fn set(&mut self, field: &str, value: Value) -> bool {
        self.fields.insert(field.to_owned(), value);
        true
    }

    pub(crate) fn append(&mut self, field: &str, value: Value) -> bool {
        let list = self.fields.entry(field.to_owned()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(value);
        }
        true
    }

    fn label(&mut self, label: Value) -> bool {
        self.append("labels", label)
    }

    fn file(&mut self, name: &str, value: &Value, dice: &mut Dice) -> String {
        let path = format!("{name}-{}-{}.yaml", self.tag, self.files.len());
        self.files.push((path.clone(), document(value, dice)));
        path
    }

    pub(crate) fn of_kinds(&self, kinds: &[&str], dice: &mut Dice) -> Option<Value> {
        let fits =
            |object: &&Value| kinds.is_empty() || kinds.contains(&object["kind"].as_str().unwrap_or(""));
        let found: Vec<&Value> = self.objects.iter().filter(fits).collect();
        if found.is_empty() { None } else { Some((*dice.pick(&found)).clone()) }
    }

    fn scalable(&self, dice: &mut Dice) -> Option<Value> {
        self.of_kinds(&["Deployment", "StatefulSet"], dice).map(|object| object["metadata"]["name"].clone())
    }

    fn transformer(&mut self, kind: &str, fields: Value, dice: &mut Dice) -> bool {
        self.plugin("transformers", kind, fields, dice)
    }

    /// An object of `transformers`, `validators` or `generators`, in a file or in place.
    fn plugin(&mut self, field: &str, kind: &str, fields: Value, dice: &mut Dice) -> bool {
        let name = format!("{}-{}", kind.to_ascii_lowercase(), self.tag);
        let mut object = json!({"apiVersion": "builtin", "kind": kind, "metadata": {"name": name}});
        for (key, value) in fields.as_object().into_iter().flatten() {
            if key == "namespace" {
                object["metadata"][key] = value.clone();
            } else {
                object[key] = value.clone();
            }
        }
        let entry =
            if dice.chance(50) { document(&object, dice) } else { self.file("plugin", &object, dice) };
        self.append(field, json!(entry))
    }

    /// A strategic merge patch that names its object.
    fn patch_by_name(&mut self, dice: &mut Dice, file: bool) -> bool {
        let Some(object) = self.of_kinds(&[], dice) else { return false };
        let patch = merge_patch(&object, dice);
        let entry = if file {
            json!({"path": self.file("patch", &patch, dice)})
        } else {
            json!({"patch": document(&patch, dice)})
        };
        self.append("patches", entry)
    }

    fn replacement(&mut self, dice: &mut Dice, options: &Value) -> Option<Value> {
        let source = self.of_kinds(&["Deployment", "Service", "ConfigMap", "Thing", "Secret"], dice)?;
        let target = self.of_kinds(&["Deployment", "StatefulSet", "DaemonSet"], dice)?;
        let mut from = json!({"kind": source["kind"], "name": source["metadata"]["name"]});
        if dice.chance(40) {
            from["fieldPath"] = json!("kind");
        }
        let paths = [
            "spec.template.spec.containers.[name=main].image",
            "spec.template.spec.containers.0.name",
            "metadata.name",
            "spec.template.spec.containers.*.image",
        ];
        let mut to = json!({"select": {"kind": target["kind"], "name": target["metadata"]["name"]},
            "fieldPaths": [*dice.pick(&paths)]});
        if dice.chance(20) {
            to["reject"] = json!([{"name": "nobody"}]);
        }
        if options.is_object() {
            to["options"] = options.clone();
        }
        Some(json!({"source": from, "targets": [to]}))
    }

    fn generate(&mut self, field: &'static str, dice: &mut Dice) -> bool {
        let name = if dice.chance(70) && !self.has_generated("gen") {
            "gen".to_owned()
        } else {
            format!("gen-{}", self.tag)
        };
        if self.generated.iter().any(|(kind, known)| *kind == field && *known == name) {
            return false;
        }
        let mut entry = json!({"name": name, "literals": [format!("k={}", line(dice)), "empty="]});
        if dice.chance(40) {
            let path = format!("data-{}-{}.txt", self.tag, self.files.len());
            self.files.push((path.clone(), format!("{}\nmore\n", text(dice))));
            let given = if dice.chance(50) { path } else { format!("key.txt={path}") };
            entry["files"] = json!([given]);
        }
        if dice.chance(30) {
            let path = format!("vars-{}-{}.env", self.tag, self.files.len());
            self.files.push((path.clone(), "# comment\nA=1\nB=two words\n\nC=\n".to_owned()));
            entry["envs"] = json!([path]);
        }
        if dice.chance(30) {
            entry["options"] = json!({"labels": {"own": "x"}, "disableNameSuffixHash": dice.chance(50)});
        }
        if field == "secretGenerator" && dice.chance(30) {
            entry["type"] = json!("example.com/own");
        }
        self.generated.push((field, name));
        self.append(field, entry)
    }

    fn has_generated(&self, name: &str) -> bool {
        self.generated.iter().any(|(_, known)| known == name)
    }
}

/// A text without line breaks, for a literal.
fn line(dice: &mut Dice) -> String {
    text(dice).replace('\n', " ")
}

fn images(layer: &mut Layer, dice: &mut Dice) -> bool {
    let images = [
        json!({"name": "nginx", "newTag": "9"}),
        json!({"name": "nginx", "newName": "my/nginx"}),
        json!({"name": "reg:5000/app", "digest": "sha256:def"}),
        json!({"name": "busybox", "newName": "bb", "newTag": "1.0"}),
        json!({"name": "nginx", "tagSuffix": "-x"}),
    ];
    layer.append("images", dice.pick(&images).clone());
    if dice.chance(30) {
        layer.append("images", dice.pick(&images).clone());
    }
    true
}

fn replicas(layer: &mut Layer, dice: &mut Dice) -> bool {
    let Some(name) = layer.scalable(dice) else { return false };
    layer.append("replicas", json!({"name": name, "count": dice.below(9)}))
}

/// A patch of an object's own fields and of some that any object has.
pub(crate) fn merge_patch(object: &Value, dice: &mut Dice) -> Value {
    let mut patch = json!({"apiVersion": object["apiVersion"], "kind": object["kind"],
        "metadata": {"name": object["metadata"]["name"]}});
    if let Some(namespace) = object["metadata"].get("namespace") {
        patch["metadata"]["namespace"] = namespace.clone();
    }
    if dice.chance(50) {
        patch["metadata"]["annotations"] = json!({"patched": text(dice), "n": null});
    }
    if let Some(spec) = pod_patch(object["kind"].as_str().unwrap_or(""), dice) {
        patch["spec"] = spec;
    } else if object["kind"] == "ConfigMap" {
        patch["data"] = json!({"patched": text(dice), "k": null});
    } else if object["kind"] == "Service" {
        patch["spec"] =
            json!({"ports": [{"port": 80, "targetPort": 8080}, {"port": 443}], "type": "NodePort"});
    } else if object["kind"] == "Thing" {
        patch["spec"] = json!({"list": [1, 2], "value": {"a": 1}, "containers": [container("main", dice)]});
    }
    patch
}

fn pod_patch(kind: &str, dice: &mut Dice) -> Option<Value> {
    let name: &&str = dice.pick(&["main", "side", "new"]);
    let mut containers = vec![container(name, dice)];
    match dice.below(8) {
        0 => {
            containers =
                vec![json!({"name": "side", "$patch": "delete"}), json!({"name": "main", "image": "p:1"})]
        }
        1 => containers.push(json!({"$patch": "replace"})),
        2 => {
            containers = vec![
                json!({"name": "main", "env": [{"name": "A", "value": null}, {"name": "Z", "value": "z"}],
            "ports": [{"containerPort": 80, "name": "web"}, {"containerPort": 9090}]}),
            ]
        }
        _ => {}
    }
    let mut pod = json!({"containers": containers});
    match dice.below(6) {
        0 => pod["volumes"] = json!([{"name": "c", "$patch": "delete"}, {"name": "e", "emptyDir": {}}]),
        1 => pod["tolerations"] = json!([{"key": "z", "operator": "Exists"}]),
        2 => pod["serviceAccountName"] = Value::Null,
        3 => pod["imagePullSecrets"] = json!([{"name": "pull"}]),
        _ => {}
    }
    let template = json!({"spec": pod});
    match kind {
        "Deployment" | "StatefulSet" if dice.chance(30) => {
            Some(json!({"replicas": null, "template": template}))
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => Some(json!({"template": template})),
        "CronJob" => Some(json!({"jobTemplate": {"spec": {"template": template}}})),
        "Pod" => Some(pod),
        _ => None,
    }
}

fn patch_of_target(layer: &mut Layer, dice: &mut Dice) -> bool {
    let patch = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "any",
        "labels": {"by-target": "x"}}, "spec": {"template": {"spec": {"containers": [container("side", dice)]}}}});
    let targets = [
        json!({"kind": "Deployment"}),
        json!({"kind": "Deployment|StatefulSet", "name": "w.*"}),
        json!({"labelSelector": "app=web", "group": "apps"}),
        json!({"annotationSelector": "note in (web, db)", "kind": "DaemonSet"}),
        json!({"version": "v1", "group": "apps", "name": "api-1"}),
    ];
    let mut entry = json!({"patch": document(&patch, dice), "target": dice.pick(&targets).clone()});
    if dice.chance(25) {
        entry["options"] = json!({"allowNameChange": false});
    }
    layer.append("patches", entry)
}

fn operations(object: &Value, dice: &mut Dice) -> Value {
    let mut list =
        vec![json!({"op": "add", "path": "/metadata/annotations", "value": {"json~1": text(dice)}})];
    match object["kind"].as_str() {
        Some("Deployment" | "StatefulSet" | "DaemonSet") => list.extend([
            json!({"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "json:1"}),
            json!({"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "json", "image": "j"}}),
            json!({"op": "copy", "from": "/metadata/name", "path": "/spec/copied"}),
        ]),
        Some("ConfigMap") => list.push(json!({"op": "test", "path": "/kind", "value": "ConfigMap"})),
        _ => list.push(json!({"op": "add", "path": "/metadata/labels", "value": {"app": "json"}})),
    }
    if dice.chance(8) {
        list.push(json!({"op": "remove", "path": "/spec/nowhere"}));
    }
    json!(list)
}

fn target_of(object: &Value) -> Value {
    let api_version = object["apiVersion"].as_str().unwrap_or("");
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    json!({"group": group, "version": version, "kind": object["kind"], "name": object["metadata"]["name"]})
}

fn json_patch(layer: &mut Layer, dice: &mut Dice) -> bool {
    let Some(object) = layer.of_kinds(&[], dice) else { return false };
    let operations = operations(&object, dice);
    let entry = if dice.chance(50) {
        json!({"path": layer.file("ops", &operations, dice), "target": target_of(&object)})
    } else {
        json!({"patch": document(&operations, dice), "target": target_of(&object)})
    };
    layer.append("patches", entry)
}

fn json6902(layer: &mut Layer, dice: &mut Dice) -> bool {
    let Some(object) = layer.of_kinds(&[], dice) else { return false };
    let mut target = target_of(&object);
    if let Some(namespace) = object["metadata"].get("namespace") {
        target["namespace"] = namespace.clone();
    }
    let operations = operations(&object, dice);
    let path = layer.file("json6902", &operations, dice);
    layer.append("patchesJson6902", json!({"target": target, "path": path}))
}

fn delete_patch(layer: &mut Layer, dice: &mut Dice) -> bool {
    if layer.objects.len() < 3 {
        return false;
    }
    let index = dice.below(layer.objects.len());
    let object = layer.objects[index].clone();
    let mut metadata = json!({"name": object["metadata"]["name"]});
    if let Some(namespace) = object["metadata"].get("namespace") {
        metadata["namespace"] = namespace.clone();
    }
    let patch = json!({"apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": metadata,
        "$patch": "delete"});
    // Later layers and features shall not look for it.
    layer.objects.remove(index);
    let used = [
        "patches: merge",
        "patches: file",
        "patches: json",
        "patchesJson6902",
        "replicas",
        "replacements",
        "patchesStrategicMerge",
        "replacements: options",
        "vars",
        "ReplicaCountTransformer",
        "ReplacementTransformer",
    ];
    if layer.used.iter().any(|name| used.contains(name)) {
        return false;
    }
    layer.append("patches", json!({"patch": document(&patch, dice)}))
}

fn strategic_merge(layer: &mut Layer, dice: &mut Dice) -> bool {
    let Some(object) = layer.of_kinds(&[], dice) else { return false };
    let patch = merge_patch(&object, dice);
    let entry = if dice.chance(50) { document(&patch, dice) } else { layer.file("smp", &patch, dice) };
    layer.append("patchesStrategicMerge", json!(entry))
}

fn replacement(layer: &mut Layer, dice: &mut Dice) -> bool {
    let Some(entry) = layer.replacement(dice, &Value::Null) else { return false };
    if dice.chance(25) {
        let path = layer.file("replacement", &entry, dice);
        return layer.append("replacements", json!({"path": path}));
    }
    layer.append("replacements", entry)
}

fn replacement_with_options(layer: &mut Layer, dice: &mut Dice) -> bool {
    let options = [
        json!({"delimiter": "-", "index": 0}),
        json!({"delimiter": ":", "index": 1}),
        json!({"create": true}),
        json!({"delimiter": "/", "index": -1}),
    ];
    let options = dice.pick(&options).clone();
    let Some(mut entry) = layer.replacement(dice, &options) else { return false };
    match dice.below(4) {
        0 => entry["source"]["options"] = json!({"delimiter": "-", "index": 0}),
        1 if options["create"] == true => {
            entry["targets"][0]["fieldPaths"] =
                json!(["metadata.annotations.made", "spec.template.metadata.labels.made"]);
        }
        _ => {}
    }
    layer.append("replacements", entry)
}

fn vars(layer: &mut Layer, dice: &mut Dice) -> bool {
    let Some(object) = layer.of_kinds(&["Service", "ConfigMap", "Deployment", "Secret"], dice) else {
        return false;
    };
    let name = format!("VAR_{}", layer.tag.to_ascii_uppercase());
    let reference = json!({"apiVersion": object["apiVersion"], "kind": object["kind"],
        "name": object["metadata"]["name"]});
    let mut entry = json!({"name": name, "objref": reference});
    if dice.chance(40) {
        entry["fieldref"] = json!({"fieldPath": *dice.pick(&["metadata.name", "kind"])});
    }
    layer.append("vars", entry)
}

fn behavior(layer: &mut Layer, dice: &mut Dice) -> bool {
    let known: Vec<_> = layer.generated.clone();
    if known.is_empty() {
        return false;
    }
    let (field, name) = dice.pick(&known).clone();
    let here = layer
        .fields
        .get(field)
        .and_then(Value::as_array)
        .is_some_and(|list| list.iter().any(|e| e["name"] == name));
    if here {
        return false;
    }
    let behavior = *dice.pick(&["merge", "replace", "merge"]);
    layer.append(
        field,
        json!({"name": name, "behavior": behavior, "literals": [format!("k={}", line(dice)), "new=1"]}),
    )
}

fn configurations(layer: &mut Layer, dice: &mut Dice) -> bool {
    let config = json!({
        "namePrefix": [{"path": "metadata/name"}],
        "commonLabels": [{"path": "spec/own/selector", "kind": "Thing", "create": true}],
        "images": [{"path": "spec/deep/image", "kind": "Thing"}],
        "nameReference": [{"kind": "ConfigMap", "version": "v1",
            "fieldSpecs": [{"path": "spec/ref/name", "kind": "Thing"}]}],
        "varReference": [{"path": "spec/value", "kind": "Thing"}],
        "replicas": [{"path": "spec/size", "kind": "Thing"}],
    });
    let mut config = config;
    if layer.used.contains(&"namePrefix") || dice.chance(50) {
        config.as_object_mut().map(|fields| fields.remove("namePrefix"));
    }
    let path = layer.file("config", &config, dice);
    layer.append("configurations", json!(path))
}

fn crds(layer: &mut Layer, dice: &mut Dice) -> bool {
    let reference =
        json!({"x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret"});
    let spec = json!({"properties": {"ref": {"properties": {"name": reference.clone()},
        "x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret"}}});
    let file = json!({"example.Thing": {"Schema": {"properties": {"apiVersion": {"type": "string"},
        "kind": {"type": "string"}, "metadata": {"type": "object"}, "spec": spec}}, "Dependencies": []}});
    let path = format!("crd-{}.json", layer.tag);
    layer.files.push((path.clone(), file.to_string()));
    let _ = dice.below(2);
    layer.append("crds", json!(path))
}

fn openapi(layer: &mut Layer, _: &mut Dice) -> bool {
    if layer.tag != "base" {
        return false;
    }
    let merge = json!({"items": {"type": "object"}, "type": "array", "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge"});
    let schema = json!({"definitions": {"v1.Thing": {"properties": {"apiVersion": {"type": "string"},
        "kind": {"type": "string"}, "metadata": {"type": "object"}, "spec": {"properties": {"containers": merge}}},
        "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Thing", "version": "v1"}]}}});
    let path = "schema.json".to_owned();
    layer.files.push((path.clone(), schema.to_string()));
    layer.set("openapi", json!({"path": path}))
}

fn namespace_transformer(layer: &mut Layer, dice: &mut Dice) -> bool {
    let mut fields = json!({"namespace": "nt", "fieldSpecs": [{"path": "metadata/namespace", "create": true}],
        "unsetOnly": dice.chance(50)});
    if dice.chance(60) {
        fields["setRoleBindingSubjects"] = json!(*dice.pick(&["none", "allServiceAccounts", "defaultOnly"]));
    }
    layer.transformer("NamespaceTransformer", fields, dice)
}

fn generator_file(layer: &mut Layer, dice: &mut Dice) -> bool {
    let name = format!("filed-{}", layer.tag);
    let (kind, fields) = match dice.below(3) {
        0 => ("ConfigMapGenerator", json!({"name": name, "literals": ["a=1"]})),
        1 => ("SecretGenerator", json!({"name": name, "literals": ["a=1"], "type": "Opaque"})),
        _ => (
            "IAMPolicyGenerator",
            json!({"cloud": "gke", "kubernetesService": {"name": name},
            "serviceAccount": {"name": "gsa", "projectId": "project"}}),
        ),
    };
    layer.plugin("generators", kind, fields, dice)
}
