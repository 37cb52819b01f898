use clap::Args;
use serde_json::Value;

use super::{
    Made,
    fields::{Fields, texts},
    reference::Reference,
};
use crate::{CommandError, choice::one_of};

/// An Alert.
#[derive(Args, Debug)]
pub(crate) struct AlertArgs {
    name: String,
    /// The Provider
    #[arg(long)]
    provider_ref: String,
    /// Which events
    #[arg(long, value_parser = one_of(&["info", "error"]), default_value = "", hide_default_value = true)]
    event_severity: String,
    /// KIND/NAME[.NAMESPACE] of what is listened to
    #[arg(long, required = true, value_delimiter = ',')]
    event_source: Vec<String>,
}

/// A Provider.
#[derive(Args, Debug)]
pub(crate) struct ProviderArgs {
    name: String,
    /// What it is
    #[arg(long = "type")]
    provider_type: String,
    /// Channel of a chat
    #[arg(long, default_value = "", hide_default_value = true)]
    channel: String,
    /// Name to appear under
    #[arg(long, default_value = "", hide_default_value = true)]
    username: String,
    /// Address of the chat, repository or hook
    #[arg(long, default_value = "", hide_default_value = true)]
    address: String,
    /// Secret with the token
    #[arg(long, default_value = "", hide_default_value = true)]
    secret_ref: String,
}

/// A Receiver.
#[derive(Args, Debug)]
pub(crate) struct ReceiverArgs {
    name: String,
    /// Who calls
    #[arg(long = "type")]
    receiver_type: String,
    /// Secret with the token
    #[arg(long)]
    secret_ref: String,
    /// Events that count
    #[arg(long, value_delimiter = ',')]
    event: Vec<String>,
    /// KIND/NAME of what is reconciled
    #[arg(long, required = true, value_delimiter = ',')]
    resource: Vec<String>,
}

impl AlertArgs {
    /// The object.
    pub(crate) fn made(self) -> Result<Made, CommandError> {
        let sources: Result<Vec<Value>, _> =
            self.event_source.iter().map(|text| object(text, true)).collect();
        let spec = Fields::default()
            .text(&["providerRef", "name"], &self.provider_ref)
            .text(&["eventSeverity"], &self.event_severity)
            .list(&["eventSources"], sources?);
        Ok(Made { kind: "Alert", name: self.name, spec: spec.done() })
    }
}

impl ProviderArgs {
    /// The object.
    pub(crate) fn made(self) -> Result<Made, CommandError> {
        let spec = Fields::default()
            .text(&["type"], &self.provider_type)
            .text(&["channel"], &self.channel)
            .text(&["username"], &self.username)
            .text(&["address"], &self.address)
            .text(&["secretRef", "name"], &self.secret_ref);
        Ok(Made { kind: "Provider", name: self.name, spec: spec.done() })
    }
}

impl ReceiverArgs {
    /// The object.
    pub(crate) fn made(self) -> Result<Made, CommandError> {
        let resources: Result<Vec<Value>, _> = self.resource.iter().map(|text| object(text, false)).collect();
        let spec = Fields::default()
            .text(&["type"], &self.receiver_type)
            .list(&["events"], texts(&self.event))
            .list(&["resources"], resources?)
            .text(&["secretRef", "name"], &self.secret_ref);
        Ok(Made { kind: "Receiver", name: self.name, spec: spec.done() })
    }
}

/// `KIND/NAME`, for alerts with `.NAMESPACE`.
fn object(text: &str, with_namespace: bool) -> Result<Value, CommandError> {
    let read = if with_namespace {
        Reference::parse(text)
    } else {
        let (kind, name) = text.split_once('/').unwrap_or(("", text));
        Reference { kind: kind.into(), name: name.into(), namespace: String::new() }
    };
    if read.kind.is_empty() {
        return Err(CommandError::usage(format!(
            "invalid event source '{text}', must be in format <kind>/<name>"
        )));
    }
    Ok(read.value())
}
