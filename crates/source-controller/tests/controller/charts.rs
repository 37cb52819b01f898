use serde_json::{Value, json};
use testkit::{HelmRepo, OciArtifact, Registry, chart_archive, condition};

use crate::helm_repository::chart;
use crate::rig::{Rig, SOON};

const CHART: (&str, &str) = ("HelmChart", "app");

fn spec(kind: &str, source: &str, chart: &str, more: Value) -> Value {
    let mut spec =
        json!({ "interval": "10m", "chart": chart, "sourceRef": { "kind": kind, "name": source } });
    for (key, value) in more.as_object().into_iter().flatten() {
        spec[key] = value.clone();
    }
    spec
}

async fn repository(rig: &Rig, repo: &HelmRepo) {
    rig.source("HelmRepository", "charts", json!({ "interval": "10m", "url": repo.url() })).await.unwrap();
}

#[tokio::test]
async fn the_archive_of_the_newest_version_is_served_as_it_was_published() {
    let (rig, repo) = (Rig::start("chart").await.unwrap(), HelmRepo::start().unwrap());
    let charts = [chart("app", "1.0.0"), chart("app", "1.10.0"), chart("app", "2.0.0")];
    repo.publish("", &charts).unwrap();
    let wanted = spec("HelmRepository", "charts", "app", json!({ "version": "1.x" }));
    rig.source("HelmChart", "app", wanted).await.unwrap();
    let missing = "HelmRepository.source.toolkit.fluxcd.io \"charts\" not found";
    rig.told(CHART, "False", missing).await.unwrap();
    repository(&rig, &repo).await;
    let object = rig.told(CHART, "True", "pulled 'app' chart with version '1.10.0'").await.unwrap();
    let status = &object["status"];
    assert_eq!(status["artifact"]["revision"], "1.10.0");
    assert_eq!(status["observedChartName"], "app");
    assert!(status["artifact"]["path"].as_str().unwrap().ends_with("/app/app-1.10.0.tgz"));
    assert!(status["url"].as_str().unwrap().ends_with("/app/latest.tar.gz"));
    assert_eq!(rig.served(&object).await.unwrap(), chart_archive(&charts[1]).unwrap());
    assert_eq!(condition(&object, "ArtifactInStorage").unwrap()["reason"], "ChartPullSucceeded");
    rig.events.wait(SOON, |event| event["reason"] == "ChartPullSucceeded").await.unwrap();
}

#[tokio::test]
async fn a_new_index_wakes_the_chart_at_once_and_nothing_is_pulled_twice() {
    let (rig, repo) = (Rig::start("chartnew").await.unwrap(), HelmRepo::start().unwrap());
    repo.publish("", &[chart("app", "1.0.0")]).unwrap();
    repository(&rig, &repo).await;
    rig.source("HelmChart", "app", spec("HelmRepository", "charts", "app", json!({}))).await.unwrap();
    rig.told(CHART, "True", "'1.0.0'").await.unwrap();
    rig.request(CHART).await.unwrap();
    let pulled = |repo: &HelmRepo| repo.requests().iter().filter(|r| r.ends_with(".tgz")).count();
    assert_eq!(pulled(&repo), 1);
    repo.publish("", &[chart("app", "1.0.0"), chart("app", "1.1.0")]).unwrap();
    rig.request(("HelmRepository", "charts")).await.unwrap();
    rig.told(CHART, "True", "'1.1.0'").await.unwrap();
    assert_eq!(pulled(&repo), 2);
}

