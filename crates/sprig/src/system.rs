//! What only the caller knows: variables and addresses.

use std::rc::Rc;

use gotemplate::{Funcs, Type, Value};

use crate::{Host, call::fixed};

pub(crate) fn add(funcs: &mut Funcs, host: &Rc<dyn Host>) {
    let own = Rc::clone(host);
    fixed(funcs, "env", &[Type::String], move |call| {
        Ok(Value::string(own.variable(&call.text(0)).unwrap_or_default()))
    });
    let own = Rc::clone(host);
    fixed(funcs, "expandenv", &[Type::String], move |call| {
        Ok(Value::string(expand(own.as_ref(), &call.text(0))))
    });
    let own = Rc::clone(host);
    fixed(funcs, "getHostByName", &[Type::String], move |call| {
        Ok(Value::string(own.address(&call.text(0)).unwrap_or_default()))
    });
}

/// Go's `os.ExpandEnv` for `$name` and `${name}`.
fn expand(host: &dyn Host, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        let (name, tail) = match after.strip_prefix('{') {
            Some(inner) => inner.split_once('}').unwrap_or((inner, "")),
            None => after.split_at(
                after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len()),
            ),
        };
        if name.is_empty() {
            out.push('$');
        }
        out.push_str(&host.variable(name).unwrap_or_default());
        rest = tail;
    }
    out + rest
}
