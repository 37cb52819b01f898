//! CDEvents: is a body one of the specification's 0.4?

use k8s_openapi::jiff::Timestamp;

use crate::go_json::{self, ShapeError};

/// Subject and predicate of the known types; all have major version 0.
const TYPES: [&str; 46] = [
    "artifact.deleted",
    "artifact.downloaded",
    "artifact.packaged",
    "artifact.published",
    "artifact.signed",
    "branch.created",
    "branch.deleted",
    "build.finished",
    "build.queued",
    "build.started",
    "change.abandoned",
    "change.created",
    "change.merged",
    "change.reviewed",
    "change.updated",
    "environment.created",
    "environment.deleted",
    "environment.modified",
    "incident.detected",
    "incident.reported",
    "incident.resolved",
    "pipelinerun.finished",
    "pipelinerun.queued",
    "pipelinerun.started",
    "repository.created",
    "repository.deleted",
    "repository.modified",
    "service.deployed",
    "service.published",
    "service.removed",
    "service.rolledback",
    "service.upgraded",
    "taskrun.finished",
    "taskrun.started",
    "testcaserun.finished",
    "testcaserun.queued",
    "testcaserun.skipped",
    "testcaserun.started",
    "testoutput.published",
    "testsuiterun.finished",
    "testsuiterun.queued",
    "testsuiterun.started",
    "ticket.closed",
    "ticket.created",
    "ticket.updated",
    // Any tool's own: `dev.cdeventsx.<tool>-<subject>.<predicate>.<version>`.
    "",
];

/// Why a body is no CDEvent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CdEventError {
    #[error(transparent)]
    Shape(#[from] ShapeError),
    #[error("unknown event type")]
    Unknown,
    #[error("event version is not compatible")]
    Version,
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("context.timestamp is not RFC 3339")]
    Time,
}

/// Checks the context and the subject's identity; the content of the subject is not judged.
pub(crate) fn check(body: &[u8]) -> Result<(), CdEventError> {
    let event = go_json::parse(body)?;
    let event = go_json::object(&event, "")?;
    let context = go_json::nested(&event, "context")?;
    check_type(&go_json::text(&context, "type")?)?;
    for (key, shown) in [("id", "context.id"), ("source", "context.source")] {
        if go_json::text(&context, key)?.is_empty() {
            return Err(CdEventError::Missing(shown));
        }
    }
    go_json::text(&context, "timestamp")?.parse::<Timestamp>().map_err(|_| CdEventError::Time)?;
    let subject = go_json::nested(&event, "subject")?;
    if go_json::text(&subject, "id")?.is_empty() {
        return Err(CdEventError::Missing("subject.id"));
    }
    Ok(())
}

fn check_type(text: &str) -> Result<(), CdEventError> {
    let own = text.strip_prefix("dev.cdevents.");
    let other = text.strip_prefix("dev.cdeventsx.").filter(|rest| rest.contains('-'));
    let rest = own.or(other).ok_or(CdEventError::Unknown)?;
    let mut parts = rest.splitn(3, '.');
    let (Some(subject), Some(predicate), Some(version)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(CdEventError::Unknown);
    };
    if own.is_some() && !TYPES.contains(&format!("{subject}.{predicate}").as_str()) {
        return Err(CdEventError::Unknown);
    }
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let numbers: Vec<_> = core.split('.').map(str::parse::<u32>).collect();
    match &numbers[..] {
        [Ok(0), Ok(_), Ok(_)] => Ok(()),
        [Ok(_), Ok(_), Ok(_)] if other.is_some() => Ok(()),
        _ => Err(CdEventError::Version),
    }
}

#[cfg(test)]
mod tests {
    use super::{check, check_type};
    use serde_json::json;

    #[test]
    fn known_types_of_major_version_0_are_taken() {
        for text in [
            "dev.cdevents.change.merged.0.2.0",
            "dev.cdevents.change.merged.0.9.1-draft",
            "dev.cdeventsx.tool-a.b.1.0.0",
        ] {
            assert!(check_type(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "dev.cdevents.nope.made.0.1.0",
            "dev.cdevents.change.merged.1.0.0",
            "dev.cdevents.change.merged",
        ] {
            assert!(check_type(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_event_says_who_and_when() {
        let event = |context: serde_json::Value| {
            json!({"context": context, "subject": {"id": "s"}}).to_string().into_bytes()
        };
        let full = json!({"type": "dev.cdevents.change.merged.0.2.0", "id": "1", "source": "/a",
            "timestamp": "2026-01-02T03:04:05Z"});
        assert!(check(&event(full.clone())).is_ok());
        for key in ["id", "source", "timestamp", "type"] {
            let mut less = full.clone();
            less.as_object_mut().unwrap().remove(key);
            assert!(check(&event(less)).is_err(), "{key}");
        }
    }
}
