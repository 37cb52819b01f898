//! What each type of Provider is sent.
//!
//! One function a type and one list of them ([`dispatch`]). A function gets the [`Target`] (address, credentials, client)
//! and the event; it says either that the Provider cannot be used ([`SetupError`]) or that sending failed ([`SendError`]).

pub(crate) mod address;
pub(crate) mod clients;
pub(crate) mod outgoing;

mod revision;

mod alertmanager;
mod azure_devops;
mod azure_event_hub;
mod bitbucket;
mod bitbucket_server;
mod chat;
mod comment;
mod datadog;
mod forwarder;
mod gitea;
mod github;
mod gitlab;
mod google_pubsub;
mod grafana;
mod incidents;
mod markdown;
mod nats;
mod opsgenie;
mod otel;
mod pagerduty;
mod sentry;
mod slack;
mod teams;
mod zulip;

use api::notification::v1beta3::{Alert, Provider, ProviderType};
use net::Client;

pub use self::clients::Clients;
use crate::delivery::Message;
use crate::event::Event;
use crate::secrets::ProviderSecrets;

/// A Provider that cannot be used as it is.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SetupError(pub(crate) String);

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SendError(pub(crate) String);

impl SendError {
    /// With what was being done before it.
    pub(crate) fn within(self, what: &str) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

/// Why an event was not delivered. Shows no secret: see [`post`].
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The Provider cannot be used.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Sending failed.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl PostError {
    fn within(self, what: &str) -> Self {
        match self {
            Self::Send(error) => Self::Send(error.within(what)),
            setup => setup,
        }
    }

    fn masked(self, hidden: &[String]) -> Self {
        match self {
            Self::Setup(SetupError(text)) => Self::Setup(SetupError(masked(text, hidden))),
            Self::Send(SendError(text)) => Self::Send(SendError(masked(text, hidden))),
        }
    }
}

/// Whom an event is sent to, and how. No `Debug`: it holds credentials.
pub(crate) struct Target<'a> {
    /// Empty where none is given.
    pub(crate) address: String,
    pub(crate) channel: String,
    /// That of the Secret, else of the spec.
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) token: String,
    pub(crate) secrets: &'a ProviderSecrets,
    pub(crate) provider_uid: &'a str,
    pub(crate) alert: &'a Alert,
    pub(crate) commit_status: Option<String>,
    pub(crate) client: Client,
}

impl Target<'_> {
    /// The token, else the password: Git hosts take either.
    pub(crate) fn token_or_password(&self) -> &str {
        if self.token.is_empty() { &self.password } else { &self.token }
    }

    /// The name of the commit status.
    pub(crate) fn commit_status(&self) -> Result<&str, SetupError> {
        let name = self.commit_status.as_deref().filter(|name| !name.is_empty());
        name.ok_or_else(|| SetupError("commit status cannot be empty".to_owned()))
    }
}

/// Sends an event within the Provider's timeout. Errors show nothing that a Secret holds.
///
/// # Errors
/// See [`PostError`].
pub async fn post(
    clients: &Clients,
    provider: &Provider,
    secrets: &ProviderSecrets,
    alert: &Alert,
    message: Message,
) -> Result<(), PostError> {
    let client = clients.get(secrets).map_err(|error| SetupError(error.to_string()))?;
    let spec = &provider.spec;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (username, password) = secrets.basic.clone().unwrap_or_else(|| (text(&spec.username), String::new()));
    let target = Target {
        address: secrets.address.clone().unwrap_or_else(|| text(&spec.address)),
        channel: text(&spec.channel),
        username,
        password,
        token: secrets.token.clone(),
        secrets,
        provider_uid: provider.metadata.uid.as_deref().unwrap_or_default(),
        alert,
        commit_status: message.commit_status,
        client,
    };
    let sent = tokio::time::timeout(spec.timeout(), dispatch(&spec.type_, &target, &message.event)).await;
    let late = || Err(late(&spec.type_).into());
    sent.unwrap_or_else(|_| late()).map_err(|error| error.masked(&secrets.hidden()))
}

