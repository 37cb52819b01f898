//! The shell against a stand-in for the API server, which only keeps one object and counts what it is asked.

mod server;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::meta::{FluxStatus, Reason as ConditionReason};
use api::source::v1::{GitRepository, GitRepositoryStatus};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::server::{Api, Rig};
use crate::conditions::Set;
use crate::key::Key;
use crate::reason::Reason;
use crate::reconciler::{Finalized, Next, Outcome, Reconciler, Verdict};
use crate::run::Run;

/// Does what the test says, and remembers what happened.
#[derive(Default)]
struct Scripted {
    runs: AtomicUsize,
    reasons: Mutex<Vec<String>>,
    verdicts: Mutex<Vec<Verdict>>,
    finalized: AtomicUsize,
    forgotten: AtomicUsize,
    /// What was made cannot be cleaned up.
    holds: bool,
    /// Runs wait for a permit of this before they end, where there is one.
    gate: Option<Arc<Semaphore>>,
    release: bool,
    panics: bool,
}

fn ready() -> Verdict {
    Verdict::Ready { reason: ConditionReason::Succeeded.into(), message: "done".into() }
}

impl Reconciler for Scripted {
    type Kind = GitRepository;

    async fn reconcile(&self, run: &Run<GitRepository>) -> Outcome<GitRepositoryStatus> {
        let first = self.runs.fetch_add(1, Ordering::SeqCst) == 0;
        self.reasons.lock().unwrap().push(run.reasons.to_string());
        assert!(!(self.panics && first), "a bug");
        if self.release {
            run.release_permit();
        }
        if let Some(gate) = &self.gate {
            tokio::select! {
                biased;
                () = run.cancel.cancelled() => {}
                permit = gate.acquire() => permit.unwrap().forget(),
            }
        }
        let mut status = run.base.clone();
        if run.base.observed_generation != run.generation() {
            run.progress(&status, &[Set::reconciling("working"), Set::ready_unknown("working")])
                .await
                .unwrap();
            status.observed_ignore = Some(format!("run {}", self.runs.load(Ordering::SeqCst)));
        }
        let verdict = self.verdicts.lock().unwrap().pop().unwrap_or_else(ready);
        let next = if matches!(verdict, Verdict::Failed { .. }) { Next::Backoff } else { Next::Never };
        Outcome { status, verdict, conditions: Vec::new(), events: Vec::new(), next }
    }

    async fn finalize(&self, run: &Run<GitRepository>) -> Finalized<GitRepositoryStatus> {
        self.finalized.fetch_add(1, Ordering::SeqCst);
        if !self.holds {
            return Finalized::Done { events: Vec::new() };
        }
        let (reason, message) = (ConditionReason::Failed.into(), "forbidden".to_owned());
        Finalized::Failed {
            status: run.base.clone(),
            reason,
            message,
            events: Vec::new(),
            next: Next::Backoff,
        }
    }

