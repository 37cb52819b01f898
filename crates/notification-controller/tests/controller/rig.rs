//! What every test starts with.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testkit::{Cluster, ControlPlane, Controller, TestNamespace};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sink::{self, Seen, Sink};

/// A generous ceiling; order and counts are asserted, not times.
pub(crate) const SOON: Duration = Duration::from_secs(40);

/// A namespace, the fake server, and notification-controller bound to both.
pub(crate) struct Rig {
    pub(crate) controller: Option<Controller>,
    pub(crate) plane: &'static ControlPlane,
    pub(crate) cluster: Cluster,
    pub(crate) ns: TestNamespace,
    pub(crate) sink: Sink,
    dir: PathBuf,
    ports: [u16; 4],
    args: Vec<String>,
    _folder: tempfile::TempDir,
}

impl Rig {
    pub(crate) async fn start(prefix: &str) -> Result<Self> {
        Self::with_args(prefix, &[]).await
    }

    pub(crate) async fn with_args(prefix: &str, args: &[&str]) -> Result<Self> {
        let plane = ControlPlane::shared().await?;
        let (cluster, ns) = (plane.cluster().await?, plane.namespace(prefix).await?);
        let folder = tempfile::tempdir()?;
        sink::prepare(folder.path())?;
        let sink = Sink::start(folder.path()).await?;
        let dir = folder.path().join("controller");
        let (ports, args) = (testkit::free_ports()?, args.iter().map(|arg| (*arg).to_owned()).collect());
        let mut rig = Self { controller: None, plane, cluster, ns, sink, dir, ports, args, _folder: folder };
        rig.run().await?;
        Ok(rig)
    }

    /// Starts the program, with the ports and the folder it had before.
    pub(crate) async fn run(&mut self) -> Result<()> {
        let builder = self.plane.controller("notification-controller").namespace(self.ns.name());
        let builder = builder.ports(self.ports).dir(&self.dir).arg("--log-level=debug");
        let builder = self.args.iter().fold(builder, |builder, arg| builder.arg(arg));
        self.controller = Some(builder.start().await?);
        Ok(())
    }

    /// Kills the program.
    pub(crate) fn kill(&mut self) {
        if let Some(controller) = self.controller.take() {
            controller.process().kill();
        }
    }

