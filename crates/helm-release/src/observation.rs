//! What Flux remembers of a release, and the digest that tells whether somebody else changed it.
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{
    gojson::{sorted, to_go_json},
    release::{Info, Release, ReleaseHook},
};

/// A release as far as Flux compares it. Runs of test hooks are left out: anybody may run `helm test`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observation {
    name: String,
    version: i64,
    info: Info,
    #[serde(rename = "chartMetadata")]
    chart_metadata: Value,
    config: Option<Map<String, Value>>,
    manifest: String,
    hooks: Option<Vec<ReleaseHook>>,
    namespace: String,
    #[serde(rename = "ociDigest", skip_serializing_if = "String::is_empty")]
    oci_digest: String,
}

impl Observation {
    /// Observes a release; `oci_digest` is that of the artifact the chart came in, else empty.
    #[must_use]
    pub fn new(release: &Release, oci_digest: &str) -> Self {
        let hooks: Vec<_> = release
            .hooks
            .iter()
            .filter(|hook| !hook.events.iter().any(|event| event == "test"))
            .cloned()
            .collect();
        let mut info = release.info.clone();
        info.rest.clear();
        Self {
            name: release.name.clone(),
            version: release.version,
            info,
            chart_metadata: release.chart_metadata().to_json(),
            config: (!release.config.is_empty()).then(|| sorted(&release.config)),
            manifest: release.manifest.clone(),
            hooks: (!hooks.is_empty()).then_some(hooks),
            namespace: release.namespace.clone(),
            oci_digest: oci_digest.to_owned(),
        }
    }

    /// `sha256:…` over Go's JSON of it, as in `status.history[].digest` of a `HelmRelease`.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut json = to_go_json(self).unwrap_or_default();
        json.push(b'\n');
        sha256(&json)
    }
}

/// `sha256:<hex>`.
pub(crate) fn sha256(data: &[u8]) -> String {
    let digest = Sha256::digest(data);
    digest.iter().fold(String::from("sha256:"), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Observation;
    use crate::{
        gojson::to_go_json,
        release::{LastRun, Release, ReleaseHook, Status},
    };

    fn hook(event: &str, phase: &str) -> ReleaseHook {
        ReleaseHook {
            events: vec![event.into()],
            last_run: LastRun { phase: phase.into(), ..LastRun::default() },
            ..ReleaseHook::default()
        }
    }

    fn release(hooks: Vec<ReleaseHook>) -> Release {
        let mut release =
            Release { name: "web".into(), version: 1, namespace: "apps".into(), hooks, ..Release::default() };
        release.set_status(Status::Deployed, "done");
        release.chart = json!({"metadata": {"version": "1.0.0", "name": "c", "extra": 1}});
        release
    }

    #[test]
    fn the_json_is_that_of_fluxs_struct() {
        let observation = Observation::new(&release(vec![]), "");
        assert_eq!(
            String::from_utf8(to_go_json(&observation).unwrap()).unwrap(),
            r#"{"name":"web","version":1,"info":{"description":"done","status":"deployed"},"chartMetadata":{"name":"c","version":"1.0.0"},"config":null,"manifest":"","hooks":null,"namespace":"apps"}"#
        );
    }

    #[test]
    fn tests_run_by_hand_change_nothing() {
        let before = Observation::new(&release(vec![hook("test", "")]), "").digest();
        let after = Observation::new(&release(vec![hook("test", "Failed")]), "").digest();
        assert_eq!(before, after);
        let other = Observation::new(&release(vec![hook("pre-install", "Failed")]), "").digest();
        assert_ne!(before, other);
    }

    #[test]
    fn the_digest_of_the_artifact_counts() {
        let release = release(vec![]);
        assert_ne!(Observation::new(&release, "").digest(), Observation::new(&release, "sha256:x").digest());
    }
}