/// Where most types wait when the time is over.
fn late(kind: &ProviderType) -> SendError {
    let late = SendError("context deadline exceeded".to_owned());
    match kind {
        ProviderType::GitHub | ProviderType::GitLab | ProviderType::Gitea | ProviderType::Nats => late,
        ProviderType::AzureEventHub => late.within("failed to create event data batch"),
        _ => late.within("failed to execute request").within("postMessage failed"),
    }
}

async fn dispatch(kind: &ProviderType, target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    match kind {
        ProviderType::Generic => forwarder::post(target, event, None).await,
        ProviderType::GenericHmac => forwarder::post_signed(target, event).await,
        ProviderType::Slack => slack::slack(target, event).await,
        ProviderType::Rocket => slack::rocket(target, event).await,
        ProviderType::Discord => slack::discord(target, event).await,
        ProviderType::MsTeams => teams::post(target, event).await,
        ProviderType::GoogleChat => chat::google(target, event).await,
        ProviderType::Lark => chat::lark(target, event).await,
        ProviderType::Matrix => chat::matrix(target, event).await,
        ProviderType::Telegram => chat::telegram(target, event).await,
        ProviderType::Webex => chat::webex(target, event).await,
        ProviderType::Zulip => zulip::post(target, event).await,
        ProviderType::Alertmanager => alertmanager::post(target, event).await,
        ProviderType::Grafana => grafana::post(target, event).await,
        ProviderType::Opsgenie => opsgenie::post(target, event).await,
        ProviderType::PagerDuty => pagerduty::post(target, event).await,
        ProviderType::Datadog => datadog::post(target, event).await,
        ProviderType::Sentry => sentry::post(target, event).await,
        ProviderType::Nats => nats::post(target, event).await,
        ProviderType::Otel => otel::post(target, event).await,
        ProviderType::GitHub => github::status(target, event).await,
        ProviderType::GitHubDispatch => github::dispatch(target, event).await,
        ProviderType::GitHubPullRequestComment => github::comment(target, event).await,
        ProviderType::GitLab => gitlab::status(target, event).await,
        ProviderType::GitLabMergeRequestComment => gitlab::comment(target, event).await,
        ProviderType::Gitea => gitea::status(target, event).await,
        ProviderType::GiteaPullRequestComment => gitea::comment(target, event).await,
        ProviderType::Bitbucket => bitbucket::status(target, event).await,
        ProviderType::BitbucketServer => bitbucket_server::status(target, event).await,
        ProviderType::AzureDevOps => azure_devops::status(target, event).await,
        ProviderType::GooglePubSub => google_pubsub::post(target, event).await,
        ProviderType::AzureEventHub => azure_event_hub::post(target, event).await,
        ProviderType::Other(name) => match name.as_str() {
            "zoom" => incidents::zoom(target, event).await,
            "incident.io" => incidents::incident_io(target, event).await,
            _ => Err(SetupError(format!("provider {kind} not supported")).into()),
        },
    }
}

/// Shorter texts are no secrets worth hiding, and would tear messages apart.
const SHORTEST_SECRET: usize = 4;

/// The text without the texts that are hidden; also without their last path segments, where webhooks have their keys.
fn masked(mut text: String, hidden: &[String]) -> String {
    for secret in hidden.iter().map(|secret| secret.trim()).filter(|secret| secret.len() >= SHORTEST_SECRET) {
        text = text.replace(secret, "*****");
        let Ok(url) = url::Url::parse(secret) else { continue };
        for part in [net::shown(&url).as_str(), url.path()] {
            if part.len() >= SHORTEST_SECRET {
                text = text.replace(part, "*****");
            }
        }
    }
    text
}

/// A table from which a message's facts are made: the metadata, sorted by key.
pub(crate) fn facts(event: &Event) -> impl Iterator<Item = (&String, &String)> {
    event.metadata.iter()
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn no_error_shows_a_secret() {
        let hidden = ["tok-123".to_owned(), "https://hooks.example/T0/KEY?x=1\n".to_owned(), "ab".to_owned()];
        let shown = masked("Post \"https://hooks.example/T0/KEY?x=...\": tok-123 in the cab".into(), &hidden);
        assert_eq!(shown, "Post \"*****\": ***** in the cab");
        assert_eq!(masked("path /T0/KEY failed".into(), &hidden), "path ***** failed");
    }
}
