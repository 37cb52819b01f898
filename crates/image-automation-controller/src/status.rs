use std::time::Duration;

use api::meta::{Condition, ConditionType, FluxObject, FluxStatus, Reason};
use runtime::conditions::find;
use runtime::{Event, Next, Outcome, ReasonName, Run, Set, StatusError, Verdict};

/// Reasons of conditions and events that only kinds of images have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageReason {
    AuthenticationFailed,
    DependencyNotReady,
    Failure,
    GitOperationFailed,
    ImageURLInvalid,
    IntervalNotConfigured,
    InvalidPolicy,
    InvalidPolicySelector,
    InvalidSourceConfiguration,
    InvalidUpdateStrategy,
    ReadOperationFailed,
    RemovedTemplateField,
    SourceManagerFailed,
    UnsupportedFeature,
    UpdateFailed,
}

impl From<ImageReason> for ReasonName {
    fn from(reason: ImageReason) -> Self {
        Self::new(match reason {
            ImageReason::AuthenticationFailed => "AuthenticationFailed",
            ImageReason::DependencyNotReady => "DependencyNotReady",
            ImageReason::Failure => "Failure",
            ImageReason::GitOperationFailed => "GitOperationFailed",
            ImageReason::ImageURLInvalid => "ImageURLInvalid",
            ImageReason::IntervalNotConfigured => "IntervalNotConfigured",
            ImageReason::InvalidPolicy => "InvalidPolicy",
            ImageReason::InvalidPolicySelector => "InvalidPolicySelector",
            ImageReason::InvalidSourceConfiguration => "InvalidSourceConfiguration",
            ImageReason::InvalidUpdateStrategy => "InvalidUpdateStrategy",
            ImageReason::ReadOperationFailed => "ReadOperationFailed",
            ImageReason::RemovedTemplateField => "RemovedTemplateField",
            ImageReason::SourceManagerFailed => "SourceManagerFailed",
            ImageReason::UnsupportedFeature => "UnsupportedFeature",
            ImageReason::UpdateFailed => "UpdateFailed",
        })
    }
}

/// What becomes of an object after a failed step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// Only a change of the object helps.
    Stalled,
    /// Time may help.
    Retry,
    /// Something it needs may come; looked at again after this time where no event tells before.
    Wait(Duration),
}

/// A failed step: what it says and what comes next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct StepError {
    pub(crate) reason: ReasonName,
    pub(crate) message: String,
    pub(crate) disposition: Disposition,
}

impl StepError {
    /// Tried again.
    pub(crate) fn retry(reason: impl Into<ReasonName>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), message: message.into(), disposition: Disposition::Retry }
    }

    /// Not tried again.
    pub(crate) fn stalled(reason: impl Into<ReasonName>, message: impl Into<String>) -> Self {
        Self { reason: reason.into(), message: message.into(), disposition: Disposition::Stalled }
    }

    /// Tried again after a time.
    pub(crate) fn wait(reason: impl Into<ReasonName>, message: impl Into<String>, time: Duration) -> Self {
        Self { reason: reason.into(), message: message.into(), disposition: Disposition::Wait(time) }
    }

    /// The spec asks for what is not built: a scan or a commit that silently does less would be worse than none.
    pub(crate) fn unsupported(what: &str) -> Self {
        let text = format!("{what} is not supported by this version of image-automation-controller");
        Self::stalled(ImageReason::UnsupportedFeature, text)
    }
}

/// Why a run ended before its end.
pub(crate) enum RunFailure {
    /// A step failed.
    Step(StepError),
    /// Another run is due, or nothing can be written: the outcome changes nothing.
    Outdated,
}

