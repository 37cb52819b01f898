//! JSON values as YAML for people: block style, long texts folded. Only for values of our own making.

use std::fmt::Write;

use serde_json::Value;

/// Lines of folded text end before this column.
const WIDTH: usize = 110;
/// The least width of folded text, however deep it stands.
const LEAST_WIDTH: usize = 40;

/// The value as a YAML document.
pub fn to_yaml(value: &Value) -> String {
    let mut text = String::new();
    write_block(&mut text, value, 0);
    text
}

fn write_block(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                push_indent(text, indent);
                write_entry(text, key, value, indent);
            }
        }
        Value::Array(items) => {
            for item in items {
                push_indent(text, indent);
                write_item(text, item, indent);
            }
        }
        scalar => text.push_str(&inline(scalar, indent)),
    }
}

/// `key: value`, where the first line is already indented.
fn write_entry(text: &mut String, key: &str, value: &Value, indent: usize) {
    text.push_str(&quoted_if_needed(key));
    text.push(':');
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            text.push('\n');
            write_block(text, value, indent + 2);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            write_block(text, value, indent);
        }
        Value::String(long) if is_prose(long, indent + key.len()) => write_folded(text, long, indent + 2),
        scalar => _ = writeln!(text, " {}", inline(scalar, indent)),
    }
}

/// `- value`, where the first line is already indented.
fn write_item(text: &mut String, item: &Value, indent: usize) {
    text.push_str("- ");
    match item {
        Value::Object(fields) if !fields.is_empty() => {
            for (position, (key, value)) in fields.iter().enumerate() {
                if position > 0 {
                    push_indent(text, indent + 2);
                }
                write_entry(text, key, value, indent + 2);
            }
        }
        scalar => _ = writeln!(text, "{}", inline(scalar, indent)),
    }
}

fn push_indent(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// Scalars, and what is empty; nested lists are written as JSON, which is YAML too.
fn inline(value: &Value, _indent: usize) -> String {
    match value {
        Value::String(text) => quoted_if_needed(text),
        other => other.to_string(),
    }
}

/// True for text that is better folded: several lines, or too long for one, and made of words.
fn is_prose(text: &str, column: usize) -> bool {
    let foldable =
        !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ") && text.contains(' ');
    let printable = text.chars().all(|c| c == '\n' || !c.is_control());
    foldable && printable && (text.contains('\n') || column + text.len() + 2 > WIDTH)
}

/// A folded scalar: line breaks are spaces, an empty line is a line break.
fn write_folded(text: &mut String, long: &str, indent: usize) {
    text.push_str(" >-\n");
    let width = WIDTH.saturating_sub(indent).max(LEAST_WIDTH);
    for (position, paragraph) in long.split('\n').enumerate() {
        if position > 0 {
            text.push('\n');
        }
        for line in wrap(paragraph, width) {
            push_indent(text, indent);
            text.push_str(&line);
            text.push('\n');
        }
    }
}

fn wrap(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in paragraph.split(' ') {
        let line = lines.last_mut().filter(|line| line.is_empty() || line.len() + word.len() < width);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => _ = write!(line, " {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Plain where every YAML reader takes it for the same text, else in single quotes, else as JSON writes it.
fn quoted_if_needed(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else if text.chars().any(char::is_control) {
        Value::from(text).to_string()
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

fn is_plain(text: &str) -> bool {
    let first = text.chars().next();
    let begins_plainly = first.is_some_and(|c| c.is_ascii_alphabetic() || c == '.' || c == '/');
    let harmless = text.chars().all(|c| c.is_ascii_alphanumeric() || " ._/-,;()$=".contains(c));
    begins_plainly && harmless && !text.ends_with(' ') && !is_yaml_word(text) && !reads_as_number(text)
}

/// Words that some YAML reader takes for a truth value or nothing.
fn is_yaml_word(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    words.contains(&text.to_ascii_lowercase().as_str())
}

fn reads_as_number(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    text.starts_with('.') && (text.parse::<f64>().is_ok() || lower == ".inf" || lower == ".nan")
}

#[cfg(test)]
mod tests {
    use super::to_yaml;
    use serde_json::{Value, json};

    fn check(value: &Value, expected: &str) {
        assert_eq!(to_yaml(value), expected);
    }

    #[test]
    fn writes_blocks() {
        check(
            &json!({ "a": { "b": [1, true], "c": [] }, "d": {} }),
            "a:\n  b:\n  - 1\n  - true\n  c: []\nd: {}\n",
        );
        check(&json!({ "l": [{ "x": "y1", "z": { "k": "v" } }] }), "l:\n- x: y1\n  z:\n    k: v\n");
    }

    #[test]
    fn quotes_what_could_be_read_otherwise() {
        check(&json!({ "a": "true" }), "a: 'true'\n");
        check(&json!({ "a": "No" }), "a: 'No'\n");
        check(&json!({ "a": "" }), "a: ''\n");
        check(&json!({ "a": "60s" }), "a: '60s'\n");
        check(&json!({ "a": "*" }), "a: '*'\n");
        check(&json!({ "a": ".5" }), "a: '.5'\n");
        check(&json!({ "a": "it's: so" }), "a: 'it''s: so'\n");
        check(&json!({ "a": "x\ty" }), "a: \"x\\ty\"\n");
        check(&json!({ "a": ".spec.url" }), "a: .spec.url\n");
    }

    #[test]
    fn folds_long_text_and_keeps_paragraphs() {
        let long = "word ".repeat(30);
        let text = to_yaml(&json!({ "a": format!("{long}end\nnext") }));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "a: >-");
        assert!(lines.iter().all(|line| line.len() <= super::WIDTH), "{text}");
        assert_eq!(&lines[lines.len() - 2..], ["", "  next"]);
    }
}
