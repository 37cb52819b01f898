//! One step: a commit, and what gets in its way.
use std::time::Duration;

use anyhow::{Context, Result};
use http::Method;
use kill_points::Point;
use serde_json::json;
use testkit::{ApiFault, ApiRule, Fault};

use super::{dice::Dice, model::Model, run::Tally, stage::Stage};

/// Points that every commit may pass.
const POINTS: [(bool, Point); 20] = [
    (true, Point::FileBefore),
    (true, Point::FileAfter),
    (true, Point::RenameBefore),
    (true, Point::RenameAfter),
    (true, Point::CollectAfter),
    (true, Point::StatusBefore),
    (true, Point::StatusAfter),
    (true, Point::EventBefore),
    (false, Point::ApplyBefore),
    (false, Point::ApplyAfter),
    (false, Point::TakeoverBefore),
    (false, Point::TakeoverAfter),
    (false, Point::DeleteBefore),
    (false, Point::DeleteAfter),
    (false, Point::StatusBefore),
    (false, Point::StatusAfter),
    (false, Point::EventAfter),
    (false, Point::PostBefore),
    (false, Point::FetchAfter),
    (false, Point::UnpackAfter),
];

/// What of a step the judge must know.
#[derive(Default)]
pub(super) struct Step {
    /// In words, for a report of a failure.
    pub(super) told: Vec<String>,
    /// Objects whose uid may be another afterwards.
    pub(super) renewed: Vec<String>,
}

impl Step {
    pub(super) async fn take(
        number: u64,
        stage: &mut Stage,
        model: &mut Model,
        dice: &mut Dice,
        tally: &mut Tally,
    ) -> Result<Step> {
        let mut step = Step::default();
        step.api_fault(stage, dice, tally);
        step.git_fault(stage, dice, tally);
        if dice.chance(70) {
            step.order(stage, dice)?;
        }
        if dice.chance(30) {
            step.drift(number, stage, model, dice, tally).await?;
        }
        if dice.chance(90) {
            step.renewed.extend(model.change(dice));
            stage.commit(model).await?;
            tally.commits += 1;
        }
        if dice.chance(30) {
            step.drift(number, stage, model, dice, tally).await?;
        }
        for _ in 0..dice.roll(3) {
            tokio::time::sleep(Duration::from_millis(dice.roll(300) as u64)).await;
            step.kill(stage, dice, tally).await?;
        }
        tokio::time::sleep(Duration::from_millis(dice.roll(300) as u64)).await;
        Ok(step)
    }

    fn api_fault(&mut self, stage: &Stage, dice: &mut Dice, tally: &mut Tally) {
        if !dice.chance(40) {
            return;
        }
        let faults = [
            ApiFault::Delay(Duration::from_millis(300)),
            ApiFault::Cut,
            ApiFault::Half,
            ApiFault::Status(409),
            ApiFault::Status(500),
            ApiFault::Status(401),
            ApiFault::Throttle(1),
            ApiFault::Compacted,
        ];
        let Some(fault) = dice.pick(&faults).cloned() else { return };
        let mut rule = ApiRule::of("", fault.clone()).times(1 + dice.roll(12) as u32);
        if fault != ApiFault::Compacted && dice.chance(50) {
            rule = rule.verb(Method::PATCH);
        }
        self.told.push(format!("{rule:?}"));
        stage.proxy.set([rule]);
        if dice.chance(30) {
            self.told.push("all answers cut".into());
            stage.proxy.cut_all();
        }
        tally.faults += 1;
    }

    fn git_fault(&mut self, stage: &Stage, dice: &mut Dice, tally: &mut Tally) {
        if !dice.chance(15) {
            return;
        }
        let faults = [Fault::Status(500), Fault::Drip, Fault::Promise(99), Fault::Redirect, Fault::Silent];
        let Some(fault) = dice.pick(&faults).cloned() else { return };
        self.told.push(format!("git: {fault:?}"));
        stage.world.git.set_fault(fault);
        tally.faults += 1;
    }

    fn order(&mut self, stage: &Stage, dice: &mut Dice) -> Result<()> {
        let (is_source, point) = *dice.pick(&POINTS).context("no points")?;
        let count = 1 + dice.roll(3) as u32;
        self.told.push(format!("death at pass {count} of {point}"));
        let victim = if is_source { &stage.source } else { &stage.kustomize };
        victim.order(point, count)
    }

    async fn drift(
        &mut self,
        number: u64,
        stage: &Stage,
        model: &Model,
        dice: &mut Dice,
        tally: &mut Tally,
    ) -> Result<()> {
        let name = model.any(dice).context("an empty model")?;
        let (world, ns) = (&stage.world, stage.world.ns.name());
        if world.cluster.find("ConfigMap", ns, &name).await?.is_none() {
            return Ok(());
        }
        tally.drifts += 1;
        if dice.chance(30) {
            self.told.push(format!("{name} deleted by hand"));
            self.renewed.push(name.clone());
            return world.cluster.delete("ConfigMap", ns, &name).await;
        }
        self.told.push(format!("{name} changed by hand"));
        // Another hand each time: the same one again and again is a war, and another test's.
        let path = format!("/api/v1/namespaces/{ns}/configmaps/{name}?fieldManager=kubectl-{number}");
        let body = serde_json::to_vec(&json!({ "data": { "v": "by hand", "by-hand": "too" } }))?;
        let request =
            http::Request::patch(path).header("content-type", "application/merge-patch+json").body(body)?;
        match world.cluster.client().request_text(request).await {
            // It went meanwhile, with an earlier commit.
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(drop).context("changing by hand"),
        }
    }

    async fn kill(&mut self, stage: &mut Stage, dice: &mut Dice, tally: &mut Tally) -> Result<()> {
        // A controller that starts wants an API server that answers.
        stage.proxy.set([]);
        let is_source = dice.chance(40);
        self.told.push(format!("SIGKILL to {}", if is_source { "source" } else { "kustomize" }));
        let victim = if is_source { &mut stage.source } else { &mut stage.kustomize };
        tally.kills += 1;
        victim.spare().await;
        victim.revive(&stage.world).await
    }
}
