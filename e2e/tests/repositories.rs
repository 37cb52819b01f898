//! The example repositories of the documentation, each applied as its page says.
use std::{fs, time::Duration};

use e2e::{SOON, example_repository};
use serde_json::{Value, json};
use testkit::{Cluster, ControlPlane, Controller, GitRepo, GitServer, workspace_root};

/// A cluster with both controllers, and the repositories of one example.
struct Example {
    plane: ControlPlane,
    cluster: Cluster,
    git: GitServer,
    _controllers: [Controller; 2],
}

impl Example {
    /// `args` are those of kustomize-controller.
    async fn start(args: &[&str]) -> Example {
        let plane = ControlPlane::start().await.unwrap();
        plane.apply_crds(&workspace_root().join("config/crd")).unwrap();
        let cluster = plane.cluster().await.unwrap();
        cluster.apply(&named("v1", "Namespace", "", "flux-system")).await.unwrap();
        let source = plane.controller("source-controller").start().await.unwrap();
        let mut kustomize = plane.controller("kustomize-controller").arg("--requeue-dependency=5s");
        for arg in args {
            kustomize = kustomize.arg(*arg);
        }
        let kustomize = kustomize.start().await.unwrap();
        Example { plane, cluster, git: GitServer::start().unwrap(), _controllers: [source, kustomize] }
    }

    /// Serves a folder of an example as a repository, with the server's address in its files.
    fn serve(&self, folder: &str, name: &str) -> GitRepo {
        let mut files = example_repository(folder).unwrap();
        for (_, text) in &mut files {
            *text = text.replace("https://git.example.com", &self.git.url());
        }
        let repo = self.git.repo(name).unwrap();
        repo.commit(&files, "example").unwrap();
        repo
    }

    /// What `flux bootstrap` leaves: a source and a Kustomization named flux-system.
    async fn sync(&self, repo: &GitRepo, path: &str, account: Option<&str>) {
        let source = e2e::git_repository("flux-system", "flux-system", repo.url());
        self.cluster.apply(&source).await.unwrap();
        let more = account.map_or(json!({}), |account| json!({ "serviceAccountName": account }));
        let mut kustomization = e2e::kustomization("flux-system", "flux-system", "flux-system", path, more);
        kustomization["spec"].as_object_mut().unwrap().remove("targetNamespace");
        self.cluster.apply(&kustomization).await.unwrap();
    }

    async fn ready(&self, namespace: &str, name: &str) -> Value {
        self.cluster.wait_ready(("Kustomization", namespace, name), "True", SOON).await.unwrap()
    }

    async fn get(&self, kind: &str, namespace: &str, name: &str) -> Value {
        self.cluster.get(kind, namespace, name).await.unwrap()
    }
}

fn named(api: &str, kind: &str, namespace: &str, name: &str) -> Value {
    json!({ "apiVersion": api, "kind": kind, "metadata": { "name": name, "namespace": namespace } })
}

#[tokio::test]
async fn the_monorepo_gives_each_cluster_its_own_variant() {
    for (cluster, image, replicas) in [("staging", "web:1.1.0", 1), ("production", "web:1.0.0", 2)] {
        let example = Example::start(&[]).await;
        let repo = example.serve("monorepo", "fleet");
        example.sync(&repo, &format!("./clusters/{cluster}"), None).await;
        for name in ["flux-system", "infrastructure", "apps"] {
            example.ready("flux-system", name).await;
        }
        let web = example.get("Deployment", "web", "web").await;
        assert_eq!(
            web["spec"]["template"]["spec"]["containers"][0]["image"],
            format!("registry.example.com/{image}")
        );
        assert_eq!(web["status"]["availableReplicas"], replicas);
        let settings = example.get("ConfigMap", "web", "cluster-settings").await;
        assert_eq!(settings["data"]["CLUSTER"], cluster);
    }
}

#[tokio::test]
async fn a_configuration_repository_pins_the_versions_of_an_application_repository() {
    let example = Example::start(&[]).await;
    let web = example.serve("separate-config/web", "web");
    web.tag("v1.0.0").unwrap();
    let config = example.serve("separate-config/config", "config");
    example.sync(&config, "./clusters/production", None).await;
    example.ready("flux-system", "web").await;
    let image = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let first = example.get("Deployment", "web", "web").await;
    assert_eq!(
        (image(&first), &first["spec"]["replicas"]),
        (json!("registry.example.com/web:1.0.0"), &json!(3))
    );

    let text = fs::read_to_string(web.work().join("deploy/deployment.yaml")).unwrap();
    let release = |version: &str| {
        let text = text.replace(":1.0.0", &format!(":{version}"));
        web.commit(&[("deploy/deployment.yaml", text)], version).unwrap();
        web.tag(&format!("v{version}")).unwrap();
    };
    release("2.0.0");
    release("1.4.0");
    example.cluster.request_reconcile("GitRepository", "flux-system", "web").await.unwrap();
    let key = ("Deployment", "web", "web");
    example
        .cluster
        .wait(key, SOON, |object| image(object) == "registry.example.com/web:1.4.0")
        .await
        .unwrap();
}

#[tokio::test]
async fn each_team_has_its_repository_and_its_rights_end_at_its_namespace() {
    let args =
        ["--no-cross-namespace-refs=true", "--default-service-account=default", "--no-remote-bases=true"];
    let example = Example::start(&args).await;
    example.cluster.apply(&named("v1", "ServiceAccount", "flux-system", "platform")).await.unwrap();
    let admin = ["create", "clusterrolebinding", "platform", "--clusterrole=cluster-admin"];
    let account = ["--serviceaccount=flux-system:platform"];
    example.plane.kubectl_ok(&[&admin[..], &account[..]].concat()).unwrap();
    let platform = example.serve("repository-per-team/platform", "platform");
    let team = example.serve("repository-per-team/team-a", "team-a");
    example.serve("repository-per-team/team-b", "team-b");
    example.sync(&platform, "./clusters/production", Some("platform")).await;
    for team in ["team-a", "team-b"] {
        let key = ("Kustomization", team, "team");
        example
            .cluster
            .wait(key, SOON, |object| object["status"]["lastAppliedRevision"].is_string())
            .await
            .unwrap();
        let settings = example.get("ConfigMap", team, "settings").await;
        assert_eq!(settings["data"]["team"], team.trim_start_matches("team-"));
    }
    let elsewhere = named("v1", "ConfigMap", "team-b", "from-a").to_string();
    team.commit(&[("deploy/elsewhere.yaml", elsewhere)], "into the neighbour").unwrap();
    example.cluster.request_reconcile("GitRepository", "team-a", "team").await.unwrap();
    let refused = |object: &Value| {
        let ready = testkit::condition(object, "Ready");
        ready.is_some_and(|ready| ready["message"].as_str().is_some_and(|text| text.contains("forbidden")))
    };
    let key = ("Kustomization", "team-a", "team");
    example.cluster.wait(key, Duration::from_secs(60), refused).await.unwrap();
    assert!(example.cluster.find("ConfigMap", "team-b", "from-a").await.unwrap().is_none());
}
