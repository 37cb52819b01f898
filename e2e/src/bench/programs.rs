//! What the programs weigh, how soon the command starts, and what it takes to list a thousand objects.
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{CONTROLLERS, ControlPlane};

use crate::{
    bench::{
        floor,
        report::{Report, median, say},
        rig::Options,
        rows::MIB,
    },
    chain::Stage,
    kustomization,
};

const OBJECTS: usize = 1000;
const TIMES: usize = 15;

/// Sizes, start and `get all`.
pub(crate) async fn run(stage: &Stage, options: &Options, report: &mut Report) -> Result<()> {
    let own = env::current_exe()?.parent().map(Path::to_path_buf).context("the bench has no folder")?;
    let dir = options.bin.clone().unwrap_or(own);
    let sizes = CONTROLLERS
        .iter()
        .chain(["sluice"].iter())
        .map(|name| Ok((*name, std::fs::metadata(dir.join(name)).context(*name)?.len() as f64 / MIB, "MiB")))
        .collect::<Result<Vec<_>>>()?;
    report.add(sizes.len(), "sizes", &sizes, "sluice <= 25 MiB");
    let sluice = dir.join("sluice");
    let start = timed(&sluice, &["--version"], None)?;
    say(&format!("{OBJECTS} suspended Kustomizations for `get all` …"));
    suspended(stage).await?;
    let plane = ControlPlane::shared().await?;
    let listed = timed(&sluice, &["get", "all", "-A"], Some(plane.kubeconfig()))?;
    let figures = [("start", start, "s"), ("get all", listed, "s")];
    report.add(OBJECTS, "command", &figures, "start <= 0.01 s, get all <= 0.3 s");
    Ok(())
}

async fn suspended(stage: &Stage) -> Result<()> {
    let object = |number: usize| -> Value {
        kustomization(
            &stage.ns,
            &format!("listed-{number}"),
            "apps",
            "./many/0",
            json!({ "interval": "1h", "suspend": true }),
        )
    };
    floor::apply_all(&stage.cluster, (0..OBJECTS).map(object)).await
}

/// Median seconds of a program's whole run.
fn timed(program: &Path, args: &[&str], kubeconfig: Option<PathBuf>) -> Result<f64> {
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::null());
        if let Some(file) = &kubeconfig {
            command.env("KUBECONFIG", file);
        }
        let start = Instant::now();
        let done = command.status().with_context(|| program.display().to_string())?;
        ensure!(done.success(), "{} {} ended with {done}", program.display(), args.join(" "));
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(median(times))
}
