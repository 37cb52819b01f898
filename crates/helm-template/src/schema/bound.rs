//! What a check of values may cost at most, found out before it is made.
//!
//! The validator recurses along a schema, and its time and the tree of its errors grow with the number of ways through
//! the schema, which a short schema may have without end. So all ways are walked beforehand, as if nothing ended the
//! validator's search early: first those it takes when it compiles the schema, then those through these values.
mod compile;
mod evaluate;

use std::{collections::HashMap, ptr, rc::Rc};

use serde_json::Value;

use super::{document::Document, node::Node};

/// What the schemas of a chart and its sub-charts may cost together. Schemas of public charts take some thousands.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    /// Schemas to compile, in units of one or two KiB.
    compiled: u64,
    /// Pairs of a schema and a value.
    visits: u64,
    /// Steps of the validator in the worst case.
    steps: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { compiled: 600_000, visits: 400_000, steps: 20_000_000 }
    }
}

/// Units that one schema may compile to: this bounds memory, the sum of all bounds time.
const COMPILED: u64 = 30_000;
/// Schemas inside one another, with the references between them followed.
const DEPTH: u32 = 256;
/// Bytes of the errors that one check may collect.
const ERRORS: u64 = 48 << 20;

/// Why a schema is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// It names too many schemas.
    Names,
    /// It compiles to too much.
    Compiled,
    /// Its parts lie too deep in one another.
    Depth,
    /// There are too many ways to check a value.
    Steps,
    /// A reference in it is written so that it is not found here.
    Unknown,
}

impl TooMuch {
    /// What is too much, and what to do.
    pub(super) fn text(self) -> String {
        let what = match self {
            Self::Names => "it has too many $id".to_owned(),
            Self::Compiled => "it has too many schemas in it".to_owned(),
            Self::Depth => format!("more than {DEPTH} schemas apply inside one another"),
            Self::Unknown => "a $ref in it is not understood".to_owned(),
            Self::Steps => "there are too many ways to check these values by it".to_owned(),
        };
        format!(
            "values.schema.json is not checked: {what}; give it fewer alternatives and references, or skip the check \
             (--skip-schema-validation, disableSchemaValidation)\n"
        )
    }
}

/// What is known before a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forecast {
    /// All errors can be collected.
    pub(super) all_errors: bool,
    /// Some reference leads nowhere, so that the validator must refuse the schema.
    pub(super) unknown: bool,
}

/// Walks all ways through a schema and these values.
pub(super) fn forecast(schema: &Value, values: &Value, budget: &mut Budget) -> Result<Forecast, TooMuch> {
    let document = Document::new(schema).ok_or(TooMuch::Names)?;
    let mut nodes = Nodes { document, known: HashMap::new(), unknown: false };
    let most = COMPILED.min(budget.compiled);
    let mut left = most;
    compile::walk(schema, &mut nodes, &mut left)?;
    budget.compiled -= most - left;
    let errors = evaluate::walk((schema, values), &mut nodes, budget)?;
    Ok(Forecast { all_errors: errors <= ERRORS, unknown: nodes.unknown })
}

/// Schemas that were taken apart.
struct Nodes<'s> {
    document: Document<'s>,
    known: HashMap<*const Value, Rc<Node<'s>>>,
    unknown: bool,
}

impl<'s> Nodes<'s> {
    fn get(&mut self, schema: &'s Value) -> Rc<Node<'s>> {
        let found = self.known.entry(ptr::from_ref(schema));
        let node = found.or_insert_with(|| Rc::new(Node::new(schema, &self.document)));
        self.unknown |= node.unknown;
        Rc::clone(node)
    }
}

/// Takes from what is left.
fn charge(left: &mut u64, cost: u64, error: TooMuch) -> Result<(), TooMuch> {
    *left = left.checked_sub(cost).ok_or(error)?;
    Ok(())
}

/// How often each pair is on the way to where a walk is.
#[derive(Default)]
struct OnPath<K>(HashMap<K, u32>);

impl<K: std::hash::Hash + Eq> OnPath<K> {
    /// Steps onto it, unless it is there `most` times already.
    fn enter(&mut self, key: K, most: u32) -> bool {
        let count = self.0.entry(key).or_default();
        if *count >= most {
            return false;
        }
        *count += 1;
        true
    }

