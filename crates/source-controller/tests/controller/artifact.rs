use crate::rig::{Rig, SOON};
use artifact::{Digest, UnpackLimits, unpack};
use serde_json::{Value, json};
use testkit::condition;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\ndata: {a: '1'}\n";

#[tokio::test]
async fn a_branch_becomes_an_artifact_that_is_served_with_its_digest() {
    let rig = Rig::start("artifact").await.unwrap();
    let commit = rig.repo.commit(&[("cm.yaml", CONFIG)], "first commit").unwrap();
    rig.apply(json!({})).await.unwrap();
    let object = rig.ready("True").await.unwrap();
    let artifact = &object["status"]["artifact"];
    assert_eq!(artifact["revision"], format!("main@sha1:{commit}"));
    assert_eq!(artifact["path"], format!("gitrepository/{}/app/{commit}.tar.gz", rig.ns.name()));
    let served = reqwest::get(artifact["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(served.status().as_u16(), 200);
    let bytes = served.bytes().await.unwrap();
    assert_eq!(artifact["digest"], artifact::Digest::of(&bytes).to_string());
    assert_eq!(artifact["size"], bytes.len());

    let event = rig.events.wait(SOON, |event| event["reason"] == "NewArtifact").await.unwrap();
    assert_eq!(event["message"], "stored artifact for commit 'first commit'");
    assert_eq!(event["severity"], "info");
    let metadata = json!({
        "source.toolkit.fluxcd.io/digest": artifact["digest"],
        "source.toolkit.fluxcd.io/revision": format!("main@sha1:{commit}"),
    });
    assert_eq!(event["metadata"], metadata);
}

#[tokio::test]
async fn without_a_new_commit_nothing_is_cloned_and_one_status_is_written() {
    let rig = Rig::start("same").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let object = rig.ready("True").await.unwrap();
    let served = reqwest::get(object["status"]["artifact"]["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(served.status().as_u16(), 200);
    let packs = |rig: &Rig| rig.git.requests().iter().filter(|line| line.contains("git-upload-pack")).count();
    let (before, written) = (rig.git.requests().len(), rig.writes("").unwrap().len());
    rig.reconcile().await.unwrap();
    let asked = rig.git.requests();
    assert!(asked.len() > before, "the remote is asked for its references");
    assert!(packs(&rig) > 0 && asked[before..].len() <= 2, "{:?}", &asked[before..]);
    assert_eq!(rig.writes("").unwrap().len(), written + 1, "{:?}", rig.writes("").unwrap());
}

#[tokio::test]
async fn a_new_commit_costs_two_status_writes_and_keeps_the_old_file_for_a_while() {
    let rig = Rig::start("new").await.unwrap();
    let first = rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    rig.ready("True").await.unwrap();
    let first_writes = rig.settled_writes().await.unwrap();
    assert!(first_writes.len() <= 4, "finalizer and three status writes: {first_writes:?}");
    let second = rig.repo.commit(&[("cm.yaml", "a: 2\n")], "second").unwrap();
    let object = rig.reconcile().await.unwrap();
    assert_eq!(object["status"]["artifact"]["revision"], format!("main@sha1:{second}"));
    let writes = rig.settled_writes().await.unwrap();
    assert_eq!(writes.len(), first_writes.len() + 2, "{writes:?}");
    let folder = rig.controller().dir().join("storage/gitrepository").join(rig.ns.name()).join("app");
    assert!(folder.join(format!("{first}.tar.gz")).exists());
}

#[tokio::test]
async fn a_stored_file_that_was_deleted_or_changed_is_built_again() {
    let rig = Rig::start("tampered").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let object = rig.ready("True").await.unwrap();
    let (digest, size) = (&object["status"]["artifact"]["digest"], &object["status"]["artifact"]["size"]);
    let file =
        rig.controller().dir().join("storage").join(object["status"]["artifact"]["path"].as_str().unwrap());
    std::fs::remove_file(&file).unwrap();
    rig.reconcile().await.unwrap();
    assert!(file.exists());
    std::fs::write(&file, "tampered").unwrap();
    let again = rig.reconcile().await.unwrap();
    assert_eq!(&again["status"]["artifact"]["digest"], digest);
    assert_eq!(*size, std::fs::metadata(&file).unwrap().len());
    rig.events.wait(SOON, |event| event["reason"] == "ArtifactVerificationFailed").await.unwrap();
}

#[tokio::test]
async fn another_ignore_list_makes_another_artifact_of_the_same_commit() {
    let rig = Rig::start("ignore").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG), ("docs/a.md", "# a\n")], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let before = rig.ready("True").await.unwrap();
    rig.apply(json!({ "ignore": "/*\n!/cm.yaml\n" })).await.unwrap();
    let after = rig.when(|object| object["status"]["observedGeneration"] == 2).await.unwrap();
    assert_eq!(after["status"]["artifact"]["revision"], before["status"]["artifact"]["revision"]);
    assert_ne!(after["status"]["artifact"]["digest"], before["status"]["artifact"]["digest"]);
    assert_eq!(after["status"]["observedIgnore"], "/*\n!/cm.yaml\n");
}

#[tokio::test]
async fn another_digest_function_is_used_when_asked_for() {
    let mut rig = Rig::without_controller("digest").await.unwrap();
    let builder = rig.builder("").unwrap().arg("--artifact-digest-algo=sha512");
    rig.controller = Some(builder.start().await.unwrap());
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let object = rig.ready("True").await.unwrap();
    let digest = object["status"]["artifact"]["digest"].as_str().unwrap();
    assert!(digest.starts_with("sha512:") && digest.len() == "sha512:".len() + 128, "{digest}");
    rig.reconcile().await.unwrap();
    assert!(rig.events.events().iter().all(|event| event["reason"] != "ArtifactVerificationFailed"));
}

#[tokio::test]
async fn a_sparse_checkout_holds_its_folders_alone_and_they_must_exist() {
    let rig = Rig::start("sparse").await.unwrap();
    let files = [("a/x", "1"), ("b/c/y", "2"), ("b/d/z", "3"), ("top", "4"), (".sourceignore", "x\n")];
    rig.repo.commit(&files, "first").unwrap();
    rig.apply(json!({ "sparseCheckout": ["./a", "b/c"] })).await.unwrap();
    const APP: (&str, &str) = ("GitRepository", "app");
    let object = rig.told(APP, "True", "stored artifact").await.unwrap();
    assert_eq!(object["status"]["observedSparseCheckout"], json!(["./a", "b/c"]));
    assert_eq!(names(&rig.served(&object).await.unwrap()), ["a", "a/x", "b", "b/c", "b/c/y"]);
    rig.apply(json!({ "sparseCheckout": ["a", "b/none"] })).await.unwrap();
    let text =
        "failed to sparse checkout directories : sparse checkout dir 'b/none' does not exist in repository";
    let object = rig.told(APP, "False", text).await.unwrap();
    assert_eq!(condition(&object, "FetchFailed").unwrap()["reason"], "GitOperationFailed");
    rig.apply(json!({})).await.unwrap();
    let object = rig.told(APP, "True", "stored artifact").await.unwrap();
    assert!(object["status"]["observedSparseCheckout"].is_null());
    assert!(!names(&rig.served(&object).await.unwrap()).contains(&"a/x".to_owned()));
}

/// What an archive holds.
fn names(archive: &[u8]) -> Vec<String> {
    let blob = tempfile::NamedTempFile::new().unwrap().into_temp_path().keep().unwrap();
    let tree = unpack(archive, Digest::of(archive), &blob, &UnpackLimits::default()).unwrap();
    tree.walk().map(|(name, _)| name.to_owned()).collect()
}

#[tokio::test]
async fn objects_that_want_the_same_of_a_repository_fetch_it_once() {
    let rig = Rig::start("twins").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG), ("notes.txt", "text")], "first commit").unwrap();
    let (first, asked) = twin(&rig, "one", json!({})).await;
    assert_eq!(asked, ["GET", "POST", "POST"], "what is there, which references, the commit");
    let (second, asked) = twin(&rig, "two", json!({})).await;
    assert_eq!(asked, ["GET", "POST"], "the second one asks, and fetches nothing");
    for field in ["digest", "revision", "size"] {
        assert_eq!(second["status"]["artifact"][field], first["status"]["artifact"][field]);
    }
    rig.served(&second).await.unwrap();
    let told = |event: &Value| event["involvedObject"]["name"] == "two" && event["reason"] == "NewArtifact";
    let event = rig.events.wait(SOON, told).await.unwrap();
    assert_eq!(event["message"], "stored artifact for commit 'first commit'");

    let (other, asked) = twin(&rig, "other", json!({"ignore": "*.txt"})).await;
    assert_eq!(asked.len(), 3, "it wants something else");
    assert_ne!(other["status"]["artifact"]["digest"], first["status"]["artifact"]["digest"]);

    // The newest of the same want is that of `two`, whose file of this commit becomes another one.
    let mut spec = json!({ "url": rig.repo.url(), "interval": "10m", "ref": { "branch": "main" } });
    spec["ignore"] = "*.yaml".into();
    rig.source("GitRepository", "two", spec).await.unwrap();
    rig.see(("GitRepository", "two"), |object| object["status"]["observedIgnore"] == "*.yaml").await.unwrap();
    let (third, asked) = twin(&rig, "three", json!({})).await;
    assert_eq!(asked.len(), 3);
    assert_eq!(third["status"]["artifact"]["digest"], first["status"]["artifact"]["digest"]);
    rig.served(&third).await.unwrap();
    let failed = rig.events.events().into_iter().find(|event| event["severity"] == "error");
    assert_eq!(failed, None);
}

