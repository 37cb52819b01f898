use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;

use crate::yaml::{Dialect, DuplicateKeys, Limits, Node, YamlCause, YamlError, block, compose::Composer};

/// Reads every document as Kubernetes does (`Dialect::Sigs`, the last of two equal keys wins). Empty documents
/// are dropped.
///
/// # Errors
/// At the first text that is no YAML, has no JSON form, or exceeds a limit; with file, line and column.
pub fn parse_documents(file: &str, text: &str, limits: &Limits) -> Result<Vec<Value>, YamlError> {
    parse_with(text, Dialect::Sigs, limits, |node| node.into_json(DuplicateKeys::LastWins))
        .map_err(|error| error.in_file(file))
}

/// Reads every document as Kubernetes does, and requires each to be a mapping. Lists (`kind: List`) are left as
/// they are.
///
/// # Errors
/// As [`parse_documents`], and for a document that is a scalar or a list.
pub fn parse_objects(file: &str, text: &str, limits: &Limits) -> Result<Vec<Value>, YamlError> {
    parse_with(text, Dialect::Sigs, limits, |node| {
        let place = node.place();
        match node {
            Node::Mapping(_) => node.into_json(DuplicateKeys::LastWins),
            Node::Sequence(_) => {
                Err(YamlError::at(place.line, place.column, YamlCause::NotAMapping("array")))
            }
            Node::Scalar(_) => Err(YamlError::at(place.line, place.column, YamlCause::NotAMapping("string"))),
        }
    })
    .map_err(|error| error.in_file(file))
}

/// Reads the first document as Kubernetes does; `null` when the text holds none.
///
/// # Errors
/// As [`parse_documents`], and for equal keys when they are refused.
pub fn parse_value(
    file: &str,
    text: &str,
    duplicates: DuplicateKeys,
    limits: &Limits,
) -> Result<Value, YamlError> {
    guarded(|| {
        let node = match block::first(text, Dialect::Sigs, limits) {
            Some(node) => node,
            None => Composer::new(text, Dialect::Sigs, limits)?.next_document()?,
        };
        node.map_or(Ok(Value::Null), |node| node.into_json(duplicates))
    })
    .map_err(|error| error.in_file(file))
}

/// Reads every document as a tree with text, tags and styles. Empty documents are dropped.
///
/// # Errors
/// At the first text that is no YAML or exceeds a limit; with file, line and column.
pub fn parse_nodes(
    file: &str,
    text: &str,
    dialect: Dialect,
    limits: &Limits,
) -> Result<Vec<Node>, YamlError> {
    parse_with(text, dialect, limits, Ok).map_err(|error| error.in_file(file))
}

fn parse_with<T>(
    text: &str,
    dialect: Dialect,
    limits: &Limits,
    read: impl Fn(Node) -> Result<T, YamlError>,
) -> Result<Vec<T>, YamlError> {
    if let Some(nodes) = block::documents(text, dialect, limits) {
        return nodes.into_iter().filter(|node| !node.is_null()).map(read).collect();
    }
    guarded(|| {
        let mut composer = Composer::new(text, dialect, limits)?;
        let mut documents = Vec::new();
        while let Some(node) = composer.next_document()? {
            if !node.is_null() {
                documents.push(read(node)?);
            }
        }
        Ok(documents)
    })
}

