//! What is empty, and what stands in for it.

use gotemplate::{Funcs, Kind, Type, Value};

use crate::call::{equal, fixed, variadic};

const ANY: Type = Type::Any;

/// Sprig's `empty`: nil, zero, false, and what has no items. Structs never are.
pub(crate) fn is_empty(value: &Value) -> bool {
    !value.truth() && !matches!(value.kind(), Kind::Struct)
}

pub(crate) fn add(funcs: &mut Funcs) {
    variadic(funcs, "default", &[ANY], ANY, |call| {
        let given = call.values.get(1).filter(|given| !is_empty(given));
        Ok(given.unwrap_or(call.value(0)).clone())
    });
    fixed(funcs, "empty", &[ANY], |call| Ok(Value::Bool(is_empty(call.value(0)))));
    variadic(funcs, "coalesce", &[], ANY, |call| {
        Ok(call.values.iter().find(|value| !is_empty(value)).cloned().unwrap_or_default())
    });
    variadic(funcs, "all", &[], ANY, |call| Ok(Value::Bool(!call.values.iter().any(is_empty))));
    variadic(funcs, "any", &[], ANY, |call| Ok(Value::Bool(!call.values.iter().all(is_empty))));
    fixed(funcs, "ternary", &[ANY, ANY, Type::Bool], |call| {
        Ok(call.value(usize::from(!call.value(2).truth())).clone())
    });
    add_reflection(funcs);
}

fn add_reflection(funcs: &mut Funcs) {
    fixed(funcs, "typeOf", &[ANY], |call| Ok(call.value(0).type_name().into()));
    fixed(funcs, "typeIs", &[Type::String, ANY], |call| {
        Ok(Value::Bool(call.text(0) == call.value(1).type_name()))
    });
    fixed(funcs, "typeIsLike", &[Type::String, ANY], |call| {
        let (target, name) = (call.text(0), call.value(1).type_name());
        Ok(Value::Bool(target == name || name.strip_prefix('*') == Some(&target)))
    });
    fixed(funcs, "kindOf", &[ANY], |call| Ok(call.value(0).kind_name().into()));
    fixed(funcs, "kindIs", &[Type::String, ANY], |call| {
        Ok(Value::Bool(call.text(0) == call.value(1).kind_name()))
    });
    fixed(funcs, "deepEqual", &[ANY, ANY], |call| {
        Ok(Value::Bool(equal(call, call.value(0), call.value(1))?))
    });
}
