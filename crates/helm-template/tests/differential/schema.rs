//! Schemas that the values mostly fit.
use conformance::random::Dice;
use serde_json::{Value, json};

const DRAFTS: [&str; 5] = [
    "http://json-schema.org/draft-07/schema#",
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-06/schema#",
    "http://json-schema.org/draft-04/schema#",
];

fn clause(dice: &mut Dice) -> (&'static str, Value) {
    let fits = [
        ("str", json!({"type": ["string", "number", "null"]})),
        ("flag", json!({"type": ["boolean", "string"]})),
        ("list", json!({"type": ["array", "null"], "maxItems": 9})),
        ("map", json!({"type": ["object", "null"], "additionalProperties": true})),
        (
            "nested",
            json!({"anyOf": [{"type": "null"}, {"type": "object", "properties": {"image": {"$ref": "#/$defs/i"}}}]}),
        ),
        ("num", json!({"not": {"type": "array"}})),
        ("global", json!({"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}})),
    ];
    let may_not = [
        ("num", json!({"type": "integer", "minimum": 2, "maximum": 100_000})),
        ("str", json!({"type": "string", "minLength": 3, "pattern": "^[a-z ]*$"})),
        ("list", json!({"items": {"type": "string"}, "uniqueItems": true, "minItems": 2})),
        ("map", json!({"additionalProperties": false, "properties": {"a": {"type": "string"}}})),
        ("odd1", json!({"enum": ["a", 1, null, {"a": 1}]})),
        ("odd2", json!({"oneOf": [{"type": "string"}, {"type": "number", "multipleOf": 2}]})),
        ("nested", json!({"required": ["image", "absent"]})),
        ("map", json!({"maxProperties": 1})),
        ("num", json!({"const": 3})),
        ("str", json!({"if": {"type": "string"}, "then": {"maxLength": 4}, "else": false})),
        ("flag", json!({"format": "date"})),
        ("list", json!({"contains": {"type": "object"}})),
    ];
    if dice.chance(4) { dice.pick(&may_not).clone() } else { dice.pick(&fits).clone() }
}

/// A schema of the chart's values.
pub(crate) fn schema(dice: &mut Dice) -> String {
    let mut properties = json!({});
    for _ in 0..1 + dice.below(4) {
        let (key, value) = clause(dice);
        properties[key] = value;
    }
    let mut schema =
        json!({"type": "object", "properties": properties, "$defs": {"i": {"type": ["object", "null"]}}});
    if dice.chance(70) {
        schema["$schema"] = json!(*dice.pick(&DRAFTS));
    }
    if dice.chance(1) {
        schema["required"] = json!(["absent"]);
    }
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}
