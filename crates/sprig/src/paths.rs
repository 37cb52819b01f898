//! Slash-separated paths. Sprig's `os…` functions are the same on the systems that Helm's charts are for.

use gotemplate::{Funcs, Type, Value};

use crate::call::fixed;

pub(crate) fn add(funcs: &mut Funcs) {
    let text = |funcs: &mut Funcs, names: [&'static str; 2], change: fn(&str) -> String| {
        for name in names {
            fixed(funcs, name, &[Type::String], move |call| Ok(Value::string(change(&call.text(0)))));
        }
    };
    text(funcs, ["base", "osBase"], base);
    text(funcs, ["dir", "osDir"], |path| clean(&path[..path.rfind('/').map_or(0, |slash| slash + 1)]));
    text(funcs, ["clean", "osClean"], clean);
    text(funcs, ["ext", "osExt"], |path| {
        let name = &path[path.rfind('/').map_or(0, |slash| slash + 1)..];
        name.rfind('.').map_or_else(String::new, |dot| name[dot..].to_owned())
    });
    for name in ["isAbs", "osIsAbs"] {
        fixed(funcs, name, &[Type::String], |call| Ok(Value::Bool(call.bytes(0).starts_with(b"/"))));
    }
}

fn base(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if name.is_empty() { "/".into() } else { name.into() }
}

/// Go's `path.Clean`.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".into(),
        (false, rest) => rest,
    }
}
