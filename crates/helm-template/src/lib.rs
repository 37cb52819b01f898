//! Renders Helm charts: files and values in, manifests out.
//!
//! Pure: no clock, disk or network; the cluster, clock and randomness come through [`Host`]. Reference: Helm 4's
//! `template`; gaps: `tests/gaps.txt`.
//! Reading order: `values`, `chart`, `dependencies`, `schema`, `capabilities`, `render`, `manifests`, `template`.

mod capabilities;
mod chart;
mod dependencies;
mod glob;
mod godecode;
mod manifests;
mod post_render;
mod render;
mod schema;
mod template;
mod values;

pub use crate::{
    capabilities::{Capabilities, HelmMajor, HelmVersion, KubeVersion, KubeVersionError},
    chart::{
        ArchiveError, Chart, ChartError, Dependency, File, Ignore, IgnoreError, ImportValues, Limits, Lock,
        Maintainer, Metadata, MetadataError, PackageError,
    },
    dependencies::{Crd, ResolveError, ResolvedChart},
    manifests::{
        Hook, Manifest, SortError, Sorted, hooks_for, install_order, sort, sort_as, split_manifests,
        uninstall_order,
    },
    post_render::{
        PostRenderError, PostRenderStrategy, merge_for_post_render, post_render, split_post_rendered,
    },
    render::{Files, Host, ReleaseOptions, RenderError, RenderOptions, render},
    schema::SchemaError,
    template::{TemplateError, TemplateOptions, template_output},
    values::{CoalesceError, SetError, Values, ValuesError},
};
pub use sprig::Host as SprigHost;
