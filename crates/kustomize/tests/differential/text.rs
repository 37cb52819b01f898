//! Values as YAML, each time in another style: block or flow, plain, quoted or folded texts, comments, odd indents.

use conformance::random::Dice;
use serde_json::Value;

/// A document, ending with a line break.
pub(crate) fn document(value: &Value, dice: &mut Dice) -> String {
    if dice.chance(8) {
        return format!("{value}\n");
    }
    let mut out = String::new();
    if dice.chance(10) {
        out.push_str("# a comment before\n");
    }
    let indent = *dice.pick(&[2, 2, 2, 4, 3]);
    let writer = Writer { indent, inset_lists: dice.chance(40) };
    match value {
        Value::Object(map) if !map.is_empty() => writer.mapping(&mut out, value, 0, dice),
        Value::Array(list) if !list.is_empty() => writer.sequence(&mut out, value, 0, dice),
        _ => out.push_str(&format!("{}\n", flow(value))),
    }
    out
}

struct Writer {
    indent: usize,
    inset_lists: bool,
}

impl Writer {
    fn mapping(&self, out: &mut String, value: &Value, depth: usize, dice: &mut Dice) {
        for (at, (key, child)) in value.as_object().into_iter().flatten().enumerate() {
            if at > 0 || !out.ends_with("- ") {
                out.push_str(&" ".repeat(depth));
            }
            out.push_str(&scalar(key, dice, true));
            out.push(':');
            self.child(out, child, depth, dice);
        }
    }

    fn child(&self, out: &mut String, child: &Value, depth: usize, dice: &mut Dice) {
        match child {
            Value::Object(map) if !map.is_empty() && !dice.chance(6) => {
                out.push('\n');
                self.mapping(out, child, depth + self.indent, dice);
            }
            Value::Array(list) if !list.is_empty() && !dice.chance(10) => {
                out.push('\n');
                let inset = if self.inset_lists { self.indent } else { 0 };
                self.sequence(out, child, depth + inset, dice);
            }
            Value::Null if dice.chance(50) => out.push('\n'),
            Value::String(text) if fits_a_block(text) && dice.chance(70) => {
                block(out, text, depth + self.indent, dice);
            }
            Value::String(text) => {
                out.push(' ');
                out.push_str(&scalar(text, dice, false));
                self.comment(out, dice);
            }
            other => {
                out.push(' ');
                out.push_str(&flow(other));
                self.comment(out, dice);
            }
        }
    }

    fn comment(&self, out: &mut String, dice: &mut Dice) {
        if dice.chance(4) {
            out.push_str(" # a comment");
        }
        out.push('\n');
    }

    fn sequence(&self, out: &mut String, value: &Value, depth: usize, dice: &mut Dice) {
        for child in value.as_array().into_iter().flatten() {
            out.push_str(&" ".repeat(depth));
            match child {
                Value::Object(map) if !map.is_empty() && !dice.chance(8) => {
                    out.push_str("- ");
                    self.mapping(out, child, depth + 2, dice);
                }
                other => {
                    out.push('-');
                    self.child_of_list(out, other, depth, dice);
                }
            }
        }
    }

    fn child_of_list(&self, out: &mut String, child: &Value, depth: usize, dice: &mut Dice) {
        match child {
            Value::String(text) if fits_a_block(text) => block(out, text, depth + 2, dice),
            Value::String(text) => out.push_str(&format!(" {}\n", scalar(text, dice, false))),
            other => out.push_str(&format!(" {}\n", flow(other))),
        }
    }
}

/// JSON is YAML.
fn flow(value: &Value) -> String {
    value.to_string()
}

fn fits_a_block(text: &str) -> bool {
    let lines_fit = text.lines().all(|line| !line.starts_with([' ', '\t']) && !line.ends_with(' '));
    text.contains('\n') && lines_fit && !text.starts_with('\n') && !text.contains('\r')
}

fn block(out: &mut String, text: &str, depth: usize, dice: &mut Dice) {
    let chomp = match (text.ends_with('\n'), text.ends_with("\n\n")) {
        (_, true) => "+",
        (true, false) => "",
        (false, _) => "-",
    };
    let _ = dice.below(2);
    out.push_str(&format!(" |{chomp}\n"));
    let body = text.strip_suffix('\n').unwrap_or(text);
    for line in body.split('\n') {
        if !line.is_empty() {
            out.push_str(&" ".repeat(depth));
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// A text, plain where that is surely a text.
fn scalar(text: &str, dice: &mut Dice, key: bool) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/' | '_');
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let word = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
        .contains(&text.to_ascii_lowercase().as_str());
    let is_plain = starts_well && !word && text.chars().all(plain);
    match dice.below(10) {
        _ if is_plain && key => text.to_owned(),
        0..=6 if is_plain => text.to_owned(),
        7..=8 if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', "''")),
        _ => Value::from(text).to_string(),
    }
}
