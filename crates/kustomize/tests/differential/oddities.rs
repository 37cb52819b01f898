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

/// Patches and objects that are transformers, on lines of their own, because values have quotes.
const LINES: [(&str, &str); 24] = [
    ("patches:\n- patch: |\n    HEAD\n    spec: {%: @}", "replicas selector template other"),
    (
        "patches:\n- patch: |\n    HEAD\n    spec: {template: {spec: {%: @}}}",
        "containers volumes nodeSelector tolerations other",
    ),
    (
        "patches:\n- patch: |\n    HEAD\n    spec: {template: {spec: {containers: [{name: c, %: @}]}}}",
        "env envFrom image ports args name $patch",
    ),
    (
        "patches:\n- patch: |\n    HEAD\n    spec: {template: {spec: {containers: [{name: c, env: [{name: A, %: @}]}]}}}",
        "value valueFrom $patch other",
    ),
    (
        "patches:\n- patch: |\n    {apiVersion: apps/v1, kind: Deployment, metadata: {name: web, %: @}}",
        "name labels annotations namespace",
    ),
    (
        "patchesStrategicMerge:\n- |\n  {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, %: @}",
        "spec $patch other kind",
    ),
    (
        "patches:\n- target: {kind: Deployment}\n  patch: |\n    - {op: replace, path: /spec/replicas, value: 5, %: @}",
        "op path value from other",
    ),
    (
        "patches:\n- target: {kind: Deployment}\n  patch: |\n    - {op: %, path: /metadata/labels, value: @}",
        "add replace test remove",
    ),
    (
        "patches:\n- target: {kind: Deployment}\n  patch: |\n    - {op: %, path: /spec/x, from: @}",
        "copy move",
    ),
    (
        "patches:\n- target: {kind: Deployment}\n  patch: |\n    - {op: add, path: /spec/template/spec/containers/%, value: @}",
        "0 1 2 - -1 01 x 0/name 0/ports",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: PrefixTransformer\n  metadata: {name: t}\n  %: @",
        "prefix other",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: NamespaceTransformer\n  metadata: {name: t, namespace: n}\n  %: @",
        "fieldSpecs unsetOnly setRoleBindingSubjects other metadata",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: ImageTagTransformer\n  metadata: {name: t}\n  imageTag: {name: nginx, newTag: v, %: @}",
        "name newName newTag digest tagSuffix other",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: ImageTagTransformer\n  metadata: {name: t}\n  %: @",
        "imageTag fieldSpecs",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: ReplicaCountTransformer\n  metadata: {name: t}\n  replica: {name: web, count: 3, %: @}",
        "name count other",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: LabelTransformer\n  metadata: {name: t}\n  labels: {a: b}\n  fieldSpecs: [{path: metadata/labels, create: true}]\n  %: @",
        "labels fieldSpecs other",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: AnnotationsTransformer\n  metadata: {name: t}\n  annotations: {a: b}\n  fieldSpecs: [{path: metadata/annotations, create: true, %: @}]",
        "path kind group version create other",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: t}\n  %: @",
        "patch path target options other",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: ValueAddTransformer\n  metadata: {name: t}\n  value: v\n  targets: [{fieldPath: metadata/x, selector: {kind: Service}}]\n  %: @",
        "value targets targetFilePath other",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: ReplacementTransformer\n  metadata: {name: t}\n  %: @",
        "replacements other",
    ),
    (
        "generators:\n- |\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: made}\n  literals: [a=b]\n  %: @",
        "name namespace behavior literals files envs env options type metadata other",
    ),
    (
        "generators:\n- |\n  apiVersion: builtin\n  kind: SecretGenerator\n  metadata: {name: made}\n  literals: [a=b]\n  %: @",
        "type options behavior",
    ),
    (
        "transformers:\n- |\n  apiVersion: builtin\n  kind: %\n  metadata: {name: t}\n  other: @",
        "HashTransformer SortOrderTransformer SuffixTransformer Unknown",
    ),
    (
        "validators:\n- |\n  apiVersion: builtin\n  kind: LabelTransformer\n  metadata: {name: t}\n  %: @",
        "labels other",
    ),
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

/// The head of a patch.
const HEAD: &str = "apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: web}";

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
    match dice.below(14) {
        0..3 => object = dice.pick(&OBJECTS).replace('@', value),
        3..6 => fields = format!("{}: {value}\n", dice.pick(&TOP)),
        nested => {
            let (text, names) = if nested < 8 { *dice.pick(&NESTED) } else { *dice.pick(&LINES) };
            let names: Vec<&str> = names.split(' ').collect();
            let name: &str = names[dice.below(names.len())];

            let text = text.replace("HEAD", HEAD);
            fields = text.replace('%', name).replace('@', value) + "\n";
        }
    }
    let own = fields.starts_with("resources").then(String::new);
    let resources = own.unwrap_or_else(|| "resources: [a.yaml]\n".to_owned());
    vec![("overlay/a.yaml".into(), object), ("overlay/kustomization.yaml".into(), resources + &fields)]
}
