//! Maps. `set`, `unset` and the merges change their first map in place.

use std::{cell::Cell, collections::HashSet};

use gotemplate::{FuncError, Funcs, List, Map, Session, Type, Value};

use crate::{
    call::{Answer, Call, fixed, strings, to_string, variadic},
    merge::merge,
};

const ANY: Type = Type::Any;
const MAP: Type = Type::Map;
const S: Type = Type::String;

/// What a copied value takes, in bytes.
const COPY: u64 = 48;

/// How deep `deepCopy` and the merges follow values.
pub(crate) const MAX_DEPTH: usize = 500;

pub(crate) fn add(funcs: &mut Funcs) {
    add_entries(funcs);
    add_parts(funcs);
    add_merging(funcs);
}

fn add_entries(funcs: &mut Funcs) {
    variadic(funcs, "dict", &[], ANY, |call| {
        let map = Map::new();
        for pair in call.values.chunks(2) {
            let value = pair.get(1).cloned().unwrap_or_else(|| Value::string(""));
            map.insert(to_string(&pair[0])?, value);
        }
        Ok(Value::Map(map))
    });
    fixed(funcs, "get", &[MAP, S], |call| {
        Ok(call.map(0).get(call.bytes(1)).unwrap_or_else(|| Value::string("")))
    });
    fixed(funcs, "set", &[MAP, S, ANY], |call| {
        let map = call.map(0);
        if map.is_nil() {
            return Err("assignment to entry in nil map".into());
        }
        call.session().hold(&map, call.value(2));
        map.insert(call.bytes(1), call.value(2).clone());
        Ok(Value::Map(map))
    });
    fixed(funcs, "unset", &[MAP, S], |call| {
        call.map(0).remove(call.bytes(1));
        Ok(call.value(0).clone())
    });
    fixed(funcs, "hasKey", &[MAP, S], |call| Ok(Value::Bool(call.map(0).contains(call.bytes(1)))));
    variadic(funcs, "dig", &[], ANY, dig);
}

fn dig(call: &Call<'_>) -> Answer {
    if call.values.len() < 3 {
        return Err("dig needs at least three arguments".into());
    }
    let (keys, last) = call.values.split_at(call.values.len() - 2);
    let mut step = plain_map(&last[1])?;
    for (index, key) in keys.iter().enumerate() {
        let Value::String(name) = key else {
            return Err(format!("interface conversion: interface {{}} is {}, not string", shown(key)).into());
        };
        match step.get(name) {
            None => return Ok(last[0].clone()),
            Some(found) if index + 1 == keys.len() => return Ok(found),
            Some(found) => step = plain_map(&found)?,
        }
    }
    Ok(Value::Nil)
}

fn shown(value: &Value) -> &'static str {
    if value.is_nil() { "nil" } else { value.type_name() }
}

/// Go's assertion: a map with a name of its own is none.
fn plain_map(value: &Value) -> Result<Map, FuncError> {
    match value {
        Value::Map(map) if map.kind() == Type::Map => Ok(map.clone()),
        other => {
            let is = shown(other);
            Err(format!("interface conversion: interface {{}} is {is}, not map[string]interface {{}}").into())
        }
    }
}

fn add_parts(funcs: &mut Funcs) {
    variadic(funcs, "keys", &[], MAP, |call| {
        let maps = call.values.iter().filter_map(Value::as_map);
        Ok(strings(maps.flat_map(Map::keys).collect()))
    });
    fixed(funcs, "values", &[MAP], |call| Ok(Value::list(call.map(0).values())));
    variadic(funcs, "pluck", &[S], MAP, |call| {
        let maps = call.values[1..].iter().filter_map(Value::as_map);
        Ok(Value::list(maps.filter_map(|map| map.get(call.bytes(0))).collect()))
    });
    variadic(funcs, "pick", &[MAP], S, |call| {
        let (from, picked) = (call.map(0), Map::new());
        for key in call.values[1..].iter().filter_map(Value::as_string) {
            if let Some(value) = from.get(key) {
                picked.insert(key.clone(), value);
            }
        }
        Ok(Value::Map(picked))
    });
    variadic(funcs, "omit", &[MAP], S, |call| {
        call.session().step(call.map(0).len() as u64 / 8)?;
        let omitted: HashSet<_> = call.values[1..].iter().filter_map(Value::as_string).collect();
        let kept = call.map(0).entries().into_iter().filter(|(key, _)| !omitted.contains(key));
        Ok(Value::Map(kept.collect()))
    });
}

fn add_merging(funcs: &mut Funcs) {
    let names =
        [("merge", false), ("mustMerge", false), ("mergeOverwrite", true), ("mustMergeOverwrite", true)];
    for (name, overwrite) in names {
        variadic(funcs, name, &[MAP], MAP, move |call| {
            let into = if call.map(0).is_nil() { Map::new() } else { call.map(0) };
            for from in call.values[1..].iter().filter_map(Value::as_map) {
                merge(call.session(), &into, from, overwrite)?;
            }
            Ok(Value::Map(into))
        });
    }
    for name in ["deepCopy", "mustDeepCopy"] {
        fixed(funcs, name, &[ANY], |call| match call.value(0) {
            Value::Nil => Err("reflect: call of reflect.Value.Type on zero Value".into()),
            value => deep_copy(call.session(), value, MAX_DEPTH, &Cell::new(0)),
        });
    }
}

/// `copied` counts bytes: a small value that holds itself many times over has an endless copy.
fn deep_copy(session: &Session, value: &Value, depth: usize, copied: &Cell<u64>) -> Answer {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(gotemplate::LimitError::Nesting(MAX_DEPTH).into());
    };
    session.step(1)?;
    copied.set(copied.get() + COPY);
    session.allow(copied.get())?;
    match value {
        Value::Map(map) => {
            let copy = Map::of(map.kind());
            for (key, value) in map.entries() {
                copy.insert(key, deep_copy(session, &value, depth, copied)?);
            }
            Ok(Value::Map(copy))
        }
        Value::List(list) => {
            let copies: Result<Vec<_>, _> =
                list.iter().map(|item| deep_copy(session, item, depth, copied)).collect();
            Ok(Value::List(List::of(list.kind(), copies?)))
        }
        other => Ok(other.clone()),
    }
}
