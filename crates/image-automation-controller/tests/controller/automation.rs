use crate::rig::{Rig, full, message};
use serde_json::{Value, json};

/// A repository with a manifest of the image, a policy, and tags 1.0.0 and 1.1.0.
async fn prepared(prefix: &str) -> Rig {
    let rig = Rig::start(prefix).await.unwrap();
    let manifest = manifest(&rig, "1.0.0");
    rig.repo.commit(&[("apps/a.yaml", manifest.as_str())], "first").unwrap();
    rig.registry.push_images("app", &["1.0.0", "1.1.0"]).await.unwrap();
    rig.repository(json!({})).await.unwrap();
    rig.policy(json!({})).await.unwrap();
    rig.ready("ImagePolicy", "True").await.unwrap();
    rig
}

fn manifest(rig: &Rig, tag: &str) -> String {
    let image = rig.marked(&format!("{}:{tag}", rig.image()), "");
    let tag = rig.marked(&format!("'{tag}'"), ":tag");
    format!("# head\nkind: ConfigMap\r\ndata:\n    image:   {image}\r\n    tag: {tag}   \n\n\n    x: \"y\"\n")
}

fn pushed(object: &Value) -> bool {
    object["status"]["lastPushCommit"].is_string()
}

#[tokio::test]
async fn marked_fields_are_written_and_every_other_byte_stays() {
    let rig = prepared("write").await;
    let first = rig.repo.head().unwrap();
    rig.automation(json!({}), json!({})).await.unwrap();
    let object = rig.ready("ImageUpdateAutomation", "True").await.unwrap();
    assert_eq!(message(&object), "repository up-to-date");
    let head = rig.bare(&["rev-parse", "main"]);
    let status = &object["status"];
    assert_eq!(status["lastPushCommit"], head.as_str());
    assert_eq!(status["observedSourceRevision"], format!("main@sha1:{head}"));
    assert_eq!(status["observedPolicies"]["app"]["tag"], "1.1.0");
    assert_eq!(rig.bare(&["rev-parse", "main^"]), first);
    let blob = rig.repo.git(&["--git-dir", rig.repo.bare().to_str().unwrap(), "show", "main:apps/a.yaml"]);
    assert_eq!(blob.unwrap(), manifest(&rig, "1.1.0"));
    let log = rig.bare(&["log", "-1", "--format=%an <%ae>|%s", "main"]);
    assert_eq!(log, "bot <bot@example.com>|Update from image update automation");
    let told =
        |event: &Value| event["message"].as_str().is_some_and(|text| text.starts_with("pushed commit '"));
    let event = rig.events.wait(crate::rig::SOON, told).await.unwrap();
    let expected =
        format!("pushed commit '{}' to branch 'main'\nUpdate from image update automation", &head[..7]);
    assert_eq!(event["message"], expected.as_str());
}

#[tokio::test]
async fn nothing_is_fetched_and_pushed_when_nothing_changed_and_a_new_image_is_written_at_once() {
    let rig = prepared("again").await;
    rig.automation(json!({}), json!({})).await.unwrap();
    let object = rig.ready("ImageUpdateAutomation", "True").await.unwrap();
    let head = object["status"]["lastPushCommit"].clone();
    let asked = rig.git.requests().len();
    rig.reconcile("ImageUpdateAutomation").await.unwrap();
    let requests = rig.git.requests().split_off(asked);
    assert!(!requests.iter().any(|request| request.contains("receive-pack")), "{requests:?}");
    // The capabilities and one list of references, no pack.
    assert_eq!(requests.len(), 2, "{requests:?}");
    rig.registry.push_images("app", &["2.0.0"]).await.unwrap();
    rig.reconcile("ImageRepository").await.unwrap();
    let moved = |object: &Value| object["status"]["observedPolicies"]["app"]["tag"] == "2.0.0";
    let object = rig.when("ImageUpdateAutomation", moved).await.unwrap();
    assert_ne!(object["status"]["lastPushCommit"], head);
    assert!(rig.bare(&["show", "main:apps/a.yaml"]).contains("app:2.0.0 #"));
}

