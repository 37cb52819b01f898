//! `check`: whether the cluster is fit, and what is installed.
use clap::Args;
use kstatus::Status;
use serde_json::Value;

use crate::{
    CommandError,
    cluster::{Cluster, Select},
    commands::{
        install::{CONTROLLERS, DEFINITIONS, checked_components},
        version::{DEPLOYMENTS, PART_OF, image},
    },
    ready::health,
    run::Context,
    say,
    value::{list, name, text},
};

/// The oldest Kubernetes that Flux 2.9 takes.
const OLDEST: (u32, u32) = (1, 33);

/// Check the cluster and the installation
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Before an installation
  sluice check --pre

  # What is installed
  sluice check --components=source-controller")]
pub(crate) struct CheckArgs {
    /// Only what an installation needs
    #[arg(long)]
    pre: bool,
    /// The controllers that must be there; those that are there when not given
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    components: Vec<String>,
    /// Controllers beside them
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    components_extra: Vec<String>,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: CheckArgs) -> Result<(), CommandError> {
    let cluster = context.cluster().await?;
    say::action("checking prerequisites");
    let fit = version_fits(&cluster).await?;
    if args.pre {
        return ended(fit, "prerequisites checks passed", "prerequisites checks failed");
    }
    say::action("checking version in cluster");
    say::action("checking controllers");
    let controllers = controllers_are_ready(&cluster, &args).await?;
    say::action("checking crds");
    let kinds = kinds_are_served(&cluster).await?;
    ended(fit && controllers && kinds, "all checks passed", "check failed")
}

fn ended(good: bool, passed: &str, failed: &str) -> Result<(), CommandError> {
    if !good {
        return Err(CommandError::failed(failed));
    }
    say::success(passed);
    Ok(())
}

async fn version_fits(cluster: &Cluster) -> Result<bool, CommandError> {
    let version = cluster.read("/version").await?;
    let shown = text(&version, &["gitVersion"]).trim_start_matches('v').to_owned();
    let mut parts = shown.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let found = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (major, minor) = OLDEST;
    if found >= OLDEST {
        say::success(&format!("Kubernetes {shown} >={major}.{minor}.0-0"));
        return Ok(true);
    }
    say::failure(&format!("Kubernetes version {shown} does not match >={major}.{minor}.0-0"));
    Ok(false)
}

async fn controllers_are_ready(cluster: &Cluster, args: &CheckArgs) -> Result<bool, CommandError> {
    let found = cluster.list(&DEPLOYMENTS, Some(&cluster.namespace), &Select::labels(PART_OF)).await?;
    if found.is_empty() {
        say::failure(&format!(
            "no controllers found in the '{}' namespace with the label selector '{PART_OF}'",
            cluster.namespace
        ));
        return Ok(false);
    }
    let wanted = if args.components.is_empty() && args.components_extra.is_empty() {
        found.iter().map(|one| name(one).to_owned()).collect()
    } else {
        checked_components(&args.components, &args.components_extra)?
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let mut good = true;
    for name_wanted in &wanted {
        let there = found.iter().find(|one| name(one) == name_wanted);
        good &= controller_is_ready(name_wanted, there)?;
    }
    Ok(good)
}

fn controller_is_ready(wanted: &str, there: Option<&Value>) -> Result<bool, CommandError> {
    let Some(deployment) = there else {
        say::failure(&format!("{wanted}: deployment not found"));
        if !CONTROLLERS.contains(&wanted) {
            say::hint("no such controller is known");
        }
        return Ok(false);
    };
    let health = health(deployment)?;
    if health.status == Status::Current {
        say::success(&format!("{wanted}: deployment ready"));
    } else {
        say::failure(&format!("{wanted}: {}", health.message));
    }
    say::action(image(deployment));
    Ok(health.status == Status::Current)
}

async fn kinds_are_served(cluster: &Cluster) -> Result<bool, CommandError> {
    let found = cluster.list(&DEFINITIONS, None, &Select::labels(PART_OF)).await?;
    if found.is_empty() {
        say::failure(&format!("no crds found with the label selector '{PART_OF}'"));
        return Ok(false);
    }
    for definition in &found {
        let mut versions = list(definition, &["status", "storedVersions"]).iter().filter_map(Value::as_str);
        say::success(&format!("{}/{}", name(definition), versions.next_back().unwrap_or_default()));
    }
    Ok(true)
}
