//! JSON as Go's `encoding/json` writes it: digests and Helm's storage are made of its bytes.
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{
    Map, Value,
    ser::{Formatter, Serializer},
};

/// The bytes Go's `json.Marshal` would make: no blanks, `<`, `>`, `&` and the two line separators escaped, numbers
/// in Go's form. Struct fields stay in their order; maps that Go would sort must be sorted by the caller.
///
/// # Errors
/// When a value has no JSON form.
pub fn to_go_json(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, GoFormat))?;
    Ok(out)
}

/// The map with its keys, and those of all maps in it, in the order Go writes them.
pub(crate) fn sorted(map: &Map<String, Value>) -> Map<String, Value> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by(|a, b| a.0.cmp(b.0));
    entries.into_iter().map(|(key, value)| (key.clone(), sorted_value(value))).collect()
}

fn sorted_value(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(sorted(map)),
        Value::Array(items) => items.iter().map(sorted_value).collect(),
        other => other.clone(),
    }
}

struct GoFormat;

impl Formatter for GoFormat {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(float(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let special = rest[at..].chars().next().unwrap_or_default();
            write!(writer, "{}\\u{:04x}", &rest[..at], u32::from(special))?;
            rest = &rest[at + special.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Plain digits between 1e-6 and 1e21, else an exponent of at least two digits when positive.
fn float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent:0>2}"),
            _ => text,
        };
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::to_go_json;

    fn check(value: &serde_json::Value, expect: &str) {
        assert_eq!(String::from_utf8(to_go_json(value).unwrap()).unwrap(), expect);
    }

    #[test]
    fn html_is_escaped() {
        check(
            &json!("<a href=\"x\">&\u{2028}é\n\u{1}"),
            r#""\u003ca href=\"x\"\u003e\u0026\u2028é\n\u0001""#,
        );
    }

    #[test]
    fn numbers_have_gos_form() {
        for (number, expect) in [
            (8080.0, "8080"),
            (0.5, "0.5"),
            (-1.0, "-1"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-7"),
            (0.000_001, "0.000001"),
            (12_345_678_901_234_567_890.0, "12345678901234567000"),
        ] {
            check(&json!(number), expect);
        }
    }
}
