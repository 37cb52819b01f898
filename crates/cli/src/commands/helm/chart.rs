use std::path::Path;

use clap::Args;
use helm_template::{Chart, HelmMajor, Limits};
use oci::Reference;

use crate::{
    CommandError,
    chart_files::chart_at,
    commands::artifact::{LoginArgs, refused, repository, session},
    run::Context,
};

/// Media type of the layer with the chart.
const LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Where the chart comes from.
#[derive(Args, Debug)]
pub(super) struct ChartArgs {
    /// Version of a chart in a registry
    #[arg(long, default_value = "", hide_default_value = true)]
    version: String,
    /// Do as this Helm does: 3 or 4
    #[arg(long, value_name = "MAJOR", default_value = "4", value_parser = helm_major)]
    pub(super) helm_version: HelmMajor,
    #[command(flatten)]
    login: LoginArgs,
}

fn helm_major(text: &str) -> Result<HelmMajor, String> {
    match text {
        "3" | "v3" => Ok(HelmMajor::Three),
        "4" | "v4" => Ok(HelmMajor::Four),
        _ => Err("only Helm 3 and Helm 4 are known".to_owned()),
    }
}

/// The chart of a folder, an archive, or a registry.
pub(super) async fn chart(context: &Context, args: &ChartArgs, path: &str) -> Result<Chart, CommandError> {
    let Some(name) = path.strip_prefix("oci://") else {
        if path.contains("://") {
            return Err(CommandError::usage(format!("{path}: only folders, archives and oci:// are read"))
                .hint("helm pull, and give the file"));
        }
        return chart_at(Path::new(path), args.helm_version);
    };
    if args.version.is_empty() {
        return Err(CommandError::usage("--version is required for a chart in a registry"));
    }
    // A tag cannot hold the plus of a version.
    let tag = Reference::tag(&args.version.replace('+', "_"));
    let tag = tag.map_err(|error| CommandError::usage(error.to_string()))?;
    let session = session(context, &repository(name)?, &args.login)?;
    let failed = |error: oci::OciError| refused(&error.to_string());
    let digest = session.resolve(&tag).await.map_err(failed)?;
    let manifest = session.manifest(&digest).await.map_err(failed)?;
    let layer = manifest.layers.iter().find(|layer| layer.media_type == LAYER);
    let layer =
        layer.ok_or_else(|| CommandError::failed(format!("{path}:{} holds no chart", args.version)))?;
    let limits = Limits::default();
    let bytes = session.blob_bytes(layer, limits.archive_bytes).await.map_err(failed)?;
    Chart::from_archive_as(&bytes, &limits, args.helm_version)
        .map_err(|error| CommandError::failed(error.to_string()))
}
