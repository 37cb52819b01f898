use crate::rig::{Rig, SOON};
use serde_json::json;
use std::time::{Duration, Instant};
use testkit::Controller;

/// Short enough for a test, and with all proportions of the real ones.
const TIMES: [&str; 4] = [
    "--enable-leader-election",
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];

async fn replica(rig: &Rig, suffix: &str) -> Controller {
    let builder = TIMES.iter().fold(rig.builder(suffix).unwrap(), |builder, arg| builder.arg(*arg));
    builder.start().await.unwrap()
}

async fn holder(rig: &Rig) -> String {
    let lease = rig.cluster.find("Lease", rig.ns.name(), "source-controller-leader-election").await.unwrap();
    let lease = lease.unwrap_or_default();
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

async fn wait_for_holder(rig: &Rig, wanted: impl Fn(&str) -> bool) -> String {
    let since = Instant::now();
    loop {
        let holder = holder(rig).await;
        if wanted(&holder) {
            return holder;
        }
        assert!(since.elapsed() < testkit::patience(SOON), "the lease is held by {holder:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_stopped_leader_writes_nothing_after_another_took_over_and_ends() {
    let rig = Rig::without_controller("fence").await.unwrap();
    rig.repo.commit(&[("cm.yaml", "a: 1\n")], "first").unwrap();
    let first = replica(&rig, "-first").await;
    let leader = wait_for_holder(&rig, |holder| !holder.is_empty()).await;
    rig.apply(json!({ "interval": "1s" })).await.unwrap();
    rig.ready("True").await.unwrap();
    let second = replica(&rig, "-second").await;
    assert_eq!(holder(&rig).await, leader, "only one replica leads");

    first.process().signal("STOP").unwrap();
    wait_for_holder(&rig, |holder| !holder.is_empty() && holder != leader).await;
    let before = rig.writes("-first").unwrap();
    rig.repo.commit(&[("cm.yaml", "a: 2\n")], "second").unwrap();
    first.process().signal("CONT").unwrap();
    let since = Instant::now();
    while first.process().exit_status().is_none() {
        assert!(since.elapsed() < testkit::patience(SOON), "the old leader goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(first.process().exit_status().unwrap().code(), Some(1));
    assert!(first.process().log().contains("leader election lost"), "{}", first.process().log_tail(5));
    assert_eq!(rig.writes("-first").unwrap(), before, "nothing was written after the lease was lost");
    assert!(second.process().exit_status().is_none());
}

#[tokio::test]
async fn a_leader_that_ends_gives_the_lease_back_at_once() {
    let rig = Rig::without_controller("release").await.unwrap();
    let first = replica(&rig, "-first").await;
    wait_for_holder(&rig, |holder| !holder.is_empty()).await;
    assert_eq!(first.process().terminate(SOON).unwrap().code(), Some(0));
    assert_eq!(holder(&rig).await, "");
}
