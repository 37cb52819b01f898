//! One value by one verb.

use std::rc::Rc;

use super::{
    float, integer,
    quoting::{can_backquote, quote_rune, quote_with},
};
use crate::{
    session::LimitError,
    value::{HostObject, Kind, List, MAX_NESTING, Map, Str, Type, Value},
};

/// What printing may produce: as much as a value may have by default, see [`crate::Limits`].
const MAX_BYTES: usize = 16 << 20;

/// The flags of a verb.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "these are fmt's flags")]
pub(super) struct Flags {
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    pub(super) plus_v: bool,
    pub(super) sharp_v: bool,
}

#[derive(Default)]
pub(super) struct Printer {
    pub(super) out: Vec<u8>,
    pub(super) flags: Flags,
    stopped: Option<LimitError>,
    /// Inside the text of a bad verb, where methods are not called.
    erring: bool,
}

impl Printer {
    pub(super) fn finish(self) -> Result<Str, LimitError> {
        match self.stopped {
            Some(limit) => Err(limit),
            None => Ok(self.out.into()),
        }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn padded(&mut self, text: &[u8]) {
        let Some(width) = self.flags.width else { return self.out.extend_from_slice(text) };
        let count = String::from_utf8_lossy(text).chars().count();
        let padding = width.saturating_sub(count);
        let with = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
        if self.flags.minus {
            self.out.extend_from_slice(text);
        }
        self.out.extend(std::iter::repeat_n(with, padding));
        if !self.flags.minus {
            self.out.extend_from_slice(text);
        }
    }

    /// Pads with spaces even when the flags say zeros.
    fn padded_plain(&mut self, text: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.padded(text);
        self.flags.zero = zero;
    }

    /// An operand of `print` or `printf`.
    pub(super) fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil | Value::Absent, 'T' | 'v') => self.padded(b"<nil>"),
            (Value::Nil | Value::Absent, _) => self.bad_verb(value, verb),
            (Value::List(_) | Value::Map(_) | Value::Object(_), 'w') => self.bad_verb(value, verb),
            (_, 'T') => self.string(value.type_name().as_bytes(), 's'),
            _ => self.value(value, verb, 0),
        }
    }

    fn bad_verb(&mut self, value: &Value, verb: char) {
        self.erring = true;
        self.push("%!");
        self.push(verb.encode_utf8(&mut [0; 4]));
        if value.is_nil() {
            self.push("(<nil>)");
        } else {
            self.push("(");
            self.push(value.type_name());
            self.push("=");
            self.value(value, 'v', 0);
            self.push(")");
        }
        self.erring = false;
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if self.stopped.is_some() {
            return;
        }
        if depth > MAX_NESTING {
            self.stopped = Some(LimitError::Nesting(MAX_NESTING));
            return;
        }
        if self.out.len() > MAX_BYTES {
            self.stopped = Some(LimitError::Value { size: self.out.len() as u64, limit: MAX_BYTES });
            return;
        }
        match value {
            Value::Nil | Value::Absent if self.flags.sharp_v => self.push("interface {}(nil)"),
            Value::Nil | Value::Absent => self.push("<nil>"),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.padded(truth.to_string().as_bytes()),
                _ => self.bad_verb(value, verb),
            },
            Value::Float(f) => self.float(value, *f, verb),
            Value::String(text) => match verb {
                'v' | 's' | 'x' | 'X' | 'q' => self.string(text, verb),
                _ => self.bad_verb(value, verb),
            },
            Value::Bytes(bytes) => self.bytes(bytes, verb, depth),
            Value::List(list) => stacker::maybe_grow(32 << 10, 1 << 20, || self.list(list, verb, depth)),
            Value::Map(map) => stacker::maybe_grow(32 << 10, 1 << 20, || self.map(map, verb, depth)),
            Value::Object(object) => {
                let object = Rc::clone(object);
                stacker::maybe_grow(32 << 10, 1 << 20, || self.object(value, &object, verb, depth));
            }
            Value::Func(_) => self.bad_verb_of_func(verb),
            number => self.integer(number, verb),
        }
    }

    fn bad_verb_of_func(&mut self, verb: char) {
        let text = if matches!(verb, 'v' | 'p') { "0x0".to_owned() } else { format!("%!{verb}(func=0x0)") };
        self.push(&text);
    }

    fn integer(&mut self, value: &Value, verb: char) {
        let (negative, magnitude) = match (value.signed(), value.unsigned()) {
            (Some(n), _) => (n < 0, n.unsigned_abs()),
            (_, n) => (false, n.unwrap_or_default()),
        };
        match verb {
            'v' if self.flags.sharp_v && value.unsigned().is_some() => self.push(&format!("{magnitude:#x}")),
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => {
                match integer::text(&self.flags, negative, magnitude, verb) {
                    Some(text) => self.padded_plain(text.as_bytes()),
                    None => self.padded_plain(b""),
                }
            }
            'c' => self.padded(rune(magnitude, negative).to_string().as_bytes()),
            'q' => {
                let text = quote_rune(rune(magnitude, negative), self.flags.plus);
                self.padded(text.as_bytes());
            }
            'U' => {
                let code = if negative { magnitude.wrapping_neg() } else { magnitude };
                let text = integer::unicode(&self.flags, code);
                self.padded_plain(text.as_bytes());
            }
            _ => self.bad_verb(value, verb),
        }
    }

    fn float(&mut self, value: &Value, f: f64, verb: char) {
        let (format, default) = match verb {
            'v' => ('g', None),
            'b' | 'g' | 'G' | 'x' | 'X' => (verb, None),
            'f' | 'e' | 'E' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.flags.precision.or(default);
        let mut text = float::format(f, format, precision);
        if !text.starts_with(['-', '+']) {
            text.insert(0, '+');
        }
        if self.flags.space && text.starts_with('+') && !self.flags.plus {
            text.replace_range(..1, " ");
        }
        if f.is_nan() || f.is_infinite() {
            let plain = f.is_nan() && !self.flags.space && !self.flags.plus;
            let keep = self.flags.plus || !text.starts_with('+');
            let text = if plain || !keep { &text[1..] } else { &text };
            let text = if f.is_infinite() && !keep { format!("+{text}") } else { text.to_owned() };
            return self.padded_plain(text.as_bytes());
        }
        if self.flags.sharp && verb != 'b' {
            sharpen(&mut text, verb, precision);
        }
        self.signed(&text);
    }

    /// A number whose text begins with its sign.
    fn signed(&mut self, text: &str) {
        if !self.flags.plus && text.starts_with('+') {
            return self.padded(&text.as_bytes()[1..]);
        }
        match self.flags.width {
            Some(width) if self.flags.zero && !self.flags.minus && width > text.len() => {
                self.push(&text[..1]);
                self.out.extend(std::iter::repeat_n(b'0', width - text.len()));
                self.push(&text[1..]);
            }
            _ => self.padded(text.as_bytes()),
        }
    }

    fn string(&mut self, text: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'q' => self.quoted(text),
            'x' | 'X' => self.hexadecimal(text, verb == 'X'),
            _ => {
                let text = self.truncated(text);
                self.padded(&text);
            }
        }
    }

    fn truncated(&self, text: &[u8]) -> Vec<u8> {
        let Some(precision) = self.flags.precision else { return text.to_vec() };
        match std::str::from_utf8(text) {
            Ok(text) => text.char_indices().nth(precision).map_or(text, |(end, _)| &text[..end]).into(),
            Err(_) => text[..text.len().min(precision)].to_vec(),
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let text = self.truncated(text);
        let quoted = match std::str::from_utf8(&text) {
            Ok(plain) if self.flags.sharp && can_backquote(&text) => format!("`{plain}`"),
            _ => quote_with(&text, '"', self.flags.plus),
        };
        self.padded(quoted.as_bytes());
    }

    fn hexadecimal(&mut self, bytes: &[u8], upper: bool) {
        let bytes =
            &bytes[..self.flags.precision.map_or(bytes.len(), |precision| bytes.len().min(precision))];
        let prefix = match (self.flags.sharp, upper) {
            (true, true) => "0X",
            (true, false) => "0x",
            _ => "",
        };
        let mut text = String::with_capacity(bytes.len() * 2 + 2);
        for (index, byte) in bytes.iter().enumerate() {
            if self.flags.space && index > 0 {
                text.push(' ');
            }
            if index == 0 || self.flags.space {
                text.push_str(prefix);
            }
            text += &if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
        }
        self.padded(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &Str, verb: char, depth: usize) {
        match verb {
            's' | 'x' | 'X' | 'q' => self.string(bytes, verb),
            'v' if self.flags.sharp_v => {
                let items: Vec<_> = bytes.iter().map(|byte| format!("{byte:#x}")).collect();
                let name = if depth == 0 { "[]byte" } else { "[]uint8" };
                self.push(&format!("{name}{{{}}}", items.join(", ")));
            }
            _ => self.items(bytes.iter().map(|byte| Value::Uint8(*byte)), verb, depth),
        }
    }

    fn list(&mut self, list: &List, verb: char, depth: usize) {
        if !self.flags.sharp_v {
            return self.items(list.iter().cloned(), verb, depth);
        }
        self.push(list.kind().name());
        if list.is_nil() {
            return self.push("(nil)");
        }
        self.push("{");
        self.joined(list.iter().cloned(), verb, depth);
        self.push("}");
    }

    fn items(&mut self, items: impl Iterator<Item = Value>, verb: char, depth: usize) {
        self.push("[");
        self.joined(items, verb, depth);
        self.push("]");
    }

    fn joined(&mut self, items: impl Iterator<Item = Value>, verb: char, depth: usize) {
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.separate();
            }
            self.value(&item, verb, depth + 1);
        }
    }

    fn separate(&mut self) {
        self.push(if self.flags.sharp_v { ", " } else { " " });
    }

    fn map(&mut self, map: &Map, verb: char, depth: usize) {
        if self.flags.sharp_v && map.is_nil() {
            self.push(map.kind().name());
            return self.push("(nil)");
        }
        self.entries(map.kind().name(), map.entries(), verb, depth);
    }

    fn entries(&mut self, name: &str, entries: Vec<(Str, Value)>, verb: char, depth: usize) {
        let sharp = self.flags.sharp_v;
        self.push(if sharp { name } else { "map" });
        self.push(if sharp { "{" } else { "[" });
        for (index, (key, value)) in entries.into_iter().enumerate() {
            if index > 0 {
                self.separate();
            }
            self.value(&Value::String(key), verb, depth + 1);
            self.push(":");
            self.value(&value, verb, depth + 1);
        }
        self.push(if sharp { "}" } else { "]" });
    }

    fn object(&mut self, value: &Value, object: &Rc<dyn HostObject>, verb: char, depth: usize) {
        let text = matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') && !self.erring && !self.flags.sharp_v;
        if let Some(text) = object.text().filter(|_| text) {
            return self.string(text.as_bytes(), verb);
        }
        if let Some(number) = object.underlying() {
            return self.value(&number, verb, depth);
        }
        match object.kind() {
            Kind::Map => self.entries(object.type_name(), object.entries(), verb, depth),
            Kind::Slice => {
                let list = List::of(Type::List, object.entries().into_iter().map(|(_, item)| item).collect());
                self.list(&list, verb, depth);
            }
            kind => {
                if kind == Kind::Ptr && depth > 0 {
                    return self.push("0xc000000000");
                }
                self.structure(value, object, verb, depth);
            }
        }
    }

    fn structure(&mut self, value: &Value, object: &Rc<dyn HostObject>, verb: char, depth: usize) {
        if object.kind() == Kind::Ptr {
            self.push("&");
        }
        if self.flags.sharp_v {
            self.push(value.type_name().trim_start_matches('*'));
        }
        self.push("{");
        for (index, (name, field)) in object.fields().into_iter().enumerate() {
            if index > 0 {
                self.separate();
            }
            if self.flags.plus_v || self.flags.sharp_v {
                self.push(name);
                self.push(":");
            }
            self.value(&field, verb, depth + 1);
        }
        self.push("}");
    }
}

fn rune(magnitude: u64, negative: bool) -> char {
    let code = u32::try_from(magnitude).ok().filter(|_| !negative);
    code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The flag `#` of floats: always a point, and no cut zeros.
fn sharpen(text: &mut String, verb: char, precision: Option<usize>) {
    let mut wanted = match verb {
        'v' | 'g' | 'G' | 'x' => precision.unwrap_or(6),
        _ => 0,
    };
    let exponent = match verb {
        'x' | 'X' => text.find(['p', 'P']),
        _ => text.find(['e', 'E']),
    };
    let tail = exponent.map(|at| text.split_off(at)).unwrap_or_default();
    let mut nonzero = false;
    for c in text[1..].chars().filter(|c| *c != '.') {
        nonzero |= c != '0';
        if nonzero {
            wanted = wanted.saturating_sub(1);
        }
    }
    if !text.contains('.') {
        if text.len() == 2 && text.ends_with('0') {
            wanted = wanted.saturating_sub(1);
        }
        text.push('.');
    }
    text.extend(std::iter::repeat_n('0', wanted));
    text.push_str(&tail);
}
