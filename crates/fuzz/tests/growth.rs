//! Ten times the input costs about ten times the time: what is quadratic costs a hundred times.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use kustomize::{BuildOptions, MemoryTree, build};
use manifest::yaml::{Limits, parse_documents, to_yaml};

/// Far above ten and far below a hundred: machines are busy.
const WORST: f64 = 35.0;

/// The fastest of three runs.
fn time(run: &dyn Fn()) -> Duration {
    let once = || {
        let begun = Instant::now();
        run();
        begun.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

fn grows_linearly(what: &str, run: &dyn Fn(usize)) {
    let (small, large) = (time(&|| run(200)), time(&|| run(2_000)));
    let ratio = large.as_secs_f64() / small.as_secs_f64().max(1e-6);
    assert!(ratio < WORST, "{what}: {small:?} for 200 and {large:?} for 2,000: {ratio:.0} times");
}

fn objects(count: usize) -> String {
    let mut out = String::new();
    for at in 0..count {
        let written = write!(
            out,
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{at}}}\nspec:\n  template:\n    spec:\n      \
             containers:\n      - name: main\n        image: nginx:1\n        envFrom: [{{configMapRef: {{name: map-{at}}}}}]\n\
             ---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{at}}}\ndata: {{k: v}}\n"
        );
        written.expect("a text takes any text");
    }
    out
}

const FILE: &str = "resources: [r.yaml]\nnamePrefix: p-\nnamespace: ns\nimages: [{name: nginx, newTag: '2'}]\n\
    labels: [{pairs: {l: x}, includeSelectors: true}]\npatches: [{target: {kind: Deployment}, patch: \
    '[{\"op\": \"add\", \"path\": \"/spec/replicas\", \"value\": 2}]'}]\n";

#[test]
fn builds_grow_linearly() {
    grows_linearly("kustomize build", &|count| {
        let tree: MemoryTree =
            [("r.yaml", objects(count)), ("kustomization.yaml", FILE.to_owned())].into_iter().collect();
        let built = build(&tree, "", &BuildOptions::default()).expect("the project is right");
        assert_eq!(built.objects().len(), 2 * count);
    });
}

#[test]
fn reading_and_printing_grow_linearly() {
    grows_linearly("yaml", &|count| {
        let documents =
            parse_documents("r.yaml", &objects(count), &Limits::default()).expect("the text is right");
        let printed: usize = documents.iter().map(|document| to_yaml(document).len()).sum();
        assert!(printed > count);
    });
}

#[test]
fn substitution_grows_linearly() {
    grows_linearly("envsubst", &|count| {
        let text = "name: ${name:=default}\nimage: ${image/nginx/caddy}\n".repeat(count * 10);
        let lookup = |name: &str| (name == "image").then_some("nginx:1");
        let out = envsubst::substitute(&text, lookup, envsubst::Unset::Fail).expect("the text is right");
        assert!(out.starts_with("name: default\nimage: caddy:1\n"));
    });
}
