//! Renders Helm charts: files and values in, manifests out.
//!
//! Pure: no clock, disk or network; the cluster, clock and randomness come through [`Host`]. Reference: Helm 4's
//! `template`; gaps: `tests/gaps.txt`.
//! Reading order: `values`, `chart`, `dependencies`, `schema`, `capabilities`, `render`, `manifests`, `template`.
//!
//! ```
//! use std::rc::Rc;
//!
//! use helm_template::{Chart, Host, Limits, SprigHost, TemplateOptions, Values, template_output};
//!
//! struct World;
//! impl SprigHost for World {
//!     fn now(&self) -> jiff::Timestamp {
//!         jiff::Timestamp::UNIX_EPOCH
//!     }
//!     fn random(&self, buffer: &mut [u8]) -> Result<(), gotemplate::FuncError> {
//!         Err("no randomness".into())
//!     }
//! }
//! impl Host for World {
//!     fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<serde_json::Value, String> {
//!         Ok(serde_json::json!({}))
//!     }
//! }
//!
//! let files = [
//!     ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
//!     ("values.yaml", "port: 80\n"),
//!     ("templates/a.yaml", "kind: Service\nport: {{ .Values.port }}\n"),
//! ];
//! let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
//! let chart = Chart::from_directory(files.to_vec(), &Limits::default())?;
//! let mut values = Values::new();
//! values.set("port=8080")?;
//! let printed = template_output(&chart, &values, Rc::new(World), &TemplateOptions::default())?;
//! assert_eq!(printed, "---\n# Source: web/templates/a.yaml\nkind: Service\nport: 8080\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
    render::{
        Files, Host, ReleaseOptions, RenderError, RenderOptions, RenderSortError, render, render_sorted,
    },
    schema::SchemaError,
    template::{TemplateError, TemplateOptions, template_output},
    values::{CoalesceError, SetError, Values, ValuesError},
};
pub use sprig::Host as SprigHost;
