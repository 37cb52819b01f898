//! What holds for any source: an answer instead of a panic, the same answer twice.

use flux_build::{Spec, Substitute, build};
use kustomize::MemoryTree;
use proptest::{
    collection::{btree_map, vec},
    prelude::{Just, ProptestConfig, Strategy, prop_assert_eq, prop_oneof, proptest},
};

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("a.yaml"),
        Just("b.yml"),
        Just("kustomization.yaml"),
        Just("Kustomization"),
        Just("c.txt"),
        Just("d.yaml"),
    ];
    let dir = prop_oneof![Just(""), Just("x/"), Just("x/y/"), Just("z/")];
    (dir, name).prop_map(|(dir, name)| format!("{dir}{name}"))
}

/// Lines that make objects, kustomizations, and things between.
fn line() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        2 => Just("apiVersion: v1\nkind: Secret\nmetadata: {name: b, namespace: n}\n"),
        2 => Just("data: {k: '${V}', j: '$${W}', i: 1}\n"),
        2 => Just("---\n"),
        2 => Just("resources: [a.yaml, ./x, ../z]\n"),
        1 => Just("resources: [.., https://example.com/x, '']\n"),
        1 => Just("components: [./x]\nnamePrefix: p-\nnamespace: ns\n"),
        1 => Just("configMapGenerator: [{name: g, literals: [a=b], files: [c.txt]}]\n"),
        1 => Just("patches: [{patch: 'x: [', target: {kind: '('}}]\n"),
        1 => Just("images: [{name: i, newTag: t}]\nreplicas: [{name: a, count: 2}]\n"),
        1 => Just("sops: {mac: x}\n"),
        1 => Just("kind: List\nitems: [null, 1, {kind: List, items: [{}]}]\n"),
        1 => Just("a: &a [*a]\nb: *c\n"),
        1 => Just("\u{0}\t: [}\n"),
        1 => Just("commonLabels: {a: b}\nvars: [{name: V, objref: {kind: ConfigMap, name: a}}]\n"),
    ]
}

fn source() -> impl Strategy<Value = MemoryTree> {
    let content = vec(line(), 0..5).prop_map(|lines| lines.concat());
    btree_map(path(), content, 0..6).prop_map(|files| files.into_iter().collect())
}

fn spec(substitute: bool) -> Spec {
    let vars = [("V".to_owned(), "1".to_owned())].into();
    Spec {
        path: "./x/..".into(),
        target_namespace: "t".into(),
        substitute: substitute.then_some(Substitute { vars, strict: true, always: false }),
        ..Spec::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_source_gives_an_answer_and_the_same_one_twice(tree in source(), substitute in proptest::bool::ANY) {
        let answer = || build(&tree, &spec(substitute)).map_err(|error| error.to_string());
        prop_assert_eq!(answer(), answer());
    }
}
