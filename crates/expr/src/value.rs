//! JSON values as CEL values that borrow them.

use std::collections::HashMap;

use cel::common::{
    types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelNull, CelString, CelUInt},
    value::Val,
};
use serde_json::{Number, Value};

/// Levels of a variable; the Kubernetes API server takes far fewer.
const MAX_LEVELS: usize = 128;

/// The value, or `None` when it is nested too deep. Whole numbers are `int`, others `double`, as in Go's
/// unstructured objects.
pub(crate) fn borrowed(value: &Value) -> Option<Box<dyn Val + '_>> {
    at_level(value, 0)
}

fn at_level(value: &Value, level: usize) -> Option<Box<dyn Val + '_>> {
    if level > MAX_LEVELS {
        return None;
    }
    Some(match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => of_number(number),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| at_level(item, level + 1)).collect();
            Box::new(CelList::from(items?))
        }
        Value::Object(fields) => {
            let mut map = HashMap::with_capacity(fields.len());
            for (key, value) in fields {
                map.insert(key.as_str().into(), at_level(value, level + 1)?);
            }
            Box::new(CelMap::from(map))
        }
    })
}

fn of_number<'v>(number: &Number) -> Box<dyn Val + 'v> {
    if let Some(int) = number.as_i64() {
        return Box::new(CelInt::from(int));
    }
    match number.as_u64() {
        Some(uint) => Box::new(CelUInt::from(uint)),
        None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
    }
}
