//! What Flux's own package `pkg/kustomize` builds (see corpus/README.md) is what we build, byte for byte.

mod support;

use std::collections::BTreeSet;

use flux_build::{Spec, Substitute, build};
use kustomize::MemoryTree;
use serde_json::Value;
use support::{pairs, spec};

const RECORDED: &str = include_str!("corpus/recorded.json");
const GAPS: &str = include_str!("corpus/gaps.txt");

fn spec_of(recorded: &Value) -> Spec {
    let substitute = recorded.get("postBuild").map(|post_build| Substitute {
        vars: pairs(&post_build["substitute"]),
        strict: true,
        always: post_build["substituteStrategy"] == "Always",
    });
    Spec { path: "./app".into(), ..spec(recorded, substitute) }
}

fn ours(recorded: &Value, case: &Value) -> Result<String, String> {
    let source = &recorded["sources"][case["source"].as_str().unwrap()];
    let spec = &recorded["specs"][case["spec"].as_str().unwrap()];
    let tree: MemoryTree = pairs(source).into_iter().collect();
    build(&tree, &spec_of(spec)).map(|built| built.yaml()).map_err(|error| error.to_string())
}

fn gaps() -> BTreeSet<&'static str> {
    GAPS.lines().filter_map(|line| line.split("  # ").next()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn builds_as_the_reference() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let cases = recorded["cases"].as_array().unwrap();
    assert!(cases.len() >= 400, "the corpus is cut: {} cases", cases.len());
    let (gaps, mut seen, mut wrong) = (gaps(), BTreeSet::new(), Vec::new());
    for case in cases {
        let name = format!("{} {}", case["source"].as_str().unwrap(), case["spec"].as_str().unwrap());
        let ours = ours(&recorded, case);
        let same = match &ours {
            Ok(yaml) => case["error"].is_null() && yaml == case["yaml"].as_str().unwrap_or_default(),
            Err(_) => case["error"].is_string(),
        };
        if same == gaps.contains(name.as_str()) {
            wrong.push(format!("{name}\n  theirs: {} {}\n  ours: {ours:?}", case["yaml"], case["error"]));
        }
        seen.insert(name);
    }
    let unknown: Vec<_> = gaps.iter().filter(|gap| !seen.contains(**gap)).collect();
    assert!(unknown.is_empty(), "gaps that no case has: {unknown:?}");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
