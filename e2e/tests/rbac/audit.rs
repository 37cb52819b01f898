//! What the API server wrote down about one user.
use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::ControlPlane;

use crate::rights::Right;

/// One finished request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// What was asked for; `None` for paths that are no resources, such as discovery.
    pub(crate) right: Option<Right>,
    /// It made the object: the authorizer was asked for `create` too, which the log does not tell.
    pub(crate) created: bool,
    /// The whole line, for messages.
    pub(crate) text: String,
    /// The user in whose name it was made, when that is another one.
    pub(crate) impersonated: Option<String>,
    /// Refused by the authorizer.
    pub(crate) denied: bool,
}

/// All requests of a user so far, oldest first.
pub(crate) fn requests(plane: &ControlPlane, user: &str) -> Result<Vec<Request>> {
    let log = std::fs::read_to_string(plane.dir().join("audit.log")).context("reading the audit log")?;
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(events.filter(|event| event["user"]["username"] == user).map(|event| request(&event)).collect())
}

/// The rights that these requests needed: each one's own, or that to impersonate.
pub(crate) fn used(requests: &[Request]) -> BTreeSet<Right> {
    let needed = |request: &Request| match request.impersonated {
        Some(_) => Some(Right::new("", "serviceaccounts", "impersonate")),
        None => request.right.clone(),
    };
    let created = requests.iter().filter(|request| request.created && request.impersonated.is_none());
    let created = created.filter_map(|request| Some(request.right.as_ref()?.with_verb("create")));
    requests.iter().filter(|request| !request.denied).filter_map(needed).chain(created).collect()
}

fn request(event: &Value) -> Request {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verb = text(&event["verb"]);
    let object = &event["objectRef"];
    let resource = match object["subresource"].as_str() {
        Some(part) => format!("{}/{part}", text(&object["resource"])),
        None => text(&object["resource"]),
    };
    let right =
        object["resource"].is_string().then(|| Right::new(&text(&object["apiGroup"]), &resource, &verb));
    Request {
        right,
        created: verb == "patch" && event["responseStatus"]["code"] == 201,
        text: format!("{verb} {}", text(&event["requestURI"])),
        impersonated: event["impersonatedUser"]["username"].as_str().map(String::from),
        denied: event["annotations"]["authorization.k8s.io/decision"] == "forbid",
    }
}