    fn leave(&mut self, key: &K) {
        if let Some(count) = self.0.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, thread};

    use serde_json::{Value, json};

    use super::{super::check, Budget, Forecast, TooMuch, forecast};

    /// `a0` to `aN` in `$defs`, each as `shape` with `NEXT` for a reference to the one after it, and `top` beside them.
    fn links(count: usize, shape: &str, top: &str) -> String {
        let mut text = format!("{{{top}, \"$defs\": {{");
        for at in 0..count {
            let next = format!("{{\"$ref\": \"#/$defs/a{}\"}}", at + 1);
            write!(text, "\"a{at}\": {},", shape.replace("NEXT", &next)).unwrap();
        }
        write!(text, "\"a{count}\": {{\"type\": \"string\"}}}}}}").unwrap();
        text
    }

    const PROPERTY: &str = r##""properties": {"a": {"$ref": "#/$defs/a0"}}"##;
    const WHOLE: &str = r##""$ref": "#/$defs/a0""##;

    /// What a check says on a thread with as much stack as those of a server have.
    fn checked(schema: String, values: Value) -> Result<(), String> {
        let run = move || {
            let Value::Object(values) = values else { return Err("no values".to_owned()) };
            check(schema.as_bytes(), &values, &mut Budget::default())
        };
        thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap()
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(1), |inner, _| json!({"a": inner}))
    }

