//! Holds us against what Sprig 3.3 and the encoders that Helm uses answer. `corpus/recorded.jsonl` is written only
//! by `e2e/tools/gotemplate`; `gaps.txt` lists the cases that differ, each with its reason.

mod world;

use std::collections::HashMap;

use conformance::Gaps;
use serde_json::Value as Json;
use world::{answer, recorded, text};

const RECORDED: &str = include_str!("corpus/recorded.jsonl");
const GAPS: &str = include_str!("gaps.txt");

#[test]
fn answers_as_sprig_and_helm_do() {
    let gaps = Gaps::parse(GAPS).unwrap();
    let (mut names, mut wrong, mut dots) = (Vec::new(), Vec::new(), HashMap::new());
    for line in RECORDED.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        if let Some(defined) = case["define"].as_str() {
            dots.insert(defined.to_owned(), case["values"].clone());
            continue;
        }
        let name = text(&case, "name");
        names.push(name.to_owned());
        let (ours, go) =
            (answer(&case, dots.get(text(&case, "use")).unwrap_or(&Json::Null)), recorded(&case));
        match (ours == go, gaps.reason(name)) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => wrong.push(format!("{name}: is listed as a gap and passes")),
            (false, None) => {
                wrong.push(format!("{name}: {}\n   go   {go:?}\n   ours {ours:?}", text(&case, "template")));
            }
        }
    }
    wrong.extend(gaps.unknown(&names).map(|name| format!("{name}: a gap of no case")));
    println!("sprig: {} cases, {} differ", names.len(), wrong.len());
    assert!(names.len() >= 10_000, "the corpus is cut");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
