//! What a build gives, and how it fails, for a source in memory.

use flux_build::{BuildError, CommonMetadata, Image, MAX_FILES, OverlayTree, Patch, Selector, Spec, build};
use kustomize::{MemoryTree, Tree};
use manifest::Object;
use serde_json::json;

fn cm(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: '1'\n")
}

fn tree(files: &[(&str, &str)]) -> MemoryTree {
    files.iter().copied().collect()
}

fn at(path: &str) -> Spec {
    Spec { path: path.into(), ..Spec::default() }
}

fn names(objects: &[Object]) -> Vec<&str> {
    objects.iter().map(Object::name).collect()
}

#[track_caller]
fn fails(files: &[(&str, &str)], spec: &Spec, phrase: &str) -> BuildError {
    let error = build(&tree(files), spec).unwrap_err();
    assert!(error.to_string().contains(phrase), "{error}");
    error
}

#[test]
fn a_folder_without_kustomization_is_scanned_in_the_order_of_names() {
    let (b, a, other) = (cm("b"), cm("a"), cm("other"));
    let files = [
        ("app/b.yaml", b.as_str()),
        ("app/a/x.yml", &a),
        ("app/README.md", "# no manifest"),
        ("app/values.json", "{}"),
        ("app/empty.yaml", "# nothing\n"),
        ("other.yaml", &other),
    ];
    let built = build(&tree(&files), &at("./app/")).unwrap();
    assert_eq!(names(&built.objects), ["a", "b"]);
}

#[test]
fn a_folder_with_a_kustomization_of_its_own_is_taken_as_a_whole() {
    let (a, b) = (cm("a"), cm("b"));
    let files = [
        ("a.yaml", a.as_str()),
        ("sub/kustomization.yaml", "resources: [b.yaml]\nnamePrefix: sub-\n"),
        ("sub/b.yaml", &b),
        ("sub/not-listed.yaml", "this is: [no object"),
    ];
    let built = build(&tree(&files), &at("")).unwrap();
    assert_eq!(names(&built.objects), ["a", "sub-b"]);
}

#[test]
fn files_of_the_whole_source_may_be_read() {
    let files = [
        ("app/kustomization.yaml", "configMapGenerator: [{name: made, files: [../shared/x.txt]}]\n"),
        ("shared/x.txt", "1"),
    ];
    let built = build(&tree(&files), &at("app")).unwrap();
    assert_eq!(built.objects[0].value()["data"]["x.txt"], "1");
}

/// Flux reads the file into a type, where numbers become texts, names match in any case and unknown fields are nothing.
#[test]
fn the_kustomization_is_read_as_flux_reads_it() {
    let deployment =
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: 'nginx:1'}]}}";
    let kustomization = "resources: [a.yaml]\nNameSuffix: -x\nnamespace: 12\ncommonLabels: {team: true, other: 1}\nimages: [{name: nginx, newTag: 1.25, tag: 2}]\n";
    let files = [("kustomization.yaml", kustomization), ("a.yaml", deployment)];
    let built = build(&tree(&files), &at("")).unwrap();
    let pod = built.objects[0].value();
    assert_eq!(pod["spec"]["containers"][0]["image"], "nginx:1.25");
    assert_eq!(
        pod["metadata"],
        json!({"name": "a-x", "namespace": "12", "labels": {"team": "true", "other": "1"}})
    );
}

