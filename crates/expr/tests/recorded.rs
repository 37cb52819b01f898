//! Recorded answers of Flux's CEL package (see corpus/README.md) are ours too, but for the gaps listed.

use std::collections::BTreeSet;

use expr::{Env, Output, Program};
use serde_json::Value;

const RECORDED: &str = include_str!("corpus/recorded.json");
const GAPS: &str = include_str!("corpus/gaps.txt");

/// The answer as text: a value, or at which stage it fails.
fn recorded(case: &Value) -> String {
    match (case["bool"].as_bool(), case["string"].as_str(), case["error"].as_str()) {
        (Some(value), ..) => value.to_string(),
        (_, Some(text), _) => format!("'{text}'"),
        // A type that does not fit is told when compiled or when evaluated; it is an error in both.
        (.., Some(_)) => "error".into(),
        _ => "compiles".into(),
    }
}

fn ours(case: &Value, variables: &Value) -> String {
    let expression = case["expression"].as_str().unwrap();
    if case["compile"] == true {
        let env = Env::with_variables(&["metadata", "spec", "status"]).giving(Output::Bool);
        return Program::compile(expression, &env).map_or("error".into(), |_| "compiles".into());
    }
    let Ok(program) = Program::compile(expression, &Env::open()) else { return "error".into() };
    let given: Vec<(&str, &Value)> =
        variables.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value)).collect();
    match (program.eval_bool(&given), program.eval_string(&given)) {
        (Ok(value), _) => value.to_string(),
        (_, Ok(text)) => format!("'{text}'"),
        _ => "error".into(),
    }
}

fn gaps() -> BTreeSet<&'static str> {
    GAPS.lines().filter_map(|line| line.split("  # ").next()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn answers_as_the_reference() {
    let recorded_file: Value = serde_json::from_str(RECORDED).unwrap();
    let cases = recorded_file["cases"].as_array().unwrap();
    assert!(cases.len() >= 450, "the corpus is cut: {} cases", cases.len());
    let (gaps, mut seen, mut wrong) = (gaps(), BTreeSet::new(), Vec::new());
    for case in cases {
        let stage = if case["compile"] == true { "compile" } else { "evaluate" };
        let name = format!("{stage}: {}", case["expression"].as_str().unwrap());
        let (theirs, ours) = (recorded(case), ours(case, &recorded_file["variables"]));
        let gap = gaps.contains(name.as_str());
        if (theirs == ours) == gap {
            wrong.push(format!("{name}  # theirs: {theirs}, ours: {ours} {}", case["error"]));
        }
        seen.insert(name);
    }
    let unknown: Vec<_> = gaps.iter().filter(|gap| !seen.contains(**gap)).collect();
    assert!(unknown.is_empty(), "gaps that no case has: {unknown:?}");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
