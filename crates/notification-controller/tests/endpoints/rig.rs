//! What the cases share.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use testkit::{Cluster, ControlPlane, Controller};
use tokio::sync::Mutex;

use crate::sink::{self, Sink};
use crate::tokens::Keys;

/// The namespace of the recordings: paths of webhooks are made of it.
pub(crate) const NAMESPACE: &str = "rec-notify";
/// A generous ceiling; order and counts are asserted, not times.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Rig {
    pub(crate) controller: Controller,
    /// With the interval of five minutes, made for the cases that need it.
    pub(crate) patient: Mutex<Option<Controller>>,
    pub(crate) plane: &'static ControlPlane,
    pub(crate) cluster: Cluster,
    pub(crate) sink: Sink,
    pub(crate) keys: Keys,
    folder: tempfile::TempDir,
}

impl Rig {
    pub(crate) async fn start() -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        let folder = tempfile::tempdir()?;
        sink::prepare(folder.path())?;
        let sink = Sink::start(folder.path()).await?;
        let cluster = plane.cluster().await?;
        cluster
            .apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}))
            .await?;
        let controller = controller(plane, &sink, folder.path(), &["--rate-limit-interval=100ms"]).await?;
        let keys = Keys::new(&sink)?;
        let rig = Self { controller, patient: Mutex::new(None), plane, cluster, sink, keys, folder };
        rig.objects().await?;
        Ok(rig)
    }

    /// The program with the interval of Flux's default.
    pub(crate) async fn patient(&self) -> Result<String> {
        let mut patient = self.patient.lock().await;
        if patient.is_none() {
            *patient = Some(controller(self.plane, &self.sink, self.folder.path(), &[]).await?);
        }
        Ok(patient.as_ref().map(Controller::service_url).unwrap_or_default())
    }

    /// The objects that the recordings refer to.
    async fn objects(&self) -> Result<()> {
        let source = |name: &str, labels: Value| {
            json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
                "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
                "spec": {"url": "https://nobody.example/repo", "interval": "1h", "suspend": true}})
        };
        let app = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "app", "namespace": NAMESPACE, "labels": {"team": "a"}},
            "spec": {"interval": "1h", "prune": true, "suspend": true,
                "sourceRef": {"kind": "GitRepository", "name": "target"}}});
        let provider = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Provider",
            "metadata": {"name": "es", "namespace": NAMESPACE},
            "spec": {"type": "generic", "address": format!("http://127.0.0.1:{}/es", self.sink.ports.http)}});
        for object in [source("target", json!({})), source("target2", json!({"app": "x"})), app, provider] {
            self.cluster.apply(&object).await?;
        }
        Ok(())
    }

    /// A recording with its fixed ports replaced by those of the sink.
    pub(crate) fn ours(&self, mut text: String) -> String {
        let ports = self.sink.ports;
        for (recorded, ours) in [(9650, ports.http), (9651, ports.https)] {
            text = text.replace(&format!("127.0.0.1:{recorded}"), &format!("127.0.0.1:{ours}"));
        }
        text
    }
}

async fn controller(
    plane: &'static ControlPlane,
    sink: &Sink,
    folder: &std::path::Path,
    args: &[&str],
) -> Result<Controller> {
    let builder = plane.controller("notification-controller").namespace(NAMESPACE).arg("--log-level=debug");
    let builder = builder
        .env("HTTPS_PROXY", &format!("http://127.0.0.1:{}", sink.ports.proxy))
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("SSL_CERT_FILE", &folder.join("ca.pem").display().to_string());
    args.iter().fold(builder, |builder, arg| builder.arg(*arg)).start().await
}