    fn forget(&self, _: &Key) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_object_costs_finalizer_progress_and_result() {
    let rig = Rig::start(Scripted::default(), 4);
    rig.create("app");
    rig.settle().await;
    assert_eq!(rig.api.requests(), ["PATCH app", "PATCH app/status", "PATCH app/status"]);
    let object = rig.api.object("app");
    let status = object.status.unwrap();
    assert_eq!((status.observed_generation, status.conditions().len()), (1, 1));
    assert_eq!(object.metadata.finalizers.unwrap(), ["finalizers.fluxcd.io"]);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_pass_writes_nothing_and_a_requested_one_writes_once() {
    let rig = Rig::start(Scripted::default(), 4);
    rig.create("app");
    rig.settle().await;
    let before = rig.api.requests().len();
    rig.wake("app", Reason::Interval).await;
    assert_eq!(rig.api.requests().len(), before);
    rig.change("app", |object| {
        let annotation = ("reconcile.fluxcd.io/requestedAt".to_owned(), "now".to_owned());
        object.metadata.annotations = Some([annotation].into());
    });
    rig.settle().await;
    assert_eq!(rig.api.requests()[before..], ["PATCH app/status"]);
    let status = rig.api.object("app").status.unwrap();
    assert_eq!(status.last_handled_reconcile_at.as_deref(), Some("now"));
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_status_is_read_live_once() {
    let rig = Rig::start(Scripted::default(), 4);
    rig.api.put("app", |object| {
        object.metadata.finalizers = Some(vec!["finalizers.fluxcd.io".into()]);
        let status = GitRepositoryStatus { observed_generation: 1, ..Default::default() };
        object.status = Some(GitRepositoryStatus { observed_ignore: Some("live".into()), ..status });
    });
    rig.show_stale("app");
    rig.settle().await;
    rig.wake("app", Reason::Interval).await;
    let requests = rig.api.requests();
    assert_eq!(requests.iter().filter(|request| *request == "GET app").count(), 1, "{requests:?}");
    assert_eq!(rig.api.object("app").status.unwrap().observed_ignore.as_deref(), Some("live"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_repeated_with_growing_pauses_and_written_once() {
    let failed = || Verdict::Failed { reason: ConditionReason::Failed.into(), message: "no".into() };
    let rig = Rig::start(Scripted { verdicts: Mutex::new(vec![failed(); 4]), ..Scripted::default() }, 4);
    rig.create("app");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(rig.reconciler.runs.load(Ordering::SeqCst), 5);
    let conditions = rig.api.object("app").status.unwrap().conditions;
    assert_eq!((conditions.len(), conditions[0].status.as_str()), (1, "True"), "{conditions:?}");
}

#[tokio::test(start_paused = true)]
async fn a_newer_generation_ends_the_run_under_way_and_a_second_one_follows() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Rig::start(Scripted { gate: Some(gate.clone()), ..Scripted::default() }, 4);
    rig.create("app");
    rig.settle().await;
    rig.change("app", |object| object.metadata.generation = Some(2));
    gate.add_permits(1);
    rig.settle().await;
    assert_eq!(rig.reconciler.runs.load(Ordering::SeqCst), 2);
    assert_eq!(*rig.reconciler.reasons.lock().unwrap(), ["Generation", "Generation"]);
    assert_eq!(rig.api.object("app").status.unwrap().observed_generation, 2);
}

#[tokio::test(start_paused = true)]
async fn ten_that_wait_hold_no_permit() {
    let gate = Arc::new(Semaphore::new(0));
    let scripted = Scripted { gate: Some(gate.clone()), release: true, ..Scripted::default() };
    let rig = Rig::start(scripted, 1);
    for number in 0..10 {
        rig.create(&format!("waits-{number}"));
    }
    rig.settle().await;
    assert_eq!(rig.reconciler.runs.load(Ordering::SeqCst), 10, "all run beside each other with one permit");
    gate.add_permits(10);
    rig.settle().await;
    let text = rig.metrics.text();
    assert!(
        text.contains("workqueue_queue_duration_seconds_bucket{le=\"0.001\",name=\"gitrepository\"} 10"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_never_run_is_listed_too() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Rig::start(Scripted { gate: Some(gate), ..Scripted::default() }, 1);
    rig.create("first");
    rig.settle().await;
    rig.create("second");
    rig.settle().await;
    assert_eq!(rig.listed(), ["first Running", "second Queued"]);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_object_is_not_reconciled_and_its_generation_is_noted() {
    let rig = Rig::start(Scripted::default(), 4);
    rig.create("app");
    rig.settle().await;
    rig.change("app", |object| {
        object.spec.suspend = true;
        object.metadata.generation = Some(2);
    });
    rig.settle().await;
    assert_eq!(rig.reconciler.runs.load(Ordering::SeqCst), 1);
    assert_eq!(rig.api.object("app").status.unwrap().observed_generation, 2);
}

#[tokio::test(start_paused = true)]
async fn deletion_finalizes_unless_suspended_and_takes_the_finalizer_off() {
    for suspend in [false, true] {
        let rig = Rig::start(Scripted::default(), 4);
        rig.create("app");
        rig.settle().await;
        rig.change("app", |object| {
            object.spec.suspend = suspend;
            object.metadata.deletion_timestamp = Some(crate::status::now());
        });
        rig.settle().await;
        assert_eq!(rig.reconciler.finalized.load(Ordering::SeqCst), usize::from(!suspend));
        assert_eq!(rig.api.object("app").metadata.finalizers, Some(Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_end_is_let_go_as_soon_as_it_is_suspended() {
    let rig = Rig::start(Scripted { holds: true, ..Scripted::default() }, 4);
    rig.create("app");
    rig.settle().await;
    rig.change("app", |object| object.metadata.deletion_timestamp = Some(crate::status::now()));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(rig.reconciler.finalized.load(Ordering::SeqCst) > 4);
    rig.change("app", |object| {
        object.spec.suspend = true;
        object.metadata.generation = Some(2);
    });
    rig.settle().await;
    assert_eq!(rig.api.object("app").metadata.finalizers, Some(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_end_was_missed_leaves_nothing_to_the_next_of_its_name() {
    let failed = || Verdict::Failed { reason: ConditionReason::Failed.into(), message: "no".into() };
    let rig = Rig::start(Scripted { verdicts: Mutex::new(vec![failed(); 7]), ..Scripted::default() }, 4);
    rig.create("app");
    tokio::time::sleep(Duration::from_secs(40)).await;
    let before = rig.reconciler.runs.load(Ordering::SeqCst);
    assert!(before > 4, "{before}");
    rig.change("app", |object| object.metadata.uid = Some("another".into()));
    rig.settle().await;
    assert_eq!(rig.reconciler.forgotten.load(Ordering::SeqCst), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        rig.reconciler.runs.load(Ordering::SeqCst),
        before + 2,
        "the first pause is the shortest again"
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_with_a_field_that_cannot_be_read_stalls_and_is_not_acted_on() {
    let rig = Rig::start(Scripted::default(), 4);
    rig.api.put("app", |object| {
        object.metadata.finalizers = Some(vec!["finalizers.fluxcd.io".into()]);
        object.spec_error = Some("cannot read spec.url".into());
    });
    rig.show("app");
    rig.settle().await;
    assert_eq!(rig.reconciler.runs.load(Ordering::SeqCst), 0);
    let conditions = rig.api.object("app").status.unwrap().conditions;
    assert_eq!(conditions[0].type_, "Stalled");
    assert!(conditions[0].message.contains("spec.url"));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_one_failed_run_of_one_object() {
    let rig = Rig::start(Scripted { panics: true, ..Scripted::default() }, 1);
    rig.create("app");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(rig.reconciler.runs.load(Ordering::SeqCst), 2);
    assert_eq!(rig.api.object("app").status.unwrap().observed_generation, 1);
}

#[tokio::test(start_paused = true)]
async fn a_status_is_not_written_to_another_object_of_the_same_name() {
    let rig = Rig::start(Scripted::default(), 4);
    rig.create("app");
    rig.settle().await;
    rig.show("app");
    rig.api.put("app", |object| object.metadata.uid = Some("another".into()));
    rig.change_cached("app", |object| object.metadata.generation = Some(2));
    rig.settle().await;
    assert_eq!(rig.api.object("app").status, None);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_ends_runs_at_their_next_step() {
    let gate = Arc::new(Semaphore::new(0));
    let rig = Rig::start(Scripted { gate: Some(gate), ..Scripted::default() }, 4);
    rig.create("app");
    rig.settle().await;
    let before = tokio::time::Instant::now();
    rig.shutdown.cancel();
    rig.driven.await.unwrap();
    assert!(before.elapsed() < Duration::from_secs(1));
    let _: CancellationToken = rig.shutdown;
    let _: Api = rig.api;
}
