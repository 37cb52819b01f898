use serde_json::{Value, json};
use testkit::{ChartFiles, Fault, HelmRepo, Tls};

use crate::rig::{Rig, SOON};

const CHARTS: (&str, &str) = ("HelmRepository", "charts");

pub(crate) fn chart(name: &str, version: &str) -> ChartFiles {
    let metadata = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    [("Chart.yaml", metadata.as_str()), ("values.yaml", "v: base\n"), ("values-prod.yaml", "v: prod\n")]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into()
}

fn spec(url: &str) -> Value {
    json!({ "interval": "10m", "url": url })
}

#[tokio::test]
async fn an_index_becomes_an_artifact_named_by_its_digest() {
    let (rig, repo) = (Rig::start("helmrepo").await.unwrap(), HelmRepo::start().unwrap());
    let index = repo.publish("stable", &[chart("app", "1.0.0")]).unwrap();
    let url = format!("{}/stable", repo.url());
    rig.source("HelmRepository", "charts", spec(&url)).await.unwrap();
    let revision = artifact::Digest::of(index.as_bytes()).to_string();
    let object = rig.told(CHARTS, "True", &format!("stored artifact: revision '{revision}'")).await.unwrap();
    assert_eq!(object["status"]["artifact"]["revision"], revision);
    let stored: Value = serde_json::from_slice(&rig.served(&object).await.unwrap()).unwrap();
    assert_eq!(stored["entries"]["app"][0]["version"], "1.0.0");
    assert!(object["status"]["url"].as_str().unwrap().ends_with("/charts/index.yaml"));
    let event = rig.events.wait(SOON, |event| event["reason"] == "NewArtifact").await.unwrap();
    let message = event["message"].as_str().unwrap();
    assert!(
        message.starts_with("stored fetched index of size ") && message.ends_with(&format!("B from '{url}'"))
    );
}

#[tokio::test]
async fn a_password_and_an_authority_are_used_and_never_shown() {
    let (rig, tls) = (Rig::start("helmauth").await.unwrap(), Tls::create().unwrap());
    let repo = HelmRepo::start_tls(&tls, true).unwrap();
    repo.publish("stable", &[chart("app", "1.0.0")]).unwrap();
    let mut asked = spec(&format!("{}/stable", repo.auth_url()));
    rig.source("HelmRepository", "charts", asked.clone()).await.unwrap();
    rig.told(CHARTS, "False", "certificate signed by unknown authority").await.unwrap();
    rig.secret("none", json!({ "password": "s3cret" })).await.unwrap();
    asked["certSecretRef"] = json!({ "name": "none" });
    rig.source("HelmRepository", "charts", asked.clone()).await.unwrap();
    rig.told(CHARTS, "False", "must contain either 'ca.crt' or both 'tls.crt' and 'tls.key'").await.unwrap();
    let keys =
        json!({ "ca.crt": tls.authority, "tls.crt": tls.client_certificate, "tls.key": tls.client_key });
    rig.secret("tls", keys).await.unwrap();
    asked["certSecretRef"] = json!({ "name": "tls" });
    rig.source("HelmRepository", "charts", asked.clone()).await.unwrap();
    rig.told(CHARTS, "False", "401 Unauthorized").await.unwrap();
    rig.secret("auth", json!({ "username": "helm", "password": "s3cret" })).await.unwrap();
    asked["secretRef"] = json!({ "name": "auth" });
    rig.source("HelmRepository", "charts", asked).await.unwrap();
    rig.told(CHARTS, "True", "stored artifact: revision").await.unwrap();
    assert!(!rig.controller().process().log().contains("s3cret"));
}

#[tokio::test]
async fn an_index_beyond_the_limit_or_none_at_all_is_told() {
    let mut rig = Rig::without_controller("helmbad").await.unwrap();
    let builder = rig.builder("").unwrap().arg("--helm-index-max-size=1000");
    rig.controller = Some(builder.start().await.unwrap());
    let repo = HelmRepo::start().unwrap();
    rig.source("HelmRepository", "charts", spec(&repo.url())).await.unwrap();
    rig.told(CHARTS, "False", "/index.yaml : 404 Not Found").await.unwrap();
    repo.put("/index.yaml", vec![b' '; 2000]);
    rig.told(CHARTS, "False", "index exceeds the maximum index file size of 1000 bytes").await.unwrap();
    repo.put("/index.yaml", "entries: {}\n");
    rig.told(CHARTS, "False", "failed to load index: no API version specified").await.unwrap();
    repo.publish("", &[]).unwrap();
    rig.told(CHARTS, "True", "stored artifact").await.unwrap();
}

#[tokio::test]
async fn a_registry_is_an_object_without_a_life_and_may_become_one() {
    let (rig, repo) = (Rig::start("helmoci").await.unwrap(), HelmRepo::start().unwrap());
    repo.publish("", &[chart("app", "1.0.0")]).unwrap();
    rig.source("HelmRepository", "charts", spec(&repo.url())).await.unwrap();
    rig.told(CHARTS, "True", "stored artifact").await.unwrap();
    let folder = rig.controller().dir().join("storage/helmrepository").join(rig.ns.name()).join("charts");
    assert!(folder.is_dir());
    let registry = json!({ "interval": "10m", "url": "oci://registry.example.com/charts", "type": "oci" });
    rig.source("HelmRepository", "charts", registry).await.unwrap();
    let bare = |object: &Value| {
        let is_empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
        object["metadata"]["finalizers"].is_null() && is_empty(&object["status"])
    };
    rig.cluster.wait(("HelmRepository", rig.ns.name(), "charts"), SOON, bare).await.unwrap();
    assert!(!folder.exists());
    let default = json!({ "interval": "10m", "url": repo.url(), "type": "default" });
    rig.source("HelmRepository", "charts", default).await.unwrap();
    rig.told(CHARTS, "True", "stored artifact").await.unwrap();
}

#[tokio::test]
async fn one_url_is_downloaded_once_however_many_ask() {
    let (rig, repo) = (Rig::start("helmonce").await.unwrap(), HelmRepo::start().unwrap());
    repo.publish("", &[chart("app", "1.0.0")]).unwrap();
    repo.set_fault(Fault::Slow(std::time::Duration::from_secs(2)));
    for name in ["one", "two"] {
        rig.source("HelmRepository", name, spec(&repo.url())).await.unwrap();
    }
    for name in ["one", "two"] {
        rig.told(("HelmRepository", name), "True", "stored artifact").await.unwrap();
    }
    assert_eq!(repo.requests(), ["200 /index.yaml"]);
}
