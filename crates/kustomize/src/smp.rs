//! Strategic merge: a patch laid over an object, lists merged by the keys of the schema.
//! Reading order: `merge` here, then `list` with `key_values` and `keyed`, and `directive`.

mod directive;
mod key_index;
mod key_values;
mod keyed;
mod list;

use std::collections::BTreeSet;

use manifest::yaml::{Dialect, Mapping, Node, Scalar, ScalarStyle, Tag, resolve_plain};

use crate::{
    fields::kind_name,
    schema::{Schema, Schemas},
};

use self::directive::{Directive, take_directive};

/// Why a patch does not fit an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// The patch has another kind of value than the object.
    #[error("wrong node kind: expected {expected} but got {found} at '{path}'")]
    Kind {
        /// The kind that goes before.
        expected: &'static str,
        /// The other kind.
        found: &'static str,
        /// The field.
        path: String,
    },
    /// `$patch` is something unknown.
    #[error("unknown patch strategy '{0}'")]
    Directive(String),
    /// An element without a text in its key takes the places of too many others.
    #[error("elements with an empty key exceed the limit of {0} bytes that they may replace in one list")]
    TooLarge(usize),
}

/// Lays `patch` over `object`; `None` when the patch deletes it.
pub(crate) fn merge_patch(object: Node, patch: &Node, schemas: &Schemas) -> Result<Option<Node>, MergeError> {
    let mut merger = Merger { schemas, path: Vec::new() };
    merger.walk(Some(object), Patch::Other(patch.clone()), None)
}

/// What is laid over a value.
enum Patch {
    /// Nothing: what is there is only tidied.
    Absent,
    /// The value itself. What a patch adds is walked so, that its own directives and nulls are taken out.
    Same,
    /// Another value.
    Other(Node),
}

struct Merger<'s> {
    schemas: &'s Schemas,
    path: Vec<String>,
}

fn present(node: Option<&Node>) -> Option<&Node> {
    node.filter(|node| !node.is_null())
}

/// A field that is set to null on purpose (`null`, `~`), unlike one without a value.
fn is_written_null(node: &Node) -> bool {
    node.is_null() && node.text().is_some_and(|text| !text.is_empty())
}

impl Patch {
    fn of(node: Option<Node>) -> Self {
        node.map_or(Self::Absent, Self::Other)
    }

    fn node(&self) -> Option<&Node> {
        match self {
            Self::Other(node) => Some(node),
            _ => None,
        }
    }

    /// What a scalar or a list without keys becomes.
    fn or(self, dest: Option<Node>) -> Option<Node> {
        match self {
            Self::Other(node) => Some(node),
            _ => dest,
        }
    }

    fn is_null(&self, dest: Option<&Node>) -> bool {
        match self {
            Self::Absent => false,
            Self::Same => dest.is_some_and(Node::is_null),
            Self::Other(node) => node.is_null(),
        }
    }
}

impl<'s> Merger<'s> {
    fn walk(
        &mut self,
        dest: Option<Node>,
        patch: Patch,
        schema: Option<Schema<'s>>,
    ) -> Result<Option<Node>, MergeError> {
        if patch.is_null(dest.as_ref()) {
            return Ok(None);
        }
        let schema = schema.or_else(|| self.own_schema(dest.as_ref(), patch.node()));
        let lead = present(dest.as_ref()).or(present(patch.node()));
        let expected = lead.map_or("MappingNode", kind_name);
        self.check_kind(expected, dest.as_ref())?;
        self.check_kind(expected, patch.node())?;
        match expected {
            "SequenceNode" => match schema.and_then(Schema::merge_keys) {
                Some(keys) => self.merge_list(dest, patch, schema, &keys),
                None => Ok(patch.or(dest)),
            },
            "ScalarNode" => Ok(patch.or(dest)),
            _ => self.merge_mapping(dest, patch, schema),
        }
    }

    fn check_kind(&self, expected: &'static str, node: Option<&Node>) -> Result<(), MergeError> {
        match present(node).map(kind_name) {
            Some(found) if found != expected => {
                Err(MergeError::Kind { expected, found, path: self.path.join(".") })
            }
            _ => Ok(()),
        }
    }

