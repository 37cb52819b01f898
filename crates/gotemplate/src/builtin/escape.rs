//! `html`, `js` and `urlquery`.

use std::fmt::Write;

use crate::{
    printf::{self, is_print},
    session::LimitError,
    value::Value,
};

/// The arguments as one text: a single string as it is, else as `print` writes them.
pub(super) fn arguments(arguments: &[Value]) -> Result<Vec<u8>, LimitError> {
    match arguments {
        [Value::String(text)] => Ok(text.to_vec()),
        arguments => {
            let shown =
                |value: &Value| if value.is_nil() { Value::string("<no value>") } else { value.clone() };
            Ok(printf::sprint(&arguments.iter().map(shown).collect::<Vec<_>>())?.to_vec())
        }
    }
}

pub(super) fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    for byte in text {
        match byte {
            0 => out.extend("\u{FFFD}".bytes()),
            b'"' => out.extend(b"&#34;"),
            b'\'' => out.extend(b"&#39;"),
            b'&' => out.extend(b"&amp;"),
            b'<' => out.extend(b"&lt;"),
            b'>' => out.extend(b"&gt;"),
            byte => out.push(*byte),
        }
    }
    out
}

/// What is no UTF-8 stays as it is.
pub(super) fn js(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 16);
    for chunk in text.utf8_chunks() {
        out.extend(js_text(chunk.valid()).bytes());
        out.extend(chunk.invalid());
    }
    out
}

fn js_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' => out.push_str("\\u003C"),
            '>' => out.push_str("\\u003E"),
            '&' => out.push_str("\\u0026"),
            '=' => out.push_str("\\u003D"),
            c if c >= ' ' && (c.is_ascii() || is_print(c)) => out.push(c),
            c => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
        }
    }
    out
}

pub(super) fn url_query(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(*byte))
            }
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}