#[tokio::test]
async fn another_branch_is_made_of_what_is_checked_out_and_goes_on_where_it_stands() {
    let rig = prepared("branch").await;
    let main = rig.repo.head().unwrap();
    rig.automation(
        json!({ "push": { "branch": "auto", "refspec": "refs/heads/auto:refs/heads/copy" } }),
        json!({}),
    )
    .await
    .unwrap();
    let object = rig.ready("ImageUpdateAutomation", "True").await.unwrap();
    assert_eq!(object["status"]["observedSourceRevision"], format!("main@sha1:{main}"));
    let first = rig.bare(&["rev-parse", "auto"]);
    assert_eq!(rig.bare(&["rev-parse", "auto^"]), main);
    assert_eq!(rig.bare(&["rev-parse", "copy"]), first);
    assert_eq!(rig.bare(&["rev-parse", "main"]), main);
    // What goes beside the push branch is taken along from wherever it stands.
    rig.bare(&["update-ref", "refs/heads/copy", &main]);
    rig.registry.push_images("app", &["2.0.0"]).await.unwrap();
    rig.reconcile("ImageRepository").await.unwrap();
    let moved = |object: &Value| object["status"]["observedPolicies"]["app"]["tag"] == "2.0.0";
    rig.when("ImageUpdateAutomation", moved).await.unwrap();
    assert_eq!(rig.bare(&["rev-parse", "auto^"]), first);
    assert_eq!(rig.bare(&["rev-parse", "copy"]), rig.bare(&["rev-parse", "auto"]));
}

#[tokio::test]
async fn a_push_that_loses_the_race_is_made_anew_on_the_new_head() {
    let rig = prepared("race").await;
    // The first push meets a hook that lets somebody else be faster.
    let hook = rig.repo.bare().join("hooks/pre-receive");
    let script = "#!/bin/sh\nif [ ! -e raced ]; then touch raced\n\
        unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES\n\
        tree=$(git rev-parse 'main^{tree}')\n\
        new=$(GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x \
        git commit-tree -p main -m faster $tree)\n\
        git update-ref refs/heads/main $new\nfi\n";
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    rig.automation(json!({}), json!({})).await.unwrap();
    let object = rig.ready("ImageUpdateAutomation", "True").await.unwrap();
    assert!(pushed(&object), "{object}");
    let subjects = rig.bare(&["log", "--format=%s", "main"]);
    assert_eq!(subjects, "Update from image update automation\nfaster\nfirst");
}

#[tokio::test]
async fn what_the_server_refuses_is_told_and_nothing_is_said_to_be_pushed() {
    let rig = prepared("refused").await;
    rig.bare(&["config", "http.receivepack", "false"]);
    rig.automation(json!({}), json!({})).await.unwrap();
    let object = rig.ready("ImageUpdateAutomation", "False").await.unwrap();
    let expected = "failed to update source: failed to push to remote: authorization failed: ";
    assert!(message(&object).starts_with(expected), "{object}");
    assert!(!pushed(&object));
    rig.bare(&["config", "http.receivepack", "true"]);
    let object = rig.ready("ImageUpdateAutomation", "True").await.unwrap();
    assert!(pushed(&object), "{object}");
}

#[tokio::test]
async fn credentials_of_the_source_are_used_and_never_shown() {
    let rig = prepared("login").await;
    let url = rig.repo.url().replacen(&rig.git.url(), &rig.git.auth_url(), 1);
    rig.automation(json!({}), json!({})).await.unwrap();
    let data = json!({ "username": "git", "password": "s3cret" });
    rig.secret("git", "Opaque", data).await.unwrap();
    let source = json!({
        "url": url, "interval": "10m", "ref": { "branch": "main" }, "secretRef": { "name": "git" },
    });
    rig.apply("GitRepository", "app", source).await.unwrap();
    rig.registry.push_images("app", &["3.0.0"]).await.unwrap();
    rig.reconcile("ImageRepository").await.unwrap();
    let moved = |object: &Value| object["status"]["observedPolicies"]["app"]["tag"] == "3.0.0";
    let object = rig.when("ImageUpdateAutomation", moved).await.unwrap();
    assert!(!object.to_string().contains("s3cret"));
    assert!(!rig.controller().process().log().contains("s3cret"));
}