    pub(crate) fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.dir.join("log"))?)
    }

    /// The folder of accepted events.
    pub(crate) fn spool(&self) -> PathBuf {
        self.dir.join("notification-controller-events")
    }

    /// Files of accepted events.
    pub(crate) fn spooled(&self) -> Result<usize> {
        let entries = std::fs::read_dir(self.spool())?;
        Ok(entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "json"))
            .count())
    }

    /// Waits until no accepted event is left.
    pub(crate) async fn wait_spool_empty(&self) -> Result<()> {
        let end = tokio::time::Instant::now() + testkit::patience(SOON);
        while self.spooled()? > 0 {
            if tokio::time::Instant::now() > end {
                bail!("{} events are left", self.spooled()?);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    pub(crate) async fn secret(&self, name: &str, data: Value) -> Result<()> {
        let metadata = json!({"name": name, "namespace": self.ns.name(),
            "labels": {"reconcile.fluxcd.io/watch": "Enabled"}});
        let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data});
        self.cluster.apply(&object).await.map(drop)
    }

    /// A Provider, and an Alert of the same name that sends it all events of Kustomizations.
    pub(crate) async fn provider(&self, name: &str, spec: Value) -> Result<()> {
        let metadata = json!({"name": name, "namespace": self.ns.name()});
        let version = "notification.toolkit.fluxcd.io/v1beta3";
        let provider = json!({"apiVersion": version, "kind": "Provider", "metadata": metadata, "spec": spec});
        let alert = json!({"apiVersion": version, "kind": "Alert", "metadata": metadata, "spec": {
            "providerRef": {"name": name}, "eventSources": [{"kind": "Kustomization", "name": "*"}]}});
        self.cluster.apply(&provider).await?;
        self.cluster.apply(&alert).await?;
        // There is no status that tells when the watch has shown it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }

    /// Writes a webhook's path into the status of a Receiver, as nobody but the controller should.
    pub(crate) async fn forge(&self, receiver: &str, path: &str) -> Result<()> {
        let kind = "notification.toolkit.fluxcd.io/v1/Receiver";
        let status = json!({"webhookPath": path});
        self.cluster.patch_status(kind, self.ns.name(), receiver, status).await?;
        // There is nothing that tells when the watch has shown it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.sink.ports.http)
    }

    /// An event about a Kustomization.
    pub(crate) fn event(&self, name: &str, message: &str) -> String {
        let event = json!({"involvedObject": {"kind": "Kustomization", "namespace": self.ns.name(), "name": name,
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1"},
            "severity": "error", "timestamp": "2026-01-02T03:04:05Z", "message": message, "reason": "R",
            "reportingController": "kustomize-controller"});
        event.to_string()
    }

    /// Posts an event about a Kustomization, and gives the status of the answer.
    pub(crate) async fn post(&self, name: &str, message: &str) -> Result<u16> {
        let url = format!("{}/", self.controller.as_ref().context("controller")?.service_url());
        self.send(&url, &[], self.event(name, message)).await
    }

    /// Posts an event, and hangs up without an answer once it is being taken in; returns when the other end is gone.
    pub(crate) async fn post_and_hang_up(&self, name: &str, message: &str) -> Result<()> {
        let url = self.controller.as_ref().context("controller")?.service_url();
        let host = url.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(host).await?;
        let event = self.event(name, message);
        let head = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n", event.len());
        stream.write_all(format!("{head}{event}").as_bytes()).await?;
        let taken = |line: &str| line.contains("dispatching event") && line.contains(message);
        let end = tokio::time::Instant::now() + testkit::patience(SOON);
        while !self.log()?.lines().any(taken) {
            if tokio::time::Instant::now() > end {
                bail!("the event is not taken in");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stream.shutdown().await?;
        let mut answer = Vec::new();
        tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await??;
        anyhow::ensure!(answer.is_empty(), "it was answered: {}", String::from_utf8_lossy(&answer));
        Ok(())
    }

    pub(crate) async fn send(&self, url: &str, headers: &[(&str, &str)], body: String) -> Result<u16> {
        let client = net::Policy::default().client()?;
        for _ in 0..100 {
            let mut request = net::Request::post(url.parse()?, body.clone());
            for (name, value) in headers {
                request.headers.insert(http::HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
            }
            match client.send(request).await {
                Ok(answer) => return Ok(answer.status().as_u16()),
                // The port is open once the watches are complete.
                Err(net::RequestError::Connect { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => return Err(error.into()),
            }
        }
        bail!("nobody listens")
    }

    /// The messages that arrived at a path, once there are so many.
    pub(crate) async fn arrived(&self, path: &str, count: usize) -> Result<Vec<String>> {
        let end = tokio::time::Instant::now() + testkit::patience(SOON);
        loop {
            let seen = self.sink.seen();
            let messages: Vec<_> = seen.iter().filter(|seen| seen.path == path).map(message).collect();
            if messages.len() >= count {
                return Ok(messages);
            }
            if tokio::time::Instant::now() > end {
                bail!("only {messages:?} arrived");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// An event of Kubernetes on an Alert, by a part of its message.
    pub(crate) async fn warned(&self, alert: &str, part: &str) -> Result<Value> {
        let end = tokio::time::Instant::now() + testkit::patience(SOON);
        loop {
            let all = self.cluster.list("Event", self.ns.name()).await?;
            let found = all.iter().find(|event| {
                event["involvedObject"]["name"] == alert
                    && event["message"].as_str().is_some_and(|message| message.contains(part))
            });
            match found {
                Some(event) => return Ok(event.clone()),
                None if tokio::time::Instant::now() > end => bail!("no such warning: {all:#?}"),
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }
}

fn message(seen: &Seen) -> String {
    let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    body["message"].as_str().unwrap_or_default().to_owned()
}
