//! Strings: cutting, joining, searching, indenting.

use gotemplate::{FuncError, Funcs, List, Map, Str, Type, Value, sprintf};

use crate::{
    call::{Answer, Call, count, fixed, strings, to_string, to_strings, variadic},
    cast::parse_int,
    words,
};

const S: Type = Type::String;
const I: Type = Type::Int;

pub(crate) fn add(funcs: &mut Funcs) {
    add_cutting(funcs);
    add_searching(funcs);
    add_joining(funcs);
    add_words(funcs);
}

fn add_cutting(funcs: &mut Funcs) {
    fixed(funcs, "trim", &[S], |call| Ok(Value::string(trim(call.bytes(0), words::is_space))));
    for name in ["trimall", "trimAll"] {
        fixed(funcs, name, &[S, S], |call| {
            let cut = call.text(0);
            Ok(Value::string(trim(call.bytes(1), |c| cut.contains(c))))
        });
    }
    fixed(funcs, "trimSuffix", &[S, S], |call| {
        let text = call.bytes(1);
        Ok(Value::string(text.strip_suffix(call.bytes(0)).unwrap_or(text)))
    });
    fixed(funcs, "trimPrefix", &[S, S], |call| {
        let text = call.bytes(1);
        Ok(Value::string(text.strip_prefix(call.bytes(0)).unwrap_or(text)))
    });
    fixed(funcs, "trunc", &[I, S], trunc);
    fixed(funcs, "substr", &[I, I, S], substr);
    fixed(funcs, "abbrev", &[I, S], |call| {
        let text = call.bytes(1);
        Ok(Value::string(if call.int(0) < 4 {
            text.to_vec()
        } else {
            words::abbreviate(text, 0, call.int(0))
        }))
    });
    fixed(funcs, "abbrevboth", &[I, I, S], |call| {
        let (left, right, text) = (call.int(0), call.int(1), call.bytes(2));
        let as_it_is = right < 4 || (left > 0 && right < 7);
        Ok(Value::string(if as_it_is { text.to_vec() } else { words::abbreviate(text, left, right) }))
    });
}

fn trim(bytes: &[u8], cut: impl Fn(char) -> bool) -> Str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_matches(cut).into(),
        Err(_) => String::from_utf8_lossy(bytes).trim_matches(cut).into(),
    }
}

fn trunc(call: &Call<'_>) -> Answer {
    let (wanted, text) = (call.int(0), call.bytes(1));
    let length = count(text.len());
    let cut = match wanted {
        n if n < 0 && length + n > 0 => &text[usize::try_from(length + n).unwrap_or(0)..],
        n if n >= 0 && length > n => &text[..usize::try_from(n).unwrap_or(0)],
        _ => text,
    };
    Ok(Value::string(cut))
}

fn substr(call: &Call<'_>) -> Answer {
    let (start, end, text) = (call.int(0), call.int(1), call.bytes(2));
    let length = count(text.len());
    let (from, to) = match (start, end) {
        (start, end) if start < 0 => (0, end),
        (start, end) if end < 0 || end > length => (start, length),
        both => both,
    };
    let cut =
        usize::try_from(from).ok().zip(usize::try_from(to).ok()).and_then(|(from, to)| text.get(from..to));
    cut.map(Value::string).ok_or_else(|| bounds(start, from, to, length).into())
}

/// Go's panic for bad bounds.
fn bounds(start: i64, from: i64, to: i64, length: i64) -> String {
    const OUT: &str = "runtime error: slice bounds out of range";
    if to > length && start >= 0 {
        return format!("{OUT} [:{to}] with length {length}");
    }
    match (start < 0, to < 0, to > length) {
        (true, true, _) => format!("{OUT} [:{to}]"),
        (true, _, true) => format!("{OUT} [:{to}] with length {length}"),
        _ => format!("{OUT} [{from}:{to}]"),
    }
}

