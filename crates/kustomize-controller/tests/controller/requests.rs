use serde_json::json;

use crate::rig::{Rig, config_map, deployment};

/// Requests that are no watches, no lists at the start and no events.
fn counted(requests: &[String]) -> Vec<&String> {
    let quiet = ["watch", "/events", "/leases/", "/livez", "/apis?", "/api?"];
    requests.iter().filter(|request| !quiet.iter().any(|word| request.contains(word))).collect()
}

#[tokio::test]
async fn an_unchanged_full_pass_costs_one_request_an_object_and_one_status_write() {
    let rig = Rig::start("budget").await.unwrap();
    let files = [
        ("app/a.yaml", &*deployment("web", "web:1.0")),
        ("app/b.yaml", &*config_map("b", "1")),
        ("app/c.yaml", &*config_map("c", "1")),
    ];
    let revision = rig.publish(1, &files).await.unwrap();
    rig.apply("app", json!({ "wait": true })).await.unwrap();
    rig.applied("app", &revision).await.unwrap();
    // managedFields carry seconds: within seconds of an apply a dry run does not tell whether it would change.
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let before = rig.requests().unwrap().len();
    rig.reconcile("app").await.unwrap();
    let all = rig.requests().unwrap();
    let pass = counted(&all[before..]);
    assert_eq!(pass.len(), 4, "{pass:#?}");
    let status = pass.iter().filter(|request| request.contains("/kustomizations/app/status")).count();
    assert_eq!(status, 1, "{pass:#?}");
}

#[tokio::test]
async fn a_changed_pass_writes_the_status_three_times_at_most() {
    let rig = Rig::start("writes").await.unwrap();
    let first = rig.publish(1, &[("app/a.yaml", &deployment("web", "web:1.0"))]).await.unwrap();
    rig.apply("app", json!({ "wait": true })).await.unwrap();
    rig.applied("app", &first).await.unwrap();
    let before = rig.requests().unwrap().len();
    let second = rig.publish(2, &[("app/a.yaml", &deployment("web", "web:2.0"))]).await.unwrap();
    rig.applied("app", &second).await.unwrap();
    let all = rig.requests().unwrap();
    let writes =
        all[before..].iter().filter(|request| request.contains("/kustomizations/app/status")).count();
    assert!((2..=3).contains(&writes), "{:#?}", &all[before..]);
    let live = rig.get("Deployment", "web").await.unwrap();
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "web:2.0");
}

#[tokio::test]
async fn what_was_healthy_and_did_not_move_is_not_looked_at_again() {
    let rig = Rig::start("looks").await.unwrap();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
        "spec": { "ports": [{ "port": 80 }], "selector": { "app": "web" } },
    });
    let files = |version: &str| [deployment("web", version), config_map("a", version), service.to_string()];
    let publish = async |serial, version: &str| {
        let [web, map, service] = files(version);
        let files =
            [("app/a.yaml", web.as_str()), ("app/b.yaml", map.as_str()), ("app/c.yaml", service.as_str())];
        rig.publish(serial, &files).await.unwrap()
    };
    let first = publish(1, "web:1.0").await;
    rig.apply("app", json!({ "wait": true })).await.unwrap();
    rig.applied("app", &first).await.unwrap();
    let before = rig.requests().unwrap().len();
    let second = publish(2, "web:2.0").await;
    rig.applied("app", &second).await.unwrap();
    let all = rig.requests().unwrap();
    let looks: Vec<_> = counted(&all[before..]).into_iter().filter(|one| one.starts_with("get ")).collect();
    assert!(looks.iter().any(|look| look.contains("/deployments/web")), "{looks:#?}");
    assert!(!looks.iter().any(|look| look.contains("/services/")), "{looks:#?}");
}

#[tokio::test]
async fn commits_that_come_more_often_than_the_interval_do_not_put_off_the_full_pass() {
    let rig = Rig::start("often").await.unwrap();
    let publish = async |serial: u32| {
        let files =
            [("app/a.yaml", &*config_map("a", &serial.to_string())), ("app/b.yaml", &config_map("b", "1"))];
        rig.publish(serial, &files).await.unwrap()
    };
    let first = publish(1).await;
    rig.apply("app", json!({ "interval": "5s" })).await.unwrap();
    rig.applied("app", &first).await.unwrap();
    let before = rig.requests().unwrap().len();
    for serial in 2..=10 {
        let revision = publish(serial).await;
        rig.applied("app", &revision).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let all = rig.requests().unwrap();
    let sent = all[before..].iter().filter(|request| request.contains("/configmaps/b")).count();
    assert!((1..=4).contains(&sent), "{sent} of {:#?}", counted(&all[before..]));
}
