use gotemplate::{LimitError, List, Map, Session, Str, Value, sprintf};

/// How deep JSON may nest; Go's own limit.
const MAX_DEPTH: usize = 10_000;

/// Reads one JSON value as Go does into an `interface {}`: every number is a float.
///
/// # Errors
/// The inner in Go's words, the outer at a limit of the session.
pub(crate) fn parse(session: &Session, text: &str) -> Result<Result<Value, String>, LimitError> {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, misfit: None, session, limit: None };
    let value = reader.whole();
    reader.limit.map_or(Ok(value), Err)
}

struct Reader<'t> {
    bytes: &'t [u8],
    at: usize,
    /// The first number no float can hold: an error only when all of the text is JSON.
    misfit: Option<String>,
    session: &'t Session,
    /// The limit that ended the reading.
    limit: Option<LimitError>,
}

const END: &str = "unexpected end of JSON input";

impl Reader<'_> {
    fn whole(&mut self) -> Result<Value, String> {
        let value = self.value(0)?;
        self.space();
        match (self.peek(), self.misfit.take()) {
            (Some(_), _) => Err(self.invalid("after top-level value")),
            (None, Some(misfit)) => Err(misfit),
            (None, None) => Ok(value),
        }
    }

    /// Asks for room for so many items of the list that is being read.
    fn room(&mut self, items: usize) -> Result<(), String> {
        self.session.allow_items(items).map_err(|limit| {
            self.limit = Some(limit);
            limit.to_string()
        })
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn invalid(&self, context: &str) -> String {
        match self.peek() {
            None if context.contains(" in ") || context.starts_with("in ") || context.contains("numeric") => {
                format!("invalid character ' ' {context}")
            }
            None => END.to_owned(),
            Some(b'\'') => format!("invalid character '\\'' {context}"),
            Some(b'"') => format!("invalid character '\"' {context}"),
            // Go looks at single bytes.
            Some(byte) => {
                let shown = sprintf(b"%q", &[Value::Int32(i32::from(byte))]).unwrap_or_default();
                format!("invalid character {shown} {context}")
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        self.space();
        if depth > MAX_DEPTH {
            return Err("exceeded max depth".to_owned());
        }
        match self.peek() {
            Some(b'{') => stacker::maybe_grow(64 << 10, 1 << 20, || self.object(depth)),
            Some(b'[') => stacker::maybe_grow(64 << 10, 1 << 20, || self.array(depth)),
            Some(b'"') => Ok(Value::String(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Nil),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.invalid("looking for beginning of value")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, String> {
        for (index, expected) in word.bytes().enumerate() {
            if self.peek() != Some(expected) {
                let expected = char::from(expected);
                debug_assert!(index > 0, "the first letter was seen");
                return Err(self.invalid(&format!("in literal {word} (expecting '{expected}')")));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        let map = Map::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(map));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.invalid("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.invalid("after object key"));
            }
            self.at += 1;
            map.insert(key, self.value(depth + 1)?);
            self.room(0)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Map(map));
                }
                _ => return Err(self.invalid("after object key:value pair")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(List::new(items)));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.room(items.len())?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::list(items));
                }
                _ => return Err(self.invalid("after array element")),
            }
        }
    }

    fn string(&mut self) -> Result<Str, String> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                None => return Err(END.to_owned()),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out.into());
                }
                Some(b'\\') => {
                    self.at += 1;
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(0..=0x1f) => return Err(self.invalid("in string literal")),
                Some(byte) => {
                    out.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, String> {
        let c = match self.peek() {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.invalid("in string escape code")),
        };
        self.at += 1;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, String> {
        let first = self.hex()?;
        if (0xD800..0xDC00).contains(&first) && self.bytes[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.hex()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<u32, String> {
        let mut code = 0;
        for _ in 0..4 {
            match self.peek().and_then(|byte| char::from(byte).to_digit(16)) {
                Some(digit) => code = code * 16 + digit,
                None => return Err(self.invalid("in \\u hexadecimal character escape")),
            }
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.invalid("in numeric literal")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits("in exponent of numeric literal")?;
        }
        let text = String::from_utf8_lossy(&self.bytes[start..self.at]);
        match text.parse::<f64>() {
            Ok(f) if f.is_finite() => Ok(Value::Float(f)),
            _ => {
                let misfit = format!("json: cannot unmarshal number {text} into Go value of type float64");
                self.misfit.get_or_insert(misfit);
                Ok(Value::Nil)
            }
        }
    }

    fn some_digits(&mut self, context: &str) -> Result<(), String> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.invalid(context));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }
}