fn add_searching(funcs: &mut Funcs) {
    fixed(funcs, "contains", &[S, S], |call| Ok(Value::Bool(find(call.bytes(1), call.bytes(0)).is_some())));
    fixed(funcs, "hasPrefix", &[S, S], |call| Ok(Value::Bool(call.bytes(1).starts_with(call.bytes(0)))));
    fixed(funcs, "hasSuffix", &[S, S], |call| Ok(Value::Bool(call.bytes(1).ends_with(call.bytes(0)))));
    fixed(funcs, "replace", &[S, S, S], |call| {
        let (old, new, text) = (call.bytes(0), call.bytes(1), call.bytes(2));
        let matches = text.len().checked_div(old.len()).unwrap_or(text.len() + 1);
        call.session().allow((text.len() + matches.min(count_matches(text, old)) * new.len()) as u64)?;
        Ok(Value::string(replace(text, old, new)))
    });
    fixed(funcs, "repeat", &[I, S], |call| {
        let Ok(times) = usize::try_from(call.int(0)) else {
            return Err("strings: negative Repeat count".into());
        };
        call.session().allow((times as u64).saturating_mul(call.bytes(1).len() as u64))?;
        Ok(Value::string(call.bytes(1).repeat(times)))
    });
    fixed(funcs, "plural", &[S, S, I], |call| Ok(call.value(usize::from(call.int(2) != 1)).clone()));
    fixed(funcs, "atoi", &[S], |call| Ok(Value::Int(parse_int(&call.text(0), 10).unwrap_or_default())));
    fixed(funcs, "hello", &[], |_| Ok("Hello!".into()));
    fixed(funcs, "fail", &[S], |call| Err(call.text(0).into_owned().into()));
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    if wanted.is_empty() {
        return Some(0);
    }
    match (std::str::from_utf8(text), std::str::from_utf8(wanted)) {
        (Ok(text), Ok(wanted)) => text.find(wanted),
        _ => text.windows(wanted.len()).position(|window| window == wanted),
    }
}

fn count_matches(mut text: &[u8], wanted: &[u8]) -> usize {
    if wanted.is_empty() {
        return text.len() + 1;
    }
    let mut matches = 0;
    while let Some(at) = find(text, wanted) {
        matches += 1;
        text = &text[at + wanted.len()..];
    }
    matches
}

fn replace(mut text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    if old.is_empty() {
        let chars = String::from_utf8_lossy(text).into_owned();
        return chars.replace("", &String::from_utf8_lossy(new)).into_bytes();
    }
    let mut out = Vec::with_capacity(text.len());
    while let Some(at) = find(text, old) {
        out.extend_from_slice(&text[..at]);
        out.extend_from_slice(new);
        text = &text[at + old.len()..];
    }
    out.extend_from_slice(text);
    out
}

fn add_joining(funcs: &mut Funcs) {
    fixed(funcs, "indent", &[I, S], |call| indent(call, b""));
    fixed(funcs, "nindent", &[I, S], |call| indent(call, b"\n"));
    variadic(funcs, "quote", &[], Type::Any, |call| {
        quote_each(call, |value| Ok(sprintf(b"%q", &[Value::String(to_string(value)?)])?))
    });
    variadic(funcs, "squote", &[], Type::Any, |call| {
        quote_each(call, |value| Ok(sprintf(b"'%v'", std::slice::from_ref(value))?))
    });
    variadic(funcs, "cat", &[], Type::Any, cat);
    fixed(funcs, "join", &[S, Type::Any], |call| {
        let parts = to_strings(call.value(1))?;
        let size = parts.iter().map(|part| part.len() + call.bytes(0).len()).sum::<usize>();
        call.session().allow(size as u64)?;
        Ok(Value::string(parts.join(call.bytes(0))))
    });
    fixed(funcs, "split", &[S, S], |call| numbered(call, &split(call, 1, -1)?));
    fixed(funcs, "splitn", &[S, I, S], |call| numbered(call, &split(call, 2, call.int(1))?));
    fixed(funcs, "splitList", &[S, S], |call| Ok(strings(split(call, 1, -1)?)));
    fixed(funcs, "toStrings", &[Type::Any], |call| Ok(strings(to_strings(call.value(0))?)));
    fixed(funcs, "toString", &[Type::Any], |call| Ok(Value::String(to_string(call.value(0))?)));
    fixed(funcs, "sortAlpha", &[Type::Any], |call| {
        if let Value::List(list) = call.value(0)
            && list.is_nil()
            && list.kind() == Type::Strings
        {
            return Ok(call.value(0).clone());
        }
        let mut sorted = to_strings(call.value(0))?;
        if call.value(0).is_nil() {
            sorted = vec!["<nil>".into()];
        }
        sorted.sort();
        Ok(strings(sorted))
    });
}

