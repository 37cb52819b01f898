//! Secrets that must not be told: each is a text of its own, looked for in all that five controllers say.
use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use e2e::{World, eventually, git_repository};
use serde_json::{Value, json};
use testkit::{Controller, FakeForge, HelmRepo, Registry, RegistryOptions};

use crate::ready_is;

const GIT_PASSWORD: &str = "s6pycdybk155oxtz7q74sviz";
const GIT_URL: &str = "y7x1o9ro5nzqdg2w3ll9tzql";
const SSH_KEY: &str = "ri1n2fvu0i3xx0bzn1kir0gs";
const KNOWN_HOST: &str = "yhyl5sn3pkzjli4ufh1reosf";
const VARIABLE: &str = "dypn3nwk0do4ue11rb4pvp3b";
const VARIABLE_BROKEN: &str = "g880pzcy7ibbtdd0gdmsaur4";
const OBJECT: &str = "pnam73wa3yy8dx3s4kc4o499";
const HELM_VALUE: &str = "yoya5vngcngsuu2stuzu6r5h";
const HELM_VALUE_BROKEN: &str = "lhav1oo8e9fj60n8o26qbh3c";
const HELM_PASSWORD: &str = "wbhhhpwdmnu4q28jslmbzew3";
const REGISTRY_PASSWORD: &str = "a6oa0ii87698ytzrb5clph32";
const REGISTRY_AUTH: &str = "kr7ln53pd9varw8tsjkinjo1";
const PROVIDER_TOKEN: &str = "oq6s287ram6wzlfrie5s5180";
const PROVIDER_ADDRESS: &str = "hefi2l3w1ekwmwkz64xe1t8r";
const PROVIDER_HEADER: &str = "hq9ogag3ba4gwfc3v7j755bp";
const RECEIVER_TOKEN: &str = "y492c2hh4xz8p8ftcasvmzxe";
const AGE_KEY: &str = "wj4hlafbt2mc7ojlihenkzlq";
const PROXY_PASSWORD: &str = "i4nde2m8bu9n67l1jr3i89ee";

const CANARIES: [&str; 18] = [
    GIT_PASSWORD,
    GIT_URL,
    SSH_KEY,
    KNOWN_HOST,
    VARIABLE,
    VARIABLE_BROKEN,
    OBJECT,
    HELM_VALUE,
    HELM_VALUE_BROKEN,
    HELM_PASSWORD,
    REGISTRY_PASSWORD,
    REGISTRY_AUTH,
    PROVIDER_TOKEN,
    PROVIDER_ADDRESS,
    PROVIDER_HEADER,
    RECEIVER_TOKEN,
    AGE_KEY,
    PROXY_PASSWORD,
];

/// Letters of a canary that are not a chance.
const PART: usize = 10;

/// Every part of a canary, of its hexadecimal, and of its base64 at each of the three places it can have.
fn shapes(canary: &str) -> Vec<String> {
    let hexadecimal: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    let encoded = (0..3).map(|shift| {
        let text = BASE64_STANDARD.encode(format!("{}{canary}", &"---"[..shift]));
        // Ends are mixed with what stands before and after.
        text[4..text.len() - 4].to_owned()
    });
    let texts = encoded.chain([canary.to_owned(), hexadecimal]);
    let parts = |text: String| {
        let starts = 0..=text.len() - PART;
        starts.map(|at| text[at..at + PART].to_owned()).collect::<Vec<_>>()
    };
    texts.flat_map(parts).collect()
}

/// What runs: all five controllers, whom they ask, and a third party that is told of everything.
struct Stage {
    controllers: Vec<Controller>,
    witness: FakeForge,
    /// Takes what is meant for it, with its own token.
    receiver: FakeForge,
    charts: HelmRepo,
    registry: Registry,
    world: World,
}

