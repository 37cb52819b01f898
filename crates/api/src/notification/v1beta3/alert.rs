use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::meta::{AGE, LocalObjectReference, flux_kind_without_status, text_enum};
use crate::notification::EventSource;

flux_kind_without_status! {
    /// Sends events of some objects to a Provider.
    Alert {
        group: "notification.toolkit.fluxcd.io", version: "v1beta3", plural: "alerts",
        spec: AlertSpec, category: "fluxcd-notifications", columns: [AGE],
    }
}

/// Which events go where.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(!default)]
pub struct AlertSpec {
    /// The Provider to send to, in the same namespace.
    pub provider_ref: LocalObjectReference,
    /// The least severity: `info` sends all events, `error` only failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "info"))]
    pub event_severity: Option<EventSeverity>,
    /// The objects whose events are sent.
    pub event_sources: Vec<EventSource>,
    /// Regular expressions (RE2): only events whose message matches one are sent. Default: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inclusion_list: Vec<String>,
    /// Metadata added to the events. Where the event already has a key, the event's value wins.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub event_metadata: BTreeMap<String, String>,
    /// Regular expressions (RE2): events whose message matches one are not sent; this wins over inclusionList.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclusion_list: Vec<String>,
    /// A short text sent with each event. Deprecated: the key `summary` of eventMetadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub summary: Option<String>,
    /// True sends nothing. Default: false.
    #[serde(skip_serializing_if = "crate::meta::is_false")]
    pub suspend: bool,
}

text_enum! {
    /// How grave an event is.
    EventSeverity {
        /// Good to know.
        Info = "info",
        /// A failure.
        Error = "error",
    }
}
