//! Every recorded verdict of the reference (see corpus/README.md) is ours too.

use kstatus::compute;
use manifest::Object;
use serde_json::Value;

const RECORDED: &str = include_str!("corpus/recorded.json");

fn agrees(case: &Value) -> Result<(), String> {
    let object = Object::from_value(case["object"].clone()).unwrap();
    let ours = compute(&object, i64::MAX);
    let same = match &ours {
        Ok(health) => {
            case["status"] == health.status.as_str()
                && case["message"].as_str().unwrap_or_default() == health.message
        }
        Err(_) => case["error"].is_string(),
    };
    if same { Ok(()) } else { Err(format!("{case}\n  ours: {ours:?}")) }
}

#[test]
fn judges_as_the_reference() {
    let cases: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    assert!(cases.len() >= 700, "the corpus is cut: {} cases", cases.len());
    let wrong: Vec<String> = cases.iter().filter_map(|case| agrees(case).err()).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
