//! `helm template`: what the command `helm template` prints, by our own engine.
mod chart;
mod values;

use std::num::NonZero;
use std::rc::Rc;

use clap::{Args, Subcommand};
use helm_template::{Capabilities, KubeVersion, TemplateOptions, template_output};

use self::{
    chart::{ChartArgs, chart},
    values::ValueArgs,
};
use crate::{CommandError, chart_files::Offline, run::Context, say};

/// Render charts, as the command helm does
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Print what a chart makes
  sluice helm template web ./charts/web

  # With values, in a namespace, for an older Kubernetes
  sluice helm template web ./charts/web -n apps --set replicas=2 --kube-version=1.30

  # As Helm 3 does it
  sluice helm template web ./charts/web --helm-version=3")]
pub(crate) struct HelmArgs {
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, Subcommand)]
enum Noun {
    /// Print the manifests of a chart
    Template(Box<TemplateArgs>),
}

#[derive(Args, Debug)]
struct TemplateArgs {
    /// Name of the release, and the chart: a folder, a .tgz or oci://HOST/PATH
    #[arg(value_names = ["NAME", "CHART"], num_args = 1..=2, required = true)]
    words: Vec<String>,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    values: ValueArgs,
    /// Custom resource definitions too
    #[arg(long)]
    include_crds: bool,
    /// Taken for Helm's sake: definitions are left out unless --include-crds is given
    #[arg(long, hide = true)]
    skip_crds: bool,
    /// Without tests
    #[arg(long)]
    skip_tests: bool,
    /// Without hooks
    #[arg(long)]
    no_hooks: bool,
    /// Only the manifests of these templates
    #[arg(long, short)]
    show_only: Vec<String>,
    /// More API versions that the cluster has
    #[arg(long, short, value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Version of Kubernetes that the chart sees
    #[arg(long, default_value = "", hide_default_value = true)]
    kube_version: String,
    /// An upgrade instead of an installation
    #[arg(long)]
    is_upgrade: bool,
    /// Do not hold the values against values.schema.json
    #[arg(long)]
    skip_schema_validation: bool,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: HelmArgs) -> Result<(), CommandError> {
    let Noun::Template(args) = args.noun;
    let mut options = args.options()?;
    if let Some(namespace) = context.namespace_of_flag() {
        options.namespace = namespace.to_owned();
    }
    let (name, path) = match args.words.as_slice() {
        [path] => (None, path),
        [name, path, ..] => (Some(name), path),
        [] => return Err(CommandError::usage("a chart is required")),
    };
    if let Some(name) = name {
        options.name.clone_from(name);
    }
    let chart = chart(context, &args.chart, path).await?;
    let values = args.values.read(args.chart.helm_version)?;
    let printed = template_output(&chart, &values, Rc::new(Offline::new()), &options);
    say::data(&printed.map_err(|error| CommandError::failed(error.to_string()))?)
}

impl TemplateArgs {
    fn options(&self) -> Result<TemplateOptions, CommandError> {
        let mut options = TemplateOptions {
            is_upgrade: self.is_upgrade,
            include_crds: self.include_crds,
            no_hooks: self.no_hooks,
            skip_tests: self.skip_tests,
            show_only: self.show_only.clone(),
            capabilities: Capabilities::of(self.chart.helm_version),
            ..TemplateOptions::default()
        };
        options.render.skip_schema_validation = self.skip_schema_validation;
        options.render.threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        options.capabilities.api_versions.extend(self.api_versions.iter().cloned());
        if !self.kube_version.is_empty() {
            let version = KubeVersion::parse(&self.kube_version);
            options.capabilities.kube_version = version.map_err(|error| {
                CommandError::usage(format!("invalid kube version '{}': {error}", self.kube_version))
            })?;
        }
        Ok(options)
    }
}
