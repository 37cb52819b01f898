//! `version`: of this command, and of what runs in the cluster.
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};

use crate::{
    CommandError,
    cluster::{Cluster, Select},
    commands::get::print_value,
    resource::Resource,
    run::Context,
    say,
    value::{list, name, text},
};

pub(crate) const DEPLOYMENTS: Resource = Resource::fixed("apps", "v1", "deployments", "Deployment");
/// What the controllers of an installation have in common.
pub(crate) const PART_OF: &str = "app.kubernetes.io/part-of=flux";

/// Print the versions of this command and of the controllers
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Of this command alone
  sluice version --client

  # For a program
  sluice version --client -o json")]
pub(crate) struct VersionArgs {
    /// Ask no cluster
    #[arg(long)]
    client: bool,
    /// Another form of output
    #[arg(long, short = 'o', value_enum, value_name = "FORM")]
    output: Option<Form>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Json,
    Yaml,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: VersionArgs) -> Result<(), CommandError> {
    let mut versions = Map::new();
    versions.insert("sluice".into(), concat!("v", env!("CARGO_PKG_VERSION")).into());
    if !args.client {
        let cluster = context.cluster().await?;
        versions.extend(
            controllers(&cluster).await?.into_iter().map(|(name, image)| (name, version_of(&image).into())),
        );
    }
    match args.output {
        Some(form) => print_value(form == Form::Json, &Value::Object(versions)),
        None => {
            let line = |(name, version): (&String, &Value)| {
                format!("{name}: {}\n", version.as_str().unwrap_or_default())
            };
            say::data(&versions.iter().map(line).collect::<String>())
        }
    }
}

/// Names and images of the controllers' Deployments.
pub(crate) async fn controllers(cluster: &Cluster) -> Result<Vec<(String, String)>, CommandError> {
    let found = cluster.list(&DEPLOYMENTS, Some(&cluster.namespace), &Select::labels(PART_OF)).await?;
    if found.is_empty() {
        return Err(CommandError::not_found(format!(
            "no deployments found in {} namespace",
            cluster.namespace
        ))
        .hint("nothing is installed there; --client asks no cluster"));
    }
    Ok(found.iter().map(|one| (name(one).to_owned(), image(one).to_owned())).collect())
}

pub(crate) fn image(deployment: &Value) -> &str {
    let containers = list(deployment, &["spec", "template", "spec", "containers"]);
    let manager = containers.iter().find(|one| text(one, &["name"]) == "manager").or(containers.first());
    manager.map_or("", |one| text(one, &["image"]))
}

/// The tag of an image, else its digest.
fn version_of(image: &str) -> String {
    let (rest, digest) = image.split_once('@').map_or((image, None), |(rest, digest)| (rest, Some(digest)));
    let name = rest.rsplit('/').next().unwrap_or(rest);
    match (name.split_once(':'), digest) {
        (Some((_, tag)), _) => tag.to_owned(),
        (None, Some(digest)) => digest.to_owned(),
        (None, None) => "latest".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::version_of;

    #[test]
    fn a_port_is_no_tag() {
        assert_eq!(version_of("localhost:5000/a/b:v1.2"), "v1.2");
        assert_eq!(version_of("localhost:5000/a/b"), "latest");
        assert_eq!(version_of("a/b:v1@sha256:00"), "v1");
        assert_eq!(version_of("a/b@sha256:00"), "sha256:00");
    }
}
