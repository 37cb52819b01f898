//! One event for one Alert: read the Provider, decide whether it takes the event, make the request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::notification::v1beta3::{Alert, Provider, ProviderType};
use expr::{Env, Output, Program};
use runtime::{Event as Told, Key};
use serde_json::Value;

use crate::app::{App, reference};
use crate::event::Event;
use crate::events::metadata;
use crate::kinds;
use crate::providers::{self, PostError};
use crate::secrets::{self, SecretError};
use crate::status;

/// Why an event did not get as far as to its provider.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// The object is in another namespace, and that is not allowed.
    #[error(
        "discarding event, access denied to cross-namespace sources: alert '{alert}' can't process event from '{object}', cross-namespace references have been blocked"
    )]
    CrossNamespace {
        /// The Alert.
        alert: Key,
        /// The event's object.
        object: String,
    },
    /// There is no such Provider.
    #[error("failed to read provider: Provider.notification.toolkit.fluxcd.io \"{0}\" not found")]
    NoProvider(String),
    /// The stored Provider cannot be read.
    #[error("failed to read provider '{name}': the stored object cannot be read: {cause}")]
    Unreadable {
        /// Its name.
        name: String,
        /// The fields.
        cause: String,
    },
    /// Identities of clouds are not supported.
    #[error(
        "to use spec.serviceAccountName for provider authentication please enable the ObjectLevelWorkloadIdentity feature gate in the controller"
    )]
    ServiceAccount,
    /// The expression gives no name.
    #[error(
        "failed to create commit status: failed to evaluate the spec.commitStatusExpr CEL expression for the event: {0}"
    )]
    CommitStatus(String),
    /// A Secret cannot be used.
    #[error("failed to initialize notifier for provider '{provider}': {cause}")]
    Secret {
        /// The Provider.
        provider: String,
        /// Why.
        #[source]
        cause: SecretError,
    },
}

/// Delivers an event, and tells on the Alert when that fails for good.
pub(crate) async fn deliver(app: &Arc<App>, key: &Key, event: &Arc<Event>) {
    let Some(alert) = app.alert(key).filter(|alert| !alert.spec.suspend) else { return };
    if !labels_match(app, &alert, event).await {
        return;
    }
    if let Err(error) = send(app, &alert, event).await {
        app.warn(&alert, status::DISPATCH_FAILED, error.told(event));
    }
}

/// Tells that an event is dropped because too many wait for its provider.
pub(crate) fn overflow(app: &App, alert: &Alert, event: &Event) {
    let text = format!(
        "failed to dispatch notification for {}: too many notifications wait for provider '{}'",
        event.involved_object, alert.spec.provider_ref.name
    );
    app.warn(alert, status::DISPATCH_FAILED, text);
}

