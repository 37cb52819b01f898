use std::time::Duration;

use api::kustomize::v1::KustomizationStatus;
use api::meta::{GoDuration, Reason};
use runtime::{ConditionName, ReasonName};
use ssa::Secrets;

/// What a pass is doing, as the message of Reconciling tells it. A failed pass keeps the message of the phase it
/// failed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The artifact is downloaded and unpacked.
    Fetching,
    /// The manifests are built from it.
    Building,
    /// They are compared with the cluster and applied.
    Applying,
    /// The applied objects are looked at until they are healthy.
    Checking,
}

impl Phase {
    /// The message of Reconciling, in Flux's words.
    pub(crate) fn message(self, revision: &str, timeout: Duration) -> String {
        let what = match self {
            Self::Fetching => "Fetching manifests",
            Self::Building => "Building manifests",
            Self::Applying => "Detecting drift",
            Self::Checking => "Running health checks",
        };
        format!("{what} for revision {revision} with a timeout of {}", GoDuration::from(timeout))
    }
}

/// Message of Ready while a pass is under way.
pub(crate) const IN_PROGRESS: &str = "Reconciliation in progress";

/// What stands before the message of a configuration error that no retry can mend.
const TERMINAL: &str = "Reconciliation failed terminally due to configuration error: ";

/// Message of Ready after a pass that went well.
pub(crate) fn applied_message(revision: &str) -> String {
    format!("Applied revision: {revision}")
}

/// Message of the event that closes a pass that went well.
pub(crate) fn finished_message(took: Duration, interval: Duration) -> String {
    format!("Reconciliation finished in {}, next run in {}", short(took), GoDuration::from(interval))
}

/// Message of Healthy, and of its event, after all objects became healthy.
pub(crate) fn healthy_message(took: Duration) -> String {
    format!("Health check passed in {}", short(took))
}

/// A measured duration to the millisecond: more digits say nothing.
pub(crate) fn short(took: Duration) -> GoDuration {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    GoDuration::from(Duration::from_millis(millis))
}

/// Condition types and reasons of Kustomizations alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// Condition: a manager takes the same object again and again.
    DriftContested,
    /// Reason of the event on an object whose drift was undone.
    DriftCorrected,
    /// Reason of the event that tells of a committed `kubectl get -o yaml`.
    ServerFieldsDropped,
}

impl Own {
    const fn text(self) -> &'static str {
        match self {
            Self::DriftContested => "DriftContested",
            Self::DriftCorrected => "DriftCorrected",
            Self::ServerFieldsDropped => "ServerFieldsDropped",
        }
    }
}

impl From<Own> for ConditionName {
    fn from(own: Own) -> Self {
        Self::new(own.text())
    }
}

impl From<Own> for ReasonName {
    fn from(own: Own) -> Self {
        Self::new(own.text())
    }
}

/// When a failed pass is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// After `spec.retryInterval`, without growing.
    Interval,
    /// After `--requeue-dependency`, and at once when the awaited thing moves.
    Dependency,
    /// After a growing delay: something outside of the object's reach failed.
    Backoff,
    /// When the object or what it refers to changes, or somebody asks.
    Never,
}

/// How loud a failure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// By a Warning event.
    Warning,
    /// By a Normal event.
    Normal,
    /// By the conditions alone.
    Silent,
}

/// Why a pass ended early: what Ready says and when it is tried again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    /// Reason of Ready=False.
    pub reason: Reason,
    /// Message of Ready=False.
    pub message: String,
    /// Phase that Reconciling shows; none when the pass never began.
    pub phase: Option<Phase>,
    /// When it is tried again.
    pub retry: Retry,
    /// How loud it is told.
    pub telling: Telling,
    /// Text of the event, where it is not the message of Ready.
    pub event: Option<String>,
    /// Message of Healthy=False, when the objects did not become healthy.
    pub unhealthy: Option<String>,
    /// The source's revision was known.
    pub knows_source: bool,
    /// Lines below the event's message in Kubernetes: where the objects stand in the source, what to run.
    pub detail: Vec<String>,
    /// The status to record, where it differs from the one last written.
    pub status: Option<Box<KustomizationStatus>>,
}

