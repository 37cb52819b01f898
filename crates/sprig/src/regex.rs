//! Regular expressions as Go reads them (RE2), on the `regex` crate.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use gotemplate::{FuncError, Funcs, List, Str, Type, Value};
use regex::bytes::{Captures, Match, Regex, RegexBuilder};

use crate::call::{Answer, Call, fixed, strings};

const S: Type = Type::String;
const I: Type = Type::Int;

/// Memory of one compiled expression, in bytes, and how many are kept.
const PROGRAM: usize = 4 << 20;
const KEPT: usize = 128;

/// Expressions compiled before; charts use few, often.
#[derive(Clone, Default)]
struct Cache(Rc<RefCell<HashMap<String, Rc<Regex>>>>);

impl Cache {
    fn get(&self, call: &Call<'_>, text: usize) -> Result<Rc<Regex>, FuncError> {
        let source = call.text(0);
        // Searching takes a time that grows with both; a step stands for about a microsecond.
        let work = (call.bytes(text).len() as u64 / 256).saturating_mul(1 + source.len() as u64 / 32);
        call.session().step(1 + work)?;
        if let Some(known) = self.0.borrow().get(source.as_ref()) {
            return Ok(Rc::clone(known));
        }
        call.session().step(100 + source.len() as u64 * 4)?;
        let compiled = Rc::new(compile(&source)?);
        let mut kept = self.0.borrow_mut();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(source.into_owned(), Rc::clone(&compiled));
        Ok(compiled)
    }
}

fn compile(source: &str) -> Result<Regex, String> {
    let translated = go_regex::translate(source)?;
    let built = RegexBuilder::new(&translated).size_limit(PROGRAM).dfa_size_limit(PROGRAM).build();
    built.map_err(|error| go_regex::reason(source, &error))
}

pub(crate) fn add(funcs: &mut Funcs) {
    let cache = Cache::default();
    add_finding(funcs, &cache);
    add_replacing(funcs, &cache);
    fixed(funcs, "regexQuoteMeta", &[S], |call| Ok(Value::string(quote_meta(call.bytes(0)))));
}

fn add_finding(funcs: &mut Funcs, cache: &Cache) {
    for (name, must) in [("regexMatch", false), ("mustRegexMatch", true)] {
        let cache = cache.clone();
        fixed(funcs, name, &[S, S], move |call| match cache.get(call, 1) {
            Ok(regex) => Ok(Value::Bool(regex.is_match(call.bytes(1)))),
            Err(FuncError::Message(_)) if !must => Ok(Value::Bool(false)),
            Err(error) => Err(error),
        });
    }
    for (name, must) in [("regexFind", false), ("mustRegexFind", true)] {
        let cache = cache.clone();
        fixed(funcs, name, &[S, S], move |call| {
            let regex = cache.get(call, 1).map_err(|error| panicked(call, must, error))?;
            let found = regex.find(call.bytes(1)).map(|found| Str::from(found.as_bytes()));
            Ok(Value::String(found.unwrap_or_default()))
        });
    }
    for (name, must) in [("regexFindAll", false), ("mustRegexFindAll", true)] {
        let cache = cache.clone();
        fixed(funcs, name, &[S, S, I], move |call| {
            let regex = cache.get(call, 1).map_err(|error| panicked(call, must, error))?;
            let limit = usize::try_from(call.int(2)).unwrap_or(usize::MAX);
            let mut found = Vec::new();
            for one in matches(&regex, call.bytes(1)).take(limit) {
                call.session().allow_texts(found.len(), 0)?;
                found.push(Str::from(one.as_bytes()));
            }
            Ok(if found.is_empty() { Value::List(List::nil(Type::Strings)) } else { strings(found) })
        });
    }
    for (name, must) in [("regexSplit", false), ("mustRegexSplit", true)] {
        let cache = cache.clone();
        fixed(funcs, name, &[S, S, I], move |call| {
            let regex = cache.get(call, 1).map_err(|error| panicked(call, must, error))?;
            split(call, &regex)
        });
    }
}

/// All matches. Go never finds the empty text inside a letter.
fn matches<'r>(regex: &'r Regex, text: &'r [u8]) -> impl Iterator<Item = Match<'r>> {
    regex.find_iter(text).filter(|found| !splits_letter(text, found))
}

