//! Renders Helm charts: files and values in, manifests out.
//!
//! Pure: no clock, disk or network. Reference: Helm 4's `template`.
//! Reading order: `values`, `chart`.

mod chart;
mod glob;
mod godecode;
mod values;

pub use crate::{
    chart::{
        ArchiveError, Chart, ChartError, Dependency, File, Ignore, IgnoreError, ImportValues, Limits, Lock,
        Maintainer, Metadata, MetadataError, PackageError,
    },
    values::{SetError, Values, ValuesError},
};
