//! `export`: objects as they would stand in a repository.
use clap::Args;
use serde_json::{Map, Value, json};

use crate::{
    CommandError,
    cluster::{Cluster, Select},
    kinds::{Kind, Verb},
    resource::Resource,
    run::Context,
    say,
    target::{Nouns, Target, What},
    typed::{document, exported},
    value::{at, text},
};

pub(crate) const SECRETS: Resource = Resource::fixed("", "v1", "secrets", "Secret");

/// Print objects as YAML, for a repository
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # All Kustomizations of a namespace
  sluice export kustomization --all

  # A source and the Secret it logs in with
  sluice export source git apps --with-credentials")]
pub(crate) struct ExportArgs {
    #[command(subcommand)]
    target: Target<Exporting>,
    /// All objects of the kind in the namespace
    #[arg(long, global = true)]
    all: bool,
    /// The Secrets that sources log in with, too
    #[arg(long, global = true)]
    with_credentials: bool,
}

#[derive(Clone, Debug)]
struct Exporting;

impl Nouns for Exporting {
    const VERB: Verb = Verb::Export;
    const ABOUT: &'static str = "Print";
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: ExportArgs) -> Result<(), CommandError> {
    let What::One(kind) = args.target.what else { return Err(CommandError::usage("a kind is required")) };
    let name = args.target.names.first();
    if name.is_none() && !args.all {
        return Err(CommandError::usage("name is required"));
    }
    let cluster = context.cluster().await?;
    for object in objects(&cluster, kind, name.filter(|_| !args.all)).await? {
        let mut text = document(&exported(kind, &object)?);
        if args.with_credentials {
            text += &credentials(&cluster, &object).await?;
        }
        say::data(&text)?;
    }
    Ok(())
}

async fn objects(cluster: &Cluster, kind: &Kind, name: Option<&String>) -> Result<Vec<Value>, CommandError> {
    let place = cluster.namespace.as_str();
    if let Some(name) = name {
        return Ok(vec![cluster.need(&kind.resource, place, name).await?]);
    }
    let found = cluster.list(&kind.resource, Some(place), &Select::default()).await?;
    if found.is_empty() {
        return Err(CommandError::not_found(format!("no objects found in {place} namespace")));
    }
    Ok(found)
}

/// The Secret of `spec.secretRef`, as a document; nothing without one.
async fn credentials(cluster: &Cluster, object: &Value) -> Result<String, CommandError> {
    let name = text(object, &["spec", "secretRef", "name"]);
    if name.is_empty() {
        return Ok(String::new());
    }
    let secret = cluster.need(&SECRETS, &cluster.namespace, name).await;
    let secret = secret.map_err(|error| error.context(&format!("failed to retrieve secret {name}")))?;
    let mut out = Map::new();
    out.insert("apiVersion".into(), "v1".into());
    out.insert("kind".into(), "Secret".into());
    out.insert("metadata".into(), json!({ "name": name, "namespace": cluster.namespace }));
    for key in ["data", "type"] {
        if let Some(value) = at(&secret, &[key]) {
            out.insert(key.into(), value.clone());
        }
    }
    Ok(document(&Value::Object(out)))
}
