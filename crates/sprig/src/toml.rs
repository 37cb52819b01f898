//! TOML as Helm prints and reads it (BurntSushi/toml).

mod write;

use gotemplate::{FuncError, Funcs, List, Map, Type, Value};

use crate::{
    call::{Answer, Call, fixed},
    dates,
};

pub(crate) fn add(funcs: &mut Funcs) {
    fixed(funcs, "toToml", &[Type::Any], |call| print(call, false));
    fixed(funcs, "mustToToml", &[Type::Any], |call| print(call, true));
    fixed(funcs, "fromToml", &[Type::String], read);
}

fn print(call: &Call<'_>, must: bool) -> Answer {
    let value = call.value(0);
    match write::to_toml(value, call.session()) {
        Ok(text) => Ok(Value::string(text)),
        Err(FuncError::Message(error)) if !must && !value.is_nil() => Ok(error.into()),
        Err(error) => Err(error),
    }
}

fn read(call: &Call<'_>) -> Result<Value, FuncError> {
    match call.text(0).parse::<::toml::Table>() {
        Ok(table) => Ok(from_table(table)),
        Err(error) => Ok(Value::map([("Error", format!("toml: {}", error.message()))])),
    }
}

fn from_table(table: ::toml::Table) -> Value {
    Value::Map(table.into_iter().map(|(key, value)| (key, from_toml(value))).collect::<Map>())
}

fn from_toml(value: ::toml::Value) -> Value {
    match value {
        ::toml::Value::String(text) => text.into(),
        ::toml::Value::Integer(n) => Value::Int64(n),
        ::toml::Value::Float(f) => Value::Float(f),
        ::toml::Value::Boolean(truth) => Value::Bool(truth),
        ::toml::Value::Datetime(time) => {
            dates::rfc3339(&time.to_string()).unwrap_or_else(|| time.to_string().into())
        }
        ::toml::Value::Table(table) => from_table(table),
        ::toml::Value::Array(items) => {
            let tables = !items.is_empty() && items.iter().all(::toml::Value::is_table);
            let items = items.into_iter().map(from_toml).collect();
            Value::List(List::of(if tables { Type::Maps } else { Type::List }, items))
        }
    }
}