#[tokio::test]
async fn only_picked_policies_below_the_path_are_written() {
    let rig = prepared("picked").await;
    let other = manifest(&rig, "1.0.0");
    rig.repo.commit(&[("other/b.yaml", other.as_str())], "second").unwrap();
    let update = json!({ "path": "./other", "strategy": "Setters" });
    rig.automation(
        json!({}),
        json!({ "update": update, "policySelector": { "matchLabels": { "team": "x" } } }),
    )
    .await
    .unwrap();
    let object = rig.ready("ImageUpdateAutomation", "True").await.unwrap();
    assert!(!pushed(&object), "{object}");
    let label = json!({ "metadata": { "labels": { "team": "x" } } });
    rig.cluster.patch(&full("ImagePolicy"), rig.ns.name(), "app", label).await.unwrap();
    rig.reconcile("ImageUpdateAutomation").await.unwrap();
    rig.when("ImageUpdateAutomation", pushed).await.unwrap();
    assert_eq!(rig.bare(&["show", "main:other/b.yaml"]), manifest(&rig, "1.1.0").trim_end());
    assert!(rig.bare(&["show", "main:apps/a.yaml"]).contains("app:1.0.0 #"));
}

#[tokio::test]
async fn links_of_the_tree_are_followed_and_what_they_lead_to_is_written() {
    let rig = prepared("links").await;
    let other = manifest(&rig, "1.0.0");
    rig.repo.commit(&[("base/b.yaml", &other), ("clusters/prod/c.yaml", &other)], "second").unwrap();
    let work = rig.repo.work();
    std::os::unix::fs::symlink("prod", work.join("clusters/current")).unwrap();
    std::os::unix::fs::symlink("../../base/b.yaml", work.join("clusters/prod/b.yaml")).unwrap();
    rig.repo.commit(&[("README.md", "links")], "third").unwrap();
    let update = json!({ "path": "./clusters/current", "strategy": "Setters" });
    rig.automation(json!({}), json!({ "update": update })).await.unwrap();
    let object = rig.ready("ImageUpdateAutomation", "True").await.unwrap();
    assert!(pushed(&object), "{object}");
    let changed = rig.bare(&["diff", "--name-only", "main^", "main"]);
    assert_eq!(changed, "base/b.yaml\nclusters/prod/c.yaml");
    assert_eq!(rig.bare(&["show", "main:base/b.yaml"]), manifest(&rig, "1.1.0").trim_end());
    assert_eq!(rig.bare(&["show", "main:clusters/prod/b.yaml"]), "../../base/b.yaml");
}

#[tokio::test]
async fn a_request_on_a_suspended_automation_is_handled_when_it_goes_on() {
    let rig = prepared("held").await;
    rig.automation(json!({}), json!({ "suspend": true })).await.unwrap();
    let kind = full("ImageUpdateAutomation");
    let token = rig.cluster.request_reconcile(&kind, rig.ns.name(), "app").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let object = rig.cluster.get(&kind, rig.ns.name(), "app").await.unwrap();
    assert!(object["status"]["lastHandledReconcileAt"].is_null(), "{object}");
    rig.automation(json!({}), json!({ "suspend": false })).await.unwrap();
    let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == token.as_str();
    rig.when("ImageUpdateAutomation", handled).await.unwrap();
}

#[tokio::test]
async fn a_repository_that_went_away_is_told_as_one_that_was_only_listed() {
    let rig = prepared("vanished").await;
    rig.automation(json!({}), json!({})).await.unwrap();
    rig.ready("ImageUpdateAutomation", "True").await.unwrap();
    rig.reconcile("ImageUpdateAutomation").await.unwrap();
    std::fs::remove_dir_all(rig.repo.bare()).unwrap();
    rig.cluster.request_reconcile(&full("ImageUpdateAutomation"), rig.ns.name(), "app").await.unwrap();
    let object = rig.ready("ImageUpdateAutomation", "False").await.unwrap();
    let expected = format!("failed to checkout source: unable to list remote for '{}'", rig.repo.url());
    assert!(message(&object).starts_with(&expected), "{object}");
}