#[tokio::test]
async fn values_files_are_merged_into_a_chart_of_its_own_version() {
    let (rig, repo) = (Rig::start("chartvalues").await.unwrap(), HelmRepo::start().unwrap());
    repo.publish("", &[chart("app", "1.0.0")]).unwrap();
    repository(&rig, &repo).await;
    let files = |files: &[&str]| spec("HelmRepository", "charts", "app", json!({ "valuesFiles": files }));
    rig.source("HelmChart", "app", files(&["values.yaml", "values-prod.yaml"])).await.unwrap();
    let merged =
        "packaged 'app' chart with version '1.0.0+1' and merged values files [values.yaml values-prod.yaml]";
    let object = rig.told(CHART, "True", merged).await.unwrap();
    assert_ne!(rig.served(&object).await.unwrap(), chart_archive(&chart("app", "1.0.0")).unwrap());
    rig.source("HelmChart", "app", files(&["none.yaml"])).await.unwrap();
    let object = rig.told(CHART, "False", "no values file found at path 'none.yaml'").await.unwrap();
    assert_eq!(condition(&object, "Stalled").unwrap()["reason"], "ValuesFilesError");
    assert_eq!(condition(&object, "BuildFailed").unwrap()["reason"], "ValuesFilesError");
}

#[tokio::test]
async fn a_registry_gives_charts_by_tag_and_by_range() {
    let (rig, registry) = (Rig::start("chartoci").await.unwrap(), Registry::start().await.unwrap());
    for version in ["1.0.0", "1.1.0+build.5"] {
        registry
            .push("charts/app", version, &OciArtifact::chart(&chart("app", version)).unwrap())
            .await
            .unwrap();
    }
    let url = registry.url("charts");
    let place = json!({ "url": url, "type": "oci", "insecure": true });
    rig.source("HelmRepository", "charts", place).await.unwrap();
    let wanted = |version: &str| spec("HelmRepository", "charts", "app", json!({ "version": version }));
    rig.source("HelmChart", "app", wanted("1.0.0")).await.unwrap();
    let object = rig.told(CHART, "True", "pulled 'app' chart with version '1.0.0'").await.unwrap();
    assert_eq!(rig.served(&object).await.unwrap(), chart_archive(&chart("app", "1.0.0")).unwrap());
    rig.source("HelmChart", "app", wanted("1.1.x")).await.unwrap();
    rig.told(CHART, "True", "'1.1.0+build.5'").await.unwrap();
    let below = OciArtifact::chart(&chart("app", "1.0.0")).unwrap();
    registry.push("org/charts/app", "1.0.0", &below).await.unwrap();
    let place = json!({ "url": registry.url("org"), "type": "oci", "insecure": true });
    rig.source("HelmRepository", "org", place).await.unwrap();
    let deep = spec("HelmRepository", "org", "charts/app", json!({ "version": "1.0.0" }));
    rig.source("HelmChart", "app", deep).await.unwrap();
    let object = rig.told(CHART, "True", "'charts/app' chart with version '1.0.0'").await.unwrap();
    assert_eq!(rig.served(&object).await.unwrap(), chart_archive(&chart("app", "1.0.0")).unwrap());
    rig.source("HelmChart", "app", wanted("9.x")).await.unwrap();
    rig.told(CHART, "False", "could not locate a version matching provided version string 9.x")
        .await
        .unwrap();
}

