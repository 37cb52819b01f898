//! Templates, without functions and with all of them.

use std::rc::Rc;

use gotemplate::{Funcs, Limits, Numbers, Session, Templates, Value};
use serde_json::json;

use crate::host::Still;

fn data() -> Value {
    let data = json!({"s": "text", "n": 3, "f": 1.5, "b": true, "nil": null, "l": [1, "two", {"three": 3}],
        "m": {"a": {"b": "c"}, "x": []}});
    Value::from_json(&data, Numbers::Float)
}

fn run(data: &[u8], funcs: &Funcs) {
    let text = String::from_utf8_lossy(data);
    let mut set = Templates::new("t");
    if set.parse("t", &text, funcs).is_err() {
        return;
    }
    let limits = Limits { steps: 100_000, ..Limits::default() };
    let _ = set.execute("t", &self::data(), funcs, &Session::new(limits));
}

pub(crate) fn template(data: &[u8]) {
    run(data, &Funcs::new());
}

pub(crate) fn functions(data: &[u8]) {
    let mut funcs = Funcs::new();
    sprig::add_functions(&mut funcs, Rc::new(Still));
    sprig::add_encodings(&mut funcs);
    run(data, &funcs);
}
