//! Reconciles Receivers: are the expressions valid, is there a token, where does it listen.

use std::sync::Arc;
use std::time::Duration;

use api::meta::{FluxObject, GoDuration, Reason};
use api::notification::v1::{Receiver, ReceiverStatus, ReceiverType};
use kube::Client;
use runtime::{Event, Finalized, Key, Next, Outcome, ReasonName, Reconciler, Run, Verdict};

use super::filters;
use super::oidc;
use super::paths::path_of;
use super::wake;
use crate::{kinds, secrets, status};

/// What every terminal failure begins with.
const TERMINAL: &str = "Reconciliation failed terminally due to configuration error";

/// Reconciles Receivers.
pub(crate) struct ReceiverReconciler {
    pub(crate) client: Client,
}

/// What a Receiver's spec has wrong, for good.
struct Terminal {
    reason: ReasonName,
    cause: String,
}

impl Reconciler for ReceiverReconciler {
    type Kind = Receiver;

    async fn reconcile(&self, run: &Run<Receiver>) -> Outcome<ReceiverStatus> {
        let receiver: Arc<Receiver> = run.object.clone();
        if let Err(terminal) = check(&receiver) {
            return stalled(run.base.clone(), &terminal);
        }
        run.at("Reconciliation in progress");
        match self.token(&run.key, &receiver).await {
            Ok(token) => ready(run.base.clone(), &receiver, path_of(&token, &run.key)),
            Err(cause) => failed(run.base.clone(), cause),
        }
    }

    async fn finalize(&self, _run: &Run<Receiver>) -> Finalized<ReceiverStatus> {
        Finalized::Done { events: Vec::new() }
    }

    fn forget(&self, _key: &Key) {}
}

impl ReceiverReconciler {
    async fn token(&self, key: &Key, receiver: &Receiver) -> Result<String, String> {
        let Some(reference) = &receiver.spec.secret_ref else { return Ok(String::new()) };
        let full = format!("{}/{}", key.namespace, reference.name);
        let secret = secrets::get(&self.client, &key.namespace, &reference.name).await;
        let secret = secret
            .map_err(|error| format!("unable to read token from secret '{full}' error: {}", error.cause()))?;
        secrets::webhook_token(&secret)
            .map(str::to_owned)
            .map_err(|_| format!("invalid '{full}' secret data: required fields 'token'"))
    }
}

/// What can be judged of the spec alone.
fn check(receiver: &Receiver) -> Result<(), Terminal> {
    let invalid = |cause| Terminal { reason: Reason::InvalidCELExpression.into(), cause };
    if let Some(text) = receiver.spec.resource_filter.as_deref().filter(|text| !text.is_empty()) {
        filters::compile(receiver, text)
            .map_err(|error| invalid(format!("invalid resourceFilter expression: {error}")))?;
    }
    for (index, resource) in receiver.spec.resources.iter().enumerate() {
        let Some(text) = resource.filter.as_deref().filter(|text| !text.is_empty()) else { continue };
        filters::compile(receiver, text).map_err(|error| {
            let (kind, name) = (&resource.kind, &resource.name);
            invalid(format!(
                "invalid filter expression for resources[{index}] (kind=\"{kind}\", name=\"{name}\"): {error}"
            ))
        })?;
    }
    let contradictory = |cause| Terminal { reason: status::VALIDATION_FAILED, cause };
    contradiction(receiver).map_or(Ok(()), |cause| Err(contradictory(cause.to_owned())))?;
    misplaced(receiver).map_or(Ok(()), |cause| Err(contradictory(cause)))?;
    oidc::check_spec(&receiver.spec.oidc_providers).map_err(contradictory)?;
    oidc::compile_all(&receiver.spec.oidc_providers).map_err(invalid)
}

/// What the API server refuses too, where it knows the rules.
fn contradiction(receiver: &Receiver) -> Option<&'static str> {
    let spec = &receiver.spec;
    match (spec.type_ == ReceiverType::GenericOidc, spec.oidc_providers.is_empty(), spec.secret_ref.is_some())
    {
        (true, true, _) => Some("generic-oidc receiver requires at least one oidcProvider"),
        (false, false, _) => Some("oidcProviders can only be set when type is generic-oidc"),
        (true, _, true) => Some("secretRef cannot be set when type is generic-oidc"),
        (false, _, false) => Some("secretRef is required when type is not generic-oidc"),
        _ => None,
    }
}

/// A resource that can be none: what it names is no apiVersion, kind or namespace.
fn misplaced(receiver: &Receiver) -> Option<String> {
    let own = receiver.metadata.namespace.as_deref().unwrap_or_default();
    receiver.spec.resources.iter().enumerate().find_map(|(index, resource)| {
        let version = wake::version_of(resource)?;
        let namespace = wake::namespace_of(resource, own);
        let misplaced = kinds::place(version, resource.kind.as_str(), namespace).err()?;
        Some(format!("resources[{index}]: {misplaced}"))
    })
}

fn stalled(status: ReceiverStatus, terminal: &Terminal) -> Outcome<ReceiverStatus> {
    let message = format!("{TERMINAL}: {}", terminal.cause);
    Outcome {
        status,
        events: vec![Event::error(terminal.reason, message.clone())],
        verdict: Verdict::Stalled { reason: terminal.reason, message },
        conditions: Vec::new(),
        next: Next::Never,
    }
}

fn failed(mut status: ReceiverStatus, cause: String) -> Outcome<ReceiverStatus> {
    status.webhook_path = None;
    Outcome {
        status,
        events: vec![Event::error(Reason::Failed, cause.clone())],
        verdict: Verdict::Failed { reason: status::TOKEN_NOT_FOUND, message: cause },
        conditions: Vec::new(),
        next: Next::Backoff,
    }
}

fn ready(mut status: ReceiverStatus, receiver: &Receiver, path: String) -> Outcome<ReceiverStatus> {
    let message = format!("Receiver initialized for path: {path}");
    if status.webhook_path.as_deref() != Some(&path) {
        tracing::info!("{message}");
    }
    status.webhook_path = Some(path);
    let interval = receiver.interval().unwrap_or(Duration::from_secs(600));
    let told = format!("Reconciliation finished, next run in {}", GoDuration::from(interval));
    Outcome {
        status,
        events: vec![Event::info(Reason::Succeeded, told)],
        verdict: Verdict::Ready { reason: Reason::Succeeded.into(), message },
        conditions: Vec::new(),
        next: Next::Interval(interval),
    }
}
