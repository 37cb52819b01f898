//! The event endpoint: any path, any method, the event as JSON in the body.

use std::sync::{Arc, PoisonError};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use k8s_openapi::jiff::Timestamp;
use runtime::Key;
use tokio::time::Instant;

use super::duplicates::{DuplicateKey, Pass};
use super::judging::Busy;
use super::metadata;
use super::spool::Entry;
use crate::app::App;
use crate::event::Event;
use crate::listen::{Call, empty, plain};
use crate::status;

/// What an Alert is told whose expressions were not all asked.
const LATE: &str =
    "the expressions of this namespace's Alerts take too long: those left are taken as not matching";

/// Takes one event.
pub(crate) async fn take(app: Arc<App>, call: Call) -> Response<Body> {
    let mut event = match Event::decode(&call.body) {
        Ok(event) => event,
        Err(error) => {
            tracing::error!(error = %error, "decoding the request body failed");
            return empty(StatusCode::BAD_REQUEST);
        }
    };
    drop(call);
    metadata::clean(&mut event);
    let key = DuplicateKey::of(&event);
    let pass = app.duplicates.lock().unwrap_or_else(PoisonError::into_inner).take(&key, Instant::now());
    if !pass.allowed {
        tracing::debug!("Discarding event, rate limiting duplicate events");
        return limited(plain(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n"), pass);
    }
    // A task of its own: it comes to its end also when the sender hangs up, which ends this one.
    let taken = tokio::spawn(take_in(app, event, key)).await;
    limited(empty(taken.unwrap_or(StatusCode::SERVICE_UNAVAILABLE)), pass)
}

async fn take_in(app: Arc<App>, event: Event, key: DuplicateKey) -> StatusCode {
    let status = accept(&app, event).await;
    if status != StatusCode::ACCEPTED {
        // It was not taken in: when the sender repeats it, it is no duplicate.
        app.duplicates.lock().unwrap_or_else(PoisonError::into_inner).forget(&key);
    }
    status
}

async fn accept(app: &App, event: Event) -> StatusCode {
    let (object, event) = (event.involved_object.to_string(), Arc::new(event));
    let alerts = match wanting(app, &event).await {
        Ok(alerts) => alerts,
        Err(error) => {
            tracing::error!(eventInvolvedObject = object, error = %error, "event is not accepted");
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    };
    if alerts.is_empty() {
        tracing::info!(
            eventInvolvedObject = object,
            "discarding event, no alerts found for the involved object"
        );
        return StatusCode::ACCEPTED;
    }
    tracing::info!(eventInvolvedObject = object, eventMessage = event.message, "dispatching event");
    match app.dispatcher.accept(Entry::new(Arc::unwrap_or_clone(event), alerts)).await {
        Ok(()) => StatusCode::ACCEPTED,
        Err(error) => {
            tracing::error!(eventInvolvedObject = object, error = %error, "event is not accepted");
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The Alerts that may want an event; whether the labels fit is asked when it is delivered.
async fn wanting(app: &App, event: &Arc<Event>) -> Result<Vec<Key>, Busy> {
    let mut wanting = Vec::new();
    for (key, alert, judged) in app.judging.judge(app.alerts.all(), event).await? {
        for (list, text) in &judged.invalid {
            app.warn(&alert, status::INVALID_CONFIG, format!("failed to compile {list} regex: {text}"));
        }
        if judged.late {
            app.warn(&alert, status::INVALID_CONFIG, LATE);
        }
        if judged.is_possible() {
            wanting.push(key);
        }
    }
    wanting.sort();
    Ok(wanting)
}

/// With the headers that tell of the limit.
fn limited(mut response: Response<Body>, pass: Pass) -> Response<Body> {
    let headers = response.headers_mut();
    let reset = HeaderValue::from_str(&http_date(pass.reset)).ok();
    let mut set = |name: &'static str, value: Option<HeaderValue>| {
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-ratelimit-limit", Some(HeaderValue::from_static("1")));
    set("x-ratelimit-remaining", Some(HeaderValue::from_static("0")));
    set("x-ratelimit-reset", reset.clone());
    if !pass.allowed {
        set("retry-after", reset);
    }
    response
}

/// RFC 9110 date.
fn http_date(time: Timestamp) -> String {
    k8s_openapi::jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::http_date;

    #[test]
    fn dates_are_those_of_http() {
        let time = "2026-11-21T10:54:51.9Z".parse().unwrap();
        assert_eq!(http_date(time), "Sat, 21 Nov 2026 10:54:51 GMT");
    }
}
