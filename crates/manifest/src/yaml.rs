//! YAML as Kubernetes and its Go tools read and print it.
//!
//! Two dialects over one grammar (libyaml's events): [`Dialect::Sigs`] is what the API server, `kubectl` and
//! Flux read (YAML 1.1 words such as `yes` are booleans), [`Dialect::Kyaml`] is what kustomize holds in
//! memory (YAML 1.2 words, scalar text kept). [`to_yaml`] prints as `sigs.k8s.io/yaml` does.
//! Reading order: `limits`, `error`, `node`, `resolve`, `go_syntax`, `compose`, `block` (the same nodes, sooner),
//! `json`, `parse`; then `number`, `order`, `scalar`, `emit`, `print`, `format`; `setters` ([`apply_setters`]
//! changes scalars in place), `outline` (where values stand).

mod block;
mod compose;
mod emit;
mod error;
mod format;
mod go_syntax;
mod input;
mod json;
mod limits;
mod node;
mod number;
mod order;
mod outline;
mod parse;
mod print;
mod resolve;
mod scalar;
mod setters;
mod slash;
mod timestamp;

pub use self::{
    error::{Brief, YamlCause, YamlError},
    format::{FormatOptions, format_node},
    json::DuplicateKeys,
    limits::Limits,
    node::{Entry, Mapping, Node, Place, Scalar, ScalarStyle, Sequence, Tag, Text},
    order::{compare_keys, sort_keys},
    outline::{Outline, Shape, outline},
    parse::{parse_documents, parse_nodes, parse_objects, parse_value},
    print::{to_yaml, to_yaml_unsorted, write_yaml},
    resolve::{Dialect, resolve_plain},
    scalar::string_style,
    setters::{SetterChange, SetterObject, SetterOutcome, apply_setters, scalar_text},
};