    /// The schema of a value that is an object of its own.
    fn own_schema(&self, dest: Option<&Node>, patch: Option<&Node>) -> Option<Schema<'s>> {
        let of = |node: &Node| {
            let kind = node.get("kind").and_then(Node::text)?;
            let api_version = node.get("apiVersion").and_then(Node::text)?;
            self.schemas.of(api_version, kind)
        };
        present(dest).and_then(of).or_else(|| present(patch).and_then(of))
    }

    fn merge_mapping(
        &mut self,
        mut dest: Option<Node>,
        patch: Patch,
        schema: Option<Schema<'s>>,
    ) -> Result<Option<Node>, MergeError> {
        let added = present(dest.as_ref()).is_none();
        match patch {
            Patch::Absent if added => Ok(dest.filter(is_written_null)),
            Patch::Absent => self.merge_fields(dest, Patch::Absent, schema),
            Patch::Same => match dest.as_mut().map_or(Ok(Directive::Merge), take_directive)? {
                Directive::Delete => Ok(None),
                _ => self.merge_fields(dest, Patch::Same, schema),
            },
            Patch::Other(mut node) => match take_directive(&mut node) {
                Ok(Directive::Delete) => Ok(None),
                Ok(Directive::Merge) if !added => self.merge_fields(dest, Patch::Other(node), schema),
                Err(error) if !added => Err(error),
                _ => self.merge_fields(Some(node), Patch::Same, schema),
            },
        }
    }

    fn merge_fields(
        &mut self,
        dest: Option<Node>,
        patch: Patch,
        schema: Option<Schema<'s>>,
    ) -> Result<Option<Node>, MergeError> {
        let Some(Node::Mapping(mut dest)) = dest else { return Ok(dest) };
        let same = matches!(patch, Patch::Same);
        let mut patch = match patch {
            Patch::Other(Node::Mapping(patch)) => patch,
            _ => Mapping::default(),
        };
        let keys = |mapping: &Mapping| mapping.iter().map(|(key, _)| key.to_owned()).collect::<BTreeSet<_>>();
        for key in &keys(&dest) | &keys(&patch) {
            let field_schema = schema.and_then(|schema| schema.field(&key));
            let old = dest.get_mut(&key).map(|node| std::mem::replace(node, Node::null()));
            let kept = old.as_ref().and_then(Node::as_scalar).map(Kept::of);
            let change = if same { Patch::Same } else { Patch::of(patch.remove(&key)) };
            self.path.push(key.clone());
            let value = self.walk(old, change, field_schema)?;
            self.path.pop();
            set_field(&mut dest, &key, value, kept);
        }
        Ok(Some(dest.into()))
    }
}

/// What an existing scalar keeps when its value changes.
struct Kept {
    style: ScalarStyle,
    twin: u32,
    /// Quotes make it a string; with a tag written beside them they do not.
    is_string: bool,
}

impl Kept {
    fn of(scalar: &Scalar) -> Self {
        Self { style: scalar.style, twin: scalar.twin, is_string: scalar.tag == Tag::Str }
    }

    fn applied(self, mut scalar: Scalar) -> Scalar {
        let quoted = scalar.style != self.style && self.style != ScalarStyle::Plain;
        if quoted && self.is_string && scalar.tag != Tag::Null {
            scalar.tag = Tag::Str;
        }
        Scalar { style: self.style, twin: self.twin, ..scalar }
    }
}

/// What a program wrote without a type, and YAML 1.1 takes for something else than text, becomes text.
fn close_tag(scalar: &mut Scalar) {
    let plain = scalar.style == ScalarStyle::Plain && !scalar.value.is_empty();
    if scalar.open_tag && plain && resolve_plain(Dialect::Sigs, &scalar.value) != Tag::Str {
        scalar.style = ScalarStyle::DoubleQuoted;
        scalar.tag = Tag::Str;
    }
}

/// Puts a merged value in its place.
fn set_field(dest: &mut Mapping, key: &str, value: Option<Node>, kept: Option<Kept>) {
    match (value, kept) {
        (None, _) => {
            dest.remove(key);
        }
        (Some(Node::Scalar(scalar)), Some(kept)) => {
            let mut scalar = kept.applied(scalar);
            close_tag(&mut scalar);
            dest.set(key, Node::Scalar(scalar));
        }
        (Some(node), _) => dest.set(key, node),
    }
}

#[cfg(test)]
mod tests {
    use manifest::yaml::{Dialect, DuplicateKeys, Limits, Node, parse_nodes};
    use serde_json::{Value, json};

    use super::merge_patch;
    use crate::schema::Schemas;

    fn node(text: &str) -> Node {
        parse_nodes("", text, Dialect::Kyaml, &Limits::default()).unwrap().remove(0)
    }

    fn merged(object: &str, patch: &str) -> Value {
        let merged = merge_patch(node(object), &node(patch), &Schemas::default()).unwrap();
        merged.map_or(Value::Null, |merged| merged.into_json(DuplicateKeys::Refuse).unwrap())
    }

