//! Schema fragments that the derive cannot say.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Pattern of a duration field: decimal numbers with the units ms, s, m, h.
pub(crate) const DURATION_PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$";
/// Pattern of a timeout field: as [`DURATION_PATTERN`], without hours.
pub(crate) const TIMEOUT_PATTERN: &str = r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$";

/// An integer without a stated width (Go's `int`).
pub(crate) fn integer(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer" })
}

/// A point in time, RFC 3339.
pub(crate) fn date_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// Any JSON value, kept as it is.
pub(crate) fn any_value(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// A list of `metav1.Condition`.
pub(crate) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": condition(generator) })
}

fn condition(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "description": "One aspect of the state of this object.",
        "required": ["lastTransitionTime", "message", "reason", "status", "type"],
        "properties": {
            "lastTransitionTime": {
                "type": "string", "format": "date-time",
                "description": "Time at which the status last changed from one value to another.",
            },
            "message": {
                "type": "string", "maxLength": 32768,
                "description": "Details for a human reader; may be empty.",
            },
            "observedGeneration": {
                "type": "integer", "format": "int64", "minimum": 0,
                "description": "The metadata.generation this condition was set for; when it is less than the \
                    object's, the condition is out of date.",
            },
            "reason": {
                "type": "string", "maxLength": 1024, "minLength": 1,
                "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                "description": "Why the condition has its status: one word in CamelCase, for programs.",
            },
            "status": {
                "type": "string", "enum": ["True", "False", "Unknown"],
                "description": "True, False or Unknown.",
            },
            "type": {
                "type": "string", "maxLength": 316,
                "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                "description": "The aspect, in CamelCase or as example.com/CamelCase.",
            },
        },
    })
}

/// A `metav1.LabelSelector`.
pub(crate) fn label_selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": {
                "type": "object", "additionalProperties": { "type": "string" },
                "description": "Labels an object must have, all of them.",
            },
            "matchExpressions": {
                "type": "array", "x-kubernetes-list-type": "atomic",
                "description": "Requirements an object must meet, all of them.",
                "items": {
                    "type": "object",
                    "description": "One requirement.",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": { "type": "string", "description": "The label." },
                        "operator": { "type": "string", "description": "In, NotIn, Exists or DoesNotExist." },
                        "values": {
                            "type": "array", "x-kubernetes-list-type": "atomic", "items": { "type": "string" },
                            "description": "The values for In and NotIn; none for the others.",
                        },
                    },
                },
            },
        },
    })
}
