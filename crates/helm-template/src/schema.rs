//! `values.schema.json`: what values a chart takes.
mod bound;
mod document;
mod keywords;
mod node;
mod report;

use jsonschema::{FancyRegex, PatternOptions, Retrieve, Uri};
use serde_json::{Map, Number, Value};

use self::{
    bound::{Budget, Forecast, TooMuch, forecast},
    keywords::Keywords,
    report::report,
};
use crate::chart::Chart;

/// Where Helm has a chart's schema.
const SCHEMA_URI: &str = "file:///values.schema.json";

/// Bytes of stack for a check.
const STACK: usize = 16 << 20;

/// Values that the schema of a chart or sub-chart refuses: `chart:\n- at '/path': what is wrong\n`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

/// Checks coalesced values against the schemas of a chart and its sub-charts.
pub(crate) fn check_schemas(chart: &Chart, values: &Map<String, Value>) -> Result<(), SchemaError> {
    let mut text = String::new();
    collect(chart, values, &mut Budget::default(), &mut text);
    if text.is_empty() { Ok(()) } else { Err(SchemaError(text)) }
}

fn collect(chart: &Chart, values: &Map<String, Value>, budget: &mut Budget, text: &mut String) {
    if let Some(schema) = chart.schema()
        && let Err(error) = check(&schema.data, values, budget)
    {
        text.push_str(&format!("{}:\n{error}", chart.name()));
    }
    for child in chart.dependencies() {
        match values.get(child.name()) {
            None | Some(Value::Null) => {}
            Some(Value::Object(own)) => collect(child, own, budget, text),
            Some(other) => {
                let found = go_type(other);
                let name = child.name();
                text.push_str(&format!(
                    "{name}:\ninvalid type for values: expected object (map), got {found}\n"
                ));
            }
        }
    }
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        _ => "[]interface {}",
    }
}

fn check(schema: &[u8], values: &Map<String, Value>, budget: &mut Budget) -> Result<(), String> {
    let schema: Value = serde_json::from_slice(schema).map_err(|error| match error.is_eof() {
        true => "unexpected EOF".to_owned(),
        false => error.to_string(),
    })?;
    let mut values = Value::Object(values.clone());
    whole_numbers(&mut values);
    let forecast = forecast(&schema, &values, budget).map_err(TooMuch::text)?;
    // A thread of a server has 2 MiB, and a schema as deep as it may be takes more.
    stacker::grow(STACK, || validate(&schema, &values, forecast))
}

fn validate(schema: &Value, values: &Value, forecast: Forecast) -> Result<(), String> {
    let validator = jsonschema::options()
        .with_base_uri(SCHEMA_URI)
        .with_retriever(Offline)
        .with_pattern_options(patterns())
        .build(schema)
        .map_err(|error| format!("\"{SCHEMA_URI}#\" is not valid: {error}\n"))?;
    if forecast.unknown {
        return Err(TooMuch::Unknown.text());
    }
    if validator.is_valid(values) {
        return Ok(());
    }
    if !forecast.all_errors {
        return Err("- at '': the values do not meet the schema, for too many reasons to list\n".to_owned());
    }
    let errors: Vec<_> = validator.iter_errors(values).collect();
    Err(report(&errors, &Keywords::new(schema)))
}

/// Patterns with backtracking, which Helm does not know at all, end soon; others take time linear in the text. What they
/// take is what `bound` expects of them.
fn patterns() -> PatternOptions<FancyRegex> {
    PatternOptions::fancy_regex().backtrack_limit(10_000).size_limit(4 << 20).dfa_size_limit(64 << 10)
}

