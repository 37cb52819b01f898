use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use crate::{
    age,
    kinds::{Column, Family, Kind, release_revision},
    shorten::shorten,
    value::{at, condition, name, namespace, or, text},
};

/// Which columns are shown beside those of the kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) namespace: bool,
    pub(crate) kind: bool,
    pub(crate) source: bool,
    pub(crate) wide: bool,
}

/// The headings.
pub(crate) fn headers(kind: &Kind, view: View) -> Vec<&'static str> {
    let mut headers = if view.namespace { vec!["Namespace", "Name"] } else { vec!["Name"] };
    if shows_source(kind, view) {
        headers.push("Source");
    }
    headers.extend(kind.columns.iter().map(|column| column.heading()));
    if view.wide {
        headers.push("Age");
    }
    headers
}

/// The cells of one object.
pub(crate) fn row(kind: &Kind, object: &Value, view: View) -> Vec<String> {
    let mut row = Vec::with_capacity(8);
    if view.namespace {
        row.push(namespace(object).to_owned());
    }
    let shown = name(object);
    row.push(if view.kind { format!("{}/{shown}", kind.kind.to_lowercase()) } else { shown.to_owned() });
    if shows_source(kind, view) {
        row.push(source(kind, object));
    }
    row.extend(kind.columns.iter().map(|column| column.cell(kind, object)));
    if view.wide {
        row.push(age::since(text(object, &["metadata", "creationTimestamp"]), Timestamp::now()));
    }
    row
}

fn shows_source(kind: &Kind, view: View) -> bool {
    view.source && !view.kind && matches!(kind.kind, "Kustomization" | "HelmRelease")
}

/// `Kind/namespace/name` of where an object comes from.
fn source(kind: &Kind, object: &Value) -> String {
    let own = kind.reference.and_then(|reference| at(object, reference.path));
    let reference = at(object, &["spec", "chartRef"]).or(own).unwrap_or(&Value::Null);
    let place = or(text(reference, &["namespace"]), namespace(object));
    format!("{}/{place}/{}", text(reference, &["kind"]), text(reference, &["name"]))
}

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Self::Revision | Self::Version => "Revision",
            Self::Origin => "Source",
            Self::Image => "Image",
            Self::Tag => "Tag",
            Self::LastScan => "Last scan",
            Self::LastRun => "Last run",
            Self::Suspended => "Suspended",
            Self::Ready => "Ready",
            Self::Message => "Message",
        }
    }

    fn cell(self, kind: &Kind, object: &Value) -> String {
        let plain = |path: &[&str]| text(object, path).to_owned();
        match self {
            Self::Revision if kind.kind == "Kustomization" => {
                shorten(text(object, &["status", "lastAppliedRevision"]))
            }
            Self::Revision => shorten(text(object, &["status", "artifact", "revision"])),
            Self::Version if kind.kind == "HelmRelease" => release_revision(object).to_owned(),
            Self::Version => plain(&["status", "artifact", "revision"]),
            Self::Origin => origin(object),
            Self::Image => plain(&["status", "latestRef", "name"]),
            Self::Tag => plain(&["status", "latestRef", "tag"]),
            Self::LastScan => plain(&["status", "lastScanResult", "scanTime"]),
            Self::LastRun => plain(&["status", "lastAutomationRunTime"]),
            Self::Suspended => if kind.suspended(object) { "True" } else { "False" }.into(),
            Self::Ready => readiness(kind, object).0.to_owned(),
            Self::Message => message(kind, object),
        }
    }
}

fn origin(object: &Value) -> String {
    let reference = at(object, &["spec", "sourceRef"]);
    reference.map_or(String::new(), |reference| {
        let part = |key| text(reference, &[key]);
        format!("{}/{}/{}", part("kind"), part("namespace"), part("name"))
    })
}

/// Flux cuts commits where they are the usual content of a message.
fn message(kind: &Kind, object: &Value) -> String {
    let message = readiness(kind, object).1;
    if kind.family == Some(Family::Source) || kind.kind == "Kustomization" {
        return shorten(message);
    }
    message.to_owned()
}

/// Status and message of Ready; of a kind without a status, what always holds.
fn readiness<'a>(kind: &Kind, object: &'a Value) -> (&'a str, &'a str) {
    if let Some(always) = kind.always_ready {
        return ("True", always);
    }
    if kind.is_static(object) {
        return ("True", "Helm repository is Ready");
    }
    condition(object, "Ready").map_or(("False", "waiting to be reconciled"), |ready| {
        (text(ready, &["status"]), text(ready, &["message"]))
    })
}
