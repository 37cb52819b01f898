//! The acts, in order; those of charts and images are in `releases`.
use anyhow::{Context, Result, bail};

use super::{
    files::{production, staging},
    judge::{events, get, ready, runs, until},
    releases,
    screen::say,
    stage::Stage,
};

/// A title for the audience, and what is done and judged.
pub(super) struct Act {
    pub(super) title: &'static str,
    pub(super) play: fn(&Stage) -> Result<()>,
}

pub(super) const ACTS: [Act; 10] = [
    Act { title: "bootstrap: both overlays become live", play: bootstrap },
    Act { title: "a new version in staging", play: new_version },
    Act { title: "promotion to production by a merged branch", play: promotion },
    Act { title: "an image that cannot start, while the neighbour goes on", play: broken_image },
    Act { title: "git revert: healthy again", play: revert },
    Act { title: "kubectl scale and kubectl set env are undone, and the event names who", play: drift },
    Act { title: "kubectl delete is undone", play: deletion },
    Act { title: "git rm: pruned", play: prune },
    Act {
        title: "a chart from a registry; its failing upgrade rolls back by itself",
        play: releases::rollback,
    },
    Act { title: "a pushed image becomes a commit, goes live and is told", play: releases::image_update },
];

fn image(tag: &str) -> String {
    format!("example.com/web:{tag}")
}

fn bootstrap(stage: &Stage) -> Result<()> {
    say("  kubectl apply: one GitRepository, two Kustomizations");
    stage.apply_flux_objects()?;
    until("staging runs web:1.0 once, production twice", || {
        let objection = runs(&stage.plane, "staging", &image("1.0"), 1)?;
        Ok(objection.or(runs(&stage.plane, "production", &image("1.0"), 2)?))
    })?;
    until("both Kustomizations are Ready", || {
        let objection = not_ready(stage, "staging")?;
        Ok(objection.or(not_ready(stage, "production")?))
    })
}

fn new_version(stage: &Stage) -> Result<()> {
    stage.push(&[("overlays/staging/kustomization.yaml", &staging("2.0", true))], "staging: web 2.0")?;
    until("staging runs web:2.0, production still web:1.0", || {
        let objection = runs(&stage.plane, "staging", &image("2.0"), 1)?;
        Ok(objection.or(runs(&stage.plane, "production", &image("1.0"), 2)?))
    })
}

fn promotion(stage: &Stage) -> Result<()> {
    say("  git: branch promote-2.0, merged into main");
    stage.repo.branch("promote-2.0")?;
    stage
        .repo
        .commit(&[("overlays/production/kustomization.yaml", production("2.0", 2))], "production: web 2.0")?;
    stage.repo.checkout("main")?;
    stage.repo.merge("promote-2.0")?;
    stage.tell_source()?;
    until("production runs web:2.0 twice", || runs(&stage.plane, "production", &image("2.0"), 2))
}

fn broken_image(stage: &Stage) -> Result<()> {
    let broken = "3.0-does-not-exist";
    let files = [
        ("overlays/staging/kustomization.yaml", &*staging(broken, true)),
        ("overlays/production/kustomization.yaml", &*production("2.0", 3)),
    ];
    stage.push(&files, "staging: web 3.0, whose image does not exist; production: one more replica")?;
    until("production follows the same commit: three replicas", || {
        runs(&stage.plane, "production", &image("2.0"), 3)
    })?;
    until("staging is not Ready, and says which Deployment, pod, container and why", || {
        let (status, message) = ready(&stage.plane, "staging")?;
        let pod = waiting_pod(stage)?;
        let named = ["Deployment/staging/web", &pod, "container web", "ImagePullBackOff"];
        let missing = named.iter().find(|word| !message.contains(**word));
        Ok(match missing {
            _ if status != "False" => Some(format!("Ready is {status}: {message}")),
            Some(word) => Some(format!("the message lacks {word:?}: {message}")),
            None => {
                say(&format!("  says: {message}"));
                None
            }
        })
    })
}