#[test]
fn an_empty_folder_builds_nothing() {
    let built = build(&tree(&[("app/README.md", "")]), &at("app")).unwrap();
    assert!(built.objects.is_empty());
    assert_eq!(built.digest, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#[test]
fn a_path_outside_of_the_source_stays_inside() {
    let a = cm("a");
    let files = [("etc/a.yaml", a.as_str())];
    assert_eq!(names(&build(&tree(&files), &at("../../etc")).unwrap().objects), ["a"]);
}

#[test]
fn a_path_that_is_not_there_is_told_apart() {
    let a = cm("a");
    let error = fails(&[("a.yaml", &a)], &at("./none"), "kustomization path not found: stat /none");
    assert!(matches!(error, BuildError::PathNotFound { .. }));
    fails(&[("a.yaml", &a)], &at("a.yaml"), "not a directory");
}

#[test]
fn a_file_that_holds_no_objects_is_named() {
    let good = cm("a");
    for (content, phrase) in [
        ("a: 1\n", "failed to decode Kubernetes YAML from app/x.yaml: missing Resource metadata"),
        (
            "kind: ConfigMap\napiVersion: v1\n",
            "from app/x.yaml: missing metadata.name in object {{v1 ConfigMap}",
        ),
        ("apiVersion: v1\nmetadata: {name: x}\n", "from app/x.yaml: missing kind in object"),
        ("metadata: {name: x}\n", "from app/x.yaml: missing kind in object"),
        ("metadata: {}\n", "from app/x.yaml: missing Resource metadata"),
        (
            "apiVersion: v1\nkind: AList\nitems: 1\n",
            "from app/x.yaml: expected array in AList/items, but found int",
        ),
        ("a: [\n", "from app/x.yaml: MalformedYAMLError: yaml: line"),
    ] {
        fails(&[("app/a.yaml", &good), ("app/x.yaml", content)], &at("app"), phrase);
    }
}

/// Only the file that is wrong is named: neither a list without items nor one with an empty item is.
#[test]
fn lists_with_nothing_in_them_are_not_what_is_wrong() {
    for items in ["items:", "items: [null]", "metadata: {name: x}"] {
        let list = format!("apiVersion: v1\nkind: List\n{items}\n");
        let files = [("app/a.yaml", list.as_str()), ("app/x.yaml", "a: 1\n")];
        fails(&files, &at("app"), "from app/x.yaml: missing Resource metadata");
    }
}

/// kustomize takes lists apart that it reads; a patch may make another one.
#[test]
fn a_list_that_a_patch_made_is_applied_item_by_item() {
    let list = "- {op: replace, path: /kind, value: ConfigMapList}\n- {op: add, path: /items, value: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}]}\n";
    let patch = Patch { patch: list.into(), target: Some(Selector::default()) };
    let built = build(&tree(&[("a.yaml", &cm("a"))]), &Spec { patches: vec![patch], ..at("") }).unwrap();
    assert_eq!(names(&built.objects), ["b"]);
}

#[test]
fn the_spec_is_merged_into_the_kustomization() {
    let a = cm("a");
    let files = [
        ("kustomization.yaml", "resources: [a.yaml]\nnamePrefix: file-\nunknown: dropped\n"),
        ("a.yaml", &a),
    ];
    let spec = Spec {
        target_namespace: "ns".into(),
        name_prefix: "spec-".into(),
        name_suffix: "-end".into(),
        patches: vec![Patch {
            patch: "- {op: add, path: /data/b, value: patched}".into(),
            target: Some(Selector { kind: "ConfigMap".into(), ..Selector::default() }),
        }],
        ..Spec::default()
    };
    let built = build(&tree(&files), &spec).unwrap();
    let object = &built.objects[0];
    assert_eq!((object.name(), object.namespace()), ("spec-a-end", Some("ns")));
    assert_eq!(object.value()["data"]["b"], "patched");
}

#[test]
fn images_are_merged_by_name() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: 'app:1'}, {name: d, image: 'other:1'}]}\n";
    let file = "resources: [p.yaml]\nimages:\n- {name: app, newName: mirror/app, digest: 'sha256:00'}\n";
    let image = |name: &str, tag: &str| Image { name: name.into(), new_tag: tag.into(), ..Image::default() };
    let spec = Spec { images: vec![image("app", "2"), image("other", "3")], ..Spec::default() };
    let built = build(&tree(&[("kustomization.yaml", file), ("p.yaml", pod)]), &spec).unwrap();
    let containers = &built.objects[0].value()["spec"]["containers"];
    assert_eq!(
        (&containers[0]["image"], &containers[1]["image"]),
        (&"mirror/app:2".into(), &"other:3".into())
    );
}

#[test]
fn components_are_local_and_may_be_absent_when_said() {
    let a = cm("a");
    let files = [
        ("app/a.yaml", a.as_str()),
        (
            "comp/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: c-\n",
        ),
    ];
    let with = |components: &[&str], ignore| Spec {
        components: components.iter().map(|path| (*path).into()).collect(),
        ignore_missing_components: ignore,
        ..at("app")
    };
    assert_eq!(names(&build(&tree(&files), &with(&["../comp", "../none"], true)).unwrap().objects), ["c-a"]);
    fails(&files, &with(&["../none"], false), "kustomize build failed");
    for remote in ["https://example.com/x", "github.com/a/b", "/comp", "file:///comp"] {
        fails(&files, &with(&[remote], true), "must be local and relative");
    }
}

