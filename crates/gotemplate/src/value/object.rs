use std::any::Any;

use super::{Kind, Str, Type, Value};
use crate::func::{Context, FuncError, Signature};

/// A value that its owner defines: `.Files`, `.Capabilities`, a time, a version.
///
/// Only what differs from a struct without fields needs to be given.
pub trait HostObject: Any {
    /// The type as `%T` and errors print it, such as `engine.files`.
    fn type_name(&self) -> &'static str;

    /// What reflection takes it for. Default: a struct.
    fn kind(&self) -> Kind {
        Kind::Struct
    }

    /// The value of a struct field or, for [`Kind::Map`], of a key.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// The signature of a method, when there is one of that name. Methods win over fields.
    fn method(&self, _name: &str) -> Option<Signature> {
        None
    }

    /// Calls a method that [`method`](Self::method) knows, with arguments that fit its signature.
    ///
    /// # Errors
    /// Whatever the method reports.
    fn call(&self, name: &str, _context: &Context<'_>, _arguments: &[Value]) -> Result<Value, FuncError> {
        Err(FuncError::from(format!("no method {name}")))
    }

    /// Keys and values for `range`, `index` and `len` of a [`Kind::Map`], sorted; items of a [`Kind::Slice`] with
    /// empty keys. Each walk over them asks for all: their texts should be shared.
    fn entries(&self) -> Vec<(Str, Value)> {
        Vec::new()
    }

    /// How many [`entries`](Self::entries) there are.
    fn count(&self) -> usize {
        self.entries().len()
    }

    /// The value of a key among the [`entries`](Self::entries) of a [`Kind::Map`].
    fn entry(&self, key: &Str) -> Option<Value> {
        self.entries().into_iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Keys and values for `range` over a [`Kind::Map`] whose keys are no strings, in Go's order.
    fn pairs(&self) -> Option<Vec<(Value, Value)>> {
        None
    }

    /// The element type of a map or list, for zero values.
    fn element(&self) -> Type {
        Type::Any
    }

    /// Its text, when the Go type is a `fmt.Stringer` or an `error`.
    fn text(&self) -> Option<String> {
        None
    }

    /// Its text where a template prints the value itself, when only a pointer to the Go type is a `fmt.Stringer`.
    fn addressed_text(&self) -> Option<String> {
        self.text()
    }

    /// The number that a named number is, such as a month: what `%d` prints and `eq` compares.
    fn underlying(&self) -> Option<Value> {
        None
    }

    /// Field names and values in declaration order, for `%v`, `%+v` and JSON.
    fn fields(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// Those [`fields`](Self::fields) that other Go packages see: JSON and templates know no others.
    fn exported(&self) -> Vec<(&'static str, Value)> {
        let mut fields = self.fields();
        fields.retain(|(name, _)| name.starts_with(char::is_uppercase));
        fields
    }

    /// What `toJson` and `toYaml` print; `None` prints [`fields`](Self::fields) or [`entries`](Self::entries).
    fn json(&self) -> Option<Value> {
        None
    }

    /// Whether two objects are equal as `deepEqual` and `eq` see it.
    fn equals(&self, _other: &dyn HostObject) -> bool {
        false
    }
}
