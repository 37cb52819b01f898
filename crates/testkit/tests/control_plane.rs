//! The control plane does what tests of others rely on.
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Cluster, ControlPlane, GitServer, TestNamespace};

const SOON: Duration = Duration::from_secs(60);

async fn fresh(prefix: &str) -> (&'static ControlPlane, Cluster, TestNamespace) {
    let plane = ControlPlane::shared().await.unwrap();
    (plane, plane.cluster().await.unwrap(), plane.namespace(prefix).await.unwrap())
}

fn deployment(namespace: &str, name: &str, image: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "replicas": 2, "selector": { "matchLabels": { "app": name } }, "template": {
            "metadata": { "labels": { "app": name } },
            "spec": { "containers": [{ "name": "main", "image": image }] } } } })
}

fn waiting_reason(pods: &[Value]) -> Option<&str> {
    pods.iter().find_map(|pod| pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"].as_str())
}

#[tokio::test]
async fn a_deployment_becomes_available_and_its_namespace_can_be_deleted() {
    let (plane, cluster, ns) = fresh("deploy").await;
    cluster.apply(&deployment(&ns, "web", "web:1.0")).await.unwrap();
    let available = |object: &Value| object["status"]["availableReplicas"] == 2;
    cluster.wait(("Deployment", &ns, "web"), SOON, available).await.unwrap();
    assert!(plane.kubectl_ok(&["get", "deployments", "-n", &ns]).unwrap().contains("2/2"));
    cluster.delete("Namespace", "", &ns).await.unwrap();
    cluster.wait_gone(("Namespace", "", &ns), SOON).await.unwrap();
}

#[tokio::test]
async fn pods_fail_as_the_text_of_their_image_says() {
    let (_, cluster, ns) = fresh("images").await;
    for (image, reason) in [("web:broken", "ImagePullBackOff"), ("web:crash", "CrashLoopBackOff")] {
        cluster.apply(&deployment(&ns, "web", image)).await.unwrap();
        let deadline = std::time::Instant::now() + SOON;
        loop {
            let pods = cluster.list("Pod", &ns).await.unwrap();
            if waiting_reason(&pods) == Some(reason) {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{reason}: {pods:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        cluster.delete("Deployment", &ns, "web").await.unwrap();
        cluster.wait_gone(("Deployment", &ns, "web"), SOON).await.unwrap();
    }
}

#[tokio::test]
async fn jobs_complete_or_fail() {
    let (_, cluster, ns) = fresh("jobs").await;
    for (name, image, wanted) in [("good", "task:1", "Complete"), ("bad", "task:fails", "Failed")] {
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name, "namespace": *ns },
            "spec": { "backoffLimit": 0, "template": { "spec": { "restartPolicy": "Never",
                "containers": [{ "name": "main", "image": image }] } } } });
        cluster.apply(&job).await.unwrap();
        let ended = |object: &Value| {
            let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
            conditions.iter().any(|c| c["type"] == wanted && c["status"] == "True")
        };
        cluster.wait(("Job", &ns, name), SOON, ended).await.unwrap();
    }
}

#[tokio::test]
async fn a_user_without_rights_is_refused_and_its_requests_are_told_apart() {
    let (plane, _, ns) = fresh("users").await;
    let nobody = Cluster::new(plane.client_for("nobody").await.unwrap());
    let error = format!("{:#}", nobody.find("Secret", &ns, "x").await.unwrap_err());
    assert!(error.contains("forbidden"), "{error}");
    let expected = format!("get /api/v1/namespaces/{}/secrets/x", ns.name());
    assert!(plane.requests_of("nobody").unwrap().contains(&expected));
    assert!(plane.metrics().await.unwrap().sum("apiserver_request_total", &[]) > 0.0);
}

#[test]
fn git_clones_what_was_committed_and_asks_for_a_password_below_auth() {
    let server = GitServer::start().unwrap();
    let repo = server.repo("apps").unwrap();
    let first = repo.commit(&[("a/b.yaml", "x: 1\n")], "first").unwrap();
    repo.tag("v1.0.0").unwrap();
    repo.commit(&[("a/b.yaml", "x: 2\n")], "second").unwrap();
    repo.revert("HEAD").unwrap();
    let into = tempfile::tempdir().unwrap();
    let to = into.path().join("clone").display().to_string();
    repo.git(&["clone", "-q", repo.url(), &to]).unwrap();
    assert_eq!(std::fs::read_to_string(format!("{to}/a/b.yaml")).unwrap(), "x: 1\n");
    assert!(repo.git(&["ls-remote", repo.url(), "refs/tags/v1.0.0^{}"]).unwrap().contains(&first));
    assert!(repo.git(&["ls-remote", &format!("{}/apps.git", server.auth_url())]).is_err());
    let with_password = server.auth_url().replace("http://", "http://git:s3cret@");
    assert!(
        repo.git(&["ls-remote", &format!("{with_password}/apps.git")]).unwrap().contains("refs/heads/main")
    );
}
