use crate::rig::{Rig, SOON};
use serde_json::{Value, json};
use testkit::condition;

const CONFIG: &str = "a: 1\n";

#[tokio::test]
async fn a_deleted_source_takes_its_files_along_also_when_it_is_suspended() {
    for suspend in [false, true] {
        let rig = Rig::start("deleted").await.unwrap();
        rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
        rig.apply(json!({})).await.unwrap();
        rig.ready("True").await.unwrap();
        let folder = rig.controller().dir().join("storage/gitrepository").join(rig.ns.name()).join("app");
        assert!(folder.exists());
        rig.apply(json!({ "suspend": suspend })).await.unwrap();
        rig.cluster.delete("GitRepository", rig.ns.name(), "app").await.unwrap();
        rig.cluster.wait_gone(("GitRepository", rig.ns.name(), "app"), SOON).await.unwrap();
        assert!(!folder.exists());
        series_vanish(&rig).await;
    }
}

async fn series_vanish(rig: &Rig) {
    let url = format!("http://127.0.0.1:{}/metrics", rig.controller().ports()[0]);
    let since = std::time::Instant::now();
    while reqwest::get(&url).await.unwrap().text().await.unwrap().contains("name=\"app\"") {
        assert!(since.elapsed() < testkit::patience(SOON), "its series stay");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_suspended_source_is_left_alone_until_it_is_resumed() {
    let rig = Rig::start("suspended").await.unwrap();
    let first = rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    rig.ready("True").await.unwrap();
    rig.apply(json!({ "suspend": true })).await.unwrap();
    rig.when(|object| object["status"]["observedGeneration"] == 2).await.unwrap();
    let second = rig.repo.commit(&[("cm.yaml", "a: 2\n")], "second").unwrap();
    let object = rig.reconcile().await.unwrap();
    assert_eq!(object["status"]["artifact"]["revision"], format!("main@sha1:{first}"));
    testkit::check_conditions(&object).unwrap();
    // The status is told before the run has come to rest.
    let mut rows = rig.controller().debug_objects().await.unwrap();
    for _ in 0..100 {
        if rows[0]["state"] == "suspended" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        rows = rig.controller().debug_objects().await.unwrap();
    }
    assert_eq!(rows[0]["state"], "suspended", "{rows}");
    rig.apply(json!({ "suspend": false })).await.unwrap();
    let object = rig.when(|object| object["status"]["observedGeneration"] == 3).await.unwrap();
    assert_eq!(object["status"]["artifact"]["revision"], format!("main@sha1:{second}"));
}

#[tokio::test]
async fn the_interval_finds_a_new_commit_and_debug_objects_tells_the_next_one() {
    let rig = Rig::start("interval").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({ "interval": "2s" })).await.unwrap();
    rig.ready("True").await.unwrap();
    let second = rig.repo.commit(&[("cm.yaml", "a: 2\n")], "second").unwrap();
    let revision = format!("main@sha1:{second}");
    rig.when(|object| object["status"]["artifact"]["revision"] == revision.as_str()).await.unwrap();
    let rows = rig.controller().debug_objects().await.unwrap();
    assert!(rows[0]["nextWakeUp"].is_string() && rows[0]["name"] == "app", "{rows}");
}

#[tokio::test]
async fn a_killed_controller_finds_its_artifact_again_and_writes_nothing_new() {
    let mut rig = Rig::start("killed").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let before = rig.ready("True").await.unwrap();
    // Events are sent beside the work: a kill may end one that is under way.
    rig.events.wait(SOON, |event| event["reason"] == "NewArtifact").await.unwrap();
    let (dir, ports) = (rig.controller().dir().to_owned(), rig.controller().ports());
    rig.controller().process().kill();
    let builder = rig.builder("").unwrap().dir(&dir).ports(ports);
    rig.controller = Some(builder.start().await.unwrap());
    let asked = rig.git.requests().len();
    rig.asked(asked + 1).await;
    let after = rig.reconcile().await.unwrap();
    assert_eq!(after["status"]["artifact"], before["status"]["artifact"]);
    let events = rig.events.events();
    assert_eq!(events.iter().filter(|event| event["reason"] == "NewArtifact").count(), 1, "{events:?}");
}

#[tokio::test]
async fn objects_of_one_repository_that_are_woken_together_ask_it_once() {
    const OBJECTS: usize = 12;
    let rig = Rig::without_controller("together").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    let spec = json!({ "url": rig.repo.url(), "interval": "10m", "ref": { "branch": "main" } });
    for number in 0..OBJECTS {
        rig.source("GitRepository", &format!("app-{number}"), spec.clone()).await.unwrap();
    }
    let builder = || rig.builder("").unwrap().arg("--concurrent=2");
    let first = builder().start().await.unwrap();
    for number in 0..OBJECTS {
        rig.told(("GitRepository", &format!("app-{number}")), "True", "stored artifact").await.unwrap();
    }
    let greetings = || rig.git.requests().iter().filter(|line| line.contains("info/refs")).count();
    let before = greetings();
    assert!(before <= OBJECTS + 3, "each object fetches, and only the first ones ask: {before}");
    let (dir, ports) = (first.dir().to_owned(), first.ports());
    first.process().kill();
    let second = builder().dir(&dir).ports(ports).start().await.unwrap();
    let looked = async {
        let rested = |row: &Value| row["nextWakeUp"].is_string();
        loop {
            let rows = second.debug_objects().await.unwrap();
            if rows.as_array().unwrap().iter().filter(|row| rested(row)).count() == OBJECTS {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(testkit::patience(SOON), looked).await.unwrap();
    let asked = greetings() - before;
    assert!((1..=4).contains(&asked), "{OBJECTS} objects asked one repository {asked} times");
}

#[tokio::test]
async fn finalizers_and_status_have_the_field_managers_of_flux() {
    let rig = Rig::start("managers").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let object = rig.ready("True").await.unwrap();
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let ours: Vec<&Value> = entries.iter().filter(|entry| entry["manager"] == "source-controller").collect();
    assert_eq!(ours.len(), 2, "{entries:?}");
    assert!(ours.iter().all(|entry| entry["operation"] == "Update"));
    assert!(condition(&object, "ArtifactInStorage").is_some());
}

#[tokio::test]
async fn sigterm_ends_the_controller_cleanly() {
    let rig = Rig::start("ended").await.unwrap();
    let status = rig.controller().process().terminate(SOON).unwrap();
    let log = rig.controller().process().log_tail(5);
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains(r#""msg":"ended""#), "{log}");
}

#[tokio::test]
async fn what_flux_left_in_the_status_goes_when_it_no_longer_holds() {
    let mut rig = Rig::without_controller("takeover").await.unwrap();
    let commit = rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let left = |kind: &str, status: &str| {
        json!({ "type": kind, "status": status, "reason": "Succeeded", "message": "left", "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z" })
    };
    let conditions = [left("Reconciling", "True"), left("Ready", "False"), left("SourceVerified", "True")];
    let artifact = json!({ "digest": format!("sha256:{}", "0".repeat(64)), "revision": format!("main@sha1:{commit}"),
        "path": "gitrepository/elsewhere/app/x.tar.gz", "url": "http://elsewhere/x.tar.gz",
        "lastUpdateTime": "2026-01-01T00:00:00Z", "size": 1 });
    let status = json!({ "conditions": conditions, "artifact": artifact, "observedGeneration": 1 });
    rig.cluster.patch_status("GitRepository", rig.ns.name(), "app", status).await.unwrap();
    rig.when(|object| condition(object, "SourceVerified").is_some()).await.unwrap();
    rig.controller = Some(rig.builder("").unwrap().start().await.unwrap());
    let object = rig.ready("True").await.unwrap();
    assert!(condition(&object, "SourceVerified").is_none(), "{object}");
    let served = reqwest::get(object["status"]["artifact"]["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(served.status().as_u16(), 200, "a file that is not here is built again");
}

#[tokio::test]
async fn a_status_that_somebody_wiped_is_whole_again_after_the_next_run() {
    let rig = Rig::start("wiped").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let before = rig.ready("True").await.unwrap();
    let none = json!({ "artifact": null, "conditions": null, "observedGeneration": -1 });
    rig.cluster.patch_status("GitRepository", rig.ns.name(), "app", none).await.unwrap();
    rig.reconcile().await.unwrap();
    let object = rig.ready("True").await.unwrap();
    assert_eq!(object["status"]["artifact"]["digest"], before["status"]["artifact"]["digest"]);
    assert_eq!(object["status"]["observedGeneration"], object["metadata"]["generation"]);
    assert!(condition(&object, "ArtifactInStorage").is_some(), "{object}");
    assert!(!rig.served(&object).await.unwrap().is_empty());
}
