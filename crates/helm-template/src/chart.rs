//! A chart in memory: its files sorted into what they are, and the charts under `charts/`.
mod archive;
mod ignore;
mod load;
mod metadata;
mod package;

use std::sync::Arc;

use gotemplate::Str;
use serde_json::{Map, Value};

pub use self::{
    archive::ArchiveError,
    ignore::{Ignore, IgnoreError},
    load::ChartError,
    metadata::{Dependency, ImportValues, Lock, Maintainer, Metadata, MetadataError},
    package::PackageError,
};
use crate::{
    capabilities::HelmMajor,
    values::{Values, ValuesError},
};

/// How much a chart may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an archive as it is fetched, compressed.
    pub archive_bytes: u64,
    /// Bytes of all files together, archives inside included.
    pub chart_bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Number of files, archives inside included.
    pub files: usize,
    /// Charts inside charts.
    pub depth: usize,
}

impl Default for Limits {
    /// Helm's 100 MiB a chart and 5 MiB a file; 100 MiB compressed, 20,000 files and 16 charts deep.
    fn default() -> Self {
        Self {
            archive_bytes: 100 << 20,
            chart_bytes: 100 << 20,
            file_bytes: 5 << 20,
            files: 20_000,
            depth: 16,
        }
    }
}

/// One file of a chart. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    /// Path below the chart's folder, with `/`.
    pub name: String,
    /// Content, without a byte order mark; templates share it.
    pub data: Str,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "File({}, {} bytes)", self.name, self.data.len())
    }
}

impl File {
    /// A file.
    #[must_use]
    pub fn new(name: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), data: Str::from(data.into()) }
    }

    /// The content as text; bytes that are no UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        // Most files are UTF-8, which this finds out faster.
        str::from_utf8(&self.data).map_or_else(|_| String::from_utf8_lossy(&self.data), Into::into)
    }
}

/// A chart, with the charts it brings along.
#[derive(Clone, Debug)]
pub struct Chart {
    metadata: Metadata,
    lock: Option<Lock>,
    templates: Arc<Vec<File>>,
    values_file: Option<File>,
    /// Shared by the aliases of a chart.
    values: Arc<Map<String, Value>>,
    schema: Option<File>,
    files: Arc<Vec<File>>,
    dependencies: Arc<Vec<Chart>>,
}

impl Chart {
    /// Unpacks a `.tgz`.
    ///
    /// # Errors
    /// When the archive is damaged, exceeds a limit, has a path that leaves the chart, or holds no valid chart.
    pub fn from_archive(tgz: &[u8], limits: &Limits) -> Result<Self, ChartError> {
        load::from_archive(tgz, limits, HelmMajor::Four)
    }

    /// As [`Chart::from_archive`], as a Helm does it.
    ///
    /// # Errors
    /// As [`Chart::from_archive`].
    pub fn from_archive_as(tgz: &[u8], limits: &Limits, helm: HelmMajor) -> Result<Self, ChartError> {
        load::from_archive(tgz, limits, helm)
    }

    /// A chart from its files; paths are relative to the chart's folder.
    ///
    /// # Errors
    /// When a limit is exceeded, or `Chart.yaml`, the values or a sub-chart are not valid.
    pub fn from_files(files: Vec<(String, Vec<u8>)>, limits: &Limits) -> Result<Self, ChartError> {
        load::from_files(files, limits, HelmMajor::Four)
    }

    /// As [`Chart::from_files`], leaving out what the `.helmignore` among the files names.
    ///
    /// # Errors
    /// As [`Chart::from_files`], and for a `.helmignore` that cannot be read.
    pub fn from_directory(files: Vec<(String, Vec<u8>)>, limits: &Limits) -> Result<Self, ChartError> {
        load::from_directory(files, limits, HelmMajor::Four)
    }

    /// As [`Chart::from_directory`], as a Helm does it.
    ///
    /// # Errors
    /// As [`Chart::from_directory`].
    pub fn from_directory_as(
        files: Vec<(String, Vec<u8>)>,
        limits: &Limits,
        helm: HelmMajor,
    ) -> Result<Self, ChartError> {
        load::from_directory(files, limits, helm)
    }

    /// The name, or the alias it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.metadata.version
    }

    /// The version of the application, empty when not stated.
    #[must_use]
    pub fn app_version(&self) -> &str {
        &self.metadata.app_version
    }

    /// What `Chart.yaml` says.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What `Chart.yaml` says, to be changed.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    /// Gives the chart another version, for example with build metadata of its source.
    pub fn set_version(&mut self, version: &str) {
        version.clone_into(&mut self.metadata.version);
    }

    /// `Chart.lock`.
    #[must_use]
    pub fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// Files under `templates/`.
    #[must_use]
    pub fn templates(&self) -> &[File] {
        &self.templates
    }

    /// Every other file: README, `crds/`, and what templates read by `.Files`.
    #[must_use]
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// The default values.
    #[must_use]
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// `values.yaml` as it is written.
    #[must_use]
    pub fn values_file(&self) -> Option<&File> {
        self.values_file.as_ref()
    }

    /// Replaces `values.yaml`, for example by several values files merged.
    ///
    /// # Errors
    /// When the text holds no values.
    pub fn set_values_file(&mut self, text: String) -> Result<(), ValuesError> {
        self.values = Arc::new(Values::parse(&text)?.into_map());
        self.values_file = Some(File::new("values.yaml", text.into_bytes()));
        Ok(())
    }

    /// `values.schema.json`.
    #[must_use]
    pub fn schema(&self) -> Option<&File> {
        self.schema.as_ref()
    }

    /// Any file of the chart itself by its path, as it was loaded; `Chart.yaml` and `Chart.lock` are not kept.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&File> {
        let special = self.values_file.iter().chain(&self.schema);
        special.chain(self.templates.iter()).chain(self.files.iter()).find(|file| file.name == name)
    }

    /// The charts under `charts/`.
    #[must_use]
    pub fn dependencies(&self) -> &[Self] {
        &self.dependencies
    }

    /// Puts a chart under `charts/`.
    pub fn add_dependency(&mut self, chart: Self) {
        self.dependencies_mut().push(chart);
    }

    /// Packs the chart as `helm package` does: order and layout of its archive. `modified` is the time given to
    /// every file, in Unix seconds; equal charts and times make equal bytes.
    ///
    /// # Errors
    /// When the metadata is not valid or the schema is no JSON.
    pub fn package(&self, modified: u64) -> Result<Vec<u8>, PackageError> {
        package::package(self, modified)
    }

    /// A library chart has only templates that others include.
    #[must_use]
    pub fn is_library(&self) -> bool {
        self.metadata.kind.eq_ignore_ascii_case("library")
    }

    pub(crate) fn set_values(&mut self, values: Map<String, Value>) {
        self.values = Arc::new(values);
    }

    pub(crate) fn dependencies_mut(&mut self) -> &mut Vec<Self> {
        Arc::make_mut(&mut self.dependencies)
    }
}
