//! The world of the tests: fixed clock, real zones, bad randomness, Helm's `include`.

use std::{cell::Cell, rc::Rc};

use base64::{Engine, engine::general_purpose::STANDARD};
use gotemplate::{FuncError, Funcs, Limits, Numbers, Session, Signature, Templates, Type, Value};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value as Json;

/// A fixed clock, the machine's zones, and a generator that is no secret.
struct Fixed(Cell<u64>);

impl sprig::Host for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), FuncError> {
        for byte in buffer {
            let next =
                self.0.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
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

pub(crate) fn text<'c>(case: &'c Json, key: &str) -> &'c str {
    case[key].as_str().unwrap_or_default()
}

/// What we answer to a case; bytes that are no text are in base64.
pub(crate) fn answer(case: &Json, dot: &Json) -> Result<String, String> {
    let funcs = funcs();
    let mut set = Templates::new("case");
    set.parse("case", text(case, "template"), &funcs).map_err(|error| error.to_string())?;
    let numbers = if text(case, "numbers") == "keep" { Numbers::Keep } else { Numbers::Float };
    let values = Value::from_json(dot, numbers);
    let session = Session::new(Limits::default());
    let out = set.execute("case", &values, &funcs, &session).map_err(|error| error.to_string())?;
    Ok(match std::str::from_utf8(&out) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("base64:{}", STANDARD.encode(&out[..])),
    })
}

/// What the oracle wrote.
pub(crate) fn recorded(case: &Json) -> Result<String, String> {
    match case["err"].as_str() {
        Some(error) => Err(error.to_owned()),
        None if case["out64"].is_string() => Ok(format!("base64:{}", text(case, "out64"))),
        None => Ok(case["out"].as_str().expect("out or err").to_owned()),
    }
}
