//! What a HelmRelease asks for, with Flux's defaults filled in. Pure.

use std::time::Duration;

use crate::digest::sha256_hex;
use api::helm::v2::{
    ActionStrategyName, ChartNameChangeStrategy, CrdsPolicy, DeletionPropagation, DriftDetectionMode,
    HelmRelease, Install, InstallRemediation, PostRenderStrategy, ReleaseAction, RemediationStrategy,
    Rollback, ServerSideApply, Test, Uninstall, Upgrade, UpgradeRemediation,
};
use api::meta::GoDuration;

/// Helm's longest name of a release.
const MAX_NAME: usize = 53;
/// Releases kept where `maxHistory` says nothing.
const MAX_HISTORY: i64 = 5;
/// Wait before a retry where `retryInterval` says nothing.
const RETRY_INTERVAL: Duration = Duration::from_secs(300);

/// Flags that change what the same spec means.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Defaults {
    /// Gate `UseHelm3Defaults`.
    pub helm3: bool,
    /// Gate `DefaultToRetryOnFailure`.
    pub retry_on_failure: bool,
}

/// A view of one HelmRelease.
#[derive(Clone, Copy)]
pub(crate) struct Spec<'a> {
    object: &'a HelmRelease,
    defaults: Defaults,
}

/// How failures of the last action are dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remediation {
    retries: i64,
    ignore_test_failures: Option<bool>,
    /// The last failure is undone too.
    pub last: bool,
    /// Roll back instead of uninstalling.
    pub rollback: bool,
    /// This is the remediation of upgrades.
    pub of_upgrade: bool,
}

impl Remediation {
    /// Whether so many failures leave no retry.
    pub(crate) fn exhausted(&self, failures: i64) -> bool {
        self.retries >= 0 && failures > self.retries
    }

    /// Whether failed tests pass.
    pub(crate) fn ignores_tests(&self, default: bool) -> bool {
        self.ignore_test_failures.unwrap_or(default)
    }

    /// Whether a failed upgrade is undone by removing the release.
    pub(crate) fn uninstalls_after_upgrade(&self) -> bool {
        self.of_upgrade && !self.rollback
    }

    fn of_install(spec: Option<&InstallRemediation>) -> Self {
        Self {
            retries: spec.and_then(|spec| spec.retries).unwrap_or(0),
            ignore_test_failures: spec.and_then(|spec| spec.ignore_test_failures),
            last: spec.and_then(|spec| spec.remediate_last_failure).unwrap_or(false),
            rollback: false,
            of_upgrade: false,
        }
    }

    fn of_upgrade(spec: Option<&UpgradeRemediation>) -> Self {
        let retries = spec.and_then(|spec| spec.retries).unwrap_or(0);
        Self {
            retries,
            ignore_test_failures: spec.and_then(|spec| spec.ignore_test_failures),
            last: spec.and_then(|spec| spec.remediate_last_failure).unwrap_or(retries > 0),
            rollback: spec.and_then(|spec| spec.strategy.clone()) != Some(RemediationStrategy::Uninstall),
            of_upgrade: true,
        }
    }
}

/// A Helm action, with what all of them have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first release.
    Install,
    /// A later one.
    Upgrade,
    /// Back to an earlier one.
    Rollback,
    /// The release is removed.
    Uninstall,
    /// The chart's tests are run.
    Test,
}

/// How an action waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    /// Objects of the release are waited for.
    pub objects: bool,
    /// Jobs among them must complete.
    pub jobs: bool,
}

impl<'a> Spec<'a> {
    /// Of an object.
    pub(crate) fn new(object: &'a HelmRelease, defaults: Defaults) -> Self {
        Self { object, defaults }
    }

