//! Holds us against what Sprig 3.3 and the encoders that Helm uses answer. `corpus/recorded.jsonl` is written only by
//! `e2e/tools/gotemplate`; `gaps.txt` lists the cases that differ, each with its reason.

use std::{cell::Cell, collections::HashMap, rc::Rc};

use conformance::Gaps;
use base64::{Engine, engine::general_purpose::STANDARD};
use gotemplate::{FuncError, Funcs, Numbers, Session, Signature, Templates, Type, Value};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value as Json;

const RECORDED: &str = include_str!("corpus/recorded.jsonl");
const GAPS: &str = include_str!("gaps.txt");

fn text<'c>(case: &'c Json, key: &str) -> &'c str {
    case[key].as_str().unwrap_or_default()
}

/// A world with zones, a fixed clock and bad randomness.
struct Fixed(Cell<u64>);

impl sprig::Host for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), FuncError> {
        for byte in buffer {
            let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.0.set(next);
            *byte = next.to_be_bytes()[0];
        }
        Ok(())
    }

    fn time_zone(&self, name: &str) -> Option<TimeZone> {
        TimeZone::get(name).ok()
    }
}

fn funcs() -> Funcs {
    let mut funcs = Funcs::new();
    sprig::add_functions(&mut funcs, Rc::new(Fixed(Cell::new(1))));
    sprig::add_encodings(&mut funcs);
    funcs.remove("env");
    funcs.remove("expandenv");
    // Stands in for Helm's, which is helm-template's.
    funcs.insert("include", Signature::fixed(&[Type::String, Type::Any]), |context, arguments| {
        let name = arguments[0].as_string().cloned().unwrap_or_default();
        context.execute(&name.text(), &arguments[1]).map(Value::String)
    });
    funcs
}

fn shown(out: &[u8]) -> String {
    match std::str::from_utf8(out) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("base64:{}", STANDARD.encode(out)),
    }
}

fn answer(case: &Json, dot: &Json) -> Result<String, String> {
    let funcs = funcs();
    let mut set = Templates::new("case");
    for other in case["also"].as_array().into_iter().flatten() {
        set.parse(text(other, "name"), text(other, "text"), &funcs).map_err(|error| error.to_string())?;
    }
    set.parse("case", text(case, "template"), &funcs).map_err(|error| error.to_string())?;
    let numbers = if text(case, "numbers") == "keep" { Numbers::Keep } else { Numbers::Float };
    let values = Value::from_json(dot, numbers);
    let out = set.execute("case", &values, &funcs, &Session::default()).map_err(|error| error.to_string())?;
    Ok(shown(&out))
}

fn expected(case: &Json) -> Result<String, String> {
    match case["err"].as_str() {
        Some(error) => Err(error.to_owned()),
        None if case["out64"].is_string() => Ok(format!("base64:{}", text(case, "out64"))),
        None => Ok(case["out"].as_str().expect("out or err").to_owned()),
    }
}

#[test]
fn answers_as_sprig_and_helm_do() {
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
    println!("sprig: {} cases, {} differ", names.len(), wrong.len());
    assert!(names.len() >= 10_000, "the corpus is cut");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