impl Stage {
    async fn set() -> Stage {
        let world = World::builder("canaries").without_source().without_kustomize().start().await.unwrap();
        let basic = RegistryOptions { basic: Some(("user", "another")), ..RegistryOptions::default() };
        let mut stage = Stage {
            controllers: Vec::new(),
            witness: FakeForge::start().unwrap(),
            receiver: FakeForge::start().unwrap(),
            charts: HelmRepo::start().unwrap(),
            registry: Registry::start_with(basic).await.unwrap(),
            world,
        };
        for name in testkit::CONTROLLERS {
            let controller = stage.start(name).await;
            stage.controllers.push(controller);
        }
        stage
    }

    async fn start(&self, name: &str) -> Controller {
        let world = &self.world;
        let builder = world.plane.controller(name).namespace(&world.ns).arg("--log-level=debug");
        let builder = builder.user(world.plane, &world.user(name)).unwrap();
        let told = match self.controllers.first() {
            None => "--rate-limit-interval=1s".to_owned(),
            Some(notification) => format!("--events-addr={}/", notification.service_url()),
        };
        builder.arg(told).start().await.unwrap()
    }

    async fn apply(&self, object: &Value) {
        self.world.cluster.apply(object).await.unwrap();
    }

    async fn secret(&self, name: &str, data: Value) {
        self.apply(&self.object("v1", "Secret", name, json!({ "stringData": data }))).await;
    }

    fn object(&self, api_version: &str, kind: &str, name: &str, more: Value) -> Value {
        let metadata = json!({ "name": name, "namespace": self.world.ns.name() });
        let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata });
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object
    }

    /// An object of a group of Flux.
    async fn flux(&self, group: &str, kind: &str, name: &str, spec: Value) {
        let api_version = match group {
            "helm" => "helm.toolkit.fluxcd.io/v2".to_owned(),
            "notification" if kind != "Receiver" => "notification.toolkit.fluxcd.io/v1beta3".to_owned(),
            group => format!("{group}.toolkit.fluxcd.io/v1"),
        };
        self.apply(&self.object(&api_version, kind, name, json!({ "spec": spec }))).await;
    }
}

/// What the repository holds: a Secret that is refused and one that is not, objects whose names and fields are values of
/// Secrets, and charts that do the same.
fn files() -> Vec<(&'static str, String)> {
    let secret = |name: &str, kind: &str, token: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "type": kind,
            "stringData": { "token": token },
        })
        .to_string()
    };
    let pod = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x" },
            "spec": { "containers": [{ "name": name, "image": "x" }] },
        })
        .to_string()
    };
    let chart = |name: &str| format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n");
    let opaque = "Opaque";
    vec![
        ("bad/s.yaml", secret("bad", "kubernetes.io/tls", OBJECT)),
        (
            "good/s.yaml",
            secret("good", opaque, OBJECT) + "\n---\n" + &secret("from-variable", opaque, "${token}"),
        ),
        ("refused/p.yaml", pod("${token}_")),
        (
            "malformed/s.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: malformed}\ndata: ${broken}\n".into(),
        ),
        ("charts/good/Chart.yaml", chart("good")),
        ("charts/good/templates/s.yaml", secret("good-of-helm", opaque, "{{ .Values.token }}")),
        ("charts/refused/Chart.yaml", chart("refused")),
        ("charts/refused/templates/p.yaml", pod("{{ .Values.token }}_")),
        ("charts/malformed/Chart.yaml", chart("malformed")),
        (
            "charts/malformed/templates/c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [{{ .Values.token }}\n".into(),
        ),
        ("charts/typed/Chart.yaml", chart("typed")),
        ("charts/typed/templates/c.yaml", "{{ range $at := int .Values.token.missing }}{{ end }}".into()),
        (
            "charts/typed/values.schema.json",
            json!({ "properties": { "token": { "type": "integer" } } }).to_string(),
        ),
    ]
}

