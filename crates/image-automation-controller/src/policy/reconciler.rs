use std::sync::{Arc, OnceLock};
use std::time::Duration;

use api::image::v1::{
    DigestReflectionPolicy, ImagePolicy, ImagePolicyStatus, ImageRef, ImageRepository, ImageUpdateAutomation,
};
use api::meta::Reason;
use kube::Client;
use oci::{Reference, Repository};
use runtime::{Change, Finalized, Handle, Key, Next, Outcome, Reason as Why, Reconciler, Run};

use super::access::{repository, repository_of};
use super::choose::{ChoiceError, choose};
use crate::blocking::blocking;
use crate::image;
use crate::repository::{Registries, TagStore};
use crate::status::{Done, ImageReason, RunFailure, StepError, begin, conclude};

/// Reconciles ImagePolicies.
pub(crate) struct ImagePolicies {
    pub(crate) client: Client,
    pub(crate) registries: Registries,
    pub(crate) tags: TagStore,
    pub(crate) automations: Arc<OnceLock<Handle<ImageUpdateAutomation>>>,
    pub(crate) no_cross_namespace: bool,
    pub(crate) requeue_dependency: Duration,
}

/// Wakes the policies that name a repository.
pub(crate) fn wake_policies(policies: &Handle<ImagePolicy>, repository: &Key) {
    for (key, object) in policies.store.all() {
        if repository_of(&key, &object) == *repository {
            policies.waker.wake(&key, Why::Dependency);
        }
    }
}

impl Reconciler for ImagePolicies {
    type Kind = ImagePolicy;
    const FINALIZE_SUSPENDED: bool = true;
    const MANAGER: Option<&'static str> = Some("image-reflector-controller");

    async fn reconcile(&self, run: &Run<ImagePolicy>) -> Outcome<ImagePolicyStatus> {
        let mut status = run.base.clone();
        let result = self.steps(run, &mut status).await;
        conclude(run, status, result)
    }

    async fn finalize(&self, _: &Run<ImagePolicy>) -> Finalized<ImagePolicyStatus> {
        Finalized::Done { events: Vec::new() }
    }

    fn forget(&self, _: &Key) {}

    /// Another image wakes the automations of the namespace: markers in files, not fields, say which of them use it.
    fn observed(&self, change: &Change<ImagePolicy>) {
        let latest = |object: &Option<Arc<ImagePolicy>>| {
            object.as_ref().and_then(|object| object.status.as_ref()?.latest_ref.clone())
        };
        let (Some(automations), Some(new)) = (self.automations.get(), latest(&change.new)) else { return };
        if change.initial || change.old.is_none() || latest(&change.old) == Some(new) {
            return;
        }
        for (key, _) in automations.store.all() {
            if key.namespace == change.key.namespace {
                automations.waker.wake(&key, Why::Dependency);
            }
        }
    }
}

impl ImagePolicies {
    async fn steps(
        &self,
        run: &Run<ImagePolicy>,
        status: &mut ImagePolicyStatus,
    ) -> Result<Done, RunFailure> {
        let spec = &run.object.spec;
        let reflection = spec.digest_reflection_policy.clone().unwrap_or(DigestReflectionPolicy::Never);
        if reflection == DigestReflectionPolicy::Always && spec.interval.is_none() {
            let text = "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'";
            return Err(StepError::stalled(ImageReason::IntervalNotConfigured, text).into());
        }
        begin(run, status).await?;
        let repository = repository(&self.client, self.no_cross_namespace, run).await?;
        let tag = self.latest(run, &repository).await?;
        let mut latest = ImageRef { name: repository.spec.image.clone(), tag, digest: None };
        latest.digest = self.digest(&reflection, status.latest_ref.as_ref(), &latest, &repository).await?;
        if status.latest_ref.as_ref() != Some(&latest) {
            status.observed_previous_ref = status.latest_ref.replace(latest);
        }
        let ready = ready_message(status);
        let interval = spec.interval.as_ref().and_then(|interval| interval.get().ok());
        let next = interval.filter(|interval| !interval.is_zero()).map_or(Next::Never, Next::Interval);
        Ok(Done { quiet: ready.clone(), ready, news: None, next })
    }

