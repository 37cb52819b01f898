use serde_json::{Map, Value};

use super::SetError;
use crate::values::floats;

/// Names in a row.
const DEPTH: usize = 30;
/// Helm's `strvals.MaxIndex`.
const INDEX: i64 = 65_536;

/// How keys and values are read.
#[derive(Clone, Copy)]
pub(super) enum Grammar<'a> {
    Typed,
    Text,
    File(&'a dyn Fn(&str) -> Result<String, String>),
    Json,
    Literal,
}

pub(super) struct Parser<'a> {
    rest: &'a str,
    grammar: Grammar<'a>,
}

/// Text up to a stop character, and that character; none at the end.
struct Word {
    text: String,
    stop: Option<char>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, grammar: Grammar<'a>) -> Self {
        Self { rest: text, grammar }
    }

    pub(super) fn run(mut self, values: &mut Map<String, Value>) -> Result<(), SetError> {
        while !self.rest.is_empty() {
            self.key(values, 0)?;
        }
        Ok(())
    }

    fn literal(&self) -> bool {
        matches!(self.grammar, Grammar::Literal)
    }

    fn key(&mut self, map: &mut Map<String, Value>, depth: usize) -> Result<(), SetError> {
        let word = self.until(if self.literal() { "=[." } else { "=[,." });
        match word.stop {
            None if word.text.is_empty() => Ok(()),
            None => Err(SetError::NoValue(word.text)),
            Some(',') => Err(SetError::Comma(word.text)),
            Some('[') => self.indexed(map, word.text, depth),
            Some('.') => self.nested(map, word.text, depth + 1),
            Some(_) => {
                let value = self.value()?;
                put(map, word.text, value);
                Ok(())
            }
        }
    }

    fn nested(&mut self, map: &mut Map<String, Value>, name: String, depth: usize) -> Result<(), SetError> {
        if depth > DEPTH {
            return Err(SetError::Depth(DEPTH));
        }
        let ended = self.rest.is_empty();
        let inner = match map.get_mut(&name) {
            Some(Value::Object(inner)) => {
                self.key(inner, depth)?;
                return Ok(());
            }
            Some(other) => {
                return Err(SetError::Kind { found: kind(other), wanted: "map[string]interface {}" });
            }
            None => {
                let mut inner = Map::new();
                self.key(&mut inner, depth)?;
                inner
            }
        };
        if inner.is_empty() && !ended {
            return Err(SetError::EmptyMap(name));
        }
        if !inner.is_empty() {
            put(map, name, Value::Object(inner));
        }
        Ok(())
    }

    fn indexed(&mut self, map: &mut Map<String, Value>, name: String, depth: usize) -> Result<(), SetError> {
        let index = self.index()?;
        let mut list = match map.get_mut(&name) {
            None => Vec::new(),
            Some(Value::Array(list)) => std::mem::take(list),
            Some(other) => return Err(SetError::Kind { found: kind(other), wanted: "[]interface {}" }),
        };
        let done = self.item(&mut list, index, depth);
        put(map, name, Value::Array(list));
        done
    }

    fn index(&mut self) -> Result<i64, SetError> {
        let word = self.until("]");
        if word.stop.is_none() {
            return Err(SetError::Index("EOF".to_owned()));
        }
        word.text
            .parse()
            .map_err(|_| SetError::Index(format!("strconv.Atoi: parsing {:?}: invalid syntax", word.text)))
    }

    /// What follows `]`.
    fn item(&mut self, list: &mut Vec<Value>, index: i64, depth: usize) -> Result<(), SetError> {
        if index < 0 {
            return Err(SetError::Negative(index));
        }
        let word = self.until("[.=");
        if !word.text.is_empty() {
            return Err(SetError::AfterIndex(word.text));
        }
        match word.stop {
            None => Err(SetError::End),
            Some('=') => {
                let value = self.value()?;
                put_at(list, index, value)
            }
            Some('[') => {
                let next = self.index()?;
                let mut inner = match slot(list, index) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(inner)) => std::mem::take(inner),
                    Some(other) => {
                        return Err(SetError::Kind { found: kind(other), wanted: "[]interface {}" });
                    }
                };
                if depth >= DEPTH {
                    return Err(SetError::Depth(DEPTH));
                }
                self.item(&mut inner, next, depth + 1)?;
                put_at(list, index, Value::Array(inner))
            }
            Some(_) => {
                let mut inner = match slot(list, index) {
                    Some(Value::Object(inner)) => std::mem::take(inner),
                    _ => Map::new(),
                };
                self.key(&mut inner, depth)?;
                put_at(list, index, Value::Object(inner))
            }
        }
    }

    fn value(&mut self) -> Result<Value, SetError> {
        match self.grammar {
            Grammar::Literal => Ok(Value::String(std::mem::take(&mut self.rest).to_owned())),
            Grammar::Json => self.json(),
            _ if self.rest.starts_with('{') => self.list(),
            _ if self.rest.is_empty() => Ok(Value::String(String::new())),
            _ => {
                let word = self.until(",");
                self.read(word.text)
            }
        }
    }

    fn list(&mut self) -> Result<Value, SetError> {
        self.rest = &self.rest[1..];
        let mut items = Vec::new();
        loop {
            let word = self.until(",}");
            match word.stop {
                None => return Err(SetError::OpenList),
                Some(stop) => {
                    items.push(self.read(word.text)?);
                    if stop == '}' {
                        self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                        return Ok(Value::Array(items));
                    }
                }
            }
        }
    }

    fn json(&mut self) -> Result<Value, SetError> {
        if self.blank() {
            return Ok(Value::Null);
        }
        let mut stream = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let value = stream.next().transpose().ok().flatten();
        let mut value = value.ok_or_else(|| SetError::Json(self.rest.to_owned()))?;
        floats(&mut value);
        self.rest = &self.rest[stream.byte_offset()..];
        self.blank();
        Ok(value)
    }

    /// Skips blanks and one comma; whether the value ended there.
    fn blank(&mut self) -> bool {
        let rest = self.rest.trim_start();
        let after = rest.strip_prefix(',');
        self.rest = after.unwrap_or(rest);
        after.is_some() || rest.is_empty()
    }

    fn read(&self, text: String) -> Result<Value, SetError> {
        match self.grammar {
            Grammar::Typed => Ok(typed(text)),
            Grammar::File(read) => read(&text).map(Value::String).map_err(SetError::File),
            _ => Ok(Value::String(text)),
        }
    }

    fn until(&mut self, stops: &str) -> Word {
        let escapes = !self.literal();
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            if stops.contains(c) {
                self.rest = &self.rest[at + c.len_utf8()..];
                return Word { text, stop: Some(c) };
            }
            match c {
                '\\' if escapes => text.extend(chars.next().map(|(_, next)| next)),
                _ => text.push(c),
            }
        }
        self.rest = "";
        Word { text, stop: None }
    }
}

/// An empty name sets nothing.
fn put(map: &mut Map<String, Value>, name: String, value: Value) {
    if !name.is_empty() {
        map.insert(name, value);
    }
}

fn slot(list: &mut [Value], index: i64) -> Option<&mut Value> {
    list.get_mut(usize::try_from(index).ok()?)
}

fn put_at(list: &mut Vec<Value>, index: i64, value: Value) -> Result<(), SetError> {
    let Some(at) = usize::try_from(index).ok().filter(|_| index <= INDEX) else {
        return Err(SetError::LargeIndex(index, INDEX));
    };
    if list.len() <= at {
        list.resize(at + 1, Value::Null);
    }
    list[at] = value;
    Ok(())
}

fn typed(text: String) -> Value {
    match text.to_ascii_lowercase().as_str() {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        "0" => Value::from(0),
        word if word.starts_with('0') => Value::String(text),
        word => word.parse::<i64>().map_or(Value::String(text), Value::from),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}