impl Failure {
    /// A failure of a phase, tried again after `spec.retryInterval`, told by a Warning.
    pub(crate) fn in_phase(phase: Phase, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            phase: Some(phase),
            retry: Retry::Interval,
            telling: Telling::Warning,
            event: None,
            unhealthy: None,
            knows_source: true,
            detail: Vec::new(),
            status: None,
        }
    }

    /// The pass did not begin because something it needs is missing.
    pub(crate) fn before(reason: Reason, message: impl Into<String>, retry: Retry, telling: Telling) -> Self {
        Self {
            reason,
            message: message.into(),
            phase: None,
            retry,
            telling,
            event: None,
            unhealthy: None,
            knows_source: false,
            detail: Vec::new(),
            status: None,
        }
    }

    /// The same, with this status to record.
    #[must_use]
    pub(crate) fn with(mut self, status: KustomizationStatus) -> Self {
        self.status = Some(Box::new(status));
        self
    }

    /// The same, with these lines below the event's message.
    #[must_use]
    pub(crate) fn below(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.detail.extend(lines);
        self
    }

    /// The same, without these texts.
    #[must_use]
    pub(crate) fn masked(mut self, secrets: &Secrets) -> Self {
        let own = [Some(&mut self.message), self.event.as_mut(), self.unhealthy.as_mut()];
        for text in own.into_iter().flatten().chain(&mut self.detail) {
            *text = secrets.mask(text);
        }
        self
    }

    /// A configuration error: Stalled, no retry.
    pub(crate) fn terminal(reason: Reason, message: impl std::fmt::Display) -> Self {
        let message = format!("{TERMINAL}{}", abridged(&message.to_string()));
        Self::before(reason, message, Retry::Never, Telling::Warning)
    }
}

/// Most characters of a text about a spec: expressions of many kilobytes are not told again.
const LONGEST: usize = 1500;

/// The text, cut where it is too long for a condition that somebody shall read.
fn abridged(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_masked_in_every_text_of_a_failure() {
        let told = || "name: canary".to_owned();
        let failure =
            Failure::in_phase(Phase::Applying, Reason::ReconciliationFailed, told()).below([told()]);
        let failure = Failure { event: Some(told()), unhealthy: Some(told()), ..failure };
        let masked = failure.masked(&Secrets::new(["canary".to_owned()], 1));
        assert!(!format!("{masked:?}").contains("canary"), "{masked:?}");
        assert_eq!(masked.message, "name: ***");
    }

    #[test]
    fn a_text_about_a_spec_is_cut() {
        assert_eq!(abridged("é"), "é");
        assert_eq!(abridged(&"é".repeat(LONGEST + 1)), "é".repeat(LONGEST) + "...");
    }

    #[test]
    fn phases_speak_as_flux_does() {
        let half = Duration::from_secs(570);
        assert_eq!(
            Phase::Applying.message("main@sha1:abc", half),
            "Detecting drift for revision main@sha1:abc with a timeout of 9m30s"
        );
        assert_eq!(
            Phase::Checking.message("v1@sha256:1", Duration::from_secs(30)),
            "Running health checks for revision v1@sha256:1 with a timeout of 30s"
        );
    }

    #[test]
    fn measured_durations_end_at_the_millisecond() {
        let took = Duration::from_nanos(1_234_567_890);
        assert_eq!(healthy_message(took), "Health check passed in 1.234s");
        assert_eq!(
            finished_message(took, Duration::from_secs(600)),
            "Reconciliation finished in 1.234s, next run in 10m0s"
        );
    }

    #[test]
    fn configuration_errors_are_never_retried() {
        let failure = Failure::terminal(Reason::InvalidCELExpression, "bad");
        assert_eq!(failure.retry, Retry::Never);
        assert_eq!(failure.message, "Reconciliation failed terminally due to configuration error: bad");
    }
}
