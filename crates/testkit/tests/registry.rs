//! The registry and the Helm repository are what tests take them for.
use std::{collections::BTreeMap, process::Command};

use testkit::{HelmRepo, OciArtifact, Registry, RegistryOptions, Tls, chart_archive, program};

fn crane(args: &[&str]) -> (bool, String) {
    let done =
        Command::new(program("crane").unwrap()).args(args).env("HOME", "/nonexistent").output().unwrap();
    (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
}

fn app() -> BTreeMap<String, String> {
    [("Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n"), ("values.yaml", "a: 1\n")]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .into()
}

#[tokio::test]
async fn what_is_pushed_is_read_by_crane_and_gone_after_a_deletion() {
    let registry = Registry::start().await.unwrap();
    let artifact = OciArtifact::flux(&[("a.yaml", "a: 1\n")]).unwrap().annotated("custom", "x");
    let digest = registry.push("apps/web", "v1", &artifact).await.unwrap();
    let name = format!("{}/apps/web", registry.address());
    let (_, seen) = crane(&["digest", "--insecure", &format!("{name}:v1")]);
    assert_eq!(seen.trim(), digest);
    let images = registry.push_images("apps/web", &["1.0.0", "2.0.0"]).await.unwrap();
    assert_ne!(images[0], images[1]);
    let (_, tags) = crane(&["ls", "--insecure", &name]);
    assert_eq!(tags.lines().collect::<Vec<_>>(), ["1.0.0", "2.0.0", "v1"]);
    registry.delete("apps/web", &digest).await.unwrap();
    assert_eq!(registry.tags("apps/web").await.unwrap(), ["1.0.0", "2.0.0"]);
    assert!(
        registry.requests().iter().any(|request| request == "GET /v2/apps/web/manifests/v1"
            || request == "HEAD /v2/apps/web/manifests/v1")
    );
}

#[tokio::test]
async fn a_registry_with_tls_and_a_password_refuses_those_who_have_neither() {
    let tls = Tls::create().unwrap();
    let options = RegistryOptions {
        basic: Some(("user", "pass word")),
        tls: Some(&tls),
        demand_certificate: true,
        ..Default::default()
    };
    let registry = Registry::start_with(options).await.unwrap();
    registry.push_images("app", &["v1"]).await.unwrap();
    let (read, _) = crane(&["ls", &format!("{}/app", registry.address())]);
    assert!(!read);
}

#[tokio::test]
async fn a_helm_repository_serves_what_was_published_last() {
    let repo = HelmRepo::start().unwrap();
    let index = repo.publish("stable", &[app()]).unwrap();
    let get = async |url: String| reqwest::get(url).await.unwrap();
    testkit::install_crypto();
    assert_eq!(get(format!("{}/stable/index.yaml", repo.url())).await.text().await.unwrap(), index);
    let archive = get(format!("{}/stable/app-1.0.0.tgz", repo.url())).await.bytes().await.unwrap();
    assert_eq!(archive, chart_archive(&app()).unwrap());
    assert_eq!(get(format!("{}/stable/index.yaml", repo.auth_url())).await.status(), 401);
    repo.remove("/stable/app-1.0.0.tgz");
    assert_eq!(get(format!("{}/stable/app-1.0.0.tgz", repo.url())).await.status(), 404);
    assert_eq!(repo.requests().last().unwrap(), "404 /stable/app-1.0.0.tgz");
}