    async fn latest(
        &self,
        run: &Run<ImagePolicy>,
        repository: &ImageRepository,
    ) -> Result<String, RunFailure> {
        let image = image::parse(&repository.spec.image)
            .map_err(|error| StepError::stalled(ImageReason::ImageURLInvalid, error.to_string()))?;
        let found = match is_scanned(repository, &image) {
            true => {
                let (store, cancel) = (self.tags.clone(), run.cancel.clone());
                let place = (Key::of(repository), image.to_string());
                pick(store, place, run.object.clone(), move || cancel.is_cancelled()).await?
            }
            false => None,
        };
        found.ok_or_else(|| {
            let wait = self.requeue_dependency;
            let text =
                format!("retrying in {} error: no tags in database", api::meta::GoDuration::from(wait));
            StepError::wait(ImageReason::DependencyNotReady, text, wait).into()
        })
    }

    /// The digest to note, asked for only where the policy wants it.
    async fn digest(
        &self,
        reflection: &DigestReflectionPolicy,
        known: Option<&ImageRef>,
        latest: &ImageRef,
        repository: &ImageRepository,
    ) -> Result<Option<String>, StepError> {
        let same = known.filter(|known| known.name == latest.name && known.tag == latest.tag);
        let kept = same.and_then(|known| known.digest.clone()).filter(|digest| !digest.is_empty());
        match reflection {
            DigestReflectionPolicy::Always => {}
            DigestReflectionPolicy::IfNotPresent if kept.is_none() => {}
            DigestReflectionPolicy::IfNotPresent => return Ok(kept),
            _ => return Ok(None),
        }
        let place = format!("{}:{}", latest.name, latest.tag);
        let fetched = self.fetch_digest(repository, &latest.tag).await;
        fetched.map(Some).map_err(|cause| {
            StepError::retry(Reason::Failed, format!("failed fetching digest of {place}: {cause}"))
        })
    }

    async fn fetch_digest(&self, repository: &ImageRepository, tag: &str) -> Result<String, String> {
        let spec = &repository.spec;
        let namespace = repository.metadata.namespace.as_deref().unwrap_or_default();
        let name = image::parse(&spec.image).map_err(|error| error.to_string())?;
        let session = self.registries.session(namespace, spec, &name).await.map_err(|error| error.message)?;
        let reference = Reference::tag(tag).map_err(|error| error.to_string())?;
        let of =
            |cause: String| format!("failed fetching descriptor for {:?}: {cause}", format!("{name}:{tag}"));
        let timeout = spec.timeout().unwrap_or(Duration::from_secs(60));
        let resolved = tokio::time::timeout(timeout, session.resolve(&reference)).await;
        let resolved = resolved.map_err(|_| of("context deadline exceeded".to_owned()))?;
        resolved.map_err(|error| of(error.to_string()))
    }
}

/// Whether the last scan was of the image that the spec names now: tags of another one say nothing of it.
fn is_scanned(repository: &ImageRepository, image: &Repository) -> bool {
    let scanned = repository.status.as_ref().and_then(|status| status.canonical_image_name.as_deref());
    scanned == Some(image.to_string().as_str())
}

/// The latest of the stored tags of an image; nothing when there are none.
async fn pick(
    store: TagStore,
    (repository, image): (Key, String),
    policy: Arc<ImagePolicy>,
    stop: impl Fn() -> bool + Send + 'static,
) -> Result<Option<String>, RunFailure> {
    let picked = blocking(move || {
        let tags = store.read(&repository, &image).map_err(|error| {
            StepError::retry(ImageReason::Failure, format!("failed to read tags from database: {error}"))
        })?;
        if tags.is_empty() {
            return Ok(None);
        }
        let spec = &policy.spec;
        choose(&spec.policy, spec.filter_tags.as_ref(), &tags, &stop).map(Some).map_err(not_chosen)
    });
    picked.await?
}