impl Stage {
    async fn sources(&self) {
        let world = &self.world;
        self.apply(&git_repository(&world.ns, "apps", world.repo.url())).await;
        self.secret("login", json!({ "username": "git", "password": GIT_PASSWORD })).await;
        let key =
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{SSH_KEY}\n-----END OPENSSH PRIVATE KEY-----\n");
        self.secret(
            "ssh",
            json!({ "identity": key, "known_hosts": format!("127.0.0.1 ssh-ed25519 {KNOWN_HOST}\n") }),
        )
        .await;
        self.secret(
            "proxy",
            json!({ "address": "http://127.0.0.1:1", "username": "user", "password": PROXY_PASSWORD }),
        )
        .await;
        let git = |url: String, secret: &str| json!({ "interval": "10m", "timeout": "5s", "url": url, "secretRef": { "name": secret } });
        let mut proxied = git(world.repo.url().to_owned(), "login");
        proxied["proxySecretRef"] = json!({ "name": "proxy" });
        for (name, spec) in [
            ("wrong", git(format!("{}/apps.git", world.git.auth_url()), "login")),
            ("user", json!({ "interval": "10m", "url": format!("http://x:{GIT_URL}@127.0.0.1:1/apps.git") })),
            ("ssh", git("ssh://git@127.0.0.1:1/apps.git".to_owned(), "ssh")),
            ("proxied", proxied),
        ] {
            self.flux("source", "GitRepository", name, spec).await;
        }
        self.secret("charts", json!({ "username": "user", "password": HELM_PASSWORD })).await;
        self.flux("source", "HelmRepository", "charts", git(self.charts.auth_url(), "charts")).await;
        for (name, login) in [
            ("registry", json!({ "username": "user", "password": REGISTRY_PASSWORD })),
            ("malformed-registry", json!({ "auth": REGISTRY_AUTH })),
        ] {
            let config = json!({ "auths": { self.registry.address(): login } }).to_string();
            let secret = json!({ "type": "kubernetes.io/dockerconfigjson", "stringData": { ".dockerconfigjson": config } });
            self.apply(&self.object("v1", "Secret", name, secret)).await;
            let mut spec = git(self.registry.url("app").replace("http://", "oci://"), name);
            spec["url"] = format!("oci://{}/app", self.registry.address()).into();
            spec["insecure"] = true.into();
            self.flux("source", "OCIRepository", name, spec).await;
            let image = json!({
                "image": format!("{}/app", self.registry.address()), "interval": "10m", "insecure": true,
                "secretRef": { "name": name },
            });
            self.flux("image", "ImageRepository", name, image).await;
        }
    }

    async fn kustomizations(&self) {
        self.secret("variables", json!({ "token": VARIABLE, "broken": format!("[{VARIABLE_BROKEN}: {{") }))
            .await;
        self.secret("age", json!({ "key.agekey": format!("AGE-SECRET-KEY-{AGE_KEY}") })).await;
        let from = json!({ "postBuild": { "substituteFrom": [{ "kind": "Secret", "name": "variables" }] } });
        for name in ["bad", "good", "refused", "malformed"] {
            self.world.apply_kustomization(name, &format!("./{name}"), from.clone()).await.unwrap();
        }
        let sops = json!({ "decryption": { "provider": "sops", "secretRef": { "name": "age" } } });
        self.world.apply_kustomization("sops", "./bad", sops).await.unwrap();
    }

    async fn releases(&self) {
        let values = format!("token: {HELM_VALUE}\n");
        self.secret("values", json!({ "values.yaml": values, "token": HELM_VALUE })).await;
        self.secret("broken-values", json!({ "values.yaml": format!("token: [{HELM_VALUE_BROKEN}: {{") }))
            .await;
        let whole = json!([{ "kind": "Secret", "name": "values" }]);
        let path =
            json!([{ "kind": "Secret", "name": "values", "valuesKey": "token", "targetPath": "token" }]);
        let broken = json!([{ "kind": "Secret", "name": "broken-values" }]);
        for (name, chart, values) in [
            ("good", "good", whole.clone()),
            ("refused", "refused", path),
            ("malformed", "malformed", whole.clone()),
            ("typed", "typed", whole),
            ("broken", "good", broken),
        ] {
            let reference = json!({ "kind": "GitRepository", "name": "apps" });
            let chart = json!({ "spec": { "chart": format!("./charts/{chart}"), "sourceRef": reference } });
            let spec = json!({
                "interval": "10m", "timeout": "20s", "chart": chart, "valuesFrom": values,
                "driftDetection": { "mode": "enabled" },
            });
            self.flux("helm", "HelmRelease", name, spec).await;
        }
    }

