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
    let (before, requests) = (turns(rig).await?, rig.requests().await?);
    for number in 0..count {
        let name = format!("app-{number:04}");
        let token = rig.cluster.request_reconcile("Kustomization", NS, &name).await?;
        let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == token.as_str();
        rig.cluster.wait(("Kustomization", NS, &name), LIMIT, handled).await?;
    }
    let after = turns(rig).await?;
    Ok(Passes {
        prompt: 100.0 * (after.prompt - before.prompt) / (after.all - before.all).max(1.0),
        requests: (rig.requests().await? - requests) / count as f64,
    })
}

/// Turns that the queue has given so far, those within 50 ms and all of them, from one look at the metrics.
struct Turns {
    prompt: f64,
    all: f64,
}

async fn turns(rig: &Rig) -> Result<Turns> {
    let metrics = rig.kustomize.metrics().await?;
    let prompt = [("name", "kustomization"), ("le", "0.05")];
    Ok(Turns {
        prompt: metrics.sum("workqueue_queue_duration_seconds_bucket", &prompt),
        all: metrics.sum("workqueue_queue_duration_seconds_count", &prompt[..1]),
    })
}
