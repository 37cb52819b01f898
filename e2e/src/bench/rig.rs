//! What all rows share: control plane, controllers under users of their own, repository.
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use kube::Client;
use serde_json::json;
use testkit::{
    Cluster, ControlPlane, Controller, ControllerBuilder, GitRepo, GitServer, PlaneOptions, Usage,
};

use crate::bench::{app, rows::NS};

/// How the bench is run.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Kustomizations at a time; several make several tables.
    #[arg(long, value_delimiter = ',', default_value = "100,1000")]
    pub count: Vec<usize>,
    /// Only these rows.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Folder with other `source-controller` and `kustomize-controller` binaries that take Flux's flags.
    #[arg(long)]
    pub bin: Option<PathBuf>,
    /// Folder with Flux's own binaries: all but those of --ours come from there.
    #[arg(long, conflicts_with = "bin")]
    pub peer_bin: Option<PathBuf>,
    /// With --peer-bin: the controllers of this build.
    #[arg(long, value_delimiter = ',', requires = "peer_bin")]
    pub ours: Vec<String>,
    /// Folder with the custom resource definitions that go with them.
    #[arg(long)]
    pub crd: Option<PathBuf>,
    /// Also writes the figures as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Also writes the figures as a page with charts over the number of Kustomizations.
    #[arg(long)]
    pub page: Option<PathBuf>,
    /// Seconds of the steady state that are watched.
    #[arg(long, default_value_t = 120)]
    pub steady_seconds: u64,
}

impl Options {
    /// Whether a row is asked for.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == row)
    }
}

pub(crate) const SOURCE: &str = "source-controller";
const KUSTOMIZE: &str = "kustomize-controller";

/// Everything that runs. Controllers connect by a token of their ServiceAccount as in a real cluster (a client certificate
/// costs the API server a signature check for each request), so that a FlowSchema counts their requests in the API server's
/// own metrics.
pub(crate) struct Rig {
    pub(crate) plane: ControlPlane,
    pub(crate) cluster: Cluster,
    pub(crate) source: Controller,
    pub(crate) kustomize: Controller,
    pub(crate) repo: GitRepo,
    pub(crate) git: GitServer,
}

impl Rig {
    pub(crate) async fn start(options: &Options) -> Result<Rig> {
        let plane =
            ControlPlane::start_with(PlaneOptions { audit: false, ..PlaneOptions::default() }).await?;
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/crd");
        plane.apply_crds(options.crd.as_deref().unwrap_or(&own))?;
        let cluster = plane.cluster().await?;
        cluster.apply(&app::namespace_object(NS)).await?;
        for account in [SOURCE, KUSTOMIZE] {
            grant(&cluster, account).await?;
        }
        let source = start(builder(&plane, options, SOURCE, &SOURCE_ARGS)?).await?;
        let kustomize = start(builder(&plane, options, KUSTOMIZE, &["--concurrent=20"])?).await?;
        let git = GitServer::start()?;
        let repo = git.repo("bench")?;
        Ok(Rig { plane, cluster, source, kustomize, repo, git })
    }

    /// Kills source-controller and starts it anew on the disk it had.
    pub(crate) async fn restart_source(&mut self, options: &Options) -> Result<()> {
        let (dir, ports) = (self.source.dir().to_owned(), self.source.ports());
        self.source.process().kill();
        let builder = builder(&self.plane, options, SOURCE, &SOURCE_ARGS)?;
        self.source = start(builder.dir(&dir).ports(ports)).await?;
        Ok(())
    }

    pub(crate) fn client(&self) -> &Client {
        self.cluster.client()
    }

    /// Requests of kustomize-controller so far, by the API server's count.
    pub(crate) async fn requests(&self) -> Result<f64> {
        self.requests_of(KUSTOMIZE).await
    }

    /// Requests of a controller so far, by the API server's count.
    pub(crate) async fn requests_of(&self, controller: &str) -> Result<f64> {
        let labels = [("flow_schema", flow(controller))];
        let labels = labels.each_ref().map(|(key, value)| (*key, value.as_str()));
        Ok(self.plane.metrics().await?.sum("apiserver_flowcontrol_dispatched_requests_total", &labels))
    }

    /// CPU seconds of both controllers so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        Ok(self.usage()?.values().map(|usage| usage.cpu_seconds).sum())
    }

    /// What each controller has used so far.
    pub(crate) fn usage(&self) -> Result<BTreeMap<&'static str, Usage>> {
        Ok(BTreeMap::from([(SOURCE, self.source.usage()?), (KUSTOMIZE, self.kustomize.usage()?)]))
    }

    /// Runs that kustomize-controller has ended so far.
    pub(crate) async fn runs(&self) -> Result<f64> {
        let labels = [("kind", "Kustomization")];
        Ok(self.kustomize.metrics().await?.sum("gotk_reconcile_duration_seconds_count", &labels))
    }
}

const SOURCE_ARGS: [&str; 1] = ["--concurrent=10"];

fn builder(
    plane: &ControlPlane,
    options: &Options,
    binary: &str,
    args: &[&str],
) -> Result<ControllerBuilder> {
    let mut builder = plane.controller(binary).kubeconfig(&plane.kubeconfig_of_account(NS, binary)?);
    let is_ours = options.ours.iter().any(|name| name == binary);
    if let Some(dir) = options.bin.as_ref().or(options.peer_bin.as_ref().filter(|_| !is_ours)) {
        builder = builder.binaries(dir);
    }
    Ok(builder.args(args.iter().copied()))
}

async fn start(builder: ControllerBuilder) -> Result<Controller> {
    builder.start().await.context("starting a controller")
}

fn flow(account: &str) -> String {
    format!("bench-{account}")
}

async fn grant(cluster: &Cluster, account: &str) -> Result<()> {
    let account_object = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": account, "namespace": NS },
    });
    cluster.apply(&account_object).await?;
    let subject = json!({ "kind": "ServiceAccount", "name": account, "namespace": NS });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": flow(account) },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [subject],
    });
    cluster.apply(&binding).await?;
    let any = json!({ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"] });
    let who = json!({ "kind": "ServiceAccount", "serviceAccount": { "name": account, "namespace": NS } });
    let flow = json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": { "name": flow(account) },
        "spec": {
            "matchingPrecedence": 2,
            "priorityLevelConfiguration": { "name": "exempt" },
            "rules": [{
                "subjects": [who],
                "resourceRules": [any],
                "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
            }],
        },
    });
    cluster.apply(&flow).await.map(drop)
}