    async fn images(&self) {
        let spec = json!({
            "interval": "10m", "sourceRef": { "kind": "GitRepository", "name": "wrong" },
            "git": { "checkout": { "ref": { "branch": "main" } }, "push": { "branch": "main" },
                "commit": { "author": { "name": "bot", "email": "bot@example.com" } } },
        });
        self.flux("image", "ImageUpdateAutomation", "wrong", spec).await;
    }

    async fn notifications(&self) {
        let (witness, receiver) = (self.witness.url(), self.receiver.url());
        self.secret("hmac", json!({ "token": PROVIDER_TOKEN })).await;
        self.secret(
            "address",
            json!({ "address": format!("http://127.0.0.1:1/services/{PROVIDER_ADDRESS}") }),
        )
        .await;
        self.secret(
            "odd-address",
            json!({ "address": format!("http://{PROVIDER_ADDRESS} {PROVIDER_ADDRESS}/%zz") }),
        )
        .await;
        self.secret("headers", json!({ "headers": format!("Authorization: [{PROVIDER_HEADER}") })).await;
        self.secret("hook", json!({ "token": RECEIVER_TOKEN })).await;
        let secret = |kind: &str, address: &str, name: &str| json!({ "type": kind, "address": address, "secretRef": { "name": name } });
        for (name, spec) in [
            ("witness", json!({ "type": "generic", "address": witness })),
            ("hmac", secret("generic-hmac", &receiver, "hmac")),
            ("slack", secret("slack", &receiver, "address")),
            ("odd", secret("slack", &receiver, "odd-address")),
            ("headers", secret("generic", &receiver, "headers")),
            ("github", secret("github", "http://127.0.0.1:1/org/apps", "hmac")),
        ] {
            self.flux("notification", "Provider", name, spec).await;
            let sources: Vec<Value> =
                SOURCES.iter().map(|kind| json!({ "kind": kind, "name": "*" })).collect();
            let alert =
                json!({ "providerRef": { "name": name }, "eventSeverity": "info", "eventSources": sources });
            self.flux("notification", "Alert", name, alert).await;
        }
        let hook = json!({
            "type": "github", "events": ["push"], "secretRef": { "name": "hook" },
            "resources": [{ "kind": "GitRepository", "name": "apps" }],
        });
        self.flux("notification", "Receiver", "hook", hook).await;
    }

    /// A webhook with a signature of somebody else, and one whose body holds the token itself.
    async fn webhooks(&self) {
        let ready = |o: &Value| ready_is(o, "True", None) && o["status"]["webhookPath"].is_string();
        let object = self.world.until("Receiver", "hook", ready).await.unwrap();
        let hook = format!(
            "{}{}",
            self.controllers[0].receiver_url(),
            object["status"]["webhookPath"].as_str().unwrap()
        );
        self.witness.tell(&hook, RECEIVER_TOKEN, "push", &json!({ "ref": RECEIVER_TOKEN })).await.unwrap();
        let nothing = json!({});
        let wrong = self.witness.tell(&hook, "wrong", "push", &nothing);
        let wrong = tokio::time::timeout(Duration::from_secs(1), wrong);
        assert!(wrong.await.is_err(), "a webhook with a wrong signature was taken");
    }

    /// Everything that anybody but the owner of a Secret can see.
    async fn told(&self) -> String {
        let mut all = String::new();
        for controller in &self.controllers {
            all.push_str(&controller.process().log());
            all.push_str(&controller.debug_objects().await.unwrap().to_string());
            all.push_str(&format!("{:?}", controller.metrics().await.unwrap()));
        }
        for kind in SOURCES.into_iter().chain(OTHERS) {
            for object in self.world.cluster.list(kind, &self.world.ns).await.unwrap() {
                all.push_str(&format!("{} {}", object["metadata"], object["status"]));
            }
        }
        for event in self.world.cluster.list("Event", &self.world.ns).await.unwrap() {
            all.push_str(&event.to_string());
        }
        all + &format!("{:?}{:?}", self.witness.posted(), self.receiver.posted())
    }
}

