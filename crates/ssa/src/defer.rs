use manifest::ObjectId;

use crate::{ApiError, ObjectCause, ObjectError};

/// An object that cannot be applied yet, for a reason that passes by itself.
#[derive(Clone, Debug)]
pub struct Deferred {
    /// Which object.
    pub id: ObjectId,
    /// API version without the group.
    pub version: String,
    /// What it waits for; its text is that of a failure, for the day it is one.
    pub error: ObjectError,
}

/// What a kind's absence means here.
pub(crate) struct Expected {
    /// No version of the group is served.
    pub(crate) group_unknown: bool,
    /// The CRD of the kind is in this build or in another inventory.
    pub(crate) defined: bool,
}

/// Whether a missing kind is waited for: its group is unknown, or somebody is about to define it. A missing
/// kind in a served group is a mistake in the source, and blocks as in Flux.
pub(crate) fn awaits_kind(expected: &Expected) -> bool {
    expected.group_unknown || expected.defined
}

/// Whether a write waits for something that comes by itself: a webhook, or the end of the object it is to replace.
pub(crate) fn awaits(cause: &ObjectCause) -> bool {
    matches!(cause, ObjectCause::StillThere) || awaits_webhook(cause)
}

/// Whether an object waits for a webhook that cannot be reached. A webhook that answers is never waited for.
pub(crate) fn awaits_webhook(cause: &ObjectCause) -> bool {
    let (ObjectCause::DryRun(error) | ObjectCause::Apply(error)) = cause else { return false };
    is_webhook_down(error)
}

fn is_webhook_down(error: &ApiError) -> bool {
    const DOWN: [&str; 8] = [
        "connection refused",
        "no endpoints available",
        "context deadline exceeded",
        "i/o timeout",
        "no such host",
        "no route to host",
        "connection reset",
        "not found",
    ];
    let Some(failure) = error.failure() else { return false };
    let message = &failure.message;
    let calling = message.contains("failed calling webhook") || message.contains("conversion webhook for");
    failure.code >= 500 && calling && DOWN.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;

    fn down(code: u16, message: &str) -> bool {
        let failure = Failure { code, message: message.into(), ..Failure::default() };
        awaits_webhook(&ObjectCause::DryRun(ApiError::Status(Box::new(failure))))
    }

    #[test]
    fn waits_for_webhooks_that_cannot_be_reached() {
        let call = "Internal error occurred: failed calling webhook \"w\": failed to call webhook: Post \"https://w.ns.svc\": ";
        for cause in [
            "dial tcp 10.0.0.1:443: connect: connection refused",
            "no endpoints available for service \"w\"",
            "context deadline exceeded",
            "service \"w\" not found",
        ] {
            assert!(down(500, &format!("{call}{cause}")), "{cause}");
        }
    }

    #[test]
    fn a_denial_is_final() {
        assert!(!down(403, "admission webhook \"w\" denied the request: connection refused"));
        assert!(!down(500, "something else: connection refused"));
        assert!(!down(500, "failed calling webhook \"w\": x509: certificate signed by unknown authority"));
    }

    #[test]
    fn a_missing_kind_of_a_served_group_blocks() {
        let expected = |group_unknown, defined| awaits_kind(&Expected { group_unknown, defined });
        assert!(expected(true, false) && expected(false, true));
        assert!(!expected(false, false));
    }
}