/// A GitRepository of the rig's repository.
async fn another(rig: &Rig, name: &str, more: &Value) {
    let mut spec = json!({ "url": rig.repo.url(), "interval": "10m", "ref": { "branch": "main" } });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    rig.source("GitRepository", name, spec).await.unwrap();
}

/// A GitRepository of the rig's repository that is ready, and how Git was asked for it.
async fn twin(rig: &Rig, name: &str, more: Value) -> (Value, Vec<String>) {
    let before = rig.git.requests().len();
    another(rig, name, &more).await;
    let object = rig.told(("GitRepository", name), "True", "stored artifact").await.unwrap();
    let asked = rig.git.requests().split_off(before);
    (object, asked.iter().filter_map(|request| request.split(' ').next()).map(str::to_owned).collect())
}

#[tokio::test]
async fn what_was_fetched_with_credentials_is_given_to_nobody_without_them() {
    let rig = Rig::start("twin-auth").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "first").unwrap();
    let url = rig.repo.url().replace(&rig.git.url(), &rig.git.auth_url());
    rig.secret("right", json!({ "username": "git", "password": "s3cret" })).await.unwrap();
    rig.secret("wrong", json!({ "username": "git", "password": "guessed" })).await.unwrap();
    twin(&rig, "own", json!({ "url": url, "secretRef": { "name": "right" } })).await;
    let others = [
        ("nobody", json!({ "url": url })),
        ("guesser", json!({ "url": url, "secretRef": { "name": "wrong" } })),
    ];
    for (name, more) in others {
        another(&rig, name, &more).await;
        let object = rig.told(("GitRepository", name), "False", "authentication required").await.unwrap();
        assert!(object["status"]["artifact"].is_null());
    }
}

