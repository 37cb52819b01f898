//! Reasons of conditions and events, as Flux names them.

use runtime::ReasonName;

/// An event was not delivered.
pub(crate) const DISPATCH_FAILED: ReasonName = ReasonName::new("NotificationDispatchFailed");
/// A field of an Alert cannot be used.
pub(crate) const INVALID_CONFIG: ReasonName = ReasonName::new("InvalidConfig");
/// The object of an event cannot be read.
pub(crate) const SOURCE_FETCH_FAILED: ReasonName = ReasonName::new("SourceFetchFailed");
/// Two sources of metadata gave the same key.
pub(crate) const METADATA_APPEND_FAILED: ReasonName = ReasonName::new("MetadataAppendFailed");
/// A Receiver's Secret has no token.
pub(crate) const TOKEN_NOT_FOUND: ReasonName = ReasonName::new("TokenNotFound");
/// A Receiver's spec contradicts itself.
pub(crate) const VALIDATION_FAILED: ReasonName = ReasonName::new("ValidationFailed");
