//! A control plane of its own with one controller installed from `config/`, running under its ServiceAccount.
use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testkit::{Cluster, ControlPlane, Controller, PlaneOptions, workspace_root};

use crate::{
    audit::{self, Request},
    rights::{self, Right},
};

/// How often a conflict is provoked before the test gives up.
const TRIES: usize = 60;

pub(crate) const NAMESPACE: &str = "flux-system";

/// A cluster in which some parts of `config/` are installed.
pub(crate) struct Installed {
    pub(crate) plane: ControlPlane,
    pub(crate) cluster: Cluster,
}

impl Installed {
    /// Builds a kustomization of these folders of `config/` and components, and applies it to an empty cluster.
    pub(crate) async fn new(parts: &[&str], components: &[&str]) -> Result<Installed> {
        testkit::require_programs();
        let plane = ControlPlane::start_with(old_server()).await?;
        let dir = tempfile::tempdir()?;
        let up = "../".repeat(dir.path().components().count() - 1);
        let config = workspace_root().join("config");
        let path = |part: &&str| {
            format!("- {up}{}\n", config.strip_prefix("/").unwrap_or(&config).join(part).display())
        };
        let list = |title: &str, parts: &[&str]| match parts.is_empty() {
            true => String::new(),
            false => format!("{title}:\n{}", parts.iter().map(path).collect::<String>()),
        };
        let text = list("resources", parts) + &list("components", components);
        std::fs::write(dir.path().join("kustomization.yaml"), text)?;
        apply(&plane, dir.path())?;
        let cluster = plane.cluster().await?;
        Ok(Installed { plane, cluster })
    }

    /// The user that the API server takes a ServiceAccount of the installation for.
    pub(crate) fn user(controller: &str) -> String {
        format!("system:serviceaccount:{NAMESPACE}:{controller}")
    }

    /// Runs a controller as its ServiceAccount, with the arguments that matter of its Deployment.
    pub(crate) async fn run(&self, controller: &str, args: &[&str]) -> Result<Controller> {
        let kubeconfig = self.plane.kubeconfig_for(&Installed::user(controller))?;
        let mut builder = self.plane.controller(controller).kubeconfig(&kubeconfig);
        for arg in self.args(controller).await?.iter().map(String::as_str).chain(args.iter().copied()) {
            builder = builder.arg(arg);
        }
        builder.start().await
    }

    /// The arguments of the Deployment but those that name addresses and folders inside a pod.
    async fn args(&self, controller: &str) -> Result<Vec<String>> {
        let deployment = self.cluster.get("Deployment", NAMESPACE, controller).await?;
        let args = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
        let args = args.as_array().into_iter().flatten().filter_map(|arg| arg.as_str()).map(String::from);
        let inside = ["--events-addr", "--event-spool-path", "--storage-", "--watch-all-namespaces"];
        Ok(args.filter(|arg| inside.iter().all(|flag| !arg.starts_with(flag))).collect())
    }

    /// Makes objects and changes them at once, until the controller has met a conflict and read one again.
    pub(crate) async fn conflict(&self, controller: &str, object: &Value, resource: &str) -> Result<()> {
        let group = object["apiVersion"].as_str().unwrap_or_default().split('/').next().unwrap_or_default();
        let read = Right::new(group, resource, "get");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = format!("{}/{}", text(&object["apiVersion"]), text(&object["kind"]));
        let namespace = text(&object["metadata"]["namespace"]);
        for at in 0..TRIES {
            let name = format!("conflict-{at}");
            let mut object = object.clone();
            object["metadata"]["name"] = json!(name);
            self.cluster.create(&object).await?;
            for label in 0..5 {
                let patch = json!({ "metadata": { "labels": { "n": label.to_string() } } });
                self.cluster.patch(&kind, &namespace, &name, patch).await?;
            }
            self.cluster.delete(&kind, &namespace, &name).await?;
            if audit::used(&self.requests(controller)?).contains(&read) {
                return Ok(());
            }
        }
        bail!("{controller} met no conflict over {resource} in {TRIES} tries")
    }

    /// Waits until the controller has used every right of one of its roles.
    pub(crate) async fn used_all(&self, controller: &str, role: &str) -> Result<()> {
        let bound = rights::of_account(&self.cluster, controller).await?;
        let role = bound.into_iter().find(|bound| bound.role == role).context("no such role")?;
        let claim = format!("{controller} uses every right of {}", role.role);
        e2e::eventually(&claim, || async {
            let used = audit::used(&self.requests(controller)?);
            Ok(role.rights.is_subset(&used))
        })
        .await
    }

    /// Ends a controller as a rolling update does: it gives its Lease back.
    pub(crate) async fn end(&self, controller: &Controller) -> Result<()> {
        controller.process().terminate(Duration::from_secs(40)).map(drop)
    }

    /// What a controller asked for so far.
    pub(crate) fn requests(&self, controller: &str) -> Result<Vec<Request>> {
        audit::requests(&self.plane, &Installed::user(controller))
    }

    /// Nothing was refused, and every right was used.
    ///
    /// # Errors
    /// Names every refused request and every right that was not used.
    pub(crate) async fn judge(&self, controller: &str) -> Result<()> {
        let requests = self.requests(controller)?;
        // Of a path that is no resource the headers are wanted, and these a refusal has as well.
        let refused =
            |request: &&Request| request.denied && request.impersonated.is_none() && request.right.is_some();
        let mut wrong: BTreeSet<String> =
            requests.iter().filter(refused).map(|request| format!("refused: {}", request.text)).collect();
        let used = audit::used(&requests);
        for bound in rights::of_account(&self.cluster, controller).await? {
            let idle = bound.rights.difference(&used);
            wrong.extend(idle.map(|right| format!("never used: {right}, held by {}", bound.role)));
        }
        if !wrong.is_empty() {
            let wrong: Vec<String> = wrong.into_iter().collect();
            bail!("rights of {controller} after {} requests:\n  {}", requests.len(), wrong.join("\n  "));
        }
        Ok(())
    }
}

/// A Secret of the namespace `default` that controllers watch.
pub(crate) fn secret(name: &str, data: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": data,
        "metadata": { "name": name, "namespace": "default", "labels": { "reconcile.fluxcd.io/watch": "Enabled" } },
    })
}

/// An object with a spec.
pub(crate) fn object(namespace: &str, api_version: &str, kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "metadata": { "name": name, "namespace": namespace }, "spec": spec,
    })
}

/// `kubectl apply -k`, once for the definitions and once for what needs them.
fn apply(plane: &ControlPlane, dir: &Path) -> Result<()> {
    plane.apply_crds(dir)
}

/// API servers without streaming lists, as before Kubernetes 1.34: what they need is what all need.
fn old_server() -> PlaneOptions {
    let apiserver_args = vec!["--feature-gates=WatchList=false".to_owned()];
    PlaneOptions { apiserver_args, ..PlaneOptions::default() }
}
