//! Each controller is killed before and after each of its writes, at the first, second and third pass, and restarted:
//! nothing is lost, orphaned or wrongly pruned by the word of the real `kustomize build` and the real `helm`, and what
//! was accepted arrives.
use std::time::Duration;

use e2e::{
    World,
    chain::{Chart, Release, Stage},
    faults::{Messages, Releases, Rounds, Victim, Work, kill_at_each, kill_at_passes},
};
use kill_points::Point;

/// Before and after a write.
const APPLY: [Point; 2] = [Point::ApplyBefore, Point::ApplyAfter];
const TAKEOVER: [Point; 2] = [Point::TakeoverBefore, Point::TakeoverAfter];
const RECREATE: [Point; 2] = [Point::RecreateBefore, Point::RecreateAfter];
const DELETE: [Point; 2] = [Point::DeleteBefore, Point::DeleteAfter];
const STATUS: [Point; 2] = [Point::StatusBefore, Point::StatusAfter];
const FINALIZER: [Point; 2] = [Point::FinalizerBefore, Point::FinalizerAfter];
const EVENT: [Point; 2] = [Point::EventBefore, Point::EventAfter];
const POST: [Point; 2] = [Point::PostBefore, Point::PostAfter];
const FETCH: [Point; 2] = [Point::FetchBefore, Point::FetchAfter];
const UNPACK: [Point; 2] = [Point::UnpackBefore, Point::UnpackAfter];
const FILE: [Point; 2] = [Point::FileBefore, Point::FileAfter];
const RENAME: [Point; 2] = [Point::RenameBefore, Point::RenameAfter];
const COLLECT: [Point; 2] = [Point::CollectBefore, Point::CollectAfter];
const REMOVE: [Point; 2] = [Point::RemoveBefore, Point::RemoveAfter];
const WRITE: [Point; 2] = [Point::WriteBefore, Point::WriteAfter];
const LEASE: [Point; 2] = [Point::LeaseBefore, Point::LeaseAfter];

#[expect(clippy::print_stdout, reason = "the hits are shown with --nocapture")]
async fn survives(world: &World, victim: &mut Victim, work: &mut impl Work, points: &[Point]) {
    let hits = kill_at_each(world, victim, work, points).await.unwrap();
    println!("{}: killed {} times; passes: {hits:?}", victim.binary(), 3 * points.len());
}

async fn survives_rounds(world: &World, binary: &str, args: &[&str], points: &[Point]) {
    let mut victim = Victim::start(world, binary, args).await.unwrap();
    let mut rounds = Rounds::open(world, binary == "source-controller").await.unwrap();
    survives(world, &mut victim, &mut rounds, points).await;
}

#[tokio::test]
async fn kustomize_controller_killed_at_each_write_of_an_object_loses_and_orphans_nothing() {
    let world = World::builder("kill-objects").without_kustomize().start().await.unwrap();
    let points = [APPLY, TAKEOVER, RECREATE, DELETE].concat();
    survives_rounds(&world, "kustomize-controller", &[], &points).await;
}

#[tokio::test]
async fn kustomize_controller_killed_at_each_write_about_itself_loses_and_orphans_nothing() {
    let world = World::builder("kill-own").without_kustomize().start().await.unwrap();
    let points = [STATUS, FINALIZER, EVENT, POST, FETCH, UNPACK].concat();
    survives_rounds(&world, "kustomize-controller", &[], &points).await;
}

#[tokio::test]
async fn source_controller_killed_at_each_write_serves_whole_artifacts_and_keeps_no_deleted_source() {
    let world = World::builder("kill-source").without_source().start().await.unwrap();
    let points = [FILE, RENAME, COLLECT, REMOVE, STATUS, FINALIZER].concat();
    let args = ["--artifact-retention-records=1", "--artifact-retention-ttl=1s"];
    survives_rounds(&world, "source-controller", &args, &points).await;
}

#[tokio::test]
async fn a_leader_killed_at_each_write_of_its_lease_is_followed_by_one_that_loses_nothing() {
    let world = World::builder("kill-lease").without_kustomize().start().await.unwrap();
    let args = [
        "--enable-leader-election",
        "--leader-election-lease-duration=3s",
        "--leader-election-renew-deadline=2s",
        "--leader-election-retry-period=500ms",
    ];
    survives_rounds(&world, "kustomize-controller", &args, &LEASE).await;
}

#[tokio::test]
async fn helm_controller_killed_at_each_write_loses_no_release_and_runs_no_hook_twice() {
    let world = World::builder("kill-helm").without_source().without_kustomize().start().await.unwrap();
    let points = [WRITE, STATUS, FINALIZER, EVENT, POST].concat();
    let mut victim = Victim::start(&world, "helm-controller", &["--requeue-dependency=1s"]).await.unwrap();
    let mut releases = Releases::open(&world).await.unwrap();
    survives(&world, &mut victim, &mut releases, &points).await;
    // One action writes plans, hooks, objects and records, in this order: one of each kind.
    kill_at_passes(&world, &mut victim, &mut releases, &WRITE, (4..=14).step_by(5)).await.unwrap();
}

#[tokio::test]
async fn notification_controller_killed_at_each_write_delivers_every_accepted_event() {
    let world = World::builder("kill-notify").without_source().without_kustomize().start().await.unwrap();
    let points = [FILE, RENAME, REMOVE, STATUS, FINALIZER, EVENT].concat();
    let mut victim = Victim::start(&world, "notification-controller", &[]).await.unwrap();
    let mut messages = Messages::open(&world, &victim).await.unwrap();
    survives(&world, &mut victim, &mut messages, &points).await;
}

/// What one release of the chain passes at least once.
const CHAIN: [(&str, Point); 6] = [
    ("image-automation-controller", Point::FileBefore),
    ("image-automation-controller", Point::RenameAfter),
    ("image-automation-controller", Point::PushBefore),
    ("image-automation-controller", Point::PushAfter),
    ("image-automation-controller", Point::StatusBefore),
    ("image-automation-controller", Point::StatusAfter),
];

#[tokio::test]
async fn image_automation_killed_at_its_writes_ends_each_release_with_one_commit_and_its_hook_run_once() {
    let stage = Stage::set("kill-chain").await.unwrap();
    stage.open(Chart::WithHook).await.unwrap();
    let hooks = stage.hooks().await.unwrap();
    for (number, (name, point)) in CHAIN.into_iter().enumerate() {
        let version = format!("2.{number}.0");
        stage.order(name, point, 1).unwrap();
        let release = Release { stage: &stage, version: &version, hooks: &hooks };
        let (hops, died) = tokio::join!(
            release.run(),
            tokio::time::timeout(Duration::from_secs(60), stage.until_dead_and_restart(name))
        );
        let hops = hops.unwrap_or_else(|error| panic!("{name} killed at {point}: {error:#}"));
        died.unwrap_or_else(|_| panic!("{name} never passed {point}")).unwrap();
        println!("{name} killed at {point}: event after {:.1} s", hops.event);
        let object = stage.cluster.get("HelmRelease", &stage.ns, "released").await.unwrap();
        assert_eq!(object["status"]["history"][0]["version"], number + 2, "{:#}", object["status"]);
        let jobs = stage.cluster.list("Job", &stage.ns).await.unwrap();
        assert_eq!(jobs.len(), number + 2, "{name} killed at {point}: hooks ran twice or not");
    }
}
