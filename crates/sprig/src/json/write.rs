use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use gotemplate::{FuncError, Kind, Session, Value};

/// How deep a value is followed before it is taken for a cycle.
const MAX_DEPTH: usize = 1_000;

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// On one line, `<`, `>` and `&` escaped.
    Compact,
    /// Indented by two spaces, `<`, `>` and `&` escaped.
    Pretty,
    /// On one line, `<`, `>` and `&` as they are.
    Raw,
}

/// A value as JSON, about as long at most as the session allows a value to be.
///
/// # Errors
/// In Go's words, for infinities, functions and values that contain themselves; at a limit of the session.
pub(crate) fn to_json(value: &Value, style: Style, session: &Session) -> Result<Written, FuncError> {
    let mut writer = Writer { out: String::new(), style, session, depth: 0 };
    writer.value(value, 0)?;
    Ok(Written { text: writer.out, depth: writer.depth })
}

/// A text, and how deep the value is nested.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) depth: usize,
}

struct Writer<'s> {
    out: String,
    style: Style,
    session: &'s Session,
    depth: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), FuncError> {
        self.depth = self.depth.max(depth);
        if depth > MAX_DEPTH {
            let name = value.type_name();
            return Err(format!("json: unsupported value: encountered a cycle via {name}").into());
        }
        self.session.fits(self.out.len() as u64)?;
        match value {
            Value::Nil | Value::Absent => self.out.push_str("null"),
            Value::Bool(truth) => self.out.push_str(if *truth { "true" } else { "false" }),
            Value::Float(f) => self.out.push_str(&float(*f)?),
            Value::String(text) => self.string(text),
            Value::Bytes(bytes) => self.string(STANDARD.encode(bytes).as_bytes()),
            Value::List(list) if list.is_nil() => self.out.push_str("null"),
            Value::List(list) => self.list(list.items(), depth)?,
            Value::Map(map) if map.is_nil() => self.out.push_str("null"),
            Value::Map(map) => {
                let entries: Vec<_> = map.entries();
                self.entries(entries.iter().map(|(key, value)| (&key[..], value)), depth)?;
            }
            Value::Object(object) => match object.json() {
                Some(json) => self.value(&json, depth + 1)?,
                None if object.kind() == Kind::Map => {
                    let entries = object.entries();
                    self.entries(entries.iter().map(|(key, value)| (&key[..], value)), depth)?;
                }
                None if object.kind() == Kind::Slice => {
                    let items: Vec<_> = object.entries().into_iter().map(|(_, item)| item).collect();
                    self.list(&items, depth)?;
                }
                None => {
                    let fields = object.exported();
                    self.entries(fields.iter().map(|(name, value)| (name.as_bytes(), value)), depth)?;
                }
            },
            Value::Func(_) => return Err(format!("json: unsupported type: {}", value.type_name()).into()),
            number => {
                let number = (number.signed(), number.unsigned());
                let _ = match number {
                    (Some(n), _) => write!(self.out, "{n}"),
                    (_, n) => write!(self.out, "{}", n.unwrap_or_default()),
                };
            }
        }
        Ok(())
    }

    fn line(&mut self, depth: usize) {
        if self.style == Style::Pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }

    fn list(&mut self, items: &[Value], depth: usize) -> Result<(), FuncError> {
        self.out.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.line(depth + 1);
            stacker::maybe_grow(64 << 10, 1 << 20, || self.value(item, depth + 1))?;
        }
        if !items.is_empty() {
            self.line(depth);
        }
        self.out.push(']');
        Ok(())
    }

    fn entries<'v>(
        &mut self,
        entries: impl Iterator<Item = (&'v [u8], &'v Value)>,
        depth: usize,
    ) -> Result<(), FuncError> {
        self.out.push('{');
        let mut any = false;
        for (key, value) in entries {
            if any {
                self.out.push(',');
            }
            any = true;
            self.line(depth + 1);
            self.string(key);
            self.out.push_str(if self.style == Style::Pretty { ": " } else { ":" });
            stacker::maybe_grow(64 << 10, 1 << 20, || self.value(value, depth + 1))?;
        }
        if any {
            self.line(depth);
        }
        self.out.push('}');
        Ok(())
    }

    fn string(&mut self, bytes: &[u8]) {
        self.out.push('"');
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                self.char(c);
            }
            for _ in chunk.invalid() {
                self.out.push_str("\\ufffd");
            }
        }
        self.out.push('"');
    }

    fn char(&mut self, c: char) {
        match c {
            '"' => self.out.push_str("\\\""),
            '\\' => self.out.push_str("\\\\"),
            '\n' => self.out.push_str("\\n"),
            '\r' => self.out.push_str("\\r"),
            '\t' => self.out.push_str("\\t"),
            '\u{8}' => self.out.push_str("\\b"),
            '\u{c}' => self.out.push_str("\\f"),
            '<' | '>' | '&' if self.style != Style::Raw => self.escape(c),
            '\0'..'\u{20}' | '\u{2028}' | '\u{2029}' => self.escape(c),
            c => self.out.push(c),
        }
    }

    fn escape(&mut self, c: char) {
        let _ = write!(self.out, "\\u{:04x}", u32::from(c));
    }
}

/// As JavaScript prints numbers: an exponent below 1e-6 and from 1e21 on.
fn float(f: f64) -> Result<String, String> {
    if !f.is_finite() {
        let name = if f.is_nan() {
            "NaN"
        } else if f > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        };
        return Err(format!("json: unsupported value: {name}"));
    }
    let size = f.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return Ok(format!("{f}"));
    }
    let text = format!("{f:e}");
    Ok(match text.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => format!("{mantissa}e+{exponent:0>2}"),
        _ => text,
    })
}