/// The name of the pod of the broken image.
fn waiting_pod(stage: &Stage) -> Result<String> {
    let path =
        "{range .items[*]}{.metadata.name} {.status.containerStatuses[*].state.waiting.reason}{\"\\n\"}{end}";
    let output = format!("jsonpath={path}");
    let text = stage.plane.kubectl_ok(&["get", "pods", "-n", "staging", "-l", "app=web", "-o", &output])?;
    let line =
        text.lines().find(|line| line.ends_with("ImagePullBackOff")).context("no pod waits for its image")?;
    Ok(line.split(' ').next().unwrap_or("").to_string())
}

fn revert(stage: &Stage) -> Result<()> {
    say("  git revert HEAD");
    stage.repo.revert("HEAD")?;
    stage.tell_source()?;
    until("staging runs web:2.0 again and is Ready", || {
        let objection = runs(&stage.plane, "staging", &image("2.0"), 1)?;
        Ok(objection.or(not_ready(stage, "staging")?))
    })
}

fn drift(stage: &Stage) -> Result<()> {
    say("  kubectl scale deployment/web --replicas=5 in production");
    stage.plane.kubectl_ok(&["scale", "deployment/web", "-n", "production", "--replicas=5"])?;
    until("two replicas again", || runs(&stage.plane, "production", &image("2.0"), 2))?;
    until("an event on the Deployment names kubectl", || no_event(stage, "kubectl"))?;
    say("  kubectl set env deployment/web DEBUG=1 in production");
    stage.plane.kubectl_ok(&["set", "env", "deployment/web", "-n", "production", "DEBUG=1"])?;
    until("the variable is gone again", || {
        let web = get(&stage.plane, "production", "deployment", "web")?.unwrap_or_default();
        let env = &web["spec"]["template"]["spec"]["containers"][0]["env"];
        Ok((!env.is_null()).then(|| format!("env is {env}")))
    })?;
    until("an event on the Deployment names kubectl-set", || no_event(stage, "kubectl-set"))
}

fn deletion(stage: &Stage) -> Result<()> {
    let uid = |service: Option<serde_json::Value>| service.map(|s| s["metadata"]["uid"].to_string());
    let before = uid(get(&stage.plane, "production", "service", "web")?);
    if before.is_none() {
        bail!("there is no service/web to delete");
    }
    say("  kubectl delete service/web in production");
    stage.plane.kubectl_ok(&["delete", "service/web", "-n", "production"])?;
    until("there is a new service/web", || {
        let after = uid(get(&stage.plane, "production", "service", "web")?);
        Ok((after.is_none() || after == before).then(|| "it is gone".to_string()))
    })
}

fn prune(stage: &Stage) -> Result<()> {
    if get(&stage.plane, "staging", "configmap", "preview")?.is_none() {
        bail!("there is no configmap/preview to prune");
    }
    say("  git rm overlays/staging/preview.yaml");
    stage.repo.git(&["rm", "-q", "overlays/staging/preview.yaml"])?;
    stage.push(&[("overlays/staging/kustomization.yaml", &staging("2.0", false))], "staging: no preview")?;
    until("configmap/preview is gone from staging, deployment/web is as it was", || {
        let left = get(&stage.plane, "staging", "configmap", "preview")?;
        let objection = left.map(|_| "configmap/preview is still there".to_string());
        Ok(objection.or(runs(&stage.plane, "staging", &image("2.0"), 1)?))
    })
}

fn not_ready(stage: &Stage, name: &str) -> Result<Option<String>> {
    let (status, message) = ready(&stage.plane, name)?;
    Ok((status != "True").then(|| format!("Kustomization {name}: Ready is {status:?}, {message}")))
}

fn no_event(stage: &Stage, who: &str) -> Result<Option<String>> {
    let messages = events(&stage.plane, "production", "Deployment", "web")?;
    let names =
        |message: &&String| message.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == who);
    let Some(found) = messages.iter().find(names) else {
        return Ok(Some(format!("no event names {who} among {messages:?}")));
    };
    say(&format!("  says: {found}"));
    Ok(None)
}
