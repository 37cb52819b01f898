use crate::yaml::{Mapping, Node, Scalar, Tag, number::parse_int};

/// What is shown of a value, in bytes: enough for an error.
const SHOWN: usize = 4096;

/// A value as Go's `%#v` shows what go-yaml decodes it to.
pub(crate) fn go_syntax(node: &Node) -> String {
    let mut out = String::new();
    write(node, &mut out);
    out
}

fn write(node: &Node, out: &mut String) {
    if out.len() > SHOWN {
        return;
    }
    match node {
        Node::Scalar(scalar) => out.push_str(&text(scalar)),
        Node::Sequence(list) => {
            out.push_str("[]interface {}{");
            for (at, item) in list.items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                element(item, out);
            }
            out.push('}');
        }
        Node::Mapping(map) => mapping(map, out),
    }
}

/// Keys in Go's order, as far as they are texts.
fn mapping(map: &Mapping, out: &mut String) {
    let mut entries: Vec<_> = map.entries.iter().collect();
    entries.sort_by(|a, b| a.key.value.cmp(&b.key.value));
    out.push_str("map[interface {}]interface {}{");
    for (at, entry) in entries.into_iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        out.push_str(&text(&entry.key));
        out.push(':');
        element(&entry.value, out);
    }
    out.push('}');
}

/// An element of a list or a map, where null is an empty interface.
fn element(node: &Node, out: &mut String) {
    if node.is_null() { out.push_str("interface {}(nil)") } else { write(node, out) }
}

fn text(scalar: &Scalar) -> String {
    let value = &scalar.value;
    match scalar.tag {
        Tag::Null => "<nil>".to_owned(),
        Tag::Int => parse_int(value).map_or_else(|| value.to_string(), |number| number.to_string()),
        Tag::Bool => matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "y").to_string(),
        Tag::Float => value.to_string(),
        _ => quoted(value),
    }
}

/// `strconv.Quote`, but for what is rare.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use crate::yaml::{DuplicateKeys, Limits, parse_value};

    fn refused(text: &str) -> String {
        let error = parse_value("", text, DuplicateKeys::LastWins, &Limits::default()).unwrap_err();
        error.go_text(text)
    }

    #[test]
    fn a_template_that_was_not_rendered_is_a_mapping_as_key() {
        assert_eq!(
            refused("a: {{ .Values.a }}\n"),
            "error converting YAML to JSON: yaml: invalid map key: map[interface {}]interface {}{\".Values.a\":interface {}(nil)}"
        );
        assert_eq!(
            refused("? [1, x, ~, true]\n: b\n"),
            "error converting YAML to JSON: yaml: invalid map key: []interface {}{1, \"x\", interface {}(nil), true}"
        );
    }

    #[test]
    fn null_is_no_key_and_is_shown_with_its_value() {
        assert_eq!(
            refused("a: 1\n~: nothing\n"),
            "error converting YAML to JSON: unsupported map key of type: %!s(<nil>), key: <nil>, value: \"nothing\""
        );
    }

    #[test]
    fn what_json_lacks_is_named_as_go_names_it() {
        let text = "a: 1\nb: -.inf\n";
        assert_eq!(refused(text), "error converting YAML to JSON: json: unsupported value: -Inf");
    }
}
