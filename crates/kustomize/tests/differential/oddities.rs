//! Odd values in each field: nulls, lists for texts, numbers for words, names that are none.

use conformance::random::Dice;

/// What stands at each place of `@`.
const VALUES: [&str; 40] = [
    "",
    "~",
    "''",
    "x",
    "1",
    "1.5",
    "true",
    "[x]",
    "[]",
    "{}",
    "{a: b}",
    "'null'",
    "[~]",
    "[{}]",
    "[{a: b}]",
    "[[x]]",
    "[1]",
    "['']",
    "{a: ~}",
    "{a: }",
    "{a: [b]}",
    "{a: {b: c}}",
    "2026-01-01",
    "0x1F",
    "1e3",
    "'a b'",
    "../x",
    "/x",
    "./a.yaml",
    "'*'",
    "'spec/*'",
    "spec/-/x",
    "spec/ports/0",
    "'spec/[a=b]'",
    "'a=b'",
    "[{name: x}]",
    "[{name: ~}]",
    "-1",
    "99999999999",
    "!!str ~",
];

const TOP: [&str; 34] = [
    "apiVersion",
    "kind",
    "metadata",
    "bases",
    "components",
    "crds",
    "openapi",
    "configurations",
    "namespace",
    "namePrefix",
    "nameSuffix",
    "commonLabels",
    "commonAnnotations",
    "labels",
    "images",
    "replicas",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
    "generators",
    "transformers",
    "validators",
    "replacements",
    "vars",
    "sortOptions",
    "buildMetadata",
    "inventory",
    "imageTags",
    "unknown",
    "Namespace",
    "resources",
];

/// A field that holds fields of its own, as `field: a b c`; `%` stands for one of them.
const NESTED: [(&str, &str); 14] = [
    ("images: [{name: nginx, %: @}]", "newName newTag digest tagSuffix unknown"),
    ("replicas: [{name: web, %: @}]", "count unknown"),
    ("labels: [{%: @, fields: []}]", "pairs includeSelectors includeTemplates unknown"),
    ("labels: [{pairs: {a: b}, fields: [{%: @}]}]", "path group version kind create unknown"),
    (
        "configMapGenerator: [{name: made, %: @}]",
        "namespace literals files env envs behavior options type unknown",
    ),
    ("secretGenerator: [{name: made, literals: [a=b], %: @}]", "type behavior options unknown"),
    (
        "configMapGenerator: [{name: made, literals: [a=b], options: {%: @}}]",
        "labels annotations disableNameSuffixHash immutable unknown",
    ),
    ("patches: [{%: @}]", "patch path target options unknown"),
    (
        "patches: [{patch: '[{op: remove, path: /spec/replicas}]', target: {%: @}}]",
        "kind name namespace group version labelSelector annotationSelector unknown",
    ),
    (
        "replacements: [{source: {kind: Deployment, %: @}, targets: [{select: {kind: Service}, fieldPaths: [metadata.name]}]}]",
        "name namespace fieldPath options group version unknown",
    ),
    (
        "replacements: [{source: {kind: Deployment}, targets: [{select: {kind: Service}, %: @}]}]",
        "fieldPaths options reject unknown",
    ),
    (
        "replacements: [{source: {kind: Deployment}, targets: [{select: {kind: Service}, fieldPaths: [spec.x], options: {create: true, %: @}}]}]",
        "delimiter index encoding unknown",
    ),
    ("vars: [{name: A, objref: {kind: Service, name: web, apiVersion: v1}, %: @}]", "fieldref unknown"),
    ("sortOptions: {order: legacy, legacySortOptions: {%: @}}", "orderFirst orderLast unknown"),
];

/// Whole objects, that lack this or that.
const OBJECTS: [&str; 16] = [
    "{apiVersion: v1, kind: @, metadata: {name: x}}",
    "{apiVersion: @, kind: A, metadata: {name: x}}",
    "{apiVersion: v1, kind: A, metadata: {name: @}}",
    "{apiVersion: v1, kind: A, metadata: @}",
    "{apiVersion: v1, kind: A, metadata: {name: x, namespace: @}}",
    "{apiVersion: v1, kind: A, metadata: {name: x, labels: @}}",
    "{apiVersion: v1, kind: A, metadata: {labels: @}}",
    "{apiVersion: v1, kind: A, metadata: {namespace: x, annotations: {a: @}}}",
    "apiVersion: @",
    "kind: @",
    "metadata: @",
    "{kind: List, apiVersion: v1, items: @}",
    "{kind: AList, apiVersion: v1, items: @}",
    "{kind: AList, apiVersion: v1, metadata: {name: x}, items: [@]}",
    "apiVersion: v1\nkind: A\nmetadata: {name: x}\nspec: {a: @, b: [@]}\nother: @",
    "@\n---\n{apiVersion: v1, kind: A, metadata: {name: x}}",
];

const BASE: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: 'nginx:1'}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

/// The files of a seed; the build starts at `overlay`.
pub(crate) fn odd(seed: u64) -> Vec<(String, String)> {
    let mut dice = Dice::new(seed);
    let value = *dice.pick(&VALUES);
    let (mut object, mut fields) = (BASE.to_owned(), String::new());
    match dice.below(10) {
        0..3 => object = dice.pick(&OBJECTS).replace('@', value),
        3..6 => fields = format!("{}: {value}\n", dice.pick(&TOP)),
        _ => {
            let (text, names) = *dice.pick(&NESTED);
            let names: Vec<&str> = names.split(' ').collect();
            let name: &str = names[dice.below(names.len())];
            fields = text.replace('%', name).replace('@', value) + "\n";
        }
    }
    let own = fields.starts_with("resources").then(String::new);
    let resources = own.unwrap_or_else(|| "resources: [a.yaml]\n".to_owned());
    vec![("overlay/a.yaml".into(), object), ("overlay/kustomization.yaml".into(), resources + &fields)]
}