fn indent(call: &Call<'_>, before: &[u8]) -> Answer {
    let Ok(spaces) = usize::try_from(call.int(0)) else {
        return Err("strings: negative Repeat count".into());
    };
    let text = call.bytes(1);
    let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
    call.session().allow((text.len() as u64).saturating_add((lines as u64).saturating_mul(spaces as u64)))?;
    let mut out = Vec::with_capacity(before.len() + text.len() + lines * spaces);
    out.extend_from_slice(before);
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        out.extend(std::iter::repeat_n(b' ', spaces));
        out.extend_from_slice(line);
    }
    Ok(Value::string(out))
}

fn quote_each(call: &Call<'_>, quote: impl Fn(&Value) -> Result<Str, gotemplate::FuncError>) -> Answer {
    let given = call.values.iter().filter(|value| !value.is_nil());
    let quoted: Vec<Str> = given.map(quote).collect::<Result<_, _>>()?;
    Ok(Value::string(quoted.join(&b" "[..])))
}

fn cat(call: &Call<'_>) -> Answer {
    let mut parts = Vec::new();
    for value in call.values.iter().filter(|value| !value.is_nil()) {
        parts.push(sprintf(b"%v", std::slice::from_ref(value))?);
    }
    Ok(Value::string(parts.join(&b" "[..])))
}

/// Go's `strings.SplitN` of the argument `text` by the first one.
fn split(call: &Call<'_>, text: usize, limit: i64) -> Result<Vec<Str>, FuncError> {
    let (text, separator) = (call.bytes(text), call.bytes(0));
    if limit == 0 {
        return Ok(Vec::new());
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    call.session().allow_texts(limit.min(1 + count_matches(text, separator)), text.len())?;
    if separator.is_empty() {
        return Ok(explode(text, limit));
    }
    let (mut parts, mut rest) = (Vec::new(), text);
    while parts.len() + 1 < limit {
        let Some(at) = find(rest, separator) else { break };
        parts.push(Str::from(&rest[..at]));
        rest = &rest[at + separator.len()..];
    }
    parts.push(Str::from(rest));
    Ok(parts)
}

fn explode(text: &[u8], limit: usize) -> Vec<Str> {
    let text = String::from_utf8_lossy(text);
    let mut parts = Vec::new();
    let mut rest = text.as_ref();
    while let Some(c) = rest.chars().next() {
        if parts.len() + 1 == limit {
            break;
        }
        parts.push(Str::from(&rest[..c.len_utf8()]));
        rest = &rest[c.len_utf8()..];
    }
    if !rest.is_empty() {
        parts.push(rest.into());
    }
    parts
}

fn numbered(call: &Call<'_>, parts: &[Str]) -> Answer {
    let map = Map::of(Type::StringMap);
    for (index, part) in parts.iter().enumerate() {
        map.insert(format!("_{index}"), Value::String(part.clone()));
        call.session().check()?;
    }
    Ok(Value::Map(map))
}

fn add_words(funcs: &mut Funcs) {
    let text = |funcs: &mut Funcs, name, change: fn(&str) -> String| {
        fixed(funcs, name, &[S], move |call| Ok(Value::string(change(&call.text(0)))));
    };
    text(funcs, "upper", |text| text.chars().map(words::upper).collect());
    text(funcs, "lower", |text| text.chars().map(words::lower).collect());
    text(funcs, "title", words::title);
    text(funcs, "untitle", words::untitle);
    text(funcs, "swapcase", words::swap_case);
    text(funcs, "snakecase", |text| words::to_lower_case(text, '_'));
    text(funcs, "kebabcase", |text| words::to_lower_case(text, '-'));
    text(funcs, "camelcase", words::to_pascal_case);
    fixed(funcs, "nospace", &[S], |call| Ok(Value::string(words::no_space(call.bytes(0)))));
    fixed(funcs, "initials", &[S], |call| Ok(Value::string(words::initials(call.bytes(0)))));
    fixed(funcs, "wrap", &[I, S], |call| {
        Ok(Value::string(words::wrap(call.bytes(1), call.int(0), b"", false)))
    });
    fixed(funcs, "wrapWith", &[I, S, S], |call| {
        let (text, newline) = (call.bytes(2), call.bytes(1));
        let lines = (text.len() as u64) / u64::try_from(call.int(0).max(1)).unwrap_or(1) + 1;
        call.session().allow(text.len() as u64 + lines.saturating_mul(newline.len() as u64))?;
        Ok(Value::string(words::wrap(text, call.int(0), newline, true)))
    });
}

/// `[]int`.
pub(crate) fn ints(numbers: Vec<i64>) -> Value {
    Value::List(List::of(Type::Ints, numbers.into_iter().map(Value::Int).collect()))
}
