//! The API server is late, busy, breaks off, forgets, refuses or goes away, and everything ends as in Git. The proxy that
//! misbehaves is a fake; what it lets through is answered by the real API server.
use std::time::{Duration, Instant};

use e2e::{
    World, eventually,
    faults::{Bench, Objects, compare, wanted},
};
use http::Method;
use serde_json::Value;
use testkit::{ApiFault, ApiRule};

/// How long the API server is away.
const AWAY: Duration = Duration::from_secs(4);

async fn uids(world: &World, objects: &Objects) -> Vec<Value> {
    let mut uids = Vec::new();
    for name in objects.keys() {
        uids.push(world.get("ConfigMap", name).await.unwrap()["metadata"]["uid"].clone());
    }
    uids
}

/// Each storm meets the objects of one Kustomization; meanwhile the neighbour changes.
#[expect(clippy::print_stdout, reason = "figures are shown with --nocapture")]
async fn storms(prefix: &str, faults: &[(ApiFault, u32)]) {
    let mut bench = Bench::start(prefix).await.unwrap();
    let (first, objects) = bench.fall_sick("0").await.unwrap();
    bench.world.applied("sick", &first).await.unwrap();
    let before = uids(&bench.world, &objects).await;
    for (number, (fault, times)) in faults.iter().enumerate() {
        let met = bench.proxy.met();
        bench.proxy.set([ApiRule::of("/configmaps/sick-", fault.clone()).verb(Method::PATCH).times(*times)]);
        let (_, objects) = bench.fall_sick(&format!("{}", number + 1)).await.unwrap();
        let seconds = bench.neighbour.changes(&bench.world).await.unwrap();
        // The neighbour's commit is the newest revision.
        bench.world.applied("sick", &bench.world.repo.revision().unwrap()).await.unwrap();
        compare(&bench.world, "sick", &objects).await.unwrap();
        assert_eq!(objects, wanted(&bench.world.repo, "sick").unwrap());
        assert!(bench.proxy.met() > met, "{fault:?} met no request");
        println!("{fault:?}: met {} requests; neighbour live in {seconds:.2} s", bench.proxy.met() - met);
        bench.is_calm(&format!("{fault:?}")).await.unwrap();
    }
    assert_eq!(uids(&bench.world, &objects).await, before, "objects were made anew");
}

#[tokio::test]
async fn refusals_by_a_busy_server_end_as_in_git_and_the_neighbour_does_not_notice() {
    let faults = [
        (ApiFault::Throttle(1), 12),
        (ApiFault::Status(409), 20),
        (ApiFault::Status(500), 20),
        (ApiFault::Status(503), 20),
    ];
    storms("storm", &faults).await;
}

#[tokio::test]
async fn answers_that_come_late_or_break_off_end_as_in_git_and_the_neighbour_does_not_notice() {
    let faults = [(ApiFault::Cut, 12), (ApiFault::Half, 12), (ApiFault::Delay(Duration::from_secs(2)), 4)];
    storms("broken", &faults).await;
}

#[tokio::test]
async fn compacted_watches_begin_anew_and_nothing_is_applied_for_it() {
    let mut bench = Bench::start("compacted").await.unwrap();
    let (revision, objects) = bench.fall_sick("0").await.unwrap();
    bench.world.applied("sick", &revision).await.unwrap();
    bench.proxy.set([ApiRule::of("", ApiFault::Compacted).times(12)]);
    bench.proxy.cut_all();
    eventually("watches are told that they are compacted", || async { Ok(bench.proxy.met() >= 3) })
        .await
        .unwrap();
    bench.proxy.set([]);
    let world = &bench.world;
    let before = world.get("ConfigMap", "sick-1").await.unwrap();
    world.cluster.delete("ConfigMap", &world.ns, "sick-0").await.unwrap();
    world.until("ConfigMap", "sick-0", |_| true).await.unwrap();
    bench.neighbour.changes(&bench.world).await.unwrap();
    let world = &bench.world;
    world.applied("sick", &world.repo.revision().unwrap()).await.unwrap();
    compare(world, "sick", &objects).await.unwrap();
    let after = world.get("ConfigMap", "sick-1").await.unwrap();
    assert_eq!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    bench.is_calm("watches compacted").await.unwrap();
}

