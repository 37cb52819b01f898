//! Parsers of single texts.

use envsubst::{Unset, substitute};
use expr::{Env, Program};
use helm_template::Values;
use kustomize::{ImageChange, add_resources, set_images, set_namespace};
use manifest::yaml::{
    Dialect, DuplicateKeys, Limits, apply_setters, outline, parse_documents, parse_nodes, parse_value,
    to_yaml,
};
use semver_range::{Constraint, Version};
use serde_json::{Value, json};

/// Small enough that every input ends in a moment.
fn limits() -> Limits {
    Limits { bytes: 1 << 20, nodes: 100_000, alias_nodes: 20_000, ..Limits::default() }
}

/// What is read can be printed, and reads as the same again, but for the sign of a zero, which YAML is not told.
pub(crate) fn yaml(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for dialect in [Dialect::Sigs, Dialect::Kyaml] {
        let _ = parse_nodes("f.yaml", &text, dialect, &limits());
    }
    let _ = outline(&text, &limits());
    for mut value in parse_documents("f.yaml", &text, &limits()).unwrap_or_default() {
        unsign_zeros(&mut value);
        let printed = to_yaml(&value);
        let again = parse_value("f.yaml", &printed, DuplicateKeys::Refuse, &Limits::default());
        assert_eq!(again.as_ref(), Ok(&value), "printed as {printed:?}");
    }
}

fn unsign_zeros(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(unsign_zeros),
        Value::Object(map) => map.values_mut().for_each(unsign_zeros),
        Value::Number(number) if number.is_f64() && number.as_f64() == Some(0.0) => *value = json!(0),
        _ => {}
    }
}

/// A marked text is changed, or refused; a second run changes nothing.
pub(crate) fn setters(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let value = |name: &str| (!name.is_empty()).then_some("registry.example.com/app:1.2.3");
    if let Ok(outcome) = apply_setters(&text, "$imagepolicy", &value, &limits())
        && let Ok(again) = apply_setters(&outcome.text, "$imagepolicy", &value, &limits())
    {
        assert_eq!(again.text, outcome.text, "a second run changes more");
    }
}

/// Edits give a text that reads as told, or are refused.
pub(crate) fn edits(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(edited) = set_namespace(&text, "apps") {
        assert_eq!(set_namespace(&edited, "apps").as_deref(), Ok(edited.as_str()));
    }
    let _ = add_resources(&text, &["new.yaml"]);
    if let Ok(image) = ImageChange::parse("nginx=my/nginx:2") {
        let _ = set_images(&text, &[image]);
    }
}

/// A constraint answers for any version.
pub(crate) fn constraint(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (constraint, version) = text.split_once('\n').unwrap_or((&text, "1.2.3"));
    let _ = Version::parse_tag(version);
    if let (Ok(constraint), Ok(version)) = (Constraint::parse(constraint), Version::parse(version)) {
        let _ = constraint.matches(&version);
    }
}

/// Text without references stays.
pub(crate) fn substitution(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lookup = |name: &str| match name {
        "a" => Some("value"),
        "empty" => Some(""),
        _ => None,
    };
    for unset in [Unset::Empty, Unset::Fail] {
        let result = substitute(&text, lookup, unset);
        if !text.contains('$') {
            assert_eq!(result.as_deref(), Ok(&*text));
        }
    }
}

/// An expression compiles or not, and is evaluated within its budget.
pub(crate) fn expression(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(program) = Program::compile(&text, &Env::open()) else { return };
    let object = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}], "n": 1, "x": "y"}});
    let _ = program.eval_bool_on(&object);
}

/// The grammars of `--set`.
pub(crate) fn set_values(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut values = Values::new();
    let _ = values.set(&text);
    let _ = values.set_string(&text);
    let _ = values.set_json(&text);
    let _ = values.set_literal(&text);
    let _ = values.to_yaml();
}
