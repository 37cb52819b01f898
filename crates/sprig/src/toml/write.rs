use std::fmt::Write;

use gotemplate::{FuncError, Map, Session, Value, format_float};

/// How deep tables may nest.
const MAX_DEPTH: usize = 200;

/// A value as TOML; a map has its plain keys first, then tables, each group sorted; nested tables are indented.
///
/// # Errors
/// When it holds what TOML cannot say; at a limit of the session.
pub(super) fn to_toml(value: &Value, session: &Session) -> Result<String, FuncError> {
    match value {
        Value::Map(map) => {
            let mut out = String::new();
            table(&mut out, map, &mut Vec::new(), session)?;
            Ok(out)
        }
        Value::Nil | Value::Absent => Err("reflect: call of reflect.Value.Type on zero Value".into()),
        other => {
            let mut out = String::new();
            inline(&mut out, other, 0, session)?;
            Ok(out)
        }
    }
}

fn is_table(value: &Value) -> bool {
    match value {
        Value::Map(_) => true,
        Value::List(list) => !list.is_empty() && list.iter().all(|item| matches!(item, Value::Map(_))),
        _ => false,
    }
}

/// Nil maps of a type count as well: they have no line.
fn is_nil(value: &Value) -> bool {
    value.is_nil() || value.as_map().is_some_and(Map::is_nil)
}

fn table(out: &mut String, map: &Map, path: &mut Vec<String>, session: &Session) -> Result<(), FuncError> {
    if path.len() > MAX_DEPTH {
        return Err("toml: nested too deep".into());
    }
    session.fits(out.len() as u64)?;
    let entries: Vec<_> = map.entries().into_iter().filter(|(_, value)| !is_nil(value)).collect();
    let indent = "  ".repeat(path.len().saturating_sub(1));
    let own = if path.is_empty() { "" } else { "  " };
    for (key, value) in entries.iter().filter(|(_, value)| !is_table(value)) {
        let _ = write!(out, "{indent}{own}{} = ", quoted_key(&key.text()));
        inline(out, value, path.len(), session)?;
        out.push('\n');
    }
    for (key, value) in entries.iter().filter(|(_, value)| is_table(value)) {
        path.push(quoted_key(&key.text()));
        let (name, indent) = (path.join("."), "  ".repeat(path.len() - 1));
        match value {
            Value::Map(map) => {
                header(out, path.len(), &format!("{indent}[{name}]\n"));
                table(out, map, path, session)?;
            }
            Value::List(list) => {
                for item in list.iter().filter_map(Value::as_map) {
                    header(out, path.len(), &format!("{indent}[[{name}]]\n"));
                    table(out, item, path, session)?;
                }
            }
            _ => {}
        }
        path.pop();
    }
    Ok(())
}

/// Top-level tables have an empty line before them.
fn header(out: &mut String, level: usize, text: &str) {
    if level == 1 && !out.is_empty() {
        out.push('\n');
    }
    out.push_str(text);
}

fn inline(out: &mut String, value: &Value, depth: usize, session: &Session) -> Result<(), FuncError> {
    if depth > MAX_DEPTH {
        return Err("toml: nested too deep".into());
    }
    session.fits(out.len() as u64)?;
    match value {
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Float(f) => out.push_str(&float(*f)),
        Value::String(text) => out.push_str(&quoted(&text.text())),
        Value::List(list) => {
            out.push('[');
            for (index, item) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                inline(out, item, depth + 1, session)?;
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push('{');
            for (index, (key, value)) in
                map.entries().into_iter().filter(|(_, value)| !is_nil(value)).enumerate()
            {
                let comma = if index > 0 { ", " } else { "" };
                let _ = write!(out, "{comma}{} = ", quoted_key(&key.text()));
                inline(out, &value, depth + 1, session)?;
            }
            out.push('}');
        }
        Value::Nil | Value::Absent => return Err("toml: cannot encode array with nil element".into()),
        Value::Object(object) if object.type_name() == "time.Time" => {
            let text = object.json().and_then(|json| json.as_string().map(ToString::to_string));
            out.push_str(&text.unwrap_or_default());
        }
        Value::Object(object) => out.push_str(&quoted(&object.text().unwrap_or_default())),
        number => match (number.signed(), number.unsigned()) {
            (Some(n), _) => out.push_str(&n.to_string()),
            (_, Some(n)) => out.push_str(&n.to_string()),
            _ => return Err(format!("unsupported type: {}", number.type_name()).into()),
        },
    }
    Ok(())
}

fn float(f: f64) -> String {
    if !f.is_finite() {
        return if f.is_nan() {
            "nan".into()
        } else if f > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    let text = format_float(f);
    if text.contains(['e', '.']) { text } else { format!("{text}.0") }
}

fn quoted_key(key: &str) -> String {
    let bare = !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if bare { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