#[test]
fn common_metadata_is_set_after_the_digest() {
    let a = cm("a");
    let files = [("a.yaml", a.as_str())];
    let plain = build(&tree(&files), &at("")).unwrap();
    let common = CommonMetadata {
        labels: [("team".into(), "blue".into())].into(),
        annotations: [("note".into(), "x".into())].into(),
    };
    let marked = build(&tree(&files), &Spec { common_metadata: common, ..at("") }).unwrap();
    assert_eq!(plain.digest, marked.digest);
    assert_eq!(marked.objects[0].label("team"), Some("blue"));
    assert_eq!(marked.objects[0].annotation("note"), Some("x"));
}

#[test]
fn sops_ciphertext_is_never_built() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ns}\nstringData: {a: 'ENC[AES256_GCM,data:x,type:str]'}\nsops: {mac: 'ENC[x]', lastmodified: '2026-01-01T00:00:00Z'}\n";
    let error = fails(
        &[("s.yaml", secret)],
        &at(""),
        "Secret/ns/s is SOPS encrypted, configuring decryption is required",
    );
    assert!(matches!(error, BuildError::Encrypted { digest, .. } if digest.starts_with("sha256:")));
    // Any field that SOPS alone writes is enough.
    for field in ["mac", "lastmodified", "encrypted_regex"] {
        let config = format!("{}sops: {{{field}: x}}\n", cm("a"));
        fails(&[("a.yaml", &config)], &at(""), "ConfigMap/a is SOPS encrypted");
    }
    let other = format!("{}sops: {{version: '1'}}\n", cm("a"));
    assert_eq!(names(&build(&tree(&[("a.yaml", &other)]), &at("")).unwrap().objects), ["a"]);
}

#[test]
fn too_many_files_are_refused() {
    let mut files = MemoryTree::new();
    for index in 0..=MAX_FILES {
        files.insert(format!("a{index}.yaml"), "");
    }
    assert!(matches!(build(&files, &at("")), Err(BuildError::TooManyFiles { .. })));
}

#[test]
fn folders_without_end_are_refused() {
    let built = |levels: usize| {
        let path = format!("{}x.yaml", "d/".repeat(levels));
        build(&tree(&[(&path, &cm("a"))]), &at(""))
    };
    assert_eq!(names(&built(64).unwrap().objects), ["a"]);
    for levels in [65, 200] {
        assert!(matches!(built(levels), Err(BuildError::TooManyFiles { .. })));
    }
}

#[test]
fn an_overlaid_file_stands_in_its_folder_alone() {
    let below = tree(&[("app/a.yaml", ""), ("app/k.yaml", "below"), ("z.yaml", "")]);
    let over = OverlayTree::new(&below, "app", "k.yaml", b"over".to_vec());
    let list = |dir: &str| over.list(dir).unwrap().into_iter().map(|entry| entry.name).collect::<Vec<_>>();
    assert_eq!(list("app"), ["a.yaml", "k.yaml"]);
    assert_eq!(list(""), ["app", "z.yaml"]);
    assert_eq!(&*over.read("app/k.yaml").unwrap(), b"over");
    let new = OverlayTree::new(&below, "app", "b.yaml", b"new".to_vec());
    let names: Vec<_> = new.list("app").unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a.yaml", "b.yaml", "k.yaml"]);
}

#[test]
fn the_build_is_printed_as_documents() {
    let (a, b) = (cm("a"), cm("b"));
    let built = build(&tree(&[("a.yaml", &a), ("b.yaml", &b)]), &at("")).unwrap();
    let doc = |name: &str| {
        format!("apiVersion: v1\ndata:\n  a: \"1\"\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
    };
    assert_eq!(built.yaml(), format!("{}---\n{}", doc("a"), doc("b")));
}

#[test]
fn debug_output_of_a_build_shows_no_secret() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: hunter2}\n";
    let built = build(&tree(&[("s.yaml", secret)]), &at("")).unwrap();
    assert!(!format!("{built:?}").contains("hunter2"));
}
