//! `create`: objects from flags, applied and waited for, or printed.
mod fields;
mod helm_release;
mod image;
mod kustomization;
mod notification;
mod reference;
mod secret;
mod source;
mod upsert;

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

pub(crate) use self::secret::upsert as upsert_secret;
use self::upsert::{Made, publish};
use crate::{CommandError, duration, run::Context};

/// Create or update objects
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # A Git repository
  sluice create source git podinfo --url=https://github.com/stefanprodan/podinfo --branch=master --export

  # A Kustomization of it
  sluice create kustomization podinfo --source=GitRepository/podinfo --path=./kustomize --prune --export

  # A chart from a registry
  sluice create source oci charts --url=oci://ghcr.io/stefanprodan/charts/podinfo --tag=6.9.0 --export

  # A release of it
  sluice create helmrelease podinfo --chart-ref=OCIRepository/charts --export")]
pub(crate) struct CreateArgs {
    #[command(subcommand)]
    noun: Noun,
    #[command(flatten)]
    common: CommonArgs,
}

/// Flags of every object.
#[derive(Args, Debug)]
pub(crate) struct CommonArgs {
    /// How often the source is looked at
    #[arg(long, global = true, default_value = "1m0s", value_parser = duration::parse, value_name = "DURATION")]
    pub(crate) interval: Duration,
    /// Print the object instead of creating it
    #[arg(long, global = true)]
    pub(crate) export: bool,
    /// Labels of the object
    #[arg(long = "label", global = true, value_delimiter = ',', value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// A source
    #[command(subcommand)]
    Source(source::SourceNoun),
    /// A Kustomization
    #[command(visible_alias = "ks")]
    Kustomization(kustomization::KustomizationArgs),
    /// A HelmRelease
    #[command(visible_alias = "hr")]
    Helmrelease(helm_release::HelmReleaseArgs),
    /// An object of image automation
    #[command(subcommand)]
    Image(image::ImageNoun),
    /// An Alert
    Alert(notification::AlertArgs),
    /// A Provider
    AlertProvider(notification::ProviderArgs),
    /// A Receiver
    Receiver(notification::ReceiverArgs),
    /// A Secret in the form that the controllers read
    #[command(subcommand)]
    Secret(secret::SecretNoun),
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: CreateArgs) -> Result<(), CommandError> {
    let common = &args.common;
    let made = match args.noun {
        Noun::Secret(noun) => return secret::run(context, common, noun).await,
        Noun::Source(noun) => noun.made(common)?,
        Noun::Kustomization(args) => args.made(common)?,
        Noun::Helmrelease(args) => args.made(common)?,
        Noun::Image(noun) => noun.made(common)?,
        Noun::Alert(args) => args.made()?,
        Noun::AlertProvider(args) => args.made()?,
        Noun::Receiver(args) => args.made()?,
    };
    publish(context, common, made).await
}

impl CommonArgs {
    /// The labels as a map.
    pub(crate) fn labels(&self) -> Result<Map<String, Value>, CommandError> {
        let pair = |label: &String| match label.split_once('=') {
            Some((key, value)) if !value.contains('=') => Ok((key.to_owned(), value.into())),
            _ => Err(CommandError::usage(format!("invalid label format '{label}', must be key=value"))),
        };
        self.labels.iter().map(pair).collect()
    }
}

/// The name of a new object, by the rule of `flux create`: 2 to 63 of a-z, 0-9 and `-`, neither end a `-`.
///
/// # Errors
/// When it is another.
pub(crate) fn checked_name(name: &str) -> Result<&str, CommandError> {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let good = name.bytes().all(|b| alphanumeric(b) || b == b'-')
        && (2..=63).contains(&name.len())
        && name.bytes().next().is_some_and(alphanumeric)
        && name.bytes().last().is_some_and(alphanumeric);
    if good {
        return Ok(name);
    }
    Err(CommandError::usage(format!(
        "name '{name}' is invalid, it should adhere to standard defined in RFC 1123, the name can only contain alphanumeric characters or '-'"
    )))
}

#[cfg(test)]
mod tests {
    use super::checked_name;

    #[test]
    fn names_are_those_that_flux_takes() {
        for good in ["ab", "a-b", "0a", &"a".repeat(63)] {
            assert!(checked_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "-a", "a-", "A1", "a.b", "a/b", &"a".repeat(64)] {
            assert!(checked_name(bad).is_err(), "{bad}");
        }
    }
}