    fn own_namespace(&self) -> &'a str {
        self.object.metadata.namespace.as_deref().unwrap_or_default()
    }

    /// Name of the release as asked for, maybe longer than Helm allows.
    pub(crate) fn long_name(&self) -> String {
        let spec = &self.object.spec;
        let name = self.object.metadata.name.as_deref().unwrap_or_default();
        match (&spec.release_name, &spec.target_namespace) {
            (Some(name), _) if !name.is_empty() => name.clone(),
            (_, Some(target)) if !target.is_empty() => format!("{target}-{name}"),
            _ => name.to_owned(),
        }
    }

    /// Name of the release.
    pub(crate) fn name(&self) -> String {
        shortened(&self.long_name())
    }

    /// Namespace of the release.
    pub(crate) fn namespace(&self) -> &'a str {
        let target = self.object.spec.target_namespace.as_deref().filter(|text| !text.is_empty());
        target.unwrap_or(self.own_namespace())
    }

    /// Namespace where the release is stored.
    pub(crate) fn storage_namespace(&self) -> &'a str {
        let storage = self.object.spec.storage_namespace.as_deref().filter(|text| !text.is_empty());
        storage.unwrap_or(self.own_namespace())
    }

    /// How long a phase of an action may take.
    pub(crate) fn timeout(&self, kind: Kind) -> Duration {
        let spec = &self.object.spec;
        let own: Option<&GoDuration> = match kind {
            Kind::Install => spec.install.as_ref().and_then(|install| install.timeout.as_ref()),
            Kind::Upgrade => spec.upgrade.as_ref().and_then(|upgrade| upgrade.timeout.as_ref()),
            Kind::Rollback => spec.rollback.as_ref().and_then(|rollback| rollback.timeout.as_ref()),
            Kind::Uninstall => spec.uninstall.as_ref().and_then(|uninstall| uninstall.timeout.as_ref()),
            Kind::Test => spec.test.as_ref().and_then(|test| test.timeout.as_ref()),
        };
        own.map_or_else(|| spec.timeout(), |timeout| timeout.get_or(spec.timeout()))
    }

    /// What an action waits for.
    pub(crate) fn waits(&self, kind: Kind) -> Waits {
        let (objects, jobs) = match kind {
            Kind::Install => {
                let install = self.install();
                (!install.disable_wait, !install.disable_wait_for_jobs)
            }
            Kind::Upgrade => {
                let upgrade = self.upgrade();
                (!upgrade.disable_wait, !upgrade.disable_wait_for_jobs)
            }
            Kind::Rollback => {
                let rollback = self.rollback();
                (!rollback.disable_wait, !rollback.disable_wait_for_jobs)
            }
            Kind::Uninstall => (!self.uninstall().disable_wait, false),
            Kind::Test => (true, true),
        };
        Waits { objects, jobs }
    }

    /// Whether an action runs hooks.
    pub(crate) fn runs_hooks(&self, kind: Kind) -> bool {
        !match kind {
            Kind::Install => self.install().disable_hooks,
            Kind::Upgrade => self.upgrade().disable_hooks,
            Kind::Rollback => self.rollback().disable_hooks,
            Kind::Uninstall => self.uninstall().disable_hooks,
            Kind::Test => false,
        }
    }

    /// Whether an action replaces objects instead of patching them.
    pub(crate) fn replaces(&self, kind: Kind) -> bool {
        match kind {
            Kind::Upgrade => self.upgrade().force,
            Kind::Rollback => self.rollback().force,
            Kind::Install | Kind::Uninstall | Kind::Test => false,
        }
    }

    /// Whether an action refuses unknown fields. What a rollback goes back to was taken once.
    pub(crate) fn is_strict(&self, kind: Kind) -> bool {
        match kind {
            Kind::Install => !self.install().disable_open_api_validation,
            Kind::Upgrade => !self.upgrade().disable_open_api_validation,
            Kind::Rollback => false,
            Kind::Uninstall | Kind::Test => true,
        }
    }

    /// Whether objects that a failed action created are deleted.
    pub(crate) fn cleans_up(&self, kind: Kind) -> bool {
        match kind {
            Kind::Upgrade => self.upgrade().cleanup_on_fail,
            Kind::Rollback => self.rollback().cleanup_on_fail,
            Kind::Install | Kind::Uninstall | Kind::Test => false,
        }
    }

    /// `spec.install`.
    pub(crate) fn install(&self) -> Install {
        self.object.spec.install.clone().unwrap_or_default()
    }

    /// `spec.upgrade`.
    pub(crate) fn upgrade(&self) -> Upgrade {
        self.object.spec.upgrade.clone().unwrap_or_default()
    }

    /// `spec.rollback`.
    pub(crate) fn rollback(&self) -> Rollback {
        self.object.spec.rollback.clone().unwrap_or_default()
    }

    /// `spec.uninstall`.
    pub(crate) fn uninstall(&self) -> Uninstall {
        self.object.spec.uninstall.clone().unwrap_or_default()
    }

    /// `spec.test`.
    pub(crate) fn test(&self) -> Test {
        self.object.spec.test.clone().unwrap_or_default()
    }

    /// The remediation of installations.
    pub(crate) fn install_remediation(&self) -> Remediation {
        Remediation::of_install(self.install().remediation.as_ref())
    }

    /// The remediation of upgrades.
    pub(crate) fn upgrade_remediation(&self) -> Remediation {
        Remediation::of_upgrade(self.upgrade().remediation.as_ref())
    }

    /// The remediation of the action last tried.
    pub(crate) fn active_remediation(&self, last: Option<&ReleaseAction>) -> Option<Remediation> {
        match last? {
            ReleaseAction::Install => Some(self.install_remediation()),
            ReleaseAction::Upgrade => Some(self.upgrade_remediation()),
            ReleaseAction::Other(_) => None,
        }
    }

    /// How soon a failed action is tried again without being undone; none where failures are remediated.
    pub(crate) fn retry(&self, action: &ReleaseAction) -> Option<Duration> {
        let (strategy, interval) = match action {
            ReleaseAction::Install => {
                let strategy = self.install().strategy;
                let interval = strategy.as_ref().and_then(|strategy| strategy.retry_interval.clone());
                (strategy.map(|strategy| strategy.name), interval)
            }
            ReleaseAction::Upgrade => {
                let strategy = self.upgrade().strategy;
                let interval = strategy.as_ref().and_then(|strategy| strategy.retry_interval.clone());
                (strategy.map(|strategy| strategy.name), interval)
            }
            ReleaseAction::Other(_) => return None,
        };
        let retries = match strategy {
            None => self.defaults.retry_on_failure,
            Some(name) => name == ActionStrategyName::RetryOnFailure,
        };
        retries.then(|| interval.map_or(RETRY_INTERVAL, |interval| interval.get_or(RETRY_INTERVAL)))
    }

    /// Whether an installation applies server-side.
    pub(crate) fn install_server_side(&self) -> bool {
        self.install().server_side_apply.unwrap_or(!self.defaults.helm3)
    }

    /// Whether an upgrade or rollback applies server-side; `before` is how the release was made.
    pub(crate) fn server_side(&self, kind: Kind, before: bool) -> bool {
        let asked = match kind {
            Kind::Rollback => self.rollback().server_side_apply,
            _ => self.upgrade().server_side_apply,
        };
        match asked {
            Some(ServerSideApply::Enabled) => true,
            Some(ServerSideApply::Disabled) => false,
            _ => before,
        }
    }

    /// What becomes of the chart's CRDs.
    pub(crate) fn crds(&self, kind: Kind) -> CrdsPolicy {
        let asked = if kind == Kind::Install { self.install().crds } else { self.upgrade().crds };
        asked.filter(|policy| !policy.as_str().is_empty()).unwrap_or(CrdsPolicy::Create)
    }

    /// Releases kept; 0 keeps all.
    pub(crate) fn max_history(&self) -> i64 {
        self.object.spec.max_history.unwrap_or(MAX_HISTORY)
    }

    /// What is done about drift.
    pub(crate) fn drift(&self) -> DriftMode {
        match self.object.spec.drift_detection.as_ref().and_then(|drift| drift.mode.clone()) {
            Some(DriftDetectionMode::Enabled) => DriftMode::Correct,
            Some(DriftDetectionMode::Warn) => DriftMode::Report,
            _ => DriftMode::Off,
        }
    }

    /// Whether a chart of another name replaces the release instead of upgrading it.
    pub(crate) fn reinstalls_renamed_charts(&self) -> bool {
        self.upgrade().chart_name_change_strategy != Some(ChartNameChangeStrategy::InPlaceUpdate)
    }

    /// What becomes of objects that deleted ones own.
    pub(crate) fn propagation(&self) -> &'static str {
        match self.uninstall().deletion_propagation {
            Some(DeletionPropagation::Foreground) => "Foreground",
            Some(DeletionPropagation::Orphan) => "Orphan",
            _ => "Background",
        }
    }

    /// What becomes of hooks in post-rendering.
    pub(crate) fn post_render_strategy(&self) -> PostRenderStrategy {
        let asked = self.object.spec.post_render_strategy.clone();
        asked.filter(|strategy| !strategy.as_str().is_empty()).unwrap_or(if self.defaults.helm3 {
            PostRenderStrategy::NoHooks
        } else {
            PostRenderStrategy::Combined
        })
    }
}

