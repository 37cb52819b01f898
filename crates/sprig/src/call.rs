//! One call of a function: its arguments, already checked against its signature, by position.

use std::borrow::Cow;

use gotemplate::{Context, FuncError, Funcs, Kind, List, Map, Session, Signature, Str, Type, Value, sprint};

/// What a function answers.
pub(crate) type Answer = Result<Value, FuncError>;

pub(crate) struct Call<'c> {
    pub(crate) context: &'c Context<'c>,
    pub(crate) values: &'c [Value],
}

impl<'c> Call<'c> {
    pub(crate) fn session(&self) -> &'c Session {
        self.context.session()
    }

    pub(crate) fn value(&self, index: usize) -> &'c Value {
        &self.values[index]
    }

    /// A string as text; what is no UTF-8 is replaced.
    pub(crate) fn text(&self, index: usize) -> Cow<'c, str> {
        match &self.values[index] {
            Value::String(text) => text.text(),
            _ => Cow::Borrowed(""),
        }
    }

    /// A string as bytes.
    pub(crate) fn bytes(&self, index: usize) -> &'c [u8] {
        match &self.values[index] {
            Value::String(text) => text,
            _ => &[],
        }
    }

    pub(crate) fn int(&self, index: usize) -> i64 {
        self.values[index].signed().unwrap_or_default()
    }

    pub(crate) fn map(&self, index: usize) -> Map {
        self.values[index].as_map().cloned().unwrap_or_default()
    }
}

/// Adds functions with a fixed number of parameters.
pub(crate) fn fixed(
    funcs: &mut Funcs,
    name: &'static str,
    parameters: &'static [Type],
    body: impl Fn(&Call<'_>) -> Answer + 'static,
) {
    funcs.insert(name, Signature::fixed(parameters), move |context, values| body(&Call { context, values }));
}

/// Adds functions whose last parameter repeats.
pub(crate) fn variadic(
    funcs: &mut Funcs,
    name: &'static str,
    parameters: &'static [Type],
    rest: Type,
    body: impl Fn(&Call<'_>) -> Answer + 'static,
) {
    let signature = Signature::variadic(parameters, rest);
    funcs.insert(name, signature, move |context, values| body(&Call { context, values }));
}

/// What Go says when a function looks at the type of nil.
pub(crate) const NIL: &str = "runtime error: invalid memory address or nil pointer dereference";

/// The items of anything that is a slice to Go.
pub(crate) fn items(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::List(list) => Some(Cow::Borrowed(list.items())),
        Value::Bytes(bytes) => Some(Cow::Owned(bytes.iter().map(|byte| Value::Uint8(*byte)).collect())),
        Value::Object(object) if object.kind() == Kind::Slice => {
            Some(Cow::Owned(object.entries().into_iter().map(|(_, item)| item).collect()))
        }
        _ => None,
    }
}

/// Go's `reflect.DeepEqual`, at a price.
pub(crate) fn equal(call: &Call<'_>, a: &Value, b: &Value) -> Result<bool, FuncError> {
    const VISITS: u64 = 1_000_000;
    let mut left = VISITS;
    let equal = a.deep_equal_within(b, &mut left);
    call.session().step((VISITS - left).div_ceil(8))?;
    if left == 0 { Err(gotemplate::LimitError::Nesting(1_000).into()) } else { Ok(equal) }
}

/// Whether a list holds a value.
pub(crate) fn holds(call: &Call<'_>, list: &[Value], wanted: &Value) -> Result<bool, FuncError> {
    for item in list {
        if equal(call, wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sprig's `strval`: a string as it is, bytes as a string, what has a text of its own by that, the rest as `%v`.
pub(crate) fn to_string(value: &Value) -> Result<Str, FuncError> {
    match value {
        Value::String(text) | Value::Bytes(text) => Ok(text.clone()),
        Value::Object(object) => match object.text() {
            Some(text) => Ok(text.into()),
            None => Ok(sprint(std::slice::from_ref(value))?),
        },
        value => Ok(sprint(std::slice::from_ref(value))?),
    }
}

/// Sprig's `strslice`: the items as strings, nil left out; anything else as one string.
pub(crate) fn to_strings(value: &Value) -> Result<Vec<Str>, FuncError> {
    match items(value) {
        Some(items) => items.iter().filter(|item| !item.is_nil()).map(to_string).collect(),
        None if value.is_nil() => Ok(Vec::new()),
        None => Ok(vec![to_string(value)?]),
    }
}

pub(crate) fn strings(items: Vec<Str>) -> Value {
    Value::List(List::of(Type::Strings, items.into_iter().map(Value::String).collect()))
}

/// An integer that counts: as Go's `int`, never beyond what can be asked for.
pub(crate) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
