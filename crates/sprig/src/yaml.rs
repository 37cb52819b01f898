//! `toYaml` and `fromYaml`, as Helm has them of sigs.k8s.io/yaml.

use gotemplate::{FuncError, Funcs, LimitError, Map, Numbers, Type, Value, format_float};
use manifest::yaml::{
    DuplicateKeys, Entry, FormatOptions, Limits, Mapping, Node, Scalar, ScalarStyle, Tag, YamlCause,
    YamlError, format_node, parse_value, sort_keys, to_yaml,
};

use crate::{
    call::{Answer, Call, fixed},
    json::{Style, array, mismatch, nothing, object, write},
};

/// How many values one text may hold; some 6 MB of usual YAML.
const NODES: usize = 200_000;

/// Levels that any thread has the stack for.
const SHALLOW: usize = 100;

pub(crate) fn add(funcs: &mut Funcs) {
    for (name, must) in [("toYaml", false), ("mustToYaml", true)] {
        fixed(funcs, name, &[Type::Any], move |call| print(call, must));
    }
    fixed(funcs, "toYamlPretty", &[Type::Any], pretty);
    fixed(funcs, "fromYaml", &[Type::String], |call| {
        Ok(object(read(call, "map[string]interface {}", Value::Map(Map::new()))?))
    });
    fixed(funcs, "fromYamlArray", &[Type::String], |call| {
        Ok(array(read(call, "[]interface {}", Value::list(Vec::new()))?))
    });
}

fn print(call: &Call<'_>, must: bool) -> Answer {
    // The same detour as the reference: what JSON cannot say is an error, numbers lose their kind.
    let json = write(call, Style::Raw).and_then(|written| {
        let json = call.value(0).to_json().map_err(|error| FuncError::from(error.to_string()))?;
        Ok((json, written.depth))
    });
    match json {
        Ok((json, depth)) => {
            let text = with_stack(depth, || to_yaml(&json));
            Ok(Value::string(text.strip_suffix('\n').unwrap_or(&text)))
        }
        Err(FuncError::Message(error)) if must => Err(format!("error marshaling into JSON: {error}").into()),
        Err(error) => nothing(call, error),
    }
}

/// goyaml.v3 with an indent of two: lists inside maps are indented as well, floats stay floats.
fn pretty(call: &Call<'_>) -> Answer {
    let depth = match write(call, Style::Raw) {
        Ok(written) => written.depth,
        Err(error) => return nothing(call, error),
    };
    let options = FormatOptions { indent: 2, compact_lists: false };
    let text = with_stack(depth, || format_node(&node(call.value(0)), options));
    Ok(Value::string(text.strip_suffix('\n').unwrap_or(&text)))
}

/// Runs what recurses once for each level.
fn with_stack<T>(depth: usize, print: impl FnOnce() -> T) -> T {
    const STACK: usize = 16 << 20;
    if depth > SHALLOW { stacker::grow(STACK, print) } else { stacker::maybe_grow(1 << 20, STACK, print) }
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
fn read(call: &Call<'_>, wanted: &str, none: Value) -> Result<Result<Value, String>, LimitError> {
    let text = call.text(0);
    let limits = Limits { bytes: call.session().limits().value, nodes: NODES, ..Limits::default() };
    let json = match parse_value("", &text, DuplicateKeys::LastWins, &limits) {
        Ok(json) => json,
        // A text that is too large is no text with a mistake, which the answer would tell.
        Err(YamlError { cause: YamlCause::Limit { limit, unit: "nodes" }, .. }) => {
            return Err(LimitError::Parts(limit));
        }
        Err(error) => return Ok(Err(error.go_text(&text))),
    };
    let value = Value::from_json(&json, Numbers::Float);
    call.session().check()?;
    Ok(match (value, wanted) {
        (Value::Nil, _) => Ok(none),
        (value @ Value::Map(_), "map[string]interface {}") | (value @ Value::List(_), "[]interface {}") => {
            Ok(value)
        }
        (other, wanted) => {
            Err(format!("error unmarshaling JSON: while decoding JSON: {}", mismatch(&other, wanted)))
        }
    })
}
