//! `resourceFilter` and `filter`: CEL over the object and the call.

use api::notification::v1::{Receiver, ReceiverType};
use expr::{CompileError, Env, EvalError, Output, Program};
use serde_json::{Map, Value};

use super::validate::{Validated, media_type};
use crate::go_json::{self, ShapeError};

/// Why a filter says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilterError {
    #[error("failed to parse request body as JSON: {0}")]
    Body(#[from] ShapeError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// Compiles a filter of a Receiver.
pub(crate) fn compile(receiver: &Receiver, text: &str) -> Result<Program, CompileError> {
    let mut variables = vec!["res", "req"];
    if receiver.spec.type_ == ReceiverType::GenericOidc {
        variables.push("claims");
    }
    Program::compile(text, &Env::with_variables(&variables).giving(Output::Bool))
}

/// The filters of a Receiver for one call.
pub(crate) struct Filters {
    top: Option<Program>,
    /// One a resource.
    own: Vec<Option<Program>>,
    request: Value,
    claims: Value,
}

impl Filters {
    /// Compiles the filters and reads the body, when there is a filter at all.
    pub(crate) fn new(receiver: &Receiver, content_type: &str, call: Validated) -> Result<Self, FilterError> {
        let compiled = |text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            text.map(|text| compile(receiver, text)).transpose()
        };
        let top = compiled(&receiver.spec.resource_filter)?;
        let own: Vec<_> = receiver
            .spec
            .resources
            .iter()
            .map(|resource| compiled(&resource.filter))
            .collect::<Result<_, _>>()?;
        let any = top.is_some() || own.iter().any(Option::is_some);
        let request =
            if any && is_json(content_type) { body(&call.body)? } else { Value::Object(Map::new()) };
        Ok(Self { top, own, request, claims: call.claims.unwrap_or_default() })
    }

    /// Whether an object of a resource is to be woken.
    pub(crate) fn accept(&self, resource: usize, object: &Value) -> Result<bool, EvalError> {
        let variables = [("res", object), ("req", &self.request), ("claims", &self.claims)];
        let own = self.own.get(resource).and_then(Option::as_ref);
        for program in self.top.iter().chain(own) {
            if !program.eval_bool(&variables)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// One of several types that a header may list.
fn is_json(content_type: &str) -> bool {
    content_type.split(',').map_while(media_type).any(|kind| kind == "application/json")
}

fn body(body: &[u8]) -> Result<Value, ShapeError> {
    let value = go_json::parse_first(body)?;
    go_json::object(&value, "").map(Value::Object)
}

#[cfg(test)]
mod tests {
    use super::{Filters, is_json};
    use crate::receivers::validate::Validated;
    use api::notification::v1::Receiver;
    use serde_json::json;

    fn filters(spec: serde_json::Value, body: &str) -> Filters {
        let receiver: Receiver = serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap();
        let call = Validated { body: body.as_bytes().to_vec(), claims: None };
        Filters::new(&receiver, "application/json", call).unwrap()
    }

    #[test]
    fn both_filters_must_hold() {
        let spec = json!({"type": "generic", "resourceFilter": "req.ref == 'main'", "resources": [
            {"kind": "GitRepository", "name": "a", "filter": "res.metadata.name == 'a'"},
            {"kind": "GitRepository", "name": "b"}]});
        let filters = filters(spec, r#"{"ref":"main"} trailing"#);
        let named = |name: &str| json!({"metadata": {"name": name}});
        assert!(filters.accept(0, &named("a")).unwrap());
        assert!(!filters.accept(0, &named("b")).unwrap());
        assert!(filters.accept(1, &named("b")).unwrap());
    }

    #[test]
    fn a_missing_field_is_an_error_not_a_wake() {
        let filters =
            filters(json!({"type": "generic", "resourceFilter": "req.x == 'a'", "resources": []}), "{}");
        assert!(filters.accept(0, &json!({})).is_err());
    }

    #[test]
    fn a_body_is_read_only_when_it_is_said_to_be_json() {
        assert!(
            is_json("text/plain, application/json; charset=utf-8") && !is_json("text/plain") && !is_json("")
        );
    }
}
