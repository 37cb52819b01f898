//! The methods of `.Values`, which is more than a map: `AsMap`, `Table`, `PathValue`, `YAML`.

use gotemplate::{Context, FuncError, Funcs, Map, Signature, Str, Type, Value};

use crate::capabilities::HelmMajor;

/// The Go type of `.Values`.
pub(super) fn values_type(helm: HelmMajor) -> Type {
    Type::NamedMap(name(helm))
}

fn name(helm: HelmMajor) -> &'static str {
    if helm == HelmMajor::Three { "chartutil.Values" } else { "common.Values" }
}

/// Methods win over keys of the same name.
pub(super) fn add_table_methods(funcs: &mut Funcs, helm: HelmMajor) {
    const PATH: Signature = Signature::fixed(&[Type::String]);
    let name = name(helm);
    funcs.insert_method(name, "AsMap", Signature::fixed(&[]), |_, arguments| {
        let table = receiver(arguments);
        Ok(Value::Map(if table.is_empty() { Map::new() } else { table.retyped(Type::Map) }))
    });
    funcs.insert_method(name, "Table", PATH, |_, arguments| {
        let found = table(receiver(arguments), &text(arguments));
        found.map(Value::Map).map_err(|key| FuncError::from(format!("{} is not a table", quoted(&key))))
    });
    funcs.insert_method(name, "PathValue", PATH, |_, arguments| {
        path_value(receiver(arguments), &text(arguments))
    });
    funcs.insert_method(name, "YAML", Signature::fixed(&[]), yaml);
}

fn receiver(arguments: &[Value]) -> Map {
    arguments.first().and_then(Value::as_map).cloned().unwrap_or_default()
}

fn text(arguments: &[Value]) -> String {
    arguments.get(1).and_then(Value::as_string).map(|text| text.text().into_owned()).unwrap_or_default()
}

/// Steps along `a.b.c`; answers the first word that is no table.
fn table(mut table: Map, path: &str) -> Result<Map, String> {
    let own = table.kind();
    for word in path.split('.') {
        match table.get(word) {
            Some(Value::Map(inner)) if inner.kind() == Type::Map || inner.kind() == own => {
                table = inner.retyped(own);
            }
            _ => return Err(word.to_owned()),
        }
    }
    Ok(table)
}

fn path_value(values: Map, path: &str) -> Result<Value, FuncError> {
    if path.is_empty() {
        return Err("YAML path cannot be empty".into());
    }
    let (owner, key) = match path.rsplit_once('.') {
        Some((before, key)) => (table(values, before).ok(), key),
        None => (Some(values), path),
    };
    match owner.and_then(|owner| owner.get(key)) {
        Some(value) if value.as_map().is_none_or(|map| map.kind() != Type::Map) => Ok(value),
        _ => Err(format!("{} is not a value", quoted(key)).into()),
    }
}

fn yaml(_: &Context<'_>, arguments: &[Value]) -> Result<Value, FuncError> {
    let json =
        Value::Map(receiver(arguments)).to_json().map_err(|error| FuncError::from(error.to_string()))?;
    Ok(Value::string(manifest::yaml::to_yaml(&json)))
}

fn quoted(key: &str) -> String {
    let printed = gotemplate::sprintf(b"%q", &[Value::String(Str::from(key.as_bytes()))]);
    printed.map(|text| text.to_string()).unwrap_or_default()
}
