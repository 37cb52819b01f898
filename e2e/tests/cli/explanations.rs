//! `explain`: from the pod that fails to the commit, the file and the line.
use e2e::World;
use serde_json::{Value, json};

use super::sluice::Sluice;

/// By hand, so that the lines are known: the image stands in line 13.
fn web(image: &str) -> String {
    format!(
        "# The front.\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 1\n  \
         selector: {{ matchLabels: {{ app: web }} }}\n  template:\n    metadata: {{ labels: {{ app: web }} }}\n    \
         spec:\n      containers:\n      - {{ name: main, image: \"{image}\" }}\n"
    )
}

async fn failing_pod(world: &World) -> String {
    let waits = |pod: &Value| {
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    };
    for _ in 0..300 {
        let pods = world.cluster.list("Pod", &world.ns).await.unwrap();
        if let Some(pod) = pods.iter().find(|pod| waits(pod)) {
            return pod["metadata"]["name"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("no pod fails to pull its image");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_pod_leads_to_the_line_of_the_commit() {
    let world = World::start("explain").await.unwrap();
    let cm = World::config_map("settings", "1");
    world
        .push(&[("app/web.yaml", web("web:1.0").as_str()), ("app/cm.yaml", &cm)], "add the front")
        .await
        .unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("apps", "./app", json!({})).await.unwrap();
    world.until("Deployment", "web", |object| object["status"]["availableReplicas"] == 1).await.unwrap();
    let bad =
        world.push(&[("app/web.yaml", web("web:does-not-exist").as_str())], "try a new front").await.unwrap();
    world.applied("apps", &bad).await.unwrap();
    let id = bad.rsplit(':').next().unwrap();
    let pod = failing_pod(&world).await;
    // The last commit is about another file; the line is still that of the one before.
    let last = world
        .push(&[("app/other.yaml", World::config_map("other", "1").as_str())], "something else")
        .await
        .unwrap();
    world.applied("apps", &last).await.unwrap();
    let last = last.rsplit(':').next().unwrap();

    let sluice = Sluice::of(&world.plane.kubeconfig(), world.ns.name());
    let commit = format!("{last} something else");
    for object in ["deployment/web".to_owned(), format!("pod/{pod}")] {
        let wanted = ["by Jane Doe <jane@example.com> at 20", &commit, "app/web.yaml:2", "ImagePullBackOff"];
        sluice.tells(&format!("explain {object}"), &wanted);
        let changed = format!("{id} try a new front");
        let wanted =
            ["web:does-not-exist at app/web.yaml:13", "Changed by:", &changed, "correct its name or tag"];
        sluice.tells(&format!("explain {object} --repo {}", world.repo.work().display()), &wanted);
    }
    sluice.tells("explain kustomization/apps", &[&commit, "web:does-not-exist at app/web.yaml:13"]);
    sluice.tells("explain configmap/settings", &[&commit, "app/cm.yaml:1"]);
    let without = sluice.ok("explain deployment/web --no-git");
    assert!(!without.contains("something else"), "{without}");
    let elsewhere = sluice.run("explain deployment/web --repo /");
    assert_eq!(elsewhere.status.code(), Some(1), "a folder without the commit is an error");
}