fn splits_letter(text: &[u8], found: &Match<'_>) -> bool {
    found.is_empty() && text.get(found.start()).is_some_and(|byte| byte & 0xc0 == 0x80)
}

/// Without `must` Sprig lets Go's own panic through, which quotes the expression.
fn panicked(call: &Call<'_>, must: bool, error: FuncError) -> FuncError {
    match error {
        FuncError::Message(reason) if !must => {
            let source = call.text(0);
            let quoted = if source.contains('`') {
                gotemplate::sprintf(b"%q", &[Value::string(source.as_ref())])
                    .map(|text| text.to_string())
                    .unwrap_or_default()
            } else {
                format!("`{source}`")
            };
            format!("regexp: Compile({quoted}): {reason}").into()
        }
        error => error,
    }
}

/// Go's `Regexp.Split`.
fn split(call: &Call<'_>, regex: &Regex) -> Answer {
    let (text, limit) = (call.bytes(1), call.int(2));
    if limit == 0 {
        return Ok(Value::List(List::nil(Type::Strings)));
    }
    if !call.bytes(0).is_empty() && text.is_empty() {
        return Ok(strings(vec![Str::default()]));
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut parts: Vec<Str> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in matches(regex, text) {
        if parts.len() + 1 == limit {
            break;
        }
        call.session().allow_texts(parts.len(), 0)?;
        end = found.start();
        if found.end() != 0 {
            parts.push(Str::from(&text[begin..end]));
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(Str::from(&text[begin..]));
    }
    Ok(strings(parts))
}

fn add_replacing(funcs: &mut Funcs, cache: &Cache) {
    let names = [
        ("regexReplaceAll", false, false),
        ("mustRegexReplaceAll", true, false),
        ("regexReplaceAllLiteral", false, true),
        ("mustRegexReplaceAllLiteral", true, true),
    ];
    for (name, must, literal) in names {
        let cache = cache.clone();
        fixed(funcs, name, &[S, S, S], move |call| {
            let regex = cache.get(call, 1).map_err(|error| panicked(call, must, error))?;
            Ok(Value::string(replace_all(call, &regex, literal)?))
        });
    }
}

fn replace_all(call: &Call<'_>, regex: &Regex, literal: bool) -> Result<Vec<u8>, FuncError> {
    let (text, with) = (call.bytes(1), call.bytes(2));
    let mut out = Vec::with_capacity(text.len());
    let mut last = 0;
    for found in regex.captures_iter(text) {
        let Some(whole) = found.get(0).filter(|whole| !splits_letter(text, whole)) else { continue };
        out.extend_from_slice(&text[last..whole.start()]);
        last = whole.end();
        if literal {
            out.extend_from_slice(with);
        } else {
            expand(&mut out, &found, with);
        }
        call.session().allow(out.len() as u64)?;
    }
    out.extend_from_slice(&text[last..]);
    Ok(out)
}

/// Go's `Expand`: `$1`, `${1}`, `$name`, `${name}`, `$$`; a name takes as many letters as it can.
fn expand(out: &mut Vec<u8>, found: &Captures<'_>, mut template: &[u8]) {
    while let Some(dollar) = template.iter().position(|byte| *byte == b'$') {
        out.extend_from_slice(&template[..dollar]);
        template = &template[dollar + 1..];
        if template.first() == Some(&b'$') {
            out.push(b'$');
            template = &template[1..];
            continue;
        }
        let Some((name, rest)) = reference(template) else {
            out.push(b'$');
            continue;
        };
        template = rest;
        let group = match name.parse::<usize>() {
            Ok(number) => found.get(number),
            Err(_) => found.name(name),
        };
        out.extend_from_slice(group.map_or(&[], |group| group.as_bytes()));
    }
    out.extend_from_slice(template);
}

fn reference(template: &[u8]) -> Option<(&str, &[u8])> {
    let braced = template.first() == Some(&b'{');
    let body = if braced { &template[1..] } else { template };
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&body[..error.valid_up_to()]).ok()?,
    };
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    if end == 0 || (braced && body.get(end) != Some(&b'}')) {
        return None;
    }
    Some((&text[..end], &body[end + usize::from(braced)..]))
}

fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 8);
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}