/// Asks for the object's labels where they decide.
async fn labels_match(app: &App, alert: &Arc<Alert>, event: &Arc<Event>) -> bool {
    let wanted = loop {
        // It is accepted: it waits for its turn as long as that takes.
        if let Ok(judged) = app.judging.judge(vec![(Key::of(&**alert), alert.clone())], event).await {
            break judged.into_iter().next().map(|(_, _, judged)| judged).unwrap_or_default();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    if wanted.surely || wanted.labels.is_empty() {
        return wanted.surely;
    }
    match kinds::labels_of(&app.client, &event.involved_object).await {
        Ok(labels) => {
            let has = |wanted: &BTreeMap<String, String>| {
                wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
            };
            wanted.labels.iter().any(has)
        }
        Err(error) => {
            tracing::error!(error = %error, "error getting the involved object");
            let text = format!("error getting source object {}", event.involved_object);
            app.warn(alert, status::SOURCE_FETCH_FAILED, text);
            false
        }
    }
}

/// Why an event was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// It did not get as far as to its provider.
    #[error(transparent)]
    Dispatch(#[from] DispatchError),
    /// The provider did not take it.
    #[error("provider '{provider}': {error}")]
    Post {
        /// The name of the Provider.
        provider: String,
        /// Why.
        #[source]
        error: PostError,
    },
}

impl DeliveryError {
    /// What the Alert is told, as Flux says it.
    pub fn told(&self, event: &Event) -> String {
        let object = &event.involved_object;
        match self {
            Self::Dispatch(error) => format!("failed to dispatch notification for {object}: {error}"),
            Self::Post { provider, error: PostError::Setup(error) } => format!(
                "failed to dispatch notification for {object}: failed to initialize notifier for provider '{provider}': failed to initialize notifier: {error}"
            ),
            Self::Post { error, .. } => format!("failed to send notification for {object}: {error}"),
        }
    }
}

async fn send(app: &App, alert: &Alert, event: &Event) -> Result<(), DeliveryError> {
    let key = Key::of(alert);
    if app.no_cross_namespace_refs && event.involved_object.namespace != key.namespace {
        let object = event.involved_object.to_string();
        return Err(DispatchError::CrossNamespace { alert: key, object }.into());
    }
    let provider = provider(app, &key.namespace, &alert.spec.provider_ref.name)?;
    let message = message(alert, &provider, event);
    if let Some(conflicts) = message.as_ref().ok().and_then(Option::as_ref).and_then(Message::told_conflicts)
    {
        app.recorder.send_on(reference(alert), &conflicts);
    }
    let Some(message) = message? else { return Ok(()) };
    let name = provider.metadata.name.clone().unwrap_or_default();
    let secrets = secrets::read(&app.client, &provider).await;
    let secrets = secrets.map_err(|cause| DispatchError::Secret { provider: name.clone(), cause })?;
    let posted = providers::post(&app.clients, &provider, &secrets, alert, message).await;
    posted.map_err(|error| DeliveryError::Post { provider: name, error })
}

/// What an Alert makes of an event for a Provider.
#[derive(Clone, Debug)]
pub struct Message {
    /// The event as it is sent.
    pub event: Event,
    /// The name of the commit status, for types that keep one.
    pub commit_status: Option<String>,
    /// Metadata keys that more than one source gave, with the names of the sources.
    pub conflicts: BTreeMap<String, String>,
}

impl Message {
    fn told_conflicts(&self) -> Option<Told> {
        if self.conflicts.is_empty() {
            return None;
        }
        let mut told = Told::error(status::METADATA_APPEND_FAILED, metadata::CONFLICT);
        told.metadata = self.conflicts.clone();
        Some(told)
    }
}

/// What is sent to a Provider; none when the event is not for it.
///
/// # Errors
/// When `commitStatusExpr` gives no text.
pub fn message(alert: &Alert, provider: &Provider, event: &Event) -> Result<Option<Message>, DispatchError> {
    if provider.spec.suspend || !takes(&provider.spec.type_, event) {
        return Ok(None);
    }
    if provider.spec.service_account_name.as_ref().is_some_and(|name| !name.is_empty()) {
        return Err(DispatchError::ServiceAccount);
    }
    let mut sent = event.clone();
    metadata::drop_internal(&mut sent);
    let conflicts = metadata::combine(&mut sent, alert);
    let commit_status = commit_status(alert, provider, &sent)?;
    Ok(Some(Message { event: sent, commit_status, conflicts }))
}

fn provider(app: &App, namespace: &str, name: &str) -> Result<Arc<Provider>, DispatchError> {
    let found = app.providers.get(&Key::new(namespace, name));
    let provider = found.ok_or_else(|| DispatchError::NoProvider(name.to_owned()))?;
    if let Some(cause) = &provider.spec_error {
        return Err(DispatchError::Unreadable { name: name.to_owned(), cause: cause.clone() });
    }
    Ok(provider)
}

/// Whether an event is for this type at all: updates of commit statuses only go where commit statuses are kept, and
/// events without a commit or change request do not go where one is needed.
fn takes(kind: &ProviderType, event: &Event) -> bool {
    let update = event.own("commit_status") == Some("update");
    if keeps_commit_status(kind) {
        let taken = update || event.annotated("commit").is_some() || event.is_error();
        if !taken {
            tracing::info!("event dropped for commit status providers due to missing commit metadata key");
        }
        return taken;
    }
    if update && !matches!(kind, ProviderType::Generic | ProviderType::GenericHmac) {
        return false;
    }
    let taken = !comments(kind) || event.annotated("change_request").is_some();
    if !taken {
        tracing::info!(
            "event dropped for change request providers due to missing change request metadata key"
        );
    }
    taken
}

fn keeps_commit_status(kind: &ProviderType) -> bool {
    use ProviderType::{AzureDevOps, Bitbucket, BitbucketServer, GitHub, GitLab, Gitea};
    matches!(kind, GitHub | GitLab | Gitea | BitbucketServer | Bitbucket | AzureDevOps)
}

fn comments(kind: &ProviderType) -> bool {
    use ProviderType::{GitHubPullRequestComment, GitLabMergeRequestComment, GiteaPullRequestComment};
    matches!(kind, GitHubPullRequestComment | GitLabMergeRequestComment | GiteaPullRequestComment)
}

/// The name of the commit status, for types that keep one.
fn commit_status(alert: &Alert, provider: &Provider, event: &Event) -> Result<Option<String>, DispatchError> {
    if !keeps_commit_status(&provider.spec.type_) {
        return Ok(None);
    }
    let Some(text) = provider.spec.commit_status_expr.as_deref().filter(|text| !text.is_empty()) else {
        let uid = provider.metadata.uid.as_deref().unwrap_or_default();
        return Ok(Some(default_commit_status(uid, event)));
    };
    let evaluated = evaluate(text, alert, provider, event);
    evaluated.map(Some).map_err(DispatchError::CommitStatus)
}

/// `kind/name/<first part of the Provider's UID>` in lower case.
pub(crate) fn default_commit_status(provider_uid: &str, event: &Event) -> String {
    let (object, first) = (&event.involved_object, provider_uid.split('-').next().unwrap_or_default());
    format!("{}/{}/{first}", object.kind, object.name).to_lowercase()
}

fn evaluate(text: &str, alert: &Alert, provider: &Provider, event: &Event) -> Result<String, String> {
    let env = Env::with_variables(&["event", "alert", "provider"]).giving(Output::String);
    let program =
        Program::compile(text, &env).map_err(|error| format!("failed to compile expression: {error}"))?;
    let value = |value: Result<Value, serde_json::Error>| value.map_err(|error| error.to_string());
    let event = value(serde_json::to_value(event))?;
    let (alert, provider) = (value(serde_json::to_value(alert))?, value(serde_json::to_value(provider))?);
    let variables = [("event", &event), ("alert", &alert), ("provider", &provider)];
    program.eval_string(&variables).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{default_commit_status, takes};
    use crate::event::{Event, InvolvedObject};
    use api::notification::v1beta3::ProviderType;

    fn event(severity: &str, metadata: &[(&str, &str)]) -> Event {
        let involved_object = InvolvedObject {
            kind: "Kustomization".into(),
            name: "App".into(),
            api_version: "g.io/v1".into(),
            ..InvolvedObject::default()
        };
        let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Event { involved_object, severity: severity.into(), metadata, ..Event::default() }
    }

    fn check(kind: &ProviderType, event: &Event, expected: bool) {
        assert_eq!(takes(kind, event), expected, "{kind} {event:?}");
    }

    #[test]
    fn updates_of_commit_statuses_go_to_git_and_generic_only() {
        let update = event("info", &[("g.io/commit_status", "update")]);
        for kind in [ProviderType::GitHub, ProviderType::AzureDevOps, ProviderType::Generic] {
            check(&kind, &update, true);
        }
        for kind in [ProviderType::Slack, ProviderType::GitHubDispatch] {
            check(&kind, &update, false);
            check(&kind, &event("info", &[("other.io/commit_status", "update")]), true);
        }
    }

    #[test]
    fn git_takes_failures_and_what_names_a_commit() {
        check(&ProviderType::GitHub, &event("info", &[]), false);
        check(&ProviderType::GitHub, &event("error", &[]), true);
        check(&ProviderType::GitHub, &event("info", &[("event.toolkit.fluxcd.io/commit", "a")]), true);
        check(&ProviderType::GitHub, &event("info", &[("event.toolkit.fluxcd.io/commit", "")]), false);
    }

    #[test]
    fn comments_need_a_change_request() {
        let kind = ProviderType::GitLabMergeRequestComment;
        check(&kind, &event("error", &[]), false);
        check(&kind, &event("info", &[("event.toolkit.fluxcd.io/change_request", "7")]), true);
    }

    #[test]
    fn the_default_name_of_a_commit_status_is_short() {
        assert_eq!(default_commit_status("6811fe38-f189", &event("info", &[])), "kustomization/app/6811fe38");
    }
}