    #[test]
    fn schemas_that_cost_too_much_are_told() {
        let two = r#"{"anyOf": [NEXT, NEXT]}"#;
        let chained = r#"{"anyOf": [NEXT, {"type": "string"}]}"#;
        let unevaluated = format!("{WHOLE}, \"unevaluatedProperties\": false");
        let peek = format!("\"anyOf\": [{{{WHOLE}}}, {{{WHOLE}}}, {{{WHOLE}}}]");
        let long = format!(
            "\"properties\": {{\"{}\": {{\"allOf\": [{}{{}}]}}}}",
            "x".repeat(500_000),
            "{},".repeat(9_000)
        );
        for (schema, why) in [
            (links(150, chained, PROPERTY), "inside one another"),
            (links(70_000, chained, PROPERTY), "too many schemas"),
            (links(40, two, PROPERTY), "too many ways"),
            (links(40, r#"{"not": {"anyOf": [NEXT, NEXT]}}"#, PROPERTY), "too many ways"),
            (links(40, r#"{"allOf": [NEXT, NEXT]}"#, &unevaluated), "too many"),
            (links(300, r#"{"allOf": [NEXT]}"#, &unevaluated), "inside one another"),
            (links(20, r#"{"unevaluatedProperties": false, "allOf": [NEXT]}"#, &unevaluated), "too many"),
            (links(16, r#"{"allOf": [NEXT, NEXT, NEXT]}"#, &peek), "too many"),
            (links(0, "", &long), "too many schemas"),
        ] {
            let error = checked(schema, json!({"a": 1})).unwrap_err();
            assert!(error.contains(why), "{why}: {}", error.chars().take(300).collect::<String>());
        }
    }

    #[test]
    fn values_may_make_a_schema_cost_too_much() {
        let schema = r##"{"$ref": "#/$defs/a", "$defs": {"a": {"oneOf": [
            {"additionalProperties": {"$ref": "#/$defs/a"}, "required": ["b"]},
            {"additionalProperties": {"$ref": "#/$defs/a"}, "required": ["c"]}]}}}"##;
        let error = |depth| checked(schema.to_owned(), nested(depth)).unwrap_err();
        assert!(error(4).contains("missing property 'b'"), "{}", error(4));
        assert!(error(12).contains("too many reasons"), "{}", error(12));
        assert!(error(30).contains("too many ways"), "{}", error(30));
    }

    #[test]
    fn a_schema_is_used_as_deep_as_it_may_be() {
        let chained = links(120, r#"{"anyOf": [NEXT, {"type": "string"}]}"#, PROPERTY);
        assert_eq!(checked(chained.clone(), json!({"a": "x"})), Ok(()));
        let error = checked(chained, json!({"a": 1})).unwrap_err();
        assert!(error.lines().count() > 200 && !error.ends_with("more\n"), "{error}");
        let inline = format!("{}true{}", r#"{"anyOf": ["#.repeat(60), "]}".repeat(60));
        assert_eq!(checked(inline, nested(1)), Ok(()));
        let trees = r##"{"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "additionalProperties":
            {"anyOf": [{"type": "number"}, {"$ref": "#/$defs/a"}]}}}}"##;
        assert_eq!(checked(trees.to_owned(), nested(60)), Ok(()));
    }

    #[test]
    fn a_long_report_is_cut() {
        let list: Vec<Value> = (0..20_000).map(|_| json!("x")).collect();
        let schema = json!({"properties": {"a": {"items": {"type": "integer"}}}});
        let error = checked(schema.to_string(), json!({"a": list})).unwrap_err();
        assert!(error.len() < 70_000 && error.ends_with("... and more\n"), "{}", error.len());
        assert!(error.starts_with("- at '/a/0': got string, want integer\n"), "{error}");
    }

    #[test]
    fn references_are_followed_as_they_may_be_written() {
        let two = r#"{"anyOf": [NEXT, NEXT]}"#;
        let pointers = links(40, two, PROPERTY);
        let anchors = pointers.replace("#/$defs/a", "#a");
        let anchors = (0..=40).fold(anchors, |text, at| {
            text.replace(&format!("\"a{at}\": {{"), &format!("\"a{at}\": {{\"$anchor\": \"a{at}\","))
        });
        let escaped = pointers.replace("#/$defs/a", "#/%24defs/%61");
        let named = pointers.replace("#/$defs/a", "values.schema.json#/$defs/a");
        let own =
            pointers.replace("#/$defs/a", "x/./b#/$defs/a").replacen('{', "{\"$id\": \"https://h/x/b\",", 1);
        for schema in [pointers, anchors, escaped, named, own] {
            let schema: Value = serde_json::from_str(&schema).unwrap();
            let told = forecast(&schema, &json!({"a": 1}), &mut Budget::default());
            assert_eq!(told, Err(TooMuch::Steps), "{schema}");
        }
    }

    #[test]
    fn patterns_take_room_by_what_they_compile_to() {
        let patterns = |count: usize, piece: &str| -> String {
            let all: serde_json::Map<_, _> =
                (0..count).map(|at| (format!("^({piece}k{at}){{9}}$"), json!({}))).collect();
            json!({"patternProperties": all}).to_string()
        };
        assert_eq!(checked(patterns(500, "[a-z]"), json!({"a": 1})), Ok(()));
        let error = checked(patterns(30, r"\p{L}{20}"), json!({"a": 1})).unwrap_err();
        assert!(error.contains("too many schemas"), "{error}");
    }

    #[test]
    fn usual_schemas_stay_far_below() {
        let container = json!({"type": "object", "additionalProperties": false, "properties": {
            "image": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/image"}]},
            "env": {"type": "array", "items": {"type": "object", "patternProperties": {"^[a-z]+$": {"type": "string"}}}},
        }});
        let image = json!({"type": "object", "required": ["tag"], "properties": {"tag": {"type": "string"}}});
        let parts: serde_json::Map<_, _> =
            (0..200).map(|at| (format!("p{at}"), json!({"$ref": "#/$defs/container"}))).collect();
        let schema = json!({"$defs": {"container": container, "image": image}, "properties": parts});
        let part =
            json!({"image": {"tag": "1"}, "env": [{"name": "a", "value": "b"}, {"name": "c", "value": "d"}]});
        let values: serde_json::Map<_, _> = (0..200).map(|at| (format!("p{at}"), part.clone())).collect();
        let mut budget = Budget::default();
        let told = forecast(&schema, &Value::Object(values), &mut budget);
        assert_eq!(told, Ok(Forecast { all_errors: true, unknown: false }));
        let most = Budget::default();
        assert!(most.compiled - budget.compiled < super::COMPILED / 10, "{budget:?}");
        assert!(most.visits - budget.visits < most.visits / 20, "{budget:?}");
        assert!(most.steps - budget.steps < most.steps / 20, "{budget:?}");
    }
}
