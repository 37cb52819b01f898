//! Prometheus Alertmanager: an alert that fires.

use std::collections::BTreeMap;

use serde_json::json;

use super::outgoing::{Outgoing, post_message};
use super::{PostError, Target, address};
use crate::event::{Event, rfc3339};

/// How Go writes a time that is not set.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// Posts one alert.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let url = address::hook_of("Alertmanager URL", &target.address)?;
    let mut labels = event.metadata.clone();
    let mut annotations = BTreeMap::from([("message", event.message.clone())]);
    annotations.extend(labels.remove("summary").map(|summary| ("summary", summary)));
    let object = &event.involved_object;
    let own = [
        ("alertname", format!("Flux{}{}", object.kind, title(&event.reason))),
        ("severity", event.severity.clone()),
        ("reason", event.reason.clone()),
        ("kind", object.kind.clone()),
        ("name", object.name.clone()),
        ("namespace", object.namespace.clone()),
        ("reportingcontroller", event.reporting_controller.clone()),
    ];
    labels.extend(own.map(|(key, value)| (key.to_owned(), value)));
    let starts = event.timestamp.map_or_else(|| NO_TIME.to_owned(), rfc3339);
    let alerts = json!([{
        "status": "firing", "labels": labels, "annotations": annotations, "startsAt": starts, "endsAt": NO_TIME,
    }]);
    let mut outgoing = Outgoing::json(url, &alerts);
    if !target.username.is_empty() && !target.password.is_empty() {
        outgoing = outgoing.basic(&target.username, &target.password);
    } else if !target.token.is_empty() {
        outgoing = outgoing.bearer(&target.token);
    }
    let sent = post_message(&target.client, &outgoing).await;
    sent.map(drop).map_err(|error| error.within("postMessage failed"))
}

/// Each word with a capital and the rest in lower case.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric() || (inside && matches!(c, '_' | '\''));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn words_have_one_capital() {
        assert_eq!(title("ReconciliationSucceeded"), "Reconciliationsucceeded");
        assert_eq!(title("new ARTIFACT-x"), "New Artifact-X");
    }
}
