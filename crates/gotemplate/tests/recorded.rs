//! Holds us against what Go's text/template answers. `corpus/recorded.jsonl` is written only by
//! `e2e/tools/gotemplate`; `gaps.txt` lists the cases that differ, each with its reason.

use std::collections::HashMap;

use conformance::Gaps;
use gotemplate::{Funcs, MissingKey, Numbers, Session, Templates, Value};
use serde_json::Value as Json;

const RECORDED: &str = include_str!("corpus/recorded.jsonl");
const GAPS: &str = include_str!("gaps.txt");

fn text<'c>(case: &'c Json, key: &str) -> &'c str {
    case[key].as_str().unwrap_or_default()
}

fn answer(case: &Json, dot: &Json) -> Result<String, String> {
    let missing = match text(case, "missing") {
        "zero" => MissingKey::Zero,
        "error" => MissingKey::Error,
        _ => MissingKey::Default,
    };
    let funcs = Funcs::new();
    let mut set = Templates::new("case").missing_key(missing).delims(text(case, "left"), text(case, "right"));
    for other in case["also"].as_array().into_iter().flatten() {
        set.parse(text(other, "name"), text(other, "text"), &funcs).map_err(|error| error.to_string())?;
    }
    set.parse("case", text(case, "template"), &funcs).map_err(|error| error.to_string())?;
    let numbers = if text(case, "numbers") == "keep" { Numbers::Keep } else { Numbers::Float };
    let values = Value::from_json(dot, numbers);
    let out = set.execute("case", &values, &funcs, &Session::default()).map_err(|error| error.to_string())?;
    Ok(out.to_string())
}

fn expected(case: &Json) -> Result<String, String> {
    match case["err"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(case["out"].as_str().expect("out or err").to_owned()),
    }
}

#[test]
fn answers_as_go_does() {
    let gaps = Gaps::parse(GAPS).unwrap();
    let mut names = Vec::new();
    let mut wrong = Vec::new();
    let mut dots = HashMap::new();
    for line in RECORDED.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        if let Some(defined) = case["define"].as_str() {
            dots.insert(defined.to_owned(), case["values"].clone());
            continue;
        }
        let name = text(&case, "name");
        names.push(name.to_owned());
        let dot = dots.get(text(&case, "use")).unwrap_or(&Json::Null);
        let (ours, go) = (answer(&case, dot), expected(&case));
        match (ours == go, gaps.reason(name)) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => wrong.push(format!("{name}: is listed as a gap and passes")),
            (false, None) => {
                wrong.push(format!("{name}: {}\n   go   {go:?}\n   ours {ours:?}", text(&case, "template")));
            }
        }
    }
    wrong.extend(gaps.unknown(&names).map(|name| format!("{name}: a gap of no case")));
    println!("gotemplate: {} cases, {} differ", names.len(), wrong.len());
    assert!(names.len() >= 600, "the corpus is cut");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
