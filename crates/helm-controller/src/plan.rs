//! A Helm action as a persisted plan (decision D16): what is being done, and by whom, stands on the release's Secret
//! before it is done, so that whoever comes next goes on there. Pure.

use serde::{Deserialize, Serialize};

use crate::spec::Kind;

/// Annotation of the release's Secret. Helm itself drops it when it writes the Secret: then the action is no longer
/// ours.
pub(crate) const ANNOTATION: &str = "helm.sluice.dev/plan";

/// Where an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// Hooks before the objects; which of them ran stands in the release.
    Before,
    /// Objects are written or deleted.
    Apply,
    /// Objects are waited for.
    Wait,
    /// Hooks after the objects.
    After,
    /// The action has ended; the status may not tell of it yet.
    Done,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Doing {
    /// See [`Kind::Install`].
    Install,
    /// See [`Kind::Upgrade`].
    Upgrade,
    /// See [`Kind::Rollback`].
    Rollback,
    /// See [`Kind::Uninstall`].
    Uninstall,
    /// See [`Kind::Test`].
    Test,
}

impl From<Kind> for Doing {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Install => Self::Install,
            Kind::Upgrade => Self::Upgrade,
            Kind::Rollback => Self::Rollback,
            Kind::Uninstall => Self::Uninstall,
            Kind::Test => Self::Test,
        }
    }
}

/// The plan of one action on one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    /// The action.
    pub doing: Doing,
    /// Its phase.
    pub phase: Phase,
    /// Which hook of the phase runs.
    #[serde(default)]
    pub hook: usize,
    /// When the phase ends at the latest, in milliseconds since 1970.
    pub deadline: i64,
    /// UID of the HelmRelease.
    pub owner: String,
    /// Who holds the Lease.
    pub holder: String,
    /// Generation of the HelmRelease.
    pub generation: i64,
    /// Version that was current before, for upgrades and rollbacks.
    #[serde(default)]
    pub original: i64,
    /// For upgrades: the release was never installed to the end, and this is the installation's end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub installs: bool,
}

impl Plan {
    /// Reads the annotation; anything else is no plan of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The annotation's value.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether this process may go on with it: it is of the same object, doing the same thing.
    pub(crate) fn continues(&self, owner: &str, doing: Doing) -> bool {
        self.owner == owner && self.doing == doing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_back_and_other_text_is_none() {
        let plan = Plan {
            doing: Doing::Upgrade,
            phase: Phase::Wait,
            hook: 2,
            deadline: 7,
            owner: "uid".into(),
            holder: "pod".into(),
            generation: 3,
            original: 1,
            installs: true,
        };
        assert_eq!(Plan::parse(&plan.text()), Some(plan.clone()));
        assert!(plan.continues("uid", Doing::Upgrade) && !plan.continues("other", Doing::Upgrade));
        for text in ["", "{}", "[]", "{\"doing\":\"dance\"}"] {
            assert_eq!(Plan::parse(text), None, "{text}");
        }
    }
}
