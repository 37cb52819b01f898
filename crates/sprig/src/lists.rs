//! Lists.

use std::borrow::Cow;

use gotemplate::{Funcs, List, Str, Type, Value};

use crate::{
    call::{Answer, Call, NIL, count, fixed, holds, items, variadic},
    cast::to_int64,
    defaults::is_empty,
};

const ANY: Type = Type::Any;

/// A function and its `must` twin; both fail with the same text.
fn both(
    funcs: &mut Funcs,
    names: [&'static str; 2],
    parameters: &'static [Type],
    body: fn(&Call<'_>) -> Answer,
) {
    names.into_iter().for_each(|name| fixed(funcs, name, parameters, body));
}

pub(crate) fn add(funcs: &mut Funcs) {
    for name in ["list", "tuple"] {
        variadic(funcs, name, &[], ANY, |call| Ok(Value::list(call.values.to_vec())));
    }
    add_ends(funcs);
    add_growing(funcs);
    add_choosing(funcs);
}

fn of<'v>(value: &'v Value, what: &str) -> Result<Cow<'v, [Value]>, gotemplate::FuncError> {
    match items(value) {
        Some(items) => Ok(items),
        None if value.is_nil() => Err(NIL.into()),
        None => Err(format!("{what} {}", value.kind_name()).into()),
    }
}

fn add_ends(funcs: &mut Funcs) {
    both(funcs, ["first", "mustFirst"], &[ANY], |call| {
        Ok(of(call.value(0), "Cannot find first on type")?.first().cloned().unwrap_or_default())
    });
    both(funcs, ["last", "mustLast"], &[ANY], |call| {
        Ok(of(call.value(0), "Cannot find last on type")?.last().cloned().unwrap_or_default())
    });
    both(funcs, ["rest", "mustRest"], &[ANY], |call| {
        let items = of(call.value(0), "Cannot find rest on type")?;
        Ok(part(items.get(1..)))
    });
    both(funcs, ["initial", "mustInitial"], &[ANY], |call| {
        let items = of(call.value(0), "Cannot find initial on type")?;
        Ok(part(items.len().checked_sub(1).map(|end| &items[..end])))
    });
    both(funcs, ["reverse", "mustReverse"], &[ANY], |call| {
        let mut items = of(call.value(0), "Cannot find reverse on type")?.into_owned();
        items.reverse();
        Ok(Value::list(items))
    });
}

fn part(items: Option<&[Value]>) -> Value {
    match items {
        Some(items) => Value::list(items.to_vec()),
        None => Value::List(List::nil(Type::List)),
    }
}

fn add_growing(funcs: &mut Funcs) {
    for name in ["append", "push", "mustAppend", "mustPush"] {
        fixed(funcs, name, &[ANY, ANY], |call| {
            let mut items = of(call.value(0), "Cannot push on type")?.into_owned();
            items.push(call.value(1).clone());
            Ok(Value::list(items))
        });
    }
    both(funcs, ["prepend", "mustPrepend"], &[ANY, ANY], |call| {
        let mut items = of(call.value(0), "Cannot prepend on type")?.into_owned();
        items.insert(0, call.value(1).clone());
        Ok(Value::list(items))
    });
    variadic(funcs, "concat", &[], ANY, |call| {
        let mut all = Vec::new();
        for value in call.values {
            match items(value) {
                Some(items) => all.extend_from_slice(&items),
                None if value.is_nil() => return Err(NIL.into()),
                None => return Err(format!("Cannot concat type {} as list", value.kind_name()).into()),
            }
        }
        Ok(if all.is_empty() { Value::List(List::nil(Type::List)) } else { Value::list(all) })
    });
    both(funcs, ["chunk", "mustChunk"], &[Type::Int, ANY], chunk);
}

/// What a list takes beside its items, in items.
const CHUNK: usize = 5;

fn chunk(call: &Call<'_>) -> Answer {
    let items = of(call.value(1), "Cannot chunk type")?;
    let size = call.int(0);
    if size <= 0 {
        return Err("runtime error: makeslice: len out of range".into());
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    call.session().allow_items(items.len() + items.len().div_ceil(size) * CHUNK)?;
    let chunks = items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::List(List::of(Type::Lists, chunks)))
}

fn add_choosing(funcs: &mut Funcs) {
    both(funcs, ["compact", "mustCompact"], &[ANY], |call| {
        let items = of(call.value(0), "Cannot compact on type")?;
        Ok(Value::list(items.iter().filter(|item| !is_empty(item)).cloned().collect()))
    });
    both(funcs, ["uniq", "mustUniq"], &[ANY], |call| {
        let items = of(call.value(0), "Cannot find uniq on type")?;
        let mut unique: Vec<Value> = Vec::new();
        for item in items.iter() {
            if !holds(call, &unique, item)? {
                unique.push(item.clone());
            }
        }
        Ok(Value::list(unique))
    });
    for name in ["without", "mustWithout"] {
        variadic(funcs, name, &[ANY], ANY, |call| {
            let (list, omitted) = (call.value(0), &call.values[1..]);
            let items = of(list, "Cannot find without on type")?;
            let mut kept = Vec::new();
            for item in items.iter() {
                if !holds(call, omitted, item)? {
                    kept.push(item.clone());
                }
            }
            Ok(Value::list(kept))
        });
    }
    both(funcs, ["has", "mustHas"], &[ANY, ANY], |call| {
        if call.value(1).is_nil() {
            return Ok(Value::Bool(false));
        }
        let items = of(call.value(1), "Cannot find has on type")?;
        Ok(Value::Bool(holds(call, &items, call.value(0))?))
    });
    for name in ["slice", "mustSlice"] {
        variadic(funcs, name, &[ANY], ANY, slice);
    }
}

fn slice(call: &Call<'_>) -> Answer {
    let list = call.value(0);
    let items = of(list, "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = call.values.get(1).map_or(0, to_int64);
    let end = call.values.get(2).map_or(count(items.len()), to_int64);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    match range.and_then(|(start, end)| items.get(start..end)) {
        Some(cut) => Ok(match list {
            Value::Bytes(bytes) => {
                let (start, end) = range.unwrap_or_default();
                Value::Bytes(Str::from(&bytes[start..end]))
            }
            Value::List(list) => Value::List(List::of(list.kind(), cut.to_vec())),
            _ => Value::list(cut.to_vec()),
        }),
        None => Err("reflect.Value.Slice: slice index out of bounds".into()),
    }
}
