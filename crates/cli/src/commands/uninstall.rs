//! `uninstall`: the controllers and their kinds go, what they applied stays.
mod finalizers;
mod installed;
mod listing;
mod suspension;

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use self::{
    finalizers::{Defined, release_objects, remaining_objects},
    installed::{Home, home},
    listing::{CLUSTER_KINDS, NAMESPACED_KINDS, OfInstallation, pods},
    suspension::suspend_appliers,
};
use crate::{
    CommandError,
    cluster::{Cluster, Dry, Select},
    commands::{
        install::{DEFINITIONS, subject},
        logs::PODS,
        version::{DEPLOYMENTS, PART_OF},
    },
    confirm::confirm,
    resource::Resource,
    run::Context,
    say::{self, Progress},
    value::{name, namespace},
};

/// Namespaces.
pub(crate) const NAMESPACES: Resource = Resource::of_cluster("", "v1", "namespaces", "Namespace");
/// How long the pods of controllers may take to end; then they are deleted without waiting for them.
const PODS_END: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Remove the controllers and their kinds; what they applied stays
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # What would go
  sluice uninstall --dry-run --silent

  # All but the namespace
  sluice uninstall --keep-namespace --silent")]
pub(crate) struct UninstallArgs {
    /// Only show what would be deleted
    #[arg(long)]
    dry_run: bool,
    /// The namespace stays
    #[arg(long)]
    keep_namespace: bool,
    /// Do not ask
    #[arg(long, short)]
    silent: bool,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: UninstallArgs) -> Result<(), CommandError> {
    let cluster = context.cluster().await?;
    let defined = Defined::all(&cluster).await?;
    let home = home(&cluster, &defined).await?;
    if !args.dry_run && !args.silent {
        confirm(&question(context, &cluster.namespace), "--silent")?;
    }
    let dry = if args.dry_run { Dry::Only } else { Dry::Run };
    say::action(&format!("deleting components in {} namespace", cluster.namespace));
    let work = Uninstall { cluster: &cluster, dry };
    work.controllers().await?;
    work.rights().await?;
    say::action("suspending what applies, in all namespaces");
    suspend_appliers(&cluster, &defined, dry).await?;
    say::action("deleting toolkit.fluxcd.io finalizers in all namespaces");
    release_objects(&cluster, &defined, dry).await?;
    say::action("deleting toolkit.fluxcd.io custom resource definitions");
    for one in &defined {
        work.delete(&DEFINITIONS, &one.definition).await?;
    }
    // The namespace ends while the definitions do.
    let ends = !args.keep_namespace && work.namespace(home).await?;
    if dry == Dry::Run {
        work.until_undefined(&defined).await?;
        if ends {
            work.until_namespace_is_gone().await?;
        }
    }
    say::success(if args.dry_run { "uninstall dry run finished" } else { "uninstall finished" });
    Ok(())
}

/// Names the cluster too: the wrong one is a slip of the hand away.
fn question(context: &Context, namespace: &str) -> String {
    let place = match context.global.cluster.context_name() {
        Some(name) => format!("context \"{name}\""),
        None => "this cluster".to_owned(),
    };
    format!(
        "Are you sure you want to delete the controllers in namespace \"{namespace}\" of {place} and all their custom \
         resource definitions"
    )
}

struct Uninstall<'a> {
    cluster: &'a Cluster,
    dry: Dry,
}

impl Uninstall<'_> {
    /// The controllers first, and their pods to the end: nobody may prune while the rest goes.
    async fn controllers(&self) -> Result<(), CommandError> {
        let place = self.cluster.namespace.as_str();
        let found = self.cluster.list(&DEPLOYMENTS, Some(place), &Select::labels(PART_OF)).await?;
        for deployment in &found {
            self.delete(&DEPLOYMENTS, deployment).await?;
        }
        if self.dry == Dry::Only {
            return Ok(());
        }
        let progress = Progress::start();
        let since = tokio::time::Instant::now();
        loop {
            let left = pods(self.cluster, &found).await?;
            if left.is_empty() {
                return Ok(());
            }
            if since.elapsed() > PODS_END {
                for pod in &left {
                    self.cluster.delete_now(&PODS, namespace(pod), name(pod)).await?;
                }
                return Ok(());
            }
            progress.tell(&format!("{} pods of controllers are ending", left.len()));
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Services, accounts, roles, bindings, policies.
    async fn rights(&self) -> Result<(), CommandError> {
        for kind in NAMESPACED_KINDS.iter().chain(CLUSTER_KINDS) {
            for object in self.cluster.of_installation(kind).await? {
                self.delete(kind, &object).await?;
            }
        }
        Ok(())
    }

    /// A controller that outlived its Deployment may have put a finalizer back: it is taken off again.
    async fn until_undefined(&self, defined: &[Defined]) -> Result<(), CommandError> {
        for one in defined {
            while self.cluster.find(&DEFINITIONS, "", name(&one.definition)).await?.is_some() {
                remaining_objects(self.cluster, one).await?;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Whether there is a namespace to delete.
    async fn namespace(&self, home: Home) -> Result<bool, CommandError> {
        match home {
            Home::Gone => return Ok(false),
            Home::Foreign => {
                let place = &self.cluster.namespace;
                say::warning(&format!("namespace {place} stays: no installation has made it its own"));
                return Ok(false);
            }
            Home::Ours(object) => self.delete(&NAMESPACES, &object).await?,
        }
        Ok(true)
    }

    async fn until_namespace_is_gone(&self) -> Result<(), CommandError> {
        let place = self.cluster.namespace.as_str();
        let progress = Progress::start();
        while self.cluster.find(&NAMESPACES, "", place).await?.is_some() {
            progress.tell(&format!("namespace {place} is ending"));
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn delete(&self, kind: &Resource, object: &Value) -> Result<(), CommandError> {
        self.cluster.delete(kind, namespace(object), name(object), self.dry).await?;
        say::success(&format!("{} deleted{}", subject(object), self.mark()));
        Ok(())
    }

    fn mark(&self) -> &'static str {
        if self.dry == Dry::Only { " (dry run)" } else { "" }
    }
}
