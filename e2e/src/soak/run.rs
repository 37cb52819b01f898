//! Steps until time is up, each judged.
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::{
    dice::Dice,
    model::Model,
    stage::{Stage, Uids},
    steps::Step,
};

/// How long, and by which seed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Every decision comes from it.
    pub seed: u64,
    /// No step begins after it.
    pub time: Duration,
    /// Ends after so many kills, if that comes first.
    pub kills: u32,
    /// `spec.timeout` of the source: how long a server that is silent holds it up.
    pub source_timeout: Duration,
    /// Told of the tally every half minute; `None` is silence.
    pub progress: Option<fn(&Tally)>,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Judged steps.
    pub steps: u64,
    /// Commits pushed.
    pub commits: u32,
    /// Processes killed, by signal and at kill points.
    pub kills: u32,
    /// Of them at kill points.
    pub at_points: u32,
    /// Faults of the API server and of the Git server.
    pub faults: u32,
    /// Objects changed or deleted by hand.
    pub drifts: u32,
}

/// Runs it.
///
/// # Errors
/// When anything is lost, orphaned, wrongly pruned or not as in Git: with seed, step and what happened in it.
pub async fn run(options: &Options) -> Result<Tally> {
    let (mut dice, mut model, mut tally) = (Dice::new(options.seed), Model::new(), Tally::default());
    let mut stage = Stage::set(&model, options.source_timeout).await?;
    let mut uids = stage.settled(&model).await?;
    let (begun, mut spoken) = (Instant::now(), Instant::now());
    while begun.elapsed() < options.time && tally.kills < options.kills {
        let before = model.clone();
        let step = Step::take(tally.steps, &mut stage, &mut model, &mut dice, &mut tally).await;
        let step = step.with_context(|| format!("seed {}, step {}", options.seed, tally.steps))?;
        let now = judge(&mut stage, &model, &mut tally).await;
        let now = now.and_then(|now| {
            nothing_was_made_anew(&before, &model, &step, [&uids, &now])?;
            Ok(now)
        });
        uids =
            now.with_context(|| format!("seed {}, step {}: {:#?}", options.seed, tally.steps, step.told))?;
        tally.steps += 1;
        if spoken.elapsed() > Duration::from_secs(30) {
            spoken = Instant::now();
            options.progress.iter().for_each(|tell| tell(&tally));
        }
    }
    Ok(tally)
}

async fn judge(stage: &mut Stage, model: &Model, tally: &mut Tally) -> Result<Uids> {
    let revived = stage.heal().await?;
    tally.kills += revived;
    tally.at_points += revived;
    stage.settled(model).await
}

/// What stayed in Git at its Kustomization, and was not deleted by hand, is the same object as before.
fn nothing_was_made_anew(before: &Model, after: &Model, step: &Step, [old, new]: [&Uids; 2]) -> Result<()> {
    for (app, objects) in &before.apps {
        let stayed =
            objects.keys().filter(|name| after.apps.get(app).is_some_and(|now| now.contains_key(*name)));
        for name in stayed.filter(|name| !step.renewed.contains(name)) {
            ensure!(old.get(name) == new.get(name), "{name} never left Git, and was deleted and made anew");
        }
    }
    Ok(())
}
