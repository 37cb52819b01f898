//! JSON as Go's `encoding/json` writes and reads it.

mod read;
mod write;

use self::write::{Written, to_json};
pub(crate) use self::{read::parse, write::Style};

use gotemplate::{FuncError, Funcs, LimitError, List, Map, Type, Value};

use crate::call::{Answer, Call, fixed};

const ANY: Type = Type::Any;
/// Steps of a value that cannot be written.
const FAILED: u64 = 100_000;

/// Sprig's: any value, and nil for what is no JSON.
pub(crate) fn add(funcs: &mut Funcs) {
    fixed(funcs, "fromJson", &[Type::String], |call| {
        Ok(parse(call.session(), &call.text(0))?.unwrap_or_default())
    });
    fixed(funcs, "mustFromJson", &[Type::String], |call| Ok(parse(call.session(), &call.text(0))??));
    let written = |funcs: &mut Funcs, name, style, must: bool| {
        fixed(funcs, name, &[ANY], move |call| encode(call, style, must));
    };
    written(funcs, "toJson", Style::Compact, false);
    written(funcs, "mustToJson", Style::Compact, true);
    written(funcs, "toPrettyJson", Style::Pretty, false);
    written(funcs, "mustToPrettyJson", Style::Pretty, true);
    written(funcs, "toRawJson", Style::Raw, true);
    written(funcs, "mustToRawJson", Style::Raw, true);
}

/// Helm's: a map or a list, and the error in it.
pub(crate) fn add_helm(funcs: &mut Funcs) {
    fixed(funcs, "fromJson", &[Type::String], |call| Ok(object(read(call)?)));
    fixed(funcs, "fromJsonArray", &[Type::String], |call| Ok(array(read(call)?)));
}

/// What is only a number is of the wrong type, however large it is.
fn read(call: &Call<'_>) -> Result<Result<Value, String>, LimitError> {
    let text = call.text(0);
    let number = text.trim_start().starts_with(|c: char| c == '-' || c.is_ascii_digit());
    Ok(parse(call.session(), &text)?.or_else(|error| {
        if number && error.starts_with("json: cannot") { Ok(Value::Float(f64::INFINITY)) } else { Err(error) }
    }))
}

/// The first argument as JSON, within what a value may take.
pub(crate) fn write(call: &Call<'_>, style: Style) -> Result<Written, FuncError> {
    to_json(call.value(0), style, call.session())
}

/// What a function answers that hides why a value cannot be written. A limit is no such reason.
pub(crate) fn nothing(call: &Call<'_>, error: FuncError) -> Answer {
    if matches!(error, FuncError::Limit(_)) {
        return Err(error);
    }
    // Whoever goes on after a value without end pays for having tried.
    call.session().step(FAILED)?;
    Ok("".into())
}

fn encode(call: &Call<'_>, style: Style, must: bool) -> Answer {
    match write(call, style) {
        Ok(written) => Ok(Value::string(written.text)),
        Err(error) if must => Err(error),
        Err(error) => nothing(call, error),
    }
}

/// The map that was read, or one with the key `Error`.
pub(crate) fn object(read: Result<Value, String>) -> Value {
    let error = match read {
        Ok(Value::Map(map)) => return Value::Map(map),
        Ok(Value::Nil) => return Value::Map(Map::nil(Type::Map)),
        Ok(other) => mismatch(&other, "map[string]interface {}"),
        Err(error) => error,
    };
    Value::map([("Error", error)])
}

/// The list that was read, or one with the error.
pub(crate) fn array(read: Result<Value, String>) -> Value {
    let error = match read {
        Ok(Value::List(list)) => return Value::List(list),
        Ok(Value::Nil) => return Value::List(List::nil(Type::List)),
        Ok(other) => mismatch(&other, "[]interface {}"),
        Err(error) => error,
    };
    Value::list(vec![error.into()])
}

pub(crate) fn mismatch(value: &Value, wanted: &str) -> String {
    let found = match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::List(_) => "array",
        Value::Map(_) => "object",
        _ => "number",
    };
    format!("json: cannot unmarshal {found} into Go value of type {wanted}")
}
