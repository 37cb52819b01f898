use serde_json::{Map, Number, Value};

use crate::yaml::{
    Dialect, ScalarStyle,
    emit::Emitter,
    number::{format_float, json_number},
    scalar::string_style,
    sort_keys,
};

/// Column after which go-yaml v2 folds long texts.
const WIDTH: usize = 80;
/// Longest key that is written without `?`, in bytes.
const SIMPLE_KEY: usize = 128;

/// Prints a value as `sigs.k8s.io/yaml` does: keys sorted, lists not indented, long texts folded at 80 columns.
#[must_use]
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    write_yaml(&mut out, value);
    out
}

/// As [`to_yaml`], keys in the order they stand in.
#[must_use]
pub fn to_yaml_unsorted(value: &Value) -> String {
    let mut out = String::new();
    let mut printer = Printer { emitter: Emitter::new(&mut out, WIDTH, true), sorted: false };
    printer.value(value, None, false);
    printer.emitter.finish();
    out
}

/// [`to_yaml`] at the end of `out`, which must be empty or end with a line break.
pub fn write_yaml(out: &mut String, value: &Value) {
    let mut printer = Printer { emitter: Emitter::new(out, WIDTH, true), sorted: true };
    printer.value(value, None, false);
    printer.emitter.finish();
}

struct Printer<'a> {
    emitter: Emitter<'a>,
    sorted: bool,
}

impl Printer<'_> {
    /// `indent` is that of the collection around, `None` at the root.
    fn value(&mut self, value: &Value, indent: Option<usize>, in_mapping: bool) {
        match value {
            Value::Array(items) if items.is_empty() => self.empty("[", "]"),
            Value::Object(map) if map.is_empty() => self.empty("{", "}"),
            Value::Array(items) => {
                let indentless = in_mapping && !self.emitter.is_indention();
                let inner = if indentless { indent.unwrap_or(0) } else { deeper(indent) };
                self.sequence(items, inner);
            }
            Value::Object(map) => self.mapping(map, deeper(indent)),
            Value::String(text) => self.string(text, indent, false),
            Value::Null => self.plain("null", indent),
            Value::Bool(flag) => self.plain(if *flag { "true" } else { "false" }, indent),
            Value::Number(number) => self.plain(&number_text(number), indent),
        }
    }

    fn empty(&mut self, open: &str, close: &str) {
        self.emitter.indicator(open, true, true, false);
        self.emitter.indicator(close, false, false, false);
    }

    fn sequence(&mut self, items: &[Value], indent: usize) {
        for item in items {
            self.emitter.write_indent(indent);
            self.emitter.indicator("-", true, false, true);
            self.value(item, Some(indent), false);
        }
    }

    fn mapping(&mut self, map: &Map<String, Value>, indent: usize) {
        let mut entries: Vec<_> = map.iter().collect();
        if self.sorted {
            sort_keys(&mut entries, |entry| entry.0);
        }
        for (key, value) in entries {
            self.emitter.write_indent(indent);
            self.key(key, indent);
            self.value(value, Some(indent), true);
        }
    }

    fn key(&mut self, key: &str, indent: usize) {
        if key.len() <= SIMPLE_KEY && !self.emitter.analyze(key).multiline {
            self.string(key, Some(indent), true);
            self.emitter.indicator(":", false, false, false);
            return;
        }
        self.emitter.indicator("?", true, false, true);
        self.string(key, Some(indent), false);
        self.emitter.write_indent(indent);
        self.emitter.indicator(":", true, false, true);
    }

    fn string(&mut self, text: &str, indent: Option<usize>, key: bool) {
        let style = string_style(Dialect::Sigs, text);
        self.scalar(text, style, indent, key);
    }

    fn plain(&mut self, text: &str, indent: Option<usize>) {
        self.scalar(text, ScalarStyle::Plain, indent, false);
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, indent: Option<usize>, key: bool) {
        let analysis = self.emitter.analyze(text);
        self.emitter.scalar(text, analysis, style, indent.unwrap_or(0) + 2, key);
    }
}

fn deeper(indent: Option<usize>) -> usize {
    indent.map_or(0, |indent| indent + 2)
}

fn number_text(number: &Number) -> String {
    let float = number.as_f64().filter(|_| number.is_f64());
    match float.and_then(json_number) {
        Some(reduced) if !reduced.is_f64() => reduced.to_string(),
        Some(_) => format_float(float.unwrap_or_default()),
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::to_yaml;

    fn check(value: &Value, expect: &str) {
        assert_eq!(to_yaml(value), expect);
    }

    #[test]
    fn sorts_keys_and_does_not_indent_lists() {
        check(&json!({"b": [{"y": 1, "x": [[]]}], "a": {}}), "a: {}\nb:\n- x:\n  - []\n  \"y\": 1\n");
    }

    #[test]
    fn an_order_can_be_kept() {
        assert_eq!(
            super::to_yaml_unsorted(&json!({"b": {"d": 1, "c": 2}, "a": 1})),
            "b:\n  d: 1\n  c: 2\na: 1\n"
        );
    }

    #[test]
    fn quotes_what_would_be_read_as_something_else() {
        for (text, expect) in [
            ("yes", "\"yes\""),
            ("1_000", "\"1_000\""),
            ("2001-01-01", "\"2001-01-01\""),
            ("12:30:45", "\"12:30:45\""),
            ("", "\"\""),
            ("a: b", "'a: b'"),
            ("a\tb", "\"a\\tb\""),
            ("😀", "\"\\U0001F600\""),
            ("it's", "it's"),
            ("- a", "'- a'"),
            ("<<", "<<"),
            ("é", "é"),
        ] {
            check(&json!({ "v": text }), &format!("v: {expect}\n"));
        }
    }

    #[test]
    fn writes_several_lines_as_a_block() {
        check(&json!({"v": "a\nb\n"}), "v: |\n  a\n  b\n");
        check(&json!({"v": "a\nb"}), "v: |-\n  a\n  b\n");
        check(&json!({"v": " a\n\n"}), "v: |2+\n   a\n\n");
        check(&json!({"v": "a \nb"}), "v: \"a \\nb\"\n");
    }

    #[test]
    fn folds_long_texts_at_the_first_space_after_column_80() {
        let text = format!("{} {} end", "x".repeat(80), "y");
        check(&json!({ "v": text }), &format!("v: {}\n  y end\n", "x".repeat(80)));
    }

    #[test]
    fn prints_numbers_as_go_does() {
        for (value, expect) in [
            (json!(1.5), "1.5"),
            (json!(2.0), "2"),
            (json!(1e23), "1e+23"),
            (json!(1_234_567.5), "1.2345675e+06"),
        ] {
            check(&json!({ "v": value }), &format!("v: {expect}\n"));
        }
    }

    #[test]
    fn long_keys_need_a_question_mark() {
        let key = "k".repeat(129);
        check(&json!({ key.as_str(): 1 }), &format!("? {key}\n: 1\n"));
    }
}
