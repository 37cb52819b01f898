//! The digests Flux's kustomize-controller recorded in `status.history` come out of our build of the same
//! files and specs (see corpus/README.md).

mod support;

use std::collections::BTreeSet;

use flux_build::{Spec, Substitute, build};
use kustomize::MemoryTree;
use serde_json::Value;
use support::{items, pairs, texts};

const RECORDED: &str = include_str!("corpus/digests.json");

/// Scenarios with a digest we give on purpose differently, and why.
const DIFFERENT: [(&str, &str); 4] = [
    ("ks-sops-decrypt-disabled", "ciphertext is refused, Flux applies it"),
    ("ks-sops-missing-key", "ciphertext is refused"),
    ("ks-sops-ok", "decryption is not part of this crate yet"),
    ("ks-sops-tampered", "ciphertext is refused"),
];

fn spec(state: &Value) -> Spec {
    let vars = |vars| Substitute { vars: pairs(vars), strict: true, always: state["always"] == true };
    support::spec(&state["spec"], state.get("vars").map(vars))
}

/// Digests of all states of a scenario that build.
fn ours(scenario: &Value) -> (BTreeSet<String>, Vec<String>) {
    let (mut digests, mut errors) = (BTreeSet::new(), Vec::new());
    for state in items(scenario, "states") {
        let tree: MemoryTree = pairs(&state["files"]).into_iter().collect();
        match build(&tree, &spec(state)) {
            Ok(built) => drop(digests.insert(built.digest)),
            Err(error) => errors.push(error.to_string()),
        }
    }
    (digests, errors)
}

#[test]
fn the_digests_of_flux_are_reproduced() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let (mut count, mut wrong) = (0, Vec::new());
    for scenario in recorded.as_array().unwrap() {
        let name = scenario["scenario"].as_str().unwrap();
        let (digests, errors) = ours(scenario);
        for digest in texts(scenario, "digests") {
            count += 1;
            let different = DIFFERENT.iter().any(|(other, _)| *other == name);
            if digests.contains(&digest) == different {
                wrong.push(format!("{name}: {digest}, ours: {digests:?} {errors:?}"));
            }
        }
    }
    assert!(count >= 50, "the corpus is cut: {count} digests");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
