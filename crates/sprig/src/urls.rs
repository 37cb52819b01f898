//! `urlParse` and `urlJoin`, as Go's net/url reads and prints.

use std::fmt::Write;

use gotemplate::{FuncError, Funcs, Map, Type, Value, sprintf};

use crate::call::{Answer, Call, fixed};

pub(crate) fn add(funcs: &mut Funcs) {
    fixed(funcs, "urlParse", &[Type::String], parse);
    fixed(funcs, "urlJoin", &[Type::Map], join);
}

#[derive(Default)]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<(String, Option<String>)>,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

fn quoted(text: &str) -> String {
    sprintf(b"%q", &[Value::string(text)]).map(|text| text.to_string()).unwrap_or_default()
}

fn parse(call: &Call<'_>) -> Answer {
    let text = call.text(0);
    let url =
        read(&text).map_err(|error| format!("unable to parse url: parse {}: {error}", quoted(&text)))?;
    let userinfo = url.user.as_ref().map(shown_user).unwrap_or_default();
    Ok(Value::map([
        ("scheme", url.scheme),
        ("hostname", hostname(&url.host).to_owned()),
        ("host", url.host),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", userinfo),
    ]))
}

fn hostname(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn read(text: &str) -> Result<Url, String> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let mut url = Url { fragment: unescape(fragment, false)?, ..Url::default() };
    if text.is_empty() {
        return Ok(url);
    }
    if text == "*" {
        url.path = "*".into();
        return Ok(url);
    }
    let (scheme, rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    query.clone_into(&mut url.query);
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            rest.clone_into(&mut url.opaque);
            return Ok(url);
        }
        if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    let path = match rest.strip_prefix("//") {
        Some(rest) if !url.scheme.is_empty() || !rest.starts_with('/') => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            read_authority(&mut url, authority)?;
            path
        }
        _ => rest,
    };
    url.path = unescape(path, false)?;
    Ok(url)
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn read_authority(url: &mut Url, authority: &str) -> Result<(), String> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    url.host = read_host(host)?;
    if let Some(user) = user {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
        if !user.chars().all(allowed) {
            return Err("net/url: invalid userinfo".into());
        }
        let (name, password) = match user.split_once(':') {
            Some((name, password)) => (name, Some(unescape(password, false)?)),
            None => (user, None),
        };
        url.user = Some((unescape(name, false)?, password));
    }
    Ok(())
}

fn read_host(host: &str) -> Result<String, String> {
    let port = match host.strip_prefix('[') {
        Some(_) => match host.rfind(']') {
            Some(end) => &host[end + 1..],
            None => return Err("missing ']' in host".into()),
        },
        None => host.find(':').map_or("", |colon| &host[colon..]),
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    if (!port.is_empty() && !port.starts_with(':')) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("invalid port {} after host", quoted(port)));
    }
    if let Some(bad) = host.chars().find(|c| matches!(c, ' ' | '\\' | '^' | '`' | '{' | '|' | '}')) {
        return Err(format!("invalid character {} in host name", quoted(&bad.to_string())));
    }
    unescape(host, true)
}

fn unescape(text: &str, host: bool) -> Result<String, String> {
    if !text.contains('%') {
        return Ok(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'%' {
            out.push(bytes[at]);
            at += 1;
            continue;
        }
        let piece = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match piece.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if !host || byte >= 0x80 || byte == b'%' => out.push(byte),
            _ => {
                let end = (at + 3).min(bytes.len());
                let piece = String::from_utf8_lossy(&bytes[at..end]);
                return Err(format!("invalid URL escape {}", quoted(&piece)));
            }
        }
        at += 3;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Escapes what may not stand in a part of a URL.
fn escape(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if byte.is_ascii() && (c.is_ascii_alphanumeric() || "-_.~".contains(c) || kept.contains(c)) {
            out.push(c);
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn shown_user((name, password): &(String, Option<String>)) -> String {
    const KEPT: &str = "$&+,;=";
    match password {
        Some(password) => format!("{}:{}", escape(name, KEPT), escape(password, KEPT)),
        None => escape(name, KEPT),
    }
}

fn part(map: &Map, key: &str) -> Result<String, FuncError> {
    match map.get(key) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.to_string()),
        Some(Value::Nil) => Err(crate::call::NIL.into()),
        Some(other) => {
            let kind = other.kind_name();
            Err(format!("unable to parse {key} key, must be of type string, but {kind} found").into())
        }
    }
}

fn join(call: &Call<'_>) -> Answer {
    let map = call.map(0);
    let (scheme, host, path) = (part(&map, "scheme")?, part(&map, "host")?, part(&map, "path")?);
    let (query, opaque, fragment) = (part(&map, "query")?, part(&map, "opaque")?, part(&map, "fragment")?);
    let userinfo = part(&map, "userinfo")?;
    let user = if userinfo.is_empty() {
        None
    } else {
        let whole = format!("proto://{userinfo}@host");
        let url = read(&whole).map_err(|error| {
            format!("unable to parse userinfo in dict: parse {}: {error}", quoted(&whole))
        })?;
        url.user
    };
    Ok(Value::string(shown(&Url { scheme, opaque, user, host, path, query, fragment })))
}

fn shown(url: &Url) -> String {
    let mut out = String::new();
    if !url.scheme.is_empty() {
        out += &format!("{}:", url.scheme);
    }
    if url.opaque.is_empty() {
        if !url.scheme.is_empty() || !url.host.is_empty() || url.user.is_some() {
            if !url.host.is_empty() || !url.path.is_empty() || url.user.is_some() {
                out.push_str("//");
            }
            if let Some(user) = &url.user {
                out += &format!("{}@", shown_user(user));
            }
            out += &escape(&url.host, "!$&'()*+,;=:[]<>\"");
        }
        let path = if url.path == "*" { "*".into() } else { escape(&url.path, "$&+,/:;=@") };
        if !path.is_empty() && !path.starts_with('/') && !url.host.is_empty() {
            out.push('/');
        }
        if out.is_empty() && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            out.push_str("./");
        }
        out += &path;
    } else {
        out += &url.opaque;
    }
    if !url.query.is_empty() {
        out += &format!("?{}", url.query);
    }
    if !url.fragment.is_empty() {
        out += &format!("#{}", escape(&url.fragment, "!$&'()*+,/:;=?@"));
    }
    out
}
