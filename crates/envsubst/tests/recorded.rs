//! Every recorded answer of Flux's own package (see corpus/README.md) is ours too.

use envsubst::{Unset, substitute};
use serde_json::Value;

const RECORDED: &str = include_str!("corpus/recorded.json");
/// References within references, of a grammar; made once, from one seed.
const RANDOM: &str = include_str!("corpus/random.json");

fn ours(recorded: &Value, case: &Value) -> Result<String, String> {
    let unset = if case["strict"] == true { Unset::Fail } else { Unset::Empty };
    let input = case["input"].as_str().unwrap();
    substitute(input, |name| recorded["vars"].get(name)?.as_str(), unset).map_err(|error| error.to_string())
}

/// Our errors add the variable and its line; a panic of the reference is an error here, whichever.
fn agrees(case: &Value, ours: &Result<String, String>) -> bool {
    match (ours, case["output"].as_str(), case["error"].as_str()) {
        (Ok(ours), Some(output), _) => ours == output,
        (Err(_), None, Some(error)) if error.starts_with("panic") => true,
        (Err(ours), None, Some("not utf-8")) => ours.contains("not utf-8"),
        (Err(ours), None, Some(error)) => ours.starts_with(error),
        _ => false,
    }
}

/// How many cases of a file there are, and how many the reference takes.
fn compare(recorded: &str) -> (usize, usize) {
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    let cases = recorded["cases"].as_array().unwrap();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let ours = ours(&recorded, case);
            (!agrees(case, &ours)).then(|| format!("{case}\n  ours: {ours:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    (cases.len(), cases.iter().filter(|case| case["output"].is_string()).count())
}

#[test]
fn answers_as_the_reference() {
    let (cases, _) = compare(RECORDED);
    assert!(cases > 3000, "the corpus is cut: {cases} cases");
}

#[test]
fn answers_random_references_as_the_reference() {
    let (cases, taken) = compare(RANDOM);
    assert!(cases >= 2000 && taken * 10 >= cases * 8, "the corpus is cut: {taken} of {cases} taken");
}