/// The scanner underneath has asserts that hostile texts can reach: they become errors here. Nothing of the
/// failed run is used afterwards.
pub(crate) fn guarded<T>(run: impl FnOnce() -> Result<T, YamlError>) -> Result<T, YamlError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let cause = YamlCause::Syntax("found a token that cannot be scanned".to_owned());
        Err(YamlError::at(0, 0, cause))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{parse_documents, parse_objects, parse_value};
    use crate::yaml::{DuplicateKeys, Limits};

    fn check(scalar: &str, expect: &Value) {
        let documents = parse_documents("", &format!("v: {scalar}\n"), &Limits::default()).unwrap();
        assert_eq!(&documents[0]["v"], expect, "{scalar}");
    }

    fn fails(text: &str, limits: &Limits, expect: &str) {
        let message = parse_objects("a.yaml", text, limits).unwrap_err().to_string();
        assert!(message.contains(expect), "{message}");
    }

    #[test]
    fn only_the_last_block_scalar_of_a_text_without_a_last_break_lacks_it() {
        let read = |text: &str| parse_value("", text, DuplicateKeys::LastWins, &Limits::default()).unwrap();
        let wide = "k: &a 'éééééééééééééééééééé'\nb: |\n  x\nc: *a";
        assert_eq!(read(wide)["b"], "x\n");
        assert_eq!(read("k: &a 'é'\nb: |\n  x")["b"], "x");
    }

    #[test]
    fn reads_scalars_as_kubernetes_does() {
        for (text, expect) in [
            ("yes", json!(true)),
            ("OFF", json!(false)),
            ("tRue", json!("tRue")),
            ("~", json!(null)),
            ("", json!(null)),
            ("014", json!(12)),
            ("1.0", json!(1)),
            ("1e3", json!(1000)),
            ("0123456789", json!(123_456_789)),
            ("123e4567", json!("123e4567")),
            ("1e400", json!("1e400")),
            ("12:30:45", json!("12:30:45")),
            ("2001-01-01", json!("2001-01-01")),
            ("18446744073709551615", json!(u64::MAX)),
            ("!!str 5", json!("5")),
            ("!!int \"5\"", json!(5)),
            ("!!binary aGk=", json!("hi")),
            ("{1: a, true: b, 1.5: c}", json!({"1": "a", "true": "b", "1.5": "c"})),
            ("{a: 1, a: 2}", json!({"a": 2})),
        ] {
            check(text, &expect);
        }
    }

    #[test]
    fn writes_out_aliases_and_merge_keys() {
        let text = "base: &b {x: 1, z: 1}\nv:\n  <<: *b\n  z: 2\nw: [*b]\n";
        let documents = parse_documents("", text, &Limits::default()).unwrap();
        assert_eq!(documents[0]["v"], json!({"x": 1, "z": 2}));
        assert_eq!(documents[0]["w"], json!([{"x": 1, "z": 1}]));
    }

    #[test]
    fn drops_empty_documents() {
        let documents =
            parse_documents("", "---\n# nothing\n---\na: 1\n---\n---\nb: 2\n", &Limits::default()).unwrap();
        assert_eq!(documents, [json!({"a": 1}), json!({"b": 2})]);
    }

    #[test]
    fn errors_name_file_line_and_gos_words() {
        let limits = Limits::default();
        fails(
            "a: 1\nb: c: d\n",
            &limits,
            "a.yaml: error converting YAML to JSON: yaml: line 2: mapping values are not",
        );
        fails("a: *x\n", &limits, "line 1: unknown anchor 'x' referenced");
        fails("a: &x [*x]\n", &limits, "anchor 'x' value contains itself");
        fails("a: .inf\n", &limits, "json: unsupported value: +Inf");
        fails("- a\n", &limits, "cannot unmarshal array into Go value of type map[string]interface {}");
        fails("a: !!int x\n", &limits, "cannot decode !!str `x` as a !!int");
    }

    #[test]
    fn hostile_texts_meet_limits() {
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 9].join(",");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        fails(&bomb, &Limits::default(), "document contains excessive aliasing");
        fails(&"[".repeat(100_000), &Limits::default(), "exceeds the limit of 256 levels");
        fails("a: 1\nb: 2\n", &Limits { bytes: 5, ..Limits::default() }, "exceeds the limit of 5 bytes");
        fails(
            "a: 1\nb: 2\n",
            &Limits { nodes: 3, ..Limits::default() },
            "line 2: document exceeds the limit of 3 nodes",
        );
    }

    #[test]
    fn a_text_need_not_end_with_a_line_break() {
        for (text, expect) in [
            ("v: |\n  x", "x"),
            ("v: |\n  x\n", "x\n"),
            ("v: |-\n  x", "x"),
            ("v: |+\n  x\n", "x\n"),
            ("v: |+\n  x\n\n", "x\n\n"),
            ("v: |\n  x\n\n", "x\n"),
            ("v: >\n  x\n  y", "x y"),
            ("v: 'x'", "x"),
        ] {
            let documents = parse_documents("", text, &Limits::default()).unwrap();
            assert_eq!(documents[0]["v"], json!(expect), "{text:?}");
        }
    }

    #[test]
    fn what_the_scanner_cannot_take_is_an_error() {
        for text in
            ["!%zz x", "!<tag:%ff> x", "%TAG ! %", "a: !!%c3%28 b", "\u{0}", "\"\\ud800\"", "? |", "&", "*"]
        {
            let _ = parse_documents("", text, &Limits::default()).is_err();
        }
    }

    #[test]
    fn refuses_duplicate_keys_where_asked() {
        let error = parse_value("", "a: 1\na: 2\n", DuplicateKeys::Refuse, &Limits::default()).unwrap_err();
        assert!(error.to_string().contains("line 2: key \"a\" already set in map"), "{error}");
    }
}