/// Values hold floats only. Draft 4 takes none of them for an integer, Helm takes all that are whole.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e18);
            #[expect(clippy::cast_possible_truncation, reason = "whole, and in range")]
            if let Some(float) = float.filter(|_| number.is_f64()) {
                *number = Number::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

/// Schemas elsewhere are not fetched: a URN is taken for a schema that takes everything, as in Helm; the rest is an
/// error.
struct Offline;

impl Retrieve for Offline {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        if uri.as_str().starts_with("urn:") {
            return Ok(Value::Bool(true));
        }
        Err(format!("schemas at other places are not fetched: {}", uri.as_str()).into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Budget;
    use crate::values::Values;

    fn check(schema: &[u8], values: &serde_json::Map<String, serde_json::Value>) -> Result<(), String> {
        super::check(schema, values, &mut Budget::default())
    }

    fn fails(schema: &serde_json::Value, values: &str, expect: &str) {
        let values = Values::parse(values).unwrap();
        let error = check(schema.to_string().as_bytes(), values.as_map()).unwrap_err();
        assert_eq!(error, expect);
    }

    #[test]
    fn each_problem_has_a_line() {
        let schema = json!({"type": "object", "required": ["name", "tag"], "properties": {
            "replicas": {"type": "integer", "minimum": 0},
            "port": {"type": ["integer", "string"]},
            "mode": {"enum": ["a", "b"]},
        }});
        fails(&schema, "replicas: x\nname: n\ntag: t\n", "- at '/replicas': got string, want integer\n");
        fails(&schema, "replicas: -1\nname: n\ntag: t\n", "- at '/replicas': minimum: got -1, want 0\n");
        fails(&schema, "{}", "- at '': missing properties 'name', 'tag'\n");
        fails(&schema, "name: n\n", "- at '': missing property 'tag'\n");
        fails(&schema, "{name: n, tag: t, mode: c}", "- at '/mode': value must be one of 'a', 'b'\n");
        fails(&schema, "{name: n, tag: t, port: null}", "- at '/port': got null, want integer or string\n");
    }

    #[test]
    fn whole_numbers_are_integers_in_every_draft() {
        for draft in ["http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-07/schema#"] {
            let schema = json!({"$schema": draft, "properties": {"port": {"type": "integer"}}}).to_string();
            let values = Values::parse("port: 8080\n").unwrap();
            assert_eq!(check(schema.as_bytes(), values.as_map()), Ok(()), "{draft}");
            let values = Values::parse("port: 80.5\n").unwrap();
            assert!(check(schema.as_bytes(), values.as_map()).is_err(), "{draft}");
        }
    }

    #[test]
    fn problems_of_one_place_only_stand_without_a_group() {
        let schema = json!({"properties": {"image": {
            "additionalProperties": false,
            "properties": {"tag": {"type": "string"}, "name": {"type": "string", "minLength": 3}},
        }}});
        fails(
            &schema,
            "image: {tag: 1, name: ab}\n",
            "- at '/image/name': minLength: got 2, want 3\n- at '/image/tag': got number, want string\n",
        );
        fails(&schema, "image: {x: 1}\n", "- at '/image': additional properties 'x' not allowed\n");
    }

    #[test]
    fn alternatives_show_why_each_failed() {
        let schema = json!({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "boolean"}]}}});
        fails(
            &schema,
            "a: 1\n",
            "- at '/a': 'anyOf' failed\n  - at '/a': got number, want string\n  - at '/a': got number, want boolean\n",
        );
    }

    #[test]
    fn a_list_without_the_wanted_item_shows_what_is_wrong_with_each() {
        let schema = json!({
            "$defs": {
                "o": {"type": "object", "required": ["a b"]},
                "list of": {"contains": {"$ref": "#/$defs/o"}},
            },
            "properties": {"list": {"$ref": "#/$defs/list%20of"}},
        });
        fails(
            &schema,
            "list: [1, {}]\n",
            "- at '/list': no items match contains schema\n  - at '/list/0': got number, want object\n  - at '/list/1': missing property 'a b'\n",
        );
        fails(&schema, "list: []\n", "- at '/list': no items match contains schema\n");
    }

    #[test]
    fn limits_of_contained_items_name_the_places() {
        let schema =
            json!({"properties": {"l": {"contains": {"const": 1}, "minContains": 2, "maxContains": 2}}});
        let words = "items required to match contains schema, but";
        fails(
            &schema,
            "l: [x]\n",
            &format!("- at '/l': min 2 {words} none matched\n  - at '/l/0': value must be 1\n"),
        );
        fails(&schema, "l: [1]\n", &format!("- at '/l': min 2 {words} matched 1 items at 0\n"));
        fails(&schema, "l: [1, 1, x, 1]\n", &format!("- at '/l': max 2 {words} matched 3 items at 0 1 3\n"));
    }

    #[test]
    fn a_property_may_ask_for_others() {
        let rules = json!({"a": ["b", "c", "d"], "x": ["y"]});
        for (keyword, uri) in [
            ("dependentRequired", "https://json-schema.org/draft/2020-12/schema"),
            ("dependencies", "http://json-schema.org/draft-07/schema#"),
        ] {
            let schema = json!({"$schema": uri, keyword: rules});
            fails(&schema, "{a: 1, c: 2}\n", "- at '': properties 'b', 'd' required, if 'a' exists\n");
        }
    }

    #[test]
    fn whole_floats_are_integers() {
        let schema = json!({"properties": {"a": {"type": "integer"}}});
        assert_eq!(check(schema.to_string().as_bytes(), Values::parse("a: 5.0\n").unwrap().as_map()), Ok(()));
    }

    #[test]
    fn schemas_elsewhere_are_not_fetched() {
        let schema = json!({"$ref": "https://example.com/schema.json"});
        let error = check(schema.to_string().as_bytes(), Values::new().as_map()).unwrap_err();
        assert!(error.contains("not fetched"), "{error}");
    }
}
