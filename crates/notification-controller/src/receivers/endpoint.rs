//! The webhook endpoint.

use std::sync::Arc;

use api::meta::ConditionType;
use api::notification::v1::Receiver;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use net::Secret;
use runtime::{Key, conditions};

use super::filters::Filters;
use super::paths::{PREFIX, path_of};
use super::validate::{Attempt, Validated, validate};
use super::wake::Waking;
use crate::app::App;
use crate::listen::{Call, empty, plain};
use crate::secrets;

/// The answer where no Receiver listens: a body is not even read.
pub(crate) fn refuse(app: &App, target: &str) -> Option<Response<Body>> {
    if !target.starts_with(PREFIX) {
        return Some(plain(StatusCode::NOT_FOUND, "404 page not found\n"));
    }
    claiming(app, target).next().is_none().then(|| empty(StatusCode::NOT_FOUND))
}

fn claiming(app: &App, target: &str) -> impl Iterator<Item = (Key, Arc<Receiver>)> {
    app.paths
        .get(target)
        .into_iter()
        .filter_map(|key| app.receivers.get(&key).map(|receiver| (key, receiver)))
}

/// The Receiver that listens at a path. Where several claim it, a status was forged: the path is a hash of the rightful
/// one's token.
async fn find(app: &App, target: &str) -> Option<(Key, Arc<Receiver>)> {
    let mut claiming: Vec<_> = claiming(app, target).collect();
    if claiming.len() < 2 {
        return claiming.pop();
    }
    for (key, receiver) in claiming {
        let token = match &receiver.spec.secret_ref {
            None => Ok(String::new()),
            Some(reference) => token(app, &key, &reference.name).await.map(|(_, token)| token),
        };
        if token.is_ok_and(|token| path_of(&token, &key) == target) {
            return Some((key, receiver));
        }
    }
    None
}

/// Takes one call.
pub(crate) async fn take(app: Arc<App>, call: Call) -> Response<Body> {
    let Some((key, receiver)) = find(&app, &call.target).await else { return empty(StatusCode::NOT_FOUND) };
    let status = handle(&app, &key, &receiver, &call).await;
    empty(status)
}

#[tracing::instrument(skip_all, fields(controllerKind = "Receiver", name = key.name, namespace = key.namespace))]
async fn handle(app: &App, key: &Key, receiver: &Receiver, call: &Call) -> StatusCode {
    if let Some(why) = closed(receiver) {
        tracing::error!(error = "unable to process request", "{why}");
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let validated = match judged(app, key, receiver, call).await {
        Ok(validated) => validated,
        Err(error) => {
            tracing::error!(error, "unable to validate payload");
            return StatusCode::BAD_REQUEST;
        }
    };
    let content_type = call.headers.get("content-type").and_then(|value| value.to_str().ok());
    let filters = match Filters::new(receiver, content_type.unwrap_or_default(), validated) {
        Ok(filters) => filters,
        Err(error) => {
            tracing::error!(error = %error, "unable to create resource filters");
            return StatusCode::INTERNAL_SERVER_ERROR;
        }
    };
    wake_all(app, key, receiver, &filters).await
}

/// Why a Receiver takes no calls now.
fn closed(receiver: &Receiver) -> Option<&'static str> {
    let status = receiver.status.as_ref();
    let ready = status.and_then(|status| conditions::find(&status.conditions, ConditionType::Ready));
    if receiver.spec.suspend {
        Some("receiver is suspended")
    } else if receiver.spec_error.is_some() || ready.is_none_or(|ready| ready.status != "True") {
        Some("receiver is not ready")
    } else {
        None
    }
}

async fn judged(app: &App, key: &Key, receiver: &Receiver, call: &Call) -> Result<Validated, String> {
    let (secret, token) = match &receiver.spec.secret_ref {
        None => (Secret::default(), String::new()),
        Some(reference) => token(app, key, &reference.name).await?,
    };
    let attempt = Attempt {
        receiver,
        secret: &secret,
        token: &token,
        headers: &call.headers,
        body: &call.body,
        clients: &app.clients,
    };
    validate(&attempt).await.map_err(|error| error.to_string())
}

async fn token(app: &App, key: &Key, name: &str) -> Result<(Secret, String), String> {
    let secret = secrets::get(&app.client, &key.namespace, name).await;
    let secret = secret.map_err(|error| format!("unable to read secret, error: {error}"))?;
    let token = secrets::webhook_token(&secret)?.to_owned();
    Ok((secret, token))
}

async fn wake_all(app: &App, key: &Key, receiver: &Receiver, filters: &Filters) -> StatusCode {
    let waking = Waking {
        client: &app.client,
        namespace: &key.namespace,
        no_cross_namespace_refs: app.no_cross_namespace_refs,
        watched: app.watched.as_deref(),
        filters,
    };
    let mut status = StatusCode::OK;
    for (index, resource) in receiver.spec.resources.iter().enumerate() {
        if let Err(error) = waking.wake(index, resource).await {
            tracing::error!(error = %error, "unable to request reconciliation");
            status = StatusCode::INTERNAL_SERVER_ERROR;
        }
    }
    status
}