#[tokio::test]
async fn a_folder_in_git_is_packed_with_its_dependencies_and_by_revision() {
    let (rig, repo) = (Rig::start("chartgit").await.unwrap(), HelmRepo::start().unwrap());
    repo.publish("", &[chart("lib", "0.1.0"), chart("lib", "0.2.0")]).unwrap();
    repository(&rig, &repo).await;
    let metadata = format!(
        "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: 0.1.x, repository: {}}}\n\
         - {{name: loc, version: 1.0.0, repository: 'file://../loc'}}\n",
        repo.url()
    );
    let files = [
        ("charts/app/Chart.yaml", metadata.as_str()),
        ("charts/app/values.yaml", "v: base\n"),
        ("charts/loc/Chart.yaml", "apiVersion: v2\nname: loc\nversion: 1.0.0\n"),
    ];
    let commit = rig.repo.commit(&files, "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    let wanted = spec("GitRepository", "app", "./charts/app", json!({ "reconcileStrategy": "Revision" }));
    rig.source("HelmChart", "app", wanted).await.unwrap();
    let version = format!("1.0.0+{}", &commit[..12]);
    let message = format!("packaged 'app' chart with version '{version}'");
    let object = rig.told(CHART, "True", &message).await.unwrap();
    let packed = helm_template::Chart::from_archive(&rig.served(&object).await.unwrap(), &Default::default());
    let packed = packed.unwrap();
    let names: Vec<(&str, &str)> =
        packed.dependencies().iter().map(|one| (one.name(), one.version())).collect();
    assert_eq!(packed.version(), version);
    assert!(names.contains(&("lib", "0.1.0")) && names.contains(&("loc", "1.0.0")), "{names:?}");
    let second = rig.repo.commit(&[("README.md", "x")], "second").unwrap();
    rig.reconcile().await.unwrap();
    rig.told(CHART, "True", &second[..12]).await.unwrap();
}

#[tokio::test]
async fn a_spec_that_stalled_is_never_ready_with_the_chart_of_the_one_before() {
    let rig = Rig::start("chartstalled").await.unwrap();
    let metadata = "apiVersion: v2\nname: app\nversion: 1.0.0\n";
    rig.repo.commit(&[("one/Chart.yaml", metadata), ("one/values.yaml", "from: one\n")], "first").unwrap();
    rig.apply(json!({})).await.unwrap();
    rig.source("HelmChart", "app", spec("GitRepository", "app", "one", json!({}))).await.unwrap();
    rig.told(CHART, "True", "packaged 'app' chart with version '1.0.0'").await.unwrap();
    rig.source("HelmChart", "app", spec("GitRepository", "app", "two", json!({}))).await.unwrap();
    rig.told(CHART, "False", "stat two: no such file or directory").await.unwrap();
    // Of the same name and version, which is all that tells the stored chart from another.
    rig.repo.commit(&[("two/Chart.yaml", metadata), ("two/values.yaml", "from: two\n")], "second").unwrap();
    rig.reconcile().await.unwrap();
    let object = rig.told(CHART, "True", "packaged 'app' chart with version '1.0.0'").await.unwrap();
    let served = rig.served(&object).await.unwrap();
    let packed = helm_template::Chart::from_archive(&served, &Default::default()).unwrap();
    assert_eq!(&*packed.values_file().unwrap().data, b"from: two\n");
}

#[tokio::test]
async fn paths_that_leave_the_source_find_nothing_and_say_so() {
    let rig = Rig::start("chartpath").await.unwrap();
    rig.repo
        .commit(&[("charts/app/Chart.yaml", "apiVersion: v2\nname: app\nversion: x.y\n")], "first")
        .unwrap();
    rig.apply(json!({})).await.unwrap();
    for (path, text) in [
        ("../../../etc", "invalid chart reference: stat etc: no such file or directory"),
        ("/charts/app", "invalid chart reference: local chart reference path is expected to be relative"),
        ("charts/none", "invalid chart reference: stat charts/none: no such file or directory"),
        ("charts", "invalid chart reference: open charts/Chart.yaml: no such file or directory"),
        ("charts/app", "invalid chart reference: validation: chart.metadata.version \"x.y\" is invalid"),
    ] {
        rig.source("HelmChart", "app", spec("GitRepository", "app", path, json!({}))).await.unwrap();
        let object = rig.told(CHART, "False", text).await.unwrap();
        assert_eq!(condition(&object, "Stalled").unwrap()["reason"], "InvalidChartReference");
    }
    rig.repo.commit(&[("charts/app/Chart.yaml", "a: [\n")], "second").unwrap();
    rig.reconcile().await.unwrap();
    rig.told(CHART, "False", "invalid chart reference: cannot load 'Chart.yaml': ").await.unwrap();
    rig.source("HelmChart", "app", spec("Bucket", "none", "app", json!({}))).await.unwrap();
    let text = "failed to get source: Bucket.source.toolkit.fluxcd.io \"none\" not found";
    let object = rig.told(CHART, "False", text).await.unwrap();
    assert_eq!(condition(&object, "Ready").unwrap()["reason"], "SourceUnavailable");
}
