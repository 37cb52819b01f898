//! Sources of charts: whether they are ready, and their artifact.

use api::helm::v2::ChartRefKind;
use api::meta::{Artifact, Condition, ConditionType};
use api::source::v1::{ExternalArtifact, HelmChart, OCIRepository};
use runtime::conditions::find;
use runtime::{Context, sources};
use serde::Deserialize;

/// A source by kind, namespace and name.
pub(crate) type SourceKey = sources::SourceKey<ChartRefKind>;
/// Called with a source that changed in what is kept of it.
pub(crate) type OnSource = sources::OnSource<ChartRefKind, Seen>;
/// The sources the controller sees.
pub(crate) type Sources = sources::Sources<ChartRefKind, Seen>;

/// What a source says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// Its artifact.
    pub artifact: Option<Artifact>,
    /// Generation of its spec.
    pub generation: i64,
    /// Generation that its status is about.
    pub observed: i64,
    /// Message of Ready=False.
    pub not_ready: Option<String>,
    /// Message of Stalled=True.
    pub stalled: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    artifact: Option<Artifact>,
    observed_generation: i64,
    conditions: Vec<Condition>,
}

impl sources::Seen for Seen {
    type Status = Status;

    fn of(generation: i64, status: Status) -> Self {
        let message = |kind: ConditionType, value: &str| {
            let found = find(&status.conditions, kind).filter(|condition| condition.status == value);
            found.map(|condition| condition.message.clone())
        };
        Self {
            generation,
            observed: status.observed_generation,
            not_ready: message(ConditionType::Ready, "False"),
            stalled: message(ConditionType::Stalled, "True"),
            artifact: status.artifact,
        }
    }
}

impl Seen {
    /// The same of a source whose spec is known to be of this generation at least: a watch lags behind what was written
    /// a moment ago.
    #[must_use]
    pub(crate) fn at_least(mut self, generation: i64) -> Self {
        self.generation = self.generation.max(generation);
        self
    }

    /// Why the source cannot be used now, in Flux's words; none when it can.
    pub(crate) fn trouble(&self, source: &SourceKey) -> Option<String> {
        let named = format!("{} '{}/{}'", source.kind, source.key.namespace, source.key.name);
        let why = if source.kind == ChartRefKind::ExternalArtifact {
            self.artifact.is_none().then_some("does not have an artifact")?
        } else if self.generation != self.observed {
            self.not_ready.as_deref().unwrap_or("latest generation of object has not been reconciled")
        } else if let Some(stalled) = &self.stalled {
            stalled
        } else {
            self.artifact.is_none().then_some("does not have an artifact")?
        };
        Some(format!("{named} is not ready: {why}"))
    }
}

/// Starts the watches of all kinds a chart can come from.
pub(crate) fn watch(context: &Context, external: bool, direct: bool, changed: &OnSource) -> Sources {
    let sources = Sources::new(direct)
        .watch::<HelmChart>(context, ChartRefKind::HelmChart, changed)
        .watch::<OCIRepository>(context, ChartRefKind::OCIRepository, changed);
    if external {
        return sources.watch::<ExternalArtifact>(context, ChartRefKind::ExternalArtifact, changed);
    }
    sources
}

/// Whether the watch shows another artifact than this one.
pub(crate) fn has_other_artifact(sources: &Sources, source: &SourceKey, artifact: &Artifact) -> bool {
    let newest = sources.shown(source).and_then(|seen| seen.artifact);
    newest.is_some_and(|newest| !newest.has_same_content(artifact))
}

#[cfg(test)]
mod tests {
    use runtime::Key;

    use super::*;

    fn seen(status: &str) -> Seen {
        let text =
            format!(r#"{{"metadata":{{"name":"c","namespace":"ns","generation":2}},"status":{status}}}"#);
        serde_json::from_str::<sources::Source<HelmChart, Seen>>(&text).unwrap().seen
    }

    fn key() -> SourceKey {
        SourceKey { kind: ChartRefKind::HelmChart, key: Key::new("ns", "c") }
    }

    #[test]
    fn a_source_is_ready_at_its_generation_with_an_artifact() {
        let ready = seen(
            r#"{"observedGeneration":2,"artifact":{"revision":"1.0.0","digest":"sha256:2","url":"http://x"}}"#,
        );
        assert_eq!(ready.trouble(&key()), None);
        assert_eq!(
            seen("{}").trouble(&key()).unwrap(),
            "HelmChart 'ns/c' is not ready: latest generation of object has not been reconciled"
        );
        assert_eq!(
            seen(r#"{"observedGeneration":2}"#).trouble(&key()).unwrap(),
            "HelmChart 'ns/c' is not ready: does not have an artifact"
        );
    }

    #[test]
    fn an_artifact_from_before_the_last_write_is_not_used() {
        let before = seen(
            r#"{"observedGeneration":2,"artifact":{"revision":"1.0.0","digest":"sha256:2","url":"http://x"}}"#,
        );
        assert_eq!(before.clone().at_least(2).trouble(&key()), None);
        assert_eq!(
            before.at_least(3).trouble(&key()).unwrap(),
            "HelmChart 'ns/c' is not ready: latest generation of object has not been reconciled"
        );
    }

    #[test]
    fn a_source_that_failed_says_why() {
        let row = |kind: &str, status: &str| {
            format!(
                r#"{{"type":"{kind}","status":"{status}","reason":"x","message":"no such chart","lastTransitionTime":"2026-01-01T00:00:00Z"}}"#
            )
        };
        let failed = seen(&format!(r#"{{"observedGeneration":1,"conditions":[{}]}}"#, row("Ready", "False")));
        assert_eq!(failed.trouble(&key()).unwrap(), "HelmChart 'ns/c' is not ready: no such chart");
        let stalled =
            seen(&format!(r#"{{"observedGeneration":2,"conditions":[{}]}}"#, row("Stalled", "True")));
        assert_eq!(stalled.trouble(&key()).unwrap(), "HelmChart 'ns/c' is not ready: no such chart");
    }
}
