//! `tree`: what an object has applied, and what that has applied.
mod release;

use std::fmt::Write;

use clap::{Args, Subcommand, ValueEnum};
use manifest::ObjectId;
use serde_json::{Map, Value, json};

use self::release::release_objects;
use crate::{
    CommandError,
    cluster::Cluster,
    commands::get::print_value,
    kinds::Kind,
    run::Context,
    say,
    value::{at, list, name, namespace, text},
};

/// Kustomizations that apply Kustomizations are followed this far.
const DEPTH: usize = 32;

/// Show what an object has applied
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # All that comes from a Kustomization
  sluice tree kustomization apps

  # Only objects of the toolkit
  sluice tree kustomization apps --compact

  # For a program
  sluice tree kustomization apps -o json")]
pub(crate) struct TreeArgs {
    #[command(subcommand)]
    of: TreeOf,
    /// Only objects of the toolkit
    #[arg(long, global = true)]
    compact: bool,
    /// Another form of output
    #[arg(long, short = 'o', global = true, value_enum, value_name = "FORM")]
    output: Option<Form>,
}

#[derive(Debug, Subcommand)]
enum TreeOf {
    /// Of a Kustomization
    #[command(visible_alias = "ks")]
    Kustomization { name: String },
    /// Of a HelmRelease
    #[command(visible_alias = "hr")]
    Helmrelease { name: String },
    /// Of an ArtifactGenerator
    #[command(subcommand)]
    Artifact(ArtifactOf),
}

#[derive(Debug, Subcommand)]
enum ArtifactOf {
    /// Of an ArtifactGenerator
    Generator { name: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Json,
    Yaml,
}

/// An object and what it applied.
struct Node {
    id: ObjectId,
    below: Vec<Node>,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: TreeArgs) -> Result<(), CommandError> {
    let (kind, name) = match &args.of {
        TreeOf::Kustomization { name } => ("Kustomization", name),
        TreeOf::Helmrelease { name } => ("HelmRelease", name),
        TreeOf::Artifact(ArtifactOf::Generator { name }) => ("ArtifactGenerator", name),
    };
    let cluster = context.cluster().await?;
    let grower = Grower { cluster: &cluster, compact: args.compact };
    let place = cluster.namespace.clone();
    let tree = grower.node(id(kind, &place, name), DEPTH, true).await?;
    match args.output {
        Some(form) => {
            print_value(form == Form::Json, &tree.value())?;
            // Flux ends its output with an empty line.
            say::data(if form == Form::Yaml { "\n" } else { "" })
        }
        None => say::shown(&format!("{}\n", tree.drawn())),
    }
}

fn id(kind: &str, place: &str, name: &str) -> ObjectId {
    let group = Kind::named(kind).map_or(String::new(), |kind| kind.resource.group.to_string());
    ObjectId { namespace: place.into(), name: name.into(), group, kind: kind.into() }
}

struct Grower<'a> {
    cluster: &'a Cluster,
    compact: bool,
}

impl Grower<'_> {
    async fn node(&self, id: ObjectId, depth: usize, must_exist: bool) -> Result<Node, CommandError> {
        let below = match Kind::named(&id.kind).filter(|kind| kind.resource.group == id.group && depth > 0) {
            Some(kind) => self.below(kind, &id, must_exist).await?,
            None => Vec::new(),
        };
        let mut nodes = Vec::with_capacity(below.len());
        for one in below {
            if one != id && (!self.compact || one.group.contains("toolkit.fluxcd.io")) {
                nodes.push(Box::pin(self.node(one, depth - 1, false)).await?);
            }
        }
        Ok(Node { id, below: nodes })
    }

    /// What an object of ours has applied to this cluster.
    async fn below(
        &self,
        kind: &Kind,
        id: &ObjectId,
        must_exist: bool,
    ) -> Result<Vec<ObjectId>, CommandError> {
        if !matches!(kind.kind, "Kustomization" | "HelmRelease" | "ArtifactGenerator") {
            return Ok(Vec::new());
        }
        let found = self.cluster.need(&kind.resource, &id.namespace, &id.name).await;
        let object = match found {
            Ok(object) => object,
            Err(error) if must_exist => return Err(error),
            Err(error) => return Err(error.context("failed to find object")),
        };
        match kind.kind {
            // What was applied to another cluster cannot be asked for here.
            "Kustomization" => inventory(&object),
            "HelmRelease" if at(&object, &["spec", "kubeConfig"]).is_some() => Ok(Vec::new()),
            "HelmRelease" => release_objects(self.cluster, &object).await,
            _ => Ok(generated(&object)),
        }
    }
}

fn inventory(object: &Value) -> Result<Vec<ObjectId>, CommandError> {
    let remote = at(object, &["spec", "kubeConfig"]).is_some();
    let own = (namespace(object), name(object));
    let entries = list(object, &["status", "inventory", "entries"]).iter();
    let read = entries.map(|entry| {
        ObjectId::parse(text(entry, &["id"])).map_err(|error| CommandError::failed(error.to_string()))
    });
    let _ = (remote, own);
    read.collect()
}

fn generated(object: &Value) -> Vec<ObjectId> {
    let entries = list(object, &["status", "inventory"]).iter();
    entries.map(|entry| id("ExternalArtifact", text(entry, &["namespace"]), text(entry, &["name"]))).collect()
}

impl Node {
    fn drawn(&self) -> String {
        let mut out = format!("{}\n", self.id.subject());
        self.draw(&mut out, "");
        out
    }

    fn draw(&self, out: &mut String, indent: &str) {
        for (at, node) in self.below.iter().enumerate() {
            let last = at + 1 == self.below.len();
            let (branch, inner) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{indent}{branch}{}", node.id.subject());
            node.draw(out, &format!("{indent}{inner}"));
        }
    }

    fn value(&self) -> Value {
        let id = &self.id;
        let mut out = Map::new();
        let group_kind = json!({ "Group": id.group, "Kind": id.kind });
        let resource = json!({ "Namespace": id.namespace, "Name": id.name, "GroupKind": group_kind });
        out.insert("resource".into(), resource);
        if !self.below.is_empty() {
            out.insert("resources".into(), self.below.iter().map(Self::value).collect());
        }
        Value::Object(out)
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, id};

    #[test]
    fn the_last_branch_is_an_elbow() {
        let leaf = |name| Node { id: id("Kustomization", "a", name), below: Vec::new() };
        let inner = Node { id: id("Kustomization", "a", "in"), below: vec![leaf("x")] };
        let tree = Node { id: id("Kustomization", "a", "top"), below: vec![inner, leaf("y")] };
        let drawn =
            "Kustomization/a/top\n├── Kustomization/a/in\n│   └── Kustomization/a/x\n└── Kustomization/a/y\n";
        assert_eq!(tree.drawn(), drawn);
    }
}
