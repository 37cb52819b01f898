//! `toYaml` and `fromYaml`, as Helm has them of sigs.k8s.io/yaml.

use gotemplate::{Funcs, Map, Numbers, Type, Value, format_float};
use manifest::yaml::{
    DuplicateKeys, Entry, FormatOptions, Limits, Mapping, Node, Scalar, ScalarStyle, Tag, format_node,
    parse_value, sort_keys, to_yaml,
};

use crate::{
    call::{Answer, Call, fixed},
    json::{FAILED, Style, array, mismatch, object, to_json},
};

pub(crate) fn add(funcs: &mut Funcs) {
    for (name, must) in [("toYaml", false), ("mustToYaml", true)] {
        fixed(funcs, name, &[Type::Any], move |call| print(call, must));
    }
    fixed(funcs, "toYamlPretty", &[Type::Any], pretty);
    fixed(funcs, "fromYaml", &[Type::String], |call| {
        Ok(object(read(call, "map[string]interface {}", Value::Map(Map::new()))))
    });
    fixed(funcs, "fromYamlArray", &[Type::String], |call| {
        Ok(array(read(call, "[]interface {}", Value::list(Vec::new()))))
    });
}

fn print(call: &Call<'_>, must: bool) -> Answer {
    // The same detour as the reference: what JSON cannot say is an error, numbers lose their kind.
    let json =
        to_json(call.value(0), Style::Raw).and_then(|_| call.value(0).to_json().map_err(|e| e.to_string()));
    match json {
        Ok(json) => {
            let text = stacker::maybe_grow(1 << 20, 8 << 20, || to_yaml(&json));
            Ok(Value::string(text.strip_suffix('\n').unwrap_or(&text)))
        }
        Err(error) if must => Err(format!("error marshaling into JSON: {error}").into()),
        Err(_) => {
            call.session().step(FAILED)?;
            Ok("".into())
        }
    }
}

/// goyaml.v3 with an indent of two: lists inside maps are indented as well, floats stay floats.
fn pretty(call: &Call<'_>) -> Answer {
    if to_json(call.value(0), Style::Raw).is_err() {
        call.session().step(FAILED)?;
        return Ok("".into());
    }
    let options = FormatOptions { indent: 2, compact_lists: false };
    let text = stacker::maybe_grow(1 << 20, 8 << 20, || format_node(&node(call.value(0)), options));
    Ok(Value::string(text.strip_suffix('\n').unwrap_or(&text)))
}

/// A string; the words of YAML 1.1 are quoted for the readers that still have them.
fn text(text: &str) -> Scalar {
    let mut scalar = Scalar::string(text);
    if is_old_bool(text) || is_base_60(text) {
        scalar.style = ScalarStyle::DoubleQuoted;
    }
    scalar
}

fn is_old_bool(text: &str) -> bool {
    let words =
        ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"];
    words.contains(&text)
}

/// `12:30` was a number once.
fn is_base_60(text: &str) -> bool {
    let plain = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, _) = plain.split_once('.').unwrap_or((plain, ""));
    let mut parts = whole.split(':');
    let first = parts.next().is_some_and(|part| {
        part.starts_with(|c: char| c.is_ascii_digit())
            && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
    });
    let rest: Vec<_> = parts.collect();
    let sixty = |part: &&str| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']);
    first && !rest.is_empty() && rest.iter().all(sixty)
}

fn node(value: &Value) -> Node {
    match value {
        Value::Float(f) => Node::Scalar(Scalar::new(format_float(*f), Tag::Float)),
        Value::List(list) => {
            let mut sequence = Node::from_json(&serde_json::Value::Array(Vec::new()));
            if let Some(items) = sequence.items_mut() {
                items.extend(list.iter().map(node));
            }
            sequence
        }
        Value::Map(map) => {
            let entries = map.entries();
            let keys: Vec<_> = entries.iter().map(|(key, _)| key.text()).collect();
            let mut sorted: Vec<(&str, &Value)> =
                keys.iter().zip(&entries).map(|(key, (_, value))| (key.as_ref(), value)).collect();
            sort_keys(&mut sorted, |entry| entry.0);
            let entry = |(key, value): (&str, &Value)| Entry { key: text(key), value: node(value) };
            Node::Mapping(Mapping { entries: sorted.into_iter().map(entry).collect(), ..Mapping::default() })
        }
        Value::String(string) => Node::Scalar(text(&string.text())),
        Value::Object(object) if object.json().is_some() => node(&object.json().unwrap_or_default()),
        other => Node::from_json(&other.to_json().unwrap_or_default()),
    }
}

/// `none` stands for an empty document.
fn read(call: &Call<'_>, wanted: &str, none: Value) -> Result<Value, String> {
    let text = call.text(0);
    let limits = Limits { bytes: call.session().limits().value, ..Limits::default() };
    match parse_value("", &text, DuplicateKeys::LastWins, &limits) {
        Ok(json) => match (Value::from_json(&json, Numbers::Float), wanted) {
            (Value::Nil, _) => Ok(none),
            (value @ Value::Map(_), "map[string]interface {}")
            | (value @ Value::List(_), "[]interface {}") => Ok(value),
            (other, wanted) => {
                Err(format!("error unmarshaling JSON: while decoding JSON: {}", mismatch(&other, wanted)))
            }
        },
        Err(error) => Err(error.go_text(&text)),
    }
}
