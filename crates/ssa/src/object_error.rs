use std::{fmt, ops::Deref};

use manifest::{Gvk, Object, ObjectId};
use serde_json::Value;

use crate::{
    ApiError,
    secrets::{Secrets, gather_texts},
};

/// Shortest text of a Secret that is masked: shorter ones would mask words of the message itself.
const MIN_MASKED: usize = 3;
/// Levels of lists and tables below `data` that are looked through: a Secret as it should be has one.
const DEPTH: usize = 8;

/// Why one object could not be applied. `Display` is Flux's text: it names the object and never shows a
/// value of a Secret.
#[derive(Clone, Debug)]
pub struct ObjectError(Box<ObjectFailure>);

/// What an [`ObjectError`] reads as.
#[derive(Clone, Debug)]
pub struct ObjectFailure {
    /// Which object.
    pub id: ObjectId,
    /// At which step, and why.
    pub cause: ObjectCause,
    secrets: Secrets,
}

/// The step that failed.
#[derive(Clone, Debug)]
pub enum ObjectCause {
    /// Reading the live object.
    Query(ApiError),
    /// The dry run.
    DryRun(ApiError),
    /// The apply.
    Apply(ApiError),
    /// Taking over fields of other managers.
    Takeover(ApiError),
    /// Deleting an object that must be recreated.
    Delete(ApiError),
    /// An object that must be recreated does not go away.
    StillThere,
    /// The API server does not serve the kind.
    NoMatch(Gvk),
    /// The kind is namespaced, and neither the object nor the spec names a namespace.
    NoNamespace,
    /// Applied, but not ready within the time a stage is waited for.
    NotReady(kstatus::Status),
    /// Not sent, because its stage waits for this object of an earlier one.
    Awaits(ObjectId, kstatus::Status),
    /// The run was cancelled, or its deadline passed, before this object's turn.
    Cancelled,
    /// Another replica may hold the lease: nothing may be written.
    LostLease,
}

impl ObjectError {
    pub(crate) fn new(object: &Object, cause: ObjectCause) -> Self {
        Self(Box::new(ObjectFailure { id: object.id(), cause, secrets: secrets(object) }))
    }

    /// The API server's answer, when there was one.
    #[must_use]
    pub fn api(&self) -> Option<&ApiError> {
        match &self.cause {
            ObjectCause::Query(e)
            | ObjectCause::DryRun(e)
            | ObjectCause::Apply(e)
            | ObjectCause::Takeover(e)
            | ObjectCause::Delete(e) => Some(e),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let subject = self.id.subject();
        let shown = |error: &ApiError| self.secrets.mask(&error.to_string());
        match &self.cause {
            ObjectCause::Query(e) => format!("{subject} query failed: {}", shown(e)),
            ObjectCause::DryRun(e) => dry_run_text(&self.id, e, &shown(e)),
            ObjectCause::Apply(e) => format!("{subject} apply failed: {}", shown(e)),
            ObjectCause::Takeover(e) => {
                format!("{subject} metadata.managedFields cleanup failed: {}", shown(e))
            }
            ObjectCause::Delete(e) => {
                format!("{subject} immutable field detected, failed to delete object: {}", shown(e))
            }
            ObjectCause::StillThere => {
                format!("{subject} immutable field detected, failed to wait for object to be deleted")
            }
            ObjectCause::NoMatch(gvk) => format!(
                "{subject} dry-run failed: no matches for kind \"{}\" in version \"{}\"",
                gvk.kind,
                gvk.api_version()
            ),
            ObjectCause::NoNamespace => {
                format!("{subject} namespace not specified: the server could not find the requested resource")
            }
            ObjectCause::NotReady(status) => format!("timeout waiting for: [{subject} status: '{status}']"),
            ObjectCause::Awaits(id, status) => {
                format!("timeout waiting for: [{} status: '{status}']", id.subject())
            }
            ObjectCause::Cancelled => format!("{subject} not applied: the run was cancelled"),
            ObjectCause::LostLease => format!("{subject} not applied: the leader lease is lost"),
        }
    }
}

fn dry_run_text(id: &ObjectId, error: &ApiError, message: &str) -> String {
    let subject = id.subject();
    if error.is_not_found() {
        let what = if id.namespace.is_empty() { "namespace not specified" } else { "not found" };
        return format!("{subject} {what}: {message}");
    }
    let conflict = "FieldManagerConflict";
    let reason = error.failure().map_or("", |failure| {
        if failure.causes.iter().any(|cause| cause == conflict) { conflict } else { &failure.reason }
    });
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    format!("{subject} dry-run failed{reason}: {message}")
}

/// Texts of a Secret.
fn secrets(object: &Object) -> Secrets {
    let mut found = Vec::new();
    if object.kind() == "Secret" {
        for field in ["data", "stringData"] {
            gather_texts(object.value().get(field).unwrap_or(&Value::Null), DEPTH, &mut found);
        }
    }
    Secrets::new(found, MIN_MASKED)
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for ObjectError {}

impl Deref for ObjectError {
    type Target = ObjectFailure;

    fn deref(&self) -> &ObjectFailure {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;
    use serde_json::json;

    fn object(kind: &str, namespace: &str, rest: Value) -> Object {
        let mut value =
            json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "x", "namespace": namespace}});
        value["data"] = rest;
        Object::from_value(value).unwrap()
    }

    fn answer(code: u16, reason: &str, message: &str) -> ApiError {
        let failure = Failure { code, reason: reason.into(), message: message.into(), ..Failure::default() };
        ApiError::Status(Box::new(failure))
    }

    fn check(object: &Object, cause: ObjectCause, expect: &str) {
        assert_eq!(ObjectError::new(object, cause).to_string(), expect);
    }

    #[test]
    fn texts_are_those_flux_users_know() {
        let service = object("Service", "ns", json!(null));
        let invalid = answer(422, "Invalid", "Service \"x\" is invalid: spec");
        check(
            &service,
            ObjectCause::DryRun(invalid),
            "Service/ns/x dry-run failed (Invalid): Service \"x\" is invalid: spec",
        );
        check(&service, ObjectCause::DryRun(answer(500, "", "no")), "Service/ns/x dry-run failed: no");
        check(
            &service,
            ObjectCause::DryRun(answer(404, "NotFound", "namespaces \"ns\" not found")),
            "Service/ns/x not found: namespaces \"ns\" not found",
        );
        check(&service, ObjectCause::Apply(answer(409, "Conflict", "c")), "Service/ns/x apply failed: c");
        check(
            &object("ConfigMap", "", json!(null)),
            ObjectCause::NoNamespace,
            "ConfigMap/x namespace not specified: the server could not find the requested resource",
        );
        check(
            &service,
            ObjectCause::NoMatch(Gvk::new("a.b/v1", "Foo")),
            "Service/ns/x dry-run failed: no matches for kind \"Foo\" in version \"a.b/v1\"",
        );
    }

    #[test]
    fn values_of_a_secret_never_show() {
        let secret = object("Secret", "ns", json!({"a": "hunter2", "b": ["hunter2-long"], "c": "d"}));
        let error = answer(500, "", "bad value hunter2-long and hunter2 in d");
        check(&secret, ObjectCause::DryRun(error), "Secret/ns/x dry-run failed: bad value *** and *** in d");
    }
}
