//! Grafana: an annotation.

use serde_json::json;

use super::outgoing::{Outgoing, post_message};
use super::{PostError, SetupError, Target, address, facts};
use crate::event::Event;

/// Go's time that is not set, in seconds.
const NO_TIME: i64 = -62_135_596_800;

/// Posts an annotation in Graphite's form.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let bad = |_| SetupError(format!("invalid Grafana URL {}", target.address));
    let url = address::hook(&target.address).map_err(bad)?;
    let object = &event.involved_object;
    let mut tags = vec!["flux".to_owned(), event.reporting_controller.clone()];
    tags.extend(
        facts(event).map(|(key, value)| format!("{}: {}", key.replace(':', "|"), value.replace(':', "|"))),
    );
    tags.extend(
        [("kind", &object.kind), ("name", &object.name), ("namespace", &object.namespace)]
            .map(|(key, value)| format!("{key}: {value}")),
    );
    let when = event.timestamp.map_or(NO_TIME, |time| time.as_second());
    let mut outgoing =
        Outgoing::json(url, &json!({ "when": when, "text": event.object_name(), "tags": tags }));
    if !target.token.is_empty() {
        outgoing = outgoing.bearer(&target.token);
    } else if !target.username.is_empty() && !target.password.is_empty() {
        outgoing = outgoing.basic(&target.username, &target.password);
    }
    let sent = post_message(&target.client, &outgoing).await;
    sent.map(drop).map_err(|error| error.within("postMessage failed"))
}