#[tokio::test]
async fn patterns_and_files_without_end_are_refused_and_the_process_goes_on() {
    let rig = Rig::start("bombs").await.unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG), (".sourceignore", &"a\n".repeat(3 << 20))], "patterns").unwrap();
    rig.apply(json!({})).await.unwrap();
    let refused = |text| rig.told(("GitRepository", "app"), "False", text);
    refused("the .sourceignore files hold more than 4194304 bytes").await.unwrap();

    // One blob of 8 MiB; each commit holds the tree of the one before twice.
    rig.repo.remove(&[".sourceignore"], "no patterns").unwrap();
    rig.repo.commit(&[("zeros", vec![0_u8; 8 << 20])], "a blob").unwrap();
    for level in 0..8 {
        rig.repo.git(&["read-tree", &format!("--prefix=level-{level}/"), "HEAD"]).unwrap();
        rig.repo.git(&["commit", "-qm", "twice"]).unwrap();
    }
    rig.repo.push().unwrap();
    rig.reconcile().await.unwrap();
    refused("the files hold more than 1073741824 bytes").await.unwrap();

    rig.repo.git(&["rm", "-rq", "--cached", "."]).unwrap();
    rig.repo.commit(&[("cm.yaml", CONFIG)], "as before").unwrap();
    rig.reconcile().await.unwrap();
    rig.ready("True").await.unwrap();
}