impl From<StepError> for RunFailure {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

impl From<StatusError> for RunFailure {
    fn from(error: StatusError) -> Self {
        tracing::debug!(error = %error, "run ends early");
        Self::Outdated
    }
}

/// A run that came to its end.
pub(crate) struct Done {
    /// Message of Ready.
    pub(crate) ready: String,
    /// What is told instead of Ready's message when something happened.
    pub(crate) news: Option<String>,
    /// What is told, to Kubernetes only, when nothing is new.
    pub(crate) quiet: String,
    /// When the next run is due.
    pub(crate) next: Next,
}

/// Shows that a new generation is looked at. Other runs are short and write once, at their end; a failure shows then
/// what it was at.
pub(crate) async fn begin<K: FluxObject>(run: &Run<K>, status: &K::Status) -> Result<(), StatusError> {
    let (generation, observed) = (run.generation(), run.base.observed_generation());
    if generation == observed {
        run.at("reconciliation in progress");
        return Ok(());
    }
    let message = format!("processing object: new generation {observed} -> {generation}");
    // A retry shows what the first try showed.
    let shown = find(run.base.conditions(), ConditionType::Reconciling);
    if shown.is_some_and(|shown| shown.message == message && shown.observed_generation == Some(generation)) {
        run.at(message);
        return Ok(());
    }
    show(run, status, &message).await
}

/// Shows what the run is at; Ready is Unknown meanwhile where nothing else is known.
pub(crate) async fn show<K: FluxObject>(
    run: &Run<K>,
    status: &K::Status,
    message: &str,
) -> Result<(), StatusError> {
    let mut sets = vec![Set::reconciling(message)];
    let known =
        find(run.base.conditions(), ConditionType::Ready).is_some_and(|ready| ready.status != "Unknown");
    if !known {
        sets.push(Set::ready_unknown(message));
    }
    sets.push(Set::remove(ConditionType::Stalled));
    run.progress(status, &sets).await
}

/// What the shell is to record and to tell, the same for all kinds of images: an event of severity info when something
/// changed or the object recovered, of severity error when it failed, else one for Kubernetes only.
pub(crate) fn conclude<K: FluxObject>(
    run: &Run<K>,
    status: K::Status,
    result: Result<Done, RunFailure>,
) -> Outcome<K::Status> {
    match result {
        Ok(done) => succeeded(run, status, done),
        Err(RunFailure::Step(error)) => failed(run, status, error),
        Err(RunFailure::Outdated) => Outcome {
            status,
            verdict: Verdict::Unchanged,
            conditions: Vec::new(),
            events: Vec::new(),
            // Whatever outdated the run is queued already.
            next: if run.cancel.is_cancelled() { Next::Never } else { Next::Backoff },
        },
    }
}

fn succeeded<K: FluxObject>(run: &Run<K>, status: K::Status, done: Done) -> Outcome<K::Status> {
    let before = find(run.base.conditions(), ConditionType::Ready);
    let is_new = !was_ready(run) || before.is_none_or(|before| before.message != done.ready);
    let event = match (is_new || done.news.is_some(), done.news) {
        (true, news) => Event::info(Reason::Succeeded, news.unwrap_or_else(|| done.ready.clone())),
        (false, _) => Event::trace(Reason::Succeeded, done.quiet),
    };
    let verdict = Verdict::Ready { reason: Reason::Succeeded.into(), message: done.ready };
    Outcome { status, verdict, conditions: Vec::new(), events: vec![event], next: done.next }
}

fn was_ready<K: FluxObject>(run: &Run<K>) -> bool {
    let has = |kind| find(run.base.conditions(), kind).is_some_and(|condition| condition.status == "True");
    has(ConditionType::Ready) && !has(ConditionType::Stalled) && !has(ConditionType::Reconciling)
}

fn failed<K: FluxObject>(run: &Run<K>, status: K::Status, error: StepError) -> Outcome<K::Status> {
    let (reason, message) = (error.reason, error.message);
    let mut event = Event::error(reason, message.clone());
    let mut conditions = Vec::new();
    let (verdict, next) = match error.disposition {
        Disposition::Retry => (Verdict::Failed { reason, message }, Next::Backoff),
        Disposition::Wait(time) => (Verdict::Failed { reason, message }, Next::After(time)),
        Disposition::Stalled => match not_ready(run.base.conditions()).filter(|_| keeps_ready(reason)) {
            None => (Verdict::Stalled { reason, message }, Next::Never),
            // As in Flux, a Ready that is False already keeps what it says; Stalled tells the news.
            Some(ready) => {
                let told = named(&ready.reason).unwrap_or(event.reason);
                event = Event { message: ready.message.clone(), reason: told, ..event };
                conditions.push(Set::remove(ConditionType::Reconciling));
                conditions.push(Set::yes(ConditionType::Stalled, reason, message));
                (Verdict::Judged, Next::Never)
            }
        },
    };
    Outcome { status, verdict, conditions, events: vec![event], next }
}

/// The reason of ours with that name.
fn named(text: &str) -> Option<ReasonName> {
    use ImageReason as R;
    let all = [
        R::AuthenticationFailed,
        R::DependencyNotReady,
        R::Failure,
        R::GitOperationFailed,
        R::ImageURLInvalid,
        R::IntervalNotConfigured,
        R::InvalidPolicy,
        R::InvalidPolicySelector,
        R::InvalidSourceConfiguration,
        R::InvalidUpdateStrategy,
        R::ReadOperationFailed,
        R::RemovedTemplateField,
        R::SourceManagerFailed,
        R::UnsupportedFeature,
        R::UpdateFailed,
    ];
    let shared = [Reason::Failed, Reason::AccessDenied].map(ReasonName::from);
    all.map(ReasonName::from).into_iter().chain(shared).find(|name| name.as_str() == text)
}

/// Automations take a Ready of an earlier trouble back as they go on; the two other kinds do not.
fn keeps_ready(reason: ReasonName) -> bool {
    let of_automations = [
        ImageReason::InvalidPolicySelector,
        ImageReason::InvalidSourceConfiguration,
        ImageReason::InvalidUpdateStrategy,
        ImageReason::RemovedTemplateField,
    ];
    !of_automations.map(ReasonName::from).contains(&reason)
}

fn not_ready(conditions: &[Condition]) -> Option<&Condition> {
    find(conditions, ConditionType::Ready).filter(|ready| ready.status == "False")
}

/// The time in whole seconds, as a status carries it.
pub(crate) fn now() -> api::meta::Time {
    let now = k8s_openapi::jiff::Timestamp::now();
    api::meta::Time(k8s_openapi::jiff::Timestamp::from_second(now.as_second()).unwrap_or(now))
}
