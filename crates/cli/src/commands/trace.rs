//! `trace`: which source and revision an object of the cluster comes from.
mod owner;
mod report;

use clap::Args;
use serde_json::Value;

use self::report::report;
pub(crate) use self::{
    owner::{Owner, applied, owner},
    report::sources,
};
use crate::{
    CommandError,
    cluster::Cluster,
    discovery::Discovery,
    resource::Resource,
    run::Context,
    say,
    value::{name, namespace, text},
};

/// Show where objects come from
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # A Deployment
  sluice trace deployment web -n apps

  # Several objects
  sluice trace deployment/web configmap/settings -n apps")]
pub(crate) struct TraceArgs {
    /// KIND NAME..., or KIND/NAME...
    #[arg(required = true, value_name = "OBJECT")]
    objects: Vec<String>,
    /// The kind, with --api-version
    #[arg(long, requires = "api_version")]
    kind: Option<String>,
    /// The version of the kind, such as apps/v1
    #[arg(long, requires = "kind")]
    api_version: Option<String>,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: TraceArgs) -> Result<(), CommandError> {
    let cluster = context.cluster().await?;
    let discovery = Discovery::ask(&cluster).await?;
    let wanted = match (&args.kind, &args.api_version) {
        (Some(kind), Some(version)) => vec![(typed(&discovery, kind, version)?, args.objects[0].clone())],
        _ => named(&discovery, &args.objects)?,
    };
    let mut failed = None;
    for (at, (resource, name)) in wanted.iter().enumerate() {
        let object = cluster.need(resource, &cluster.namespace, name).await?;
        match trace(&cluster, &discovery, &object).await {
            Ok(text) => say::shown(&text)?,
            Err(error) => failed = Some(error.context(&format!("failed to trace {}", called(&object)))),
        }
        if at + 1 < wanted.len() {
            say::data("---\n")?;
        }
    }
    failed.map_or(Ok(()), Err)
}

fn called(object: &Value) -> String {
    format!("{}/{} in namespace {}", text(object, &["kind"]), name(object), namespace(object))
}

async fn trace(cluster: &Cluster, discovery: &Discovery, object: &Value) -> Result<String, CommandError> {
    match owner(cluster, discovery, object).await? {
        Some(owner) => report(cluster, object, &owner).await,
        None => Err(CommandError::failed("object not managed by Flux")
            .hint("neither it nor what owns it carries the labels of a Kustomization or HelmRelease")),
    }
}

/// `KIND NAME...` or `KIND/NAME...`, as kubectl takes them.
pub(crate) fn named(
    discovery: &Discovery,
    words: &[String],
) -> Result<Vec<(Resource, String)>, CommandError> {
    let pair = |word: &String| {
        word.split_once('/')
            .map(|(kind, name)| Ok((known(discovery, kind)?, name.to_owned())))
            .unwrap_or_else(|| {
                Err(CommandError::usage(
                    "either `<resource>/<name>` or `<resource> <name>` is required as an argument",
                ))
            })
    };
    match words {
        [kind, names @ ..] if !kind.contains('/') && !names.is_empty() => {
            let resource = known(discovery, kind)?;
            Ok(names.iter().map(|name| (resource.clone(), name.clone())).collect())
        }
        all => all.iter().map(pair).collect(),
    }
}

fn known(discovery: &Discovery, word: &str) -> Result<Resource, CommandError> {
    let unknown = || CommandError::not_found(format!("the server doesn't have a resource type \"{word}\""));
    discovery.find(word).cloned().ok_or_else(unknown)
}

fn typed(discovery: &Discovery, kind: &str, version: &str) -> Result<Resource, CommandError> {
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let mut found =
        known(discovery, &if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") })?;
    found.version = version.to_owned().into();
    Ok(found)
}
