use std::sync::{Arc, OnceLock};
use std::time::Duration;

use api::image::v1::{ImagePolicy, ImageRepository, ImageRepositoryStatus, ScanResult};
use api::meta::{GoDuration, Reason};
use k8s_openapi::jiff::Timestamp;
use oci::{Repository, Session};
use regex::Regex;
use runtime::{Change, Event, Finalized, Handle, Key, Next, Outcome, Reconciler, Run};

use super::due::{Due, EMPTY, Observed, due, exclusions};
use super::registry::Registries;
use super::tags::{TagStore, revision};
use crate::blocking::blocking;
use crate::image;
use crate::policy::wake_policies;
use crate::status::{Done, ImageReason, RunFailure, StepError, begin, conclude, now, show};

/// Reconciles ImageRepositories.
pub(crate) struct ImageRepositories {
    pub(crate) registries: Registries,
    pub(crate) tags: TagStore,
    pub(crate) policies: Arc<OnceLock<Handle<ImagePolicy>>>,
    /// Tags of one image at most.
    pub(crate) max_tags: usize,
}

/// How many tags the status shows.
const LATEST: usize = 10;

impl Reconciler for ImageRepositories {
    type Kind = ImageRepository;
    const FINALIZE_SUSPENDED: bool = true;
    const MANAGER: Option<&'static str> = Some("image-reflector-controller");

    async fn reconcile(&self, run: &Run<ImageRepository>) -> Outcome<ImageRepositoryStatus> {
        let mut status = run.base.clone();
        let result = self.steps(run, &mut status).await;
        conclude(run, status, result)
    }

    async fn finalize(&self, run: &Run<ImageRepository>) -> Finalized<ImageRepositoryStatus> {
        match self.tags.remove(&run.key) {
            Ok(()) => Finalized::Done { events: Vec::new() },
            Err(error) => Finalized::Failed {
                status: run.base.clone(),
                reason: Reason::Failed.into(),
                events: vec![Event::error(Reason::Failed, error.to_string())],
                message: error.to_string(),
                next: Next::Backoff,
            },
        }
    }

    fn forget(&self, _: &Key) {}

    /// The policies of a repository look at it when it comes or goes, when it lets others in, and when what was
    /// scanned changes: another image in the spec means nothing to them before its tags are there.
    fn observed(&self, change: &Change<ImageRepository>) {
        let state = |object: &Option<Arc<ImageRepository>>| {
            object.as_ref().map(|object| {
                let status = object.status.clone().unwrap_or_default();
                let scanned = status.last_scan_result.and_then(|scan| scan.revision);
                (object.spec.access_from.clone(), status.canonical_image_name, scanned)
            })
        };
        // A repository on its way out has no tags any more; its policies look when it is gone.
        let leaves = change.new.as_ref().is_some_and(|new| new.metadata.deletion_timestamp.is_some());
        if !change.initial && !leaves && state(&change.old) != state(&change.new) {
            self.wake(&change.key);
        }
    }
}

impl ImageRepositories {
    fn wake(&self, key: &Key) {
        if let Some(policies) = self.policies.get() {
            wake_policies(policies, key);
        }
    }

    async fn steps(
        &self,
        run: &Run<ImageRepository>,
        status: &mut ImageRepositoryStatus,
    ) -> Result<Done, RunFailure> {
        begin(run, status).await?;
        let spec = &run.object.spec;
        let repository = image::parse(&spec.image)
            .map_err(|error| StepError::stalled(ImageReason::ImageURLInvalid, error.to_string()))?;
        let session = self.registries.session(&run.key.namespace, spec, &repository).await?;
        let canonical = repository.to_string();
        let stored = self.is_stored(&run.key, &canonical).await?;
        let observed = Observed {
            spec,
            status: &run.base,
            canonical: &canonical,
            requested: run.is_requested(),
            stored,
            now: Timestamp::now(),
        };
        let (quiet, next) = match due(&observed) {
            Due::Later(left) => (not_due(left), left),
            Due::Now(why) => {
                self.announce(run, status, why).await?;
                status.last_scan_result = Some(self.scan(run, &repository, &session).await?);
                if why == EMPTY {
                    // The revision may be the old one; who waits for tags does not see it change.
                    self.wake(&run.key);
                }
                let interval = spec.interval.get().unwrap_or_default();
                (scanned(&run.base, status, interval), interval)
            }
        };
        status.canonical_image_name = Some(canonical);
        status.observed_exclusion_list = exclusions(spec);
        let found = status.last_scan_result.clone().unwrap_or_default();
        let ready = format!(
            "successful scan: found {} tags with checksum {}",
            found.tag_count,
            found.revision.unwrap_or_default()
        );
        let next = if next.is_zero() { Next::Never } else { Next::Interval(next) };
        Ok(Done { ready, news: None, quiet, next })
    }

    async fn is_stored(&self, key: &Key, canonical: &str) -> Result<bool, RunFailure> {
        let (store, key, canonical) = (self.tags.clone(), key.clone(), canonical.to_owned());
        let read = blocking(move || store.read(&key, &canonical).map(|tags| !tags.is_empty())).await?;
        read.map_err(|error| {
            let message = format!("failed to determine if it's scan time: {error}");
            StepError::retry(ImageReason::Failure, message).into()
        })
    }