fn not_chosen(error: ChoiceError) -> RunFailure {
    match error {
        ChoiceError::Stopped => RunFailure::Outdated,
        error if error.is_invalid() => {
            StepError::stalled(ImageReason::InvalidPolicy, error.to_string()).into()
        }
        error => StepError::retry(ImageReason::Failure, error.to_string()).into(),
    }
}

fn ready_message(status: &ImagePolicyStatus) -> String {
    let Some(latest) = &status.latest_ref else { return String::new() };
    let digest = |image: &ImageRef, before: &str| {
        image.digest.as_ref().map(|digest| format!("{before}{digest}")).unwrap_or_default()
    };
    let mut text = format!("Latest image tag for {} resolved to {}", latest.name, latest.tag);
    text.push_str(&digest(latest, " with digest "));
    if let Some(before) = status.observed_previous_ref.as_ref().filter(|before| *before != latest) {
        text.push_str(&format!(" (previously {}:{}{})", before.name, before.tag, digest(before, "@")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{is_scanned, pick};
    use crate::image;
    use crate::repository::TagStore;
    use crate::status::RunFailure;
    use api::image::v1::{
        AlphabeticalPolicy, ImagePolicy, ImagePolicyChoice, ImagePolicySpec, ImageRepository,
        ImageRepositorySpec, ImageRepositoryStatus, TagFilter,
    };
    use runtime::Key;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    #[test]
    fn tags_that_were_scanned_of_another_image_do_not_count() {
        let mut repository = ImageRepository::new("app", ImageRepositorySpec::default());
        let image = image::parse("alpine").unwrap();
        assert!(!is_scanned(&repository, &image));
        let canonical_image_name = Some("index.docker.io/library/alpine".to_owned());
        repository.status = Some(ImageRepositoryStatus { canonical_image_name, ..Default::default() });
        assert!(is_scanned(&repository, &image));
        assert!(!is_scanned(&repository, &image::parse("busybox").unwrap()));
    }
    /// A hundred thousand tags of letters without order, each of which takes many steps to look at.
    fn noise() -> Vec<String> {
        let mut state = 1_u64;
        let mut letter = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if state >> 63 == 0 { 'a' } else { 'b' }
        };
        (0..100_000).map(|_| (0..128).map(|_| letter()).collect()).collect()
    }

    /// A policy whose pattern remembers for each `a` where it stands, and finds nothing.
    fn slow() -> ImagePolicy {
        let pattern = Some("a[ab]{60}a[ab]{40}[^ab]".to_owned());
        let policy =
            ImagePolicyChoice { alphabetical: Some(AlphabeticalPolicy::default()), ..Default::default() };
        let filter_tags = Some(TagFilter { pattern, extract: None });
        ImagePolicy::new("app", ImagePolicySpec { policy, filter_tags, ..Default::default() })
    }

    // One thread: what holds it up holds up everything.
    #[tokio::test]
    async fn a_pattern_that_takes_long_holds_up_nothing_and_ends_with_its_run() {
        let dir = tempfile::tempdir().unwrap();
        let store = TagStore::open(dir.path(), 32 << 20).unwrap();
        let key = Key::new("ns", "app");
        store.write(&key, "r/app", noise()).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let place = (key, "r/app".to_owned());
        let mut work =
            Box::pin(pick(store, place, Arc::new(slow()), move || stopped.load(Ordering::Relaxed)));
        for _ in 0..20 {
            tokio::select! {
                biased;
                _ = &mut work => panic!("the pattern takes long"),
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
        stop.store(true, Ordering::Relaxed);
        let done = tokio::time::timeout(Duration::from_secs(60), work).await.unwrap();
        assert!(matches!(done, Err(RunFailure::Outdated)));
    }
}
