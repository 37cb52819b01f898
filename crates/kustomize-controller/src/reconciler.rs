use std::collections::HashMap;
use std::sync::Arc;

use api::kustomize::v1::{Kustomization, KustomizationStatus};
use api::meta::Reason as ConditionReason;
use runtime::{Change, Finalized, Key, Outcome, Reconciler, Run, read_named};
use tokio::time::Instant;

use crate::app::App;
use crate::pass::{self, End};
use crate::record;
use crate::state::{Action, Observed, action, is_full, state};
use crate::status::{Failure, Retry, Telling};
use crate::steps::{accept, dependencies, finalize, origin, source};
use crate::watching;
use crate::work::{Stop, Work};

/// Reconciles Kustomizations.
pub(crate) struct KustomizationReconciler {
    app: Arc<App>,
}

impl KustomizationReconciler {
    /// Works with this.
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app }
    }

    /// The ordered steps.
    async fn steps(&self, run: &Run<Kustomization>) -> Result<End, Stop> {
        let app = &*self.app;
        let rules = accept::accept(&run.object)?;
        let artifact =
            source::find(&run.object, &app.options, &app.sources).await.map_err(|e| e.failure())?;
        let work = Work::new(app, run, rules, artifact);
        let observed = observe(&work);
        origin::place_contested(&work).await;
        let Some(action) = action(state(&observed), observed.nominated) else { return Ok(pass::rest(&work)) };
        if matches!(action, Action::Pass(_)) {
            depend(&work).await?;
        }
        work.discreet(match action {
            Action::Look => pass::look(&work).await,
            Action::Heal(scope) | Action::Pass(scope) => pass::pass(&work, scope).await,
        })
    }
}

impl Reconciler for KustomizationReconciler {
    type Kind = Kustomization;

    async fn reconcile(&self, run: &Run<Kustomization>) -> Outcome<KustomizationStatus> {
        let result = self.steps(run).await;
        record::outcome(&self.app, run, result)
    }

    async fn finalize(&self, run: &Run<Kustomization>) -> Finalized<KustomizationStatus> {
        finalize::finalize(&self.app, run).await
    }

    fn forget(&self, key: &Key) {
        watching::forget(&self.app, key);
    }

    fn observed(&self, change: &Change<Kustomization>) {
        watching::peer_changed(&self.app, change);
    }
}

fn observe(work: &Work<'_>) -> Observed {
    let settled = dependencies::is_settled(&work.status(), work.target.generation, &work.target.revision);
    work.app.memories.with(&work.run.key, |memory| {
        memory.full_due |= is_full(work.run.reasons);
        memory.artifact = Some((work.artifact.revision.clone(), work.artifact.digest.clone()));
        let pass = memory.pass.as_ref();
        Observed {
            reasons: work.run.reasons,
            full_due: memory.full_due,
            same_target: pass.is_some_and(|pass| pass.target == work.target),
            last: pass.map(|pass| pass.last),
            nominated: memory.contest.due(Instant::now()),
            settled,
        }
    })
}

async fn depend(work: &Work<'_>) -> Result<(), Stop> {
    let app = work.app;
    let unseen = unseen_dependencies(work).await?;
    let lookup = |key: &Key| app.peers.get(key).or_else(|| unseen.get(key).cloned());
    // Said before it is looked: a dependency that becomes ready in between wakes only those that are blocked.
    app.memories.with(&work.run.key, |memory| memory.blocked = true);
    let result = dependencies::check(work.object(), &work.target.revision, &app.options.shared, lookup);
    if result.is_ok() {
        app.memories.with(&work.run.key, |memory| memory.blocked = false);
    }
    let requeue = api::meta::GoDuration::from(app.options.shared.requeue_dependency).to_string();
    result.map_err(|error| {
        let own = &work.run.key;
        let cycle = dependencies::cycle(own, |key| app.peers.get(key).or_else(|| unseen.get(key).cloned()));
        let run = format!("Run: kubectl -n {} get kustomizations", own.namespace);
        error.failure(&requeue).below(cycle.into_iter().chain([run])).into()
    })
}

/// Dependencies that our watch does not show: of another namespace or shard. They are read; nobody tells their moves,
/// so that the requeue is what finds them ready.
async fn unseen_dependencies(work: &Work<'_>) -> Result<HashMap<Key, Arc<Kustomization>>, Stop> {
    let mut unseen = HashMap::new();
    for reference in &work.object().spec.depends_on {
        let key = Key::new(reference.namespace_or(&work.run.key.namespace), reference.name.clone());
        if work.app.peers.get(&key).is_some() {
            continue;
        }
        let found: Result<Option<Kustomization>, _> = read_named(&work.app.client, &key).await;
        let found = found.map_err(|error| {
            let message = format!("dependency '{key}' cannot be read: {error}");
            Failure::before(ConditionReason::DependencyNotReady, message, Retry::Dependency, Telling::Silent)
        })?;
        unseen.extend(found.map(|found| (key, Arc::new(found))));
    }
    Ok(unseen)
}