    /// Merges the containers of two pods.
    fn check_containers(object: &str, patch: &str, expect: &Value) {
        let pod =
            |containers: &str| format!("{{apiVersion: v1, kind: Pod, spec: {{containers: {containers}}}}}");
        assert_eq!(&merged(&pod(object), &pod(patch))["spec"]["containers"], expect, "{patch}");
    }

    fn check(object: &str, patch: &str, expect: &Value) {
        assert_eq!(&merged(object, patch), expect, "{patch}");
    }

    #[test]
    fn known_lists_merge_by_key_and_new_elements_stand_first() {
        let expect = json!([{"name": "c"}, {"name": "b", "image": "x"}, {"name": "a"}]);
        check_containers("[{name: a}, {name: b}]", "[{name: c}, {name: b, image: x}]", &expect);
    }

    #[test]
    fn elements_with_two_keys_match_by_both() {
        let object =
            "[{name: a, ports: [{containerPort: 1, protocol: UDP}, {containerPort: 1, protocol: TCP}]}]";
        let patch = "[{name: a, ports: [{containerPort: 1, protocol: TCP, name: x}]}]";
        let ports = json!([{"containerPort": 1, "protocol": "UDP"}, {"containerPort": 1, "protocol": "TCP", "name": "x"}]);
        check_containers(object, patch, &json!([{"name": "a", "ports": ports}]));
    }

    /// A second; looked up one by one, they took a quarter of an hour.
    #[test]
    fn long_lists_merge_without_a_look_at_all_pairs() {
        let service = |first: usize, field: &str| {
            let port = |port: usize| format!("{{port: {port}, protocol: TCP, {field}}}");
            let ports: Vec<String> = (first..first + 20_000).map(port).collect();
            format!("{{apiVersion: v1, kind: Service, spec: {{ports: [{}]}}}}", ports.join(", "))
        };
        let merged = merged(&service(0, "name: p"), &service(10_000, "nodePort: 1"));
        let ports = merged["spec"]["ports"].as_array().unwrap();
        assert_eq!(ports.len(), 30_000);
        assert_eq!(ports[0], json!({"port": 20_000, "protocol": "TCP", "nodePort": 1}));
        assert_eq!(ports[20_000], json!({"port": 10_000, "protocol": "TCP", "name": "p", "nodePort": 1}));
    }

    #[test]
    fn elements_with_an_empty_key_replace_others_up_to_a_limit() {
        let list = |count: usize, element: fn(usize) -> String| {
            format!("[{}]", (0..count).map(element).collect::<Vec<_>>().join(", "))
        };
        let empty = list(300, |_| "{name: ''}".to_owned());
        let named = list(300, |at| format!("{{name: n{at}}}"));
        let pod = |containers: &str| {
            node(&format!("{{apiVersion: v1, kind: Pod, spec: {{containers: {containers}}}}}"))
        };
        let error = merge_patch(pod(&empty), &pod(&named), &Schemas::default()).unwrap_err();
        assert!(error.to_string().contains("limit"), "{error}");
    }

    #[test]
    fn directives_delete_and_replace() {
        check_containers("[{name: a}, {name: b}]", "[{name: a, $patch: delete}]", &json!([{"name": "b"}]));
        check_containers("[{name: a}, {name: b}]", "[{$patch: replace}, {name: c}]", &json!([{"name": "c"}]));
        check("{a: {x: 1, y: 2}}", "{a: {$patch: replace, z: 3}}", &json!({"a": {"z": 3}}));
        check("{a: 1}", "{$patch: delete}", &Value::Null);
    }

    #[test]
    fn lists_of_unknown_types_are_replaced() {
        check(
            "{a: [{name: x}, {name: y}]}",
            "{a: [{name: x, v: 1}]}",
            &json!({"a": [{"name": "x", "v": 1}]}),
        );
    }

    #[test]
    fn null_removes_and_written_nulls_of_the_object_stay() {
        check("{a: 1, b: null, c: }", "{a: null, d: {e: null, f: 1}}", &json!({"b": null, "d": {"f": 1}}));
    }

    #[test]
    fn quotes_of_the_object_keep_a_value_a_string() {
        check("{a: \"1\", b: 1}", "{a: 2, b: \"2\"}", &json!({"a": "2", "b": "2"}));
    }

    #[test]
    fn values_of_other_kinds_and_unknown_directives_are_errors() {
        for (patch, expect) in
            [("{a: [1]}", "wrong node kind"), ("{a: {$patch: turn}}", "unknown patch strategy 'turn'")]
        {
            let error = merge_patch(node("{a: {b: 1}}"), &node(patch), &Schemas::default()).unwrap_err();
            assert!(error.to_string().contains(expect), "{error}");
        }
    }
}
