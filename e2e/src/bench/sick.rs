//! What ninety healthy Kustomizations notice of ten that never become healthy: their wait in the queue, their requests.
use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    bench::{
        rig::Rig,
        rows::{LIMIT, NS},
    },
    deployment, kustomization,
};

/// What passes of healthy Kustomizations cost.
pub(crate) struct Passes {
    /// Share of turns that came within 50 ms, in percent, by the controller's own histogram.
    pub(crate) prompt: f64,
    /// Requests a pass, by the API server's count.
    pub(crate) requests: f64,
}

/// Commits a Deployment that cannot start and applies `count` Kustomizations of it; returns when all of them wait.
pub(crate) async fn fall_ill(rig: &Rig, count: usize) -> Result<()> {
    let text = format!("{:#}\n", deployment("sick", "web:does-not-exist", 1));
    rig.repo.commit(&[("sick/app.yaml", text.as_str())], "cannot start")?;
    rig.cluster.request_reconcile("GitRepository", NS, "apps").await?;
    for number in 0..count {
        let more = json!({
            "wait": true, "timeout": "30m", "nameSuffix": format!("-{number}"), "targetNamespace": "default",
        });
        rig.cluster.apply(&kustomization(NS, &format!("sick-{number}"), "apps", "./sick", more)).await?;
    }
    for number in 0..count {
        let waits = |object: &Value| {
            let message = testkit::condition(object, "Reconciling").map(|c| c["message"].to_string());
            message.is_some_and(|text| text.contains("Running health checks"))
        };
        rig.cluster.wait(("Kustomization", NS, &format!("sick-{number}")), LIMIT, waits).await?;
    }
    Ok(())
}

/// Asks for a pass of each healthy Kustomization, one after another, so that only others could make it wait.
pub(crate) async fn pass_each(rig: &Rig, count: usize) -> Result<Passes> {
    let (prompt, turns, requests) = (prompt(rig).await?, turns(rig).await?, rig.requests().await?);
    for number in 0..count {
        let name = format!("app-{number:04}");
        let token = rig.cluster.request_reconcile("Kustomization", NS, &name).await?;
        let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == token.as_str();
        rig.cluster.wait(("Kustomization", NS, &name), LIMIT, handled).await?;
    }
    let new_turns = (self::turns(rig).await? - turns).max(1.0);
    Ok(Passes {
        prompt: 100.0 * (self::prompt(rig).await? - prompt) / new_turns,
        requests: (rig.requests().await? - requests) / count as f64,
    })
}

async fn prompt(rig: &Rig) -> Result<f64> {
    let labels = [("name", "kustomization"), ("le", "0.05")];
    Ok(rig.kustomize.metrics().await?.sum("workqueue_queue_duration_seconds_bucket", &labels))
}

async fn turns(rig: &Rig) -> Result<f64> {
    let labels = [("name", "kustomization")];
    Ok(rig.kustomize.metrics().await?.sum("workqueue_queue_duration_seconds_count", &labels))
}
