//! Go's structs and maps, as templates of commit messages see them.

use gotemplate::{Context, FuncError, HostObject, Kind, Signature, Str, Value};

/// A struct of Go's.
#[derive(Default)]
pub(super) struct Struct {
    /// As errors name it.
    pub(super) name: &'static str,
    /// Fields in their order.
    pub(super) fields: Vec<(&'static str, Value)>,
    /// Methods without arguments.
    pub(super) methods: Vec<(&'static str, Value)>,
    /// What `String()` gives.
    pub(super) text: Option<String>,
}

impl HostObject for Struct {
    fn type_name(&self) -> &'static str {
        self.name
    }

    fn field(&self, name: &str) -> Option<Value> {
        let own = self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.clone());
        // Fields of embedded structs are fields of the whole.
        own.or_else(|| {
            self.fields.iter().find_map(|(field, value)| match value {
                Value::Object(object) if object.type_name().rsplit('.').next() == Some(*field) => {
                    object.field(name)
                }
                _ => None,
            })
        })
    }

    fn method(&self, name: &str) -> Option<Signature> {
        let known = self.methods.iter().any(|(method, _)| *method == name);
        known.then(|| Signature::fixed(&[]))
    }

    fn call(&self, name: &str, _: &Context<'_>, _: &[Value]) -> Result<Value, FuncError> {
        let found = self.methods.iter().find(|(method, _)| *method == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| FuncError::from(format!("no method {name}")))
    }

    fn text(&self) -> Option<String> {
        self.text.clone()
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.fields.clone()
    }
}

/// A map of Go's, sorted by its keys.
pub(super) struct Table {
    /// As errors name it.
    pub(super) name: &'static str,
    /// Keys and values.
    pub(super) pairs: Vec<(Value, Value)>,
}

impl HostObject for Table {
    fn type_name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        Kind::Map
    }

    fn entries(&self) -> Vec<(Str, Value)> {
        let key = |key: &Value| {
            let text = key.as_string().cloned();
            text.or_else(|| gotemplate::sprint(std::slice::from_ref(key)).ok())
                .unwrap_or_else(|| Str::from(""))
        };
        self.pairs.iter().map(|(name, value)| (key(name), value.clone())).collect()
    }

    fn pairs(&self) -> Option<Vec<(Value, Value)>> {
        Some(self.pairs.clone())
    }
}
