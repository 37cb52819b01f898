//! `toYaml` and `fromYaml`, as Helm has them of sigs.k8s.io/yaml.

use gotemplate::{Funcs, Numbers, Type, Value, format_float};
use manifest::yaml::{
    DuplicateKeys, FormatOptions, Limits, Node, Scalar, Tag, YamlError, compare_keys, format_node,
    parse_value, to_yaml,
};

use crate::{
    call::{Answer, Call, fixed},
    json::{Style, array, mismatch, object, to_json},
};

pub(crate) fn add(funcs: &mut Funcs) {
    for (name, must) in [("toYaml", false), ("mustToYaml", true)] {
        fixed(funcs, name, &[Type::Any], move |call| print(call, must));
    }
    fixed(funcs, "toYamlPretty", &[Type::Any], pretty);
    fixed(funcs, "fromYaml", &[Type::String], |call| Ok(object(read(call, "map[string]interface {}"))));
    fixed(funcs, "fromYamlArray", &[Type::String], |call| Ok(array(read(call, "[]interface {}"))));
}

fn print(call: &Call<'_>, must: bool) -> Answer {
    // The same detour as the reference: what JSON cannot say is an error, numbers lose their kind.
    let json =
        to_json(call.value(0), Style::Raw).and_then(|_| call.value(0).to_json().map_err(|e| e.to_string()));
    match json {
        Ok(json) => {
            let text = to_yaml(&json);
            Ok(Value::string(text.strip_suffix('\n').unwrap_or(&text)))
        }
        Err(error) if must => Err(format!("error marshaling into JSON: {error}").into()),
        Err(_) => Ok("".into()),
    }
}

/// goyaml.v3 with an indent of two: lists inside maps are indented as well, floats stay floats.
fn pretty(call: &Call<'_>) -> Answer {
    if to_json(call.value(0), Style::Raw).is_err() {
        return Ok("".into());
    }
    let options = FormatOptions { indent: 2, compact_lists: false };
    let text = format_node(&node(call.value(0)), options);
    Ok(Value::string(text.strip_suffix('\n').unwrap_or(&text)))
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
            let mut entries: Vec<_> = map.entries();
            entries.sort_by(|(a, _), (b, _)| compare_keys(&a.text(), &b.text()));
            let mut mapping = Node::mapping();
            for (key, value) in entries {
                if let Some(mapping) = mapping.as_mapping_mut() {
                    mapping.set(&key.text(), node(&value));
                }
            }
            mapping
        }
        other => Node::from_json(&other.to_json().unwrap_or_default()),
    }
}

fn read(call: &Call<'_>, wanted: &str) -> Result<Value, String> {
    let text = call.text(0);
    let limits = Limits { bytes: call.session().limits().value, ..Limits::default() };
    match parse_value("", &text, DuplicateKeys::LastWins, &limits) {
        Ok(json) => match (Value::from_json(&json, Numbers::Float), wanted) {
            (value @ (Value::Map(_) | Value::Nil), "map[string]interface {}") => Ok(value),
            (value @ (Value::List(_) | Value::Nil), "[]interface {}") => Ok(value),
            (other, wanted) => {
                Err(format!("error unmarshaling JSON: while decoding JSON: {}", mismatch(&other, wanted)))
            }
        },
        Err(error) => Err(message(&error)),
    }
}

fn message(error: &YamlError) -> String {
    format!("error converting YAML to JSON: {}", error.brief())
}