#[tokio::test]
async fn watches_that_are_taken_and_never_begin_are_asked_for_again() {
    let mut bench = Bench::start("deaf").await.unwrap();
    let (revision, _) = bench.fall_sick("0").await.unwrap();
    bench.world.applied("sick", &revision).await.unwrap();
    // What a connection does that a router forgot, or a proxy that is out of its depth.
    bench.proxy.set([ApiRule::of("watch=true", ApiFault::Hang)]);
    bench.proxy.cut_all();
    eventually("watches are swallowed", || async { Ok(bench.proxy.met() >= 3) }).await.unwrap();
    bench.proxy.set([]);
    let seconds = bench.neighbour.changes(&bench.world).await.unwrap();
    println!("a commit behind watches that were swallowed is live in {seconds:.1} s");
    bench.is_calm("watches swallowed").await.unwrap();
}

/// Longer than the watches of a controller last, and much shorter than those of other programs.
const DEAF: Duration = Duration::from_secs(160);

#[tokio::test]
async fn watches_whose_line_dies_in_silence_are_asked_for_again() {
    let mut bench = Bench::start("silent").await.unwrap();
    let (revision, objects) = bench.fall_sick("0").await.unwrap();
    bench.world.applied("sick", &revision).await.unwrap();
    let world = &bench.world;
    bench.proxy.silence_all();
    world.cluster.delete("ConfigMap", &world.ns, "sick-0").await.unwrap();
    let begun = Instant::now();
    world.cluster.wait(("ConfigMap", &world.ns, "sick-0"), DEAF, |_| true).await.unwrap();
    println!("what was deleted behind a silent line is back after {:.0} s", begun.elapsed().as_secs_f64());
    compare(world, "sick", &objects).await.unwrap();
    bench.neighbour.changes(&bench.world).await.unwrap();
    bench.is_calm("watches silent").await.unwrap();
}

#[tokio::test]
async fn a_status_that_meets_conflicts_is_written_in_the_end() {
    let bench = Bench::start("conflicts").await.unwrap();
    let (revision, objects) = bench.fall_sick("0").await.unwrap();
    bench.world.applied("sick", &revision).await.unwrap();
    bench.proxy.set([ApiRule::of("/kustomizations/sick/status", ApiFault::Status(409)).times(1)]);
    // A commit that changes nothing of it: one write in all, at the end of the run.
    let revision = bench.world.push(&[("elsewhere/a.txt", "1")], "elsewhere").await.unwrap();
    bench.world.applied("sick", &revision).await.unwrap();
    compare(&bench.world, "sick", &objects).await.unwrap();
    assert!(bench.proxy.met() > 0);
    bench.is_calm("status refused with 409").await.unwrap();
}

/// A fault of every request; a commit that changes and removes objects comes while it lasts.
async fn outage(prefix: &str, fault: ApiFault) {
    let bench = Bench::start(prefix).await.unwrap();
    let (revision, objects) = bench.fall_sick("0").await.unwrap();
    bench.world.applied("sick", &revision).await.unwrap();
    let before = uids(&bench.world, &objects).await;
    bench.proxy.set([ApiRule::of("", fault.clone())]);
    bench.proxy.cut_all();
    let (revision, objects) = bench.fall_sick("1").await.unwrap();
    tokio::time::sleep(AWAY).await;
    assert!(bench.proxy.met() > 0);
    bench.proxy.set([]);
    bench.world.applied("sick", &revision).await.unwrap();
    compare(&bench.world, "sick", &objects).await.unwrap();
    assert_eq!(uids(&bench.world, &objects).await, before, "objects were made anew");
    bench.world.applied("well", &revision).await.unwrap();
    bench.is_calm(&format!("outage by {fault:?}")).await.unwrap();
}

#[tokio::test]
async fn a_revoked_token_deletes_nothing_and_work_goes_on_with_the_next_one() {
    outage("revoked", ApiFault::Status(401)).await;
}

#[tokio::test]
async fn an_api_server_that_breaks_off_every_answer_is_waited_for() {
    outage("away", ApiFault::Cut).await;
}