/// Kinds that Alerts hear of.
const SOURCES: [&str; 8] = [
    "GitRepository",
    "OCIRepository",
    "HelmRepository",
    "HelmChart",
    "Kustomization",
    "HelmRelease",
    "ImageRepository",
    "ImageUpdateAutomation",
];
/// Other kinds whose status is told. The specs of all hold what the test wrote.
const OTHERS: [&str; 5] = ["ImagePolicy", "Receiver", "Provider", "Alert", "Pod"];

/// Objects that cannot go well.
const FAIL: [(&str, &str); 18] = [
    ("GitRepository", "wrong"),
    ("GitRepository", "user"),
    ("GitRepository", "ssh"),
    ("GitRepository", "proxied"),
    ("HelmRepository", "charts"),
    ("OCIRepository", "registry"),
    ("OCIRepository", "malformed-registry"),
    ("ImageRepository", "registry"),
    ("ImageRepository", "malformed-registry"),
    ("Kustomization", "bad"),
    ("Kustomization", "refused"),
    ("Kustomization", "malformed"),
    ("Kustomization", "sops"),
    ("HelmRelease", "refused"),
    ("HelmRelease", "malformed"),
    ("HelmRelease", "typed"),
    ("HelmRelease", "broken"),
    ("ImageUpdateAutomation", "wrong"),
];

#[tokio::test]
async fn no_secret_is_told_anywhere_whole_in_part_or_encoded() {
    let stage = Stage::set().await;
    let world = &stage.world;
    world
        .push(&files().iter().map(|(path, text)| (*path, &**text)).collect::<Vec<_>>(), "start")
        .await
        .unwrap();
    let revision = world.repo.revision().unwrap();
    stage.notifications().await;
    stage.sources().await;
    stage.kustomizations().await;
    stage.releases().await;
    stage.images().await;
    world.applied("good", &revision).await.unwrap();
    world.until("HelmRelease", "good", |o| ready_is(o, "True", None)).await.unwrap();
    for (kind, name) in FAIL {
        world.until(kind, name, |o| ready_is(o, "False", None)).await.unwrap();
    }
    for name in ["good", "good-of-helm"] {
        let patch = json!({ "stringData": { "token": "changed" } });
        world.cluster.patch("Secret", &world.ns, name, patch).await.unwrap();
        world.cluster.request_reconcile("HelmRelease", &world.ns, "good").await.unwrap();
        eventually("the Secret is restored", || async {
            Ok(world.get("Secret", name).await?["data"]["token"] != BASE64_STANDARD.encode("changed"))
        })
        .await
        .unwrap();
    }
    stage.webhooks().await;
    // Deliveries that fail are tried again for a while.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(
        !stage.witness.posted().is_empty() && !stage.receiver.posted().is_empty(),
        "nobody was told of anything"
    );
    let all = stage.told().await;
    let told: Vec<String> = CANARIES.iter().flat_map(|canary| leak(&all, canary)).collect();
    assert!(told.is_empty(), "{} canaries were told:\n{}", told.len(), told.join("\n\n"));
}

/// The first place where a canary is told.
fn leak(all: &str, canary: &str) -> Option<String> {
    let at = shapes(canary).into_iter().filter_map(|shape| all.find(&shape)).min()?;
    let around: Vec<char> = all[..at].chars().rev().take(400).collect();
    let after: String = all[at..].chars().take(100).collect();
    Some(format!("{canary}: {}>>>{after}", around.into_iter().rev().collect::<String>()))
}

#[test]
fn a_part_of_a_canary_is_found_in_each_of_its_codes() {
    if std::env::var_os("SLUICE_NULL").is_some() {
        return testkit::not_run("the search for canaries", "no controller acts in it");
    }
    for canary in CANARIES {
        for before in ["", "x", "xy"] {
            let text = format!("{before}{canary}after");
            let hexadecimal: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            for told in [text.clone(), text[5..22].to_owned(), BASE64_STANDARD.encode(&text), hexadecimal] {
                assert!(leak(&told, canary).is_some(), "{told}");
            }
        }
        assert!(leak("nothing of it", canary).is_none());
    }
}