    /// A first scan is shown; others are short, and write only their end.
    async fn announce(
        &self,
        run: &Run<ImageRepository>,
        status: &ImageRepositoryStatus,
        why: &str,
    ) -> Result<(), RunFailure> {
        let message = format!("scanning: {why}");
        match status.last_scan_result {
            None => show(run, status, &message).await?,
            Some(_) => run.at(message),
        }
        Ok(())
    }

    async fn scan(
        &self,
        run: &Run<ImageRepository>,
        repository: &Repository,
        session: &Session,
    ) -> Result<ScanResult, RunFailure> {
        let timeout = run.object.spec.timeout().unwrap_or(Duration::from_secs(60));
        let tags = tokio::select! {
            () = run.cancel.cancelled() => return Err(RunFailure::Outdated),
            tags = tokio::time::timeout(timeout, session.tags()) => tags,
        };
        let tags = tags.map_err(|_| failed("context deadline exceeded".to_owned()))?;
        let tags = tags.map_err(|error| failed(error.to_string()))?;
        if tags.len() > self.max_tags {
            let text =
                format!("{repository} has {} tags, more than the limit of {}", tags.len(), self.max_tags);
            return Err(failed(text).into());
        }
        let (expressions, cancel) = (exclusions(&run.object.spec), run.cancel.clone());
        let kept = blocking(move || without_excluded(tags, &expressions, &|| cancel.is_cancelled())).await?;
        let Kept { tags, result } = kept?;
        run.fence().map_err(|_| RunFailure::Outdated)?;
        let (store, key, canonical) = (self.tags.clone(), run.key.clone(), repository.to_string());
        let written = blocking(move || store.write(&key, &canonical, tags)).await?;
        written.map_err(|error| {
            failed(format!("failed to set tags for {:?}: {error}", repository.to_string()))
        })?;
        Ok(result)
    }
}

fn failed(cause: String) -> StepError {
    StepError::retry(ImageReason::ReadOperationFailed, format!("scan failed: {cause}"))
}

/// What a scan keeps, and what it tells of it.
struct Kept {
    tags: Vec<String>,
    result: ScanResult,
}

/// Leaves out what matches an expression, and what is no tag; each tag is kept once, the last one first. Blocks, until
/// `stop` says otherwise.
fn without_excluded(
    mut tags: Vec<String>,
    expressions: &[String],
    stop: &dyn Fn() -> bool,
) -> Result<Kept, RunFailure> {
    let compiled: Result<Vec<Regex>, String> = expressions
        .iter()
        .map(|text| {
            crate::regex::compile(text).map_err(|error| format!("failed to compile regex {text}: {error}"))
        })
        .collect();
    let compiled = compiled.map_err(failed)?;
    // Once stopped, the rest goes without a look: nothing of it is used.
    tags.retain(|tag| !stop() && image::is_tag(tag) && !compiled.iter().any(|regex| regex.is_match(tag)));
    if stop() {
        return Err(RunFailure::Outdated);
    }
    tags.sort_unstable_by(|a, b| b.cmp(a));
    tags.dedup();
    let result = ScanResult {
        revision: Some(revision(&tags)),
        tag_count: i64::try_from(tags.len()).unwrap_or(i64::MAX),
        scan_time: Some(now()),
        latest_tags: tags.iter().take(LATEST).cloned().collect(),
    };
    Ok(Kept { tags, result })
}

fn not_due(left: Duration) -> String {
    let left = GoDuration::from(left);
    format!("no change in repository configuration since last scan, next scan in {left}")
}

fn scanned(before: &ImageRepositoryStatus, after: &ImageRepositoryStatus, interval: Duration) -> String {
    let revision = |status: &ImageRepositoryStatus| {
        status.last_scan_result.as_ref().and_then(|scan| scan.revision.clone())
    };
    let next = GoDuration::from(interval);
    match revision(before).is_some() && revision(before) == revision(after) {
        true => format!("tags did not change, next scan in {next}"),
        false => format!("successful scan, next scan in {next}"),
    }
}

#[cfg(test)]
mod tests {
    use super::without_excluded;
    use crate::status::RunFailure;
    use std::cell::Cell;

    fn kept(expressions: &[&str]) -> Result<Vec<String>, String> {
        let tags = ["1.0", "1.0.sig", "sha256-a.sig", "evil\ntag", "1.0"].map(str::to_owned).to_vec();
        let expressions = expressions.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        match without_excluded(tags, &expressions, &|| false) {
            Ok(kept) => Ok(kept.tags),
            Err(RunFailure::Step(error)) => Err(error.message),
            Err(RunFailure::Outdated) => Err("outdated".to_owned()),
        }
    }

    #[test]
    fn what_matches_an_expression_and_what_is_no_tag_is_left_out() {
        assert_eq!(kept(&[r"^.*\.sig$"]).unwrap(), ["1.0"]);
        assert_eq!(kept(&["^sha256", "^1.0$"]).unwrap(), ["1.0.sig"]);
        let expected = "scan failed: failed to compile regex *: \
                        error parsing regexp: missing argument to repetition operator: `*`";
        assert_eq!(kept(&["*"]).unwrap_err(), expected);
    }

    #[test]
    fn a_scan_that_is_outdated_in_the_middle_of_its_tags_keeps_none() {
        let asked = Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) >= 3;
        let tags = (0..100).map(|number| number.to_string()).collect();
        let expressions = ["(a{0,40}){0,40}b".to_owned()];
        assert!(matches!(without_excluded(tags, &expressions, &stop), Err(RunFailure::Outdated)));
    }
}