/// What is done about drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DriftMode {
    /// Nothing; it is not looked for.
    Off,
    /// It is told.
    Report,
    /// It is undone.
    Correct,
}

/// A name that Helm takes: longer ones end in a hash.
pub(crate) fn shortened(name: &str) -> String {
    if name.len() <= MAX_NAME {
        return name.to_owned();
    }
    let hash = sha256_hex(name.as_bytes());
    let head: String = name.chars().take(40).collect();
    format!("{head}-{}", &hash[..12])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(spec: serde_json::Value) -> HelmRelease {
        serde_json::from_value(json!({"metadata": {"name": "app", "namespace": "ns"}, "spec": spec})).unwrap()
    }

    #[test]
    fn names_follow_the_target_namespace_and_are_cut_with_a_hash() {
        let plain = object(json!({}));
        let spec = Spec::new(&plain, Defaults::default());
        assert_eq!((spec.name().as_str(), spec.namespace(), spec.storage_namespace()), ("app", "ns", "ns"));
        let target = object(json!({"targetNamespace": "other"}));
        let spec = Spec::new(&target, Defaults::default());
        assert_eq!(
            (spec.name().as_str(), spec.namespace(), spec.storage_namespace()),
            ("other-app", "other", "ns")
        );
        let long = "a".repeat(60);
        let short = shortened(&long);
        assert_eq!((short.len(), &short[..41]), (53, format!("{}-", "a".repeat(40)).as_str()));
    }

    #[test]
    fn retries_count_failures_and_negative_ones_never_end() {
        let two = object(json!({"upgrade": {"remediation": {"retries": 2}}}));
        let remediation = Spec::new(&two, Defaults::default()).upgrade_remediation();
        assert!(!remediation.exhausted(2) && remediation.exhausted(3) && remediation.last);
        let endless = object(json!({"install": {"remediation": {"retries": -1}}}));
        let remediation = Spec::new(&endless, Defaults::default()).install_remediation();
        assert!(!remediation.exhausted(1_000) && !remediation.last && !remediation.rollback);
    }

    #[test]
    fn how_objects_are_written_follows_the_action() {
        let asked = object(json!({
            "install": {"disableOpenAPIValidation": true},
            "upgrade": {"force": true, "cleanupOnFail": true},
        }));
        let spec = Spec::new(&asked, Defaults::default());
        let of = |kind| (spec.replaces(kind), spec.is_strict(kind), spec.cleans_up(kind));
        assert_eq!(of(Kind::Install), (false, false, false));
        assert_eq!(of(Kind::Upgrade), (true, true, true));
        assert_eq!(of(Kind::Rollback), (false, false, false));
    }

    #[test]
    fn retry_on_failure_is_asked_for_or_the_gates_default() {
        let plain = object(json!({}));
        let install = ReleaseAction::Install;
        assert_eq!(Spec::new(&plain, Defaults::default()).retry(&install), None);
        let gate = Defaults { retry_on_failure: true, ..Defaults::default() };
        assert_eq!(Spec::new(&plain, gate).retry(&install), Some(RETRY_INTERVAL));
        let asked =
            object(json!({"install": {"strategy": {"name": "RetryOnFailure", "retryInterval": "5s"}}}));
        assert_eq!(Spec::new(&asked, Defaults::default()).retry(&install), Some(Duration::from_secs(5)));
        assert_eq!(Spec::new(&asked, Defaults::default()).retry(&ReleaseAction::Upgrade), None);
    }
}
