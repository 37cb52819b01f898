//! One Kustomization of ten thousand objects: what it takes, and whether its status names each of them.
use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    bench::{
        app::namespace_object,
        floor,
        report::{Report, say},
        rig::{Options, Rig},
        rows::{MIB, NS},
        watch::{applied, kustomizations},
    },
    git_repository, kustomization,
};

/// The name that `--only` takes.
pub(crate) const ROW: &str = "inventory";

const OBJECTS: usize = 10_000;
/// Objects of one file.
const EACH: usize = 100;
const TARGET: &str = "each object named once, status within 1.5 MB";

/// Measures what was asked for.
///
/// # Errors
/// Also when the status does not name exactly the objects that are live.
pub(crate) async fn run(options: &Options, report: &mut Report) -> Result<()> {
    if !options.wants(ROW) {
        return Ok(());
    }
    say(&format!("a Kustomization of {OBJECTS} objects …"));
    let rig = Rig::start(options).await?;
    for namespace in [NS, "large"] {
        rig.cluster.apply(&namespace_object(namespace)).await?;
    }
    rig.repo.commit(&files(OBJECTS), "all")?;
    rig.cluster.apply(&git_repository(NS, "apps", rig.repo.url())).await?;
    let large = kustomization(
        NS,
        "large",
        "apps",
        "./large",
        json!({ "timeout": "10m", "targetNamespace": "large" }),
    );
    let mut row = Row { rig: &rig, report };
    rig.cluster.wait_ready(("GitRepository", NS, "apps"), "True", floor::limit(0)).await?;
    row.measure("inventory: created", OBJECTS, async || rig.cluster.apply(&large).await.map(drop)).await?;

    let gone: Vec<_> = files(OBJECTS).into_iter().skip(OBJECTS / EACH / 2).map(|(path, _)| path).collect();
    rig.repo.remove(&gone.iter().map(String::as_str).collect::<Vec<_>>(), "half of them")?;
    let wake = async || rig.cluster.request_reconcile("GitRepository", NS, "apps").await.map(drop);
    row.measure("inventory: half pruned", OBJECTS / 2, wake).await
}

struct Row<'a> {
    rig: &'a Rig,
    report: &'a mut Report,
}

impl Row<'_> {
    async fn measure(
        &mut self,
        name: &str,
        objects: usize,
        cause: impl AsyncFnOnce() -> Result<()>,
    ) -> Result<()> {
        let revision = self.rig.repo.revision()?;
        let mut watch = kustomizations(self.rig.client()).await?;
        let (start, cpu) = (Instant::now(), self.rig.cpu()?);
        cause().await?;
        let end = watch.until(1, floor::limit(OBJECTS), |object| applied(object, &revision)).await?;
        let seconds = (end - start).as_secs_f64();
        let object = self.rig.cluster.get("Kustomization", NS, "large").await?;
        self.names_each(&object, objects).await?;
        let usage = self.rig.kustomize.usage()?;
        let figures = [
            ("time", seconds, "s"),
            ("cpu", self.rig.cpu()? - cpu, "CPU-s"),
            ("object", object.to_string().len() as f64 / MIB, "MiB"),
            ("peak kustomize", usage.peak_rss as f64 / MIB, "MiB"),
        ];
        self.report.add(objects, name, &figures, TARGET);
        Ok(())
    }

    async fn names_each(&self, object: &Value, objects: usize) -> Result<()> {
        let entries = object["status"]["inventory"]["entries"].as_array().cloned().unwrap_or_default();
        let mut named: Vec<_> = entries.iter().filter_map(|entry| entry["id"].as_str()).collect();
        named.sort_unstable();
        named.dedup();
        let live = self.rig.cluster.list("ConfigMap", "large").await?;
        let mut ids: Vec<_> = live.iter().filter_map(|map| map["metadata"]["name"].as_str()).collect();
        ids.retain(|name| name.starts_with("settings-"));
        ids.sort_unstable();
        let same = named
            .iter()
            .map(|id| (*id).to_owned())
            .eq(ids.iter().map(|name| format!("large_{name}__ConfigMap")));
        ensure!(
            same && ids.len() == objects,
            "{} objects are live and {} named, not {objects}",
            ids.len(),
            named.len()
        );
        Ok(())
    }
}

fn files(objects: usize) -> Vec<(String, String)> {
    (0..objects / EACH)
        .map(|file| {
            let maps = (0..EACH).map(|number| settings(file * EACH + number));
            (format!("large/{file:03}.yaml"), maps.collect::<Vec<_>>().join("---\n"))
        })
        .collect()
}

fn settings(number: usize) -> String {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": format!("settings-of-application-{number:05}") }, "data": { "version": "1" },
    });
    format!("{object:#}\n")
}
