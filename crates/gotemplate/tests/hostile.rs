//! Whatever the text and the values, we answer or fail; we never panic.

use gotemplate::{Funcs, Limits, Session, Templates, Value, sprintf};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};

/// Texts made of what the lexer and the parser have rules for.
fn template() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{{"),
        Just("}}"),
        Just("{{- "),
        Just(" -}}"),
        Just("if "),
        Just("else"),
        Just("end"),
        Just("range "),
        Just("with "),
        Just("define \"a\""),
        Just("template \"a\" "),
        Just("block \"b\" ."),
        Just("break"),
        Just("continue"),
        Just("$x"),
        Just(":="),
        Just("="),
        Just("|"),
        Just("("),
        Just(")"),
        Just("."),
        Just(".a"),
        Just(".b.c"),
        Just(" "),
        Just("1"),
        Just("-"),
        Just("0x"),
        Just("1e9"),
        Just("'c'"),
        Just("\"s\""),
        Just("`r`"),
        Just("/*"),
        Just("*/"),
        Just("print "),
        Just("index "),
        Just("slice "),
        Just("len "),
        Just("printf \"%d%s\" "),
        Just("nil"),
        Just("true"),
        Just(","),
        Just("\n"),
        Just("é"),
        Just("\u{0}"),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int64),
        any::<u8>().prop_map(Value::Uint8),
        any::<f64>().prop_map(Value::Float),
        ".{0,8}".prop_map(Value::string),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::string),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::list),
            prop::collection::vec(("[a-c]", inner), 0..4).prop_map(Value::map),
        ]
    })
}

proptest! {
    #[test]
    fn any_template_ends(text in template(), value in value()) {
        let funcs = Funcs::new();
        let mut set = Templates::new("t");
        if set.parse("t", &text, &funcs).is_ok() {
            let session = Session::new(Limits { steps: 10_000, depth: 50, produced: 1 << 20, value: 1 << 20, memory: 8 << 20 });
            let _ = set.execute("t", &value, &funcs, &session);
        }
    }

    #[test]
    fn any_text_can_be_parsed_or_refused(text in "\\PC{0,60}") {
        let _ = Templates::new("t").parse("t", &format!("{{{{{text}"), &Funcs::new());
    }

    #[test]
    fn any_format_prints(format in "[%0-9+# .*\\[\\]a-zA-Z]{0,16}", values in prop::collection::vec(value(), 0..4)) {
        let _ = sprintf(format.as_bytes(), &values);
    }

    #[test]
    fn json_and_back_is_the_same(value in value()) {
        if let Ok(json) = value.to_json() {
            let again = Value::from_json(&json, gotemplate::Numbers::Keep);
            assert_eq!(again.to_json().unwrap(), json);
        }
    }
}
