//! Sorting of a chart's files into what they are, as Helm's loader does.
use std::collections::BTreeMap;

use super::{
    Chart, File, Ignore, IgnoreError, Limits, Lock, Metadata, MetadataError,
    archive::{ArchiveError, Budget, unpack},
};
use crate::{
    capabilities::HelmMajor,
    values::{MOST, Values, ValuesError, map_bytes},
};

/// Why files are no chart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChartError {
    /// The archive cannot be unpacked.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// `Chart.yaml` is not there.
    #[error("Chart.yaml file is missing")]
    Missing,
    /// A file of the chart cannot be read.
    #[error("cannot load {file}: {cause}")]
    File {
        /// `Chart.yaml`, `Chart.lock`, `requirements.yaml`, `requirements.lock`.
        file: &'static str,
        /// Why.
        cause: MetadataError,
    },
    /// The metadata says something that it may not say.
    #[error(transparent)]
    Metadata(MetadataError),
    /// `values.yaml` cannot be read.
    #[error("cannot load values.yaml: {0}")]
    Values(ValuesError),
    /// `.helmignore` cannot be read.
    #[error("cannot load .helmignore: {0}")]
    Ignore(#[from] IgnoreError),
    /// A chart under `charts/` is not valid.
    #[error("error unpacking subchart {name} in {parent}: {cause}")]
    Child {
        /// Its folder or archive.
        name: String,
        /// The chart around it.
        parent: String,
        /// Why.
        cause: Box<ChartError>,
    },
    /// An archive in a folder of its name.
    #[error("error unpacking subchart tar in {parent}: expected {name}, got {found}")]
    Misplaced {
        /// The folder.
        name: String,
        /// The chart around it.
        parent: String,
        /// The file in it.
        found: String,
    },
    /// The values of a chart and its sub-charts, in MiB, beyond the limit.
    #[error("the values.yaml of the chart and its sub-charts take more than {0} MiB of memory together")]
    ValuesSize(u64),
    /// Charts in charts beyond the limit.
    #[error("charts are nested more than {0} deep")]
    Depth(usize),
}

pub(super) fn from_archive(tgz: &[u8], limits: &Limits, helm: HelmMajor) -> Result<Chart, ChartError> {
    archive(tgz, &mut Loader { limits, budget: Budget::of(limits), values: MOST, helm }, 0)
}

pub(super) fn from_files(
    files: Vec<(String, Vec<u8>)>,
    limits: &Limits,
    helm: HelmMajor,
) -> Result<Chart, ChartError> {
    let mut loader = Loader { limits, budget: Budget::of(limits), values: MOST, helm };
    for (name, data) in &files {
        loader.budget.take(name, data.len() as u64, limits)?;
    }
    loader.chart(files, 0)
}

pub(super) fn from_directory(
    mut files: Vec<(String, Vec<u8>)>,
    limits: &Limits,
    helm: HelmMajor,
) -> Result<Chart, ChartError> {
    let rules = files.iter().find(|(name, _)| name == ".helmignore");
    let rules = rules.map(|(_, data)| String::from_utf8_lossy(data).into_owned()).unwrap_or_default();
    let rules = Ignore::parse(&rules)?;
    files.sort();
    rules.retain(&mut files);
    from_files(files, limits, helm)
}

fn archive(tgz: &[u8], loader: &mut Loader<'_>, depth: usize) -> Result<Chart, ChartError> {
    let files = unpack(tgz, loader.limits, &mut loader.budget)?;
    loader.chart(files, depth)
}

struct Loader<'a> {
    limits: &'a Limits,
    budget: Budget,
    /// Bytes that values may take yet.
    values: u64,
    helm: HelmMajor,
}

/// A chart of which not all files are read yet.
#[derive(Default)]
struct Draft {
    metadata: Option<Metadata>,
    lock: Option<Lock>,
    values: serde_json::Map<String, serde_json::Value>,
    values_file: Option<File>,
    schema: Option<File>,
    templates: Vec<File>,
    files: Vec<File>,
    children: BTreeMap<String, Vec<(String, Vec<u8>)>>,
}

impl Loader<'_> {
    fn chart(&mut self, mut files: Vec<(String, Vec<u8>)>, depth: usize) -> Result<Chart, ChartError> {
        if depth > self.limits.depth {
            return Err(ChartError::Depth(self.limits.depth));
        }
        for (_, data) in &mut files {
            if data.starts_with(b"\xEF\xBB\xBF") {
                data.drain(..3);
            }
        }
        let mut draft = Draft::default();
        for (_, data) in files.iter().filter(|(name, _)| name == "Chart.yaml") {
            draft.chart_file(data).map_err(|error| worded(error, self.helm))?;
        }
        for (name, data) in files {
            draft.add(name, data, self.helm).map_err(|error| worded(error, self.helm))?;
        }
        let bytes = map_bytes(&draft.values);
        self.values = self.values.checked_sub(bytes).ok_or(ChartError::ValuesSize(MOST >> 20))?;
        self.finish(draft, depth)
    }

    fn finish(&mut self, draft: Draft, depth: usize) -> Result<Chart, ChartError> {
        let mut metadata = draft.metadata.ok_or(ChartError::Missing)?;
        metadata.validate().map_err(ChartError::Metadata)?;
        let mut dependencies = Vec::new();
        for (name, files) in draft.children {
            if name.starts_with(['_', '.']) {
                continue;
            }
            let child = self.child(&name, files, &metadata.name, depth + 1)?;
            dependencies.push(child);
        }
        Ok(Chart {
            metadata,
            lock: draft.lock,
            templates: draft.templates.into(),
            values_file: draft.values_file,
            values: draft.values.into(),
            schema: draft.schema,
            files: draft.files.into(),
            dependencies: dependencies.into(),
        })
    }

    fn child(
        &mut self,
        name: &str,
        mut files: Vec<(String, Vec<u8>)>,
        parent: &str,
        depth: usize,
    ) -> Result<Chart, ChartError> {
        let loaded = if extension(name) == "tgz" {
            let (found, data) = files.swap_remove(0);
            if found != name {
                return Err(ChartError::Misplaced {
                    name: name.to_owned(),
                    parent: parent.to_owned(),
                    found,
                });
            }
            archive(&data, self, depth)
        } else {
            let inner = files
                .into_iter()
                .filter_map(|(path, data)| path.split_once('/').map(|(_, rest)| (rest.to_owned(), data)));
            self.chart(inner.collect(), depth)
        };
        loaded.map_err(|cause| match cause {
            whole @ (ChartError::Depth(_) | ChartError::ValuesSize(_)) => whole,
            cause => {
                ChartError::Child { name: name.to_owned(), parent: parent.to_owned(), cause: Box::new(cause) }
            }
        })
    }
}

impl Draft {
    fn chart_file(&mut self, data: &[u8]) -> Result<(), ChartError> {
        let metadata = self.metadata.get_or_insert_default();
        read("Chart.yaml", data, |text| metadata.read_over(text))?;
        if metadata.api_version.is_empty() {
            "v1".clone_into(&mut metadata.api_version);
        }
        Ok(())
    }

    fn is_v1(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.api_version == "v1")
    }

    fn add(&mut self, name: String, data: Vec<u8>, helm: HelmMajor) -> Result<(), ChartError> {
        match name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => self.lock = Some(read("Chart.lock", &data, Lock::parse)?),
            "values.yaml" => {
                let text = String::from_utf8_lossy(&data);
                self.values = Values::parse_as(&text, helm).map_err(ChartError::Values)?.into_map();
                self.values_file = Some(File::new(name, data));
            }
            "values.schema.json" => self.schema = Some(File::new(name, data)),
            "requirements.yaml" => {
                let metadata = self.metadata.get_or_insert_default();
                read("requirements.yaml", &data, |text| metadata.read_over(text))?;
                self.keep_for_v1(name, data);
            }
            "requirements.lock" => {
                self.lock = Some(read("requirements.lock", &data, Lock::parse)?);
                self.metadata.get_or_insert_default();
                self.keep_for_v1(name, data);
            }
            path if path.starts_with("templates/") => self.templates.push(File::new(name, data)),
            path => match path.strip_prefix("charts/").map(str::to_owned) {
                Some(inner) if extension(&inner) != "prov" => {
                    let folder = inner.split('/').next().unwrap_or_default().to_owned();
                    self.children.entry(folder).or_default().push((inner, data));
                }
                _ => self.files.push(File::new(name, data)),
            },
        }
        Ok(())
    }

    fn keep_for_v1(&mut self, name: String, data: Vec<u8>) {
        if self.is_v1() {
            self.files.push(File::new(name, data));
        }
    }
}

/// The Go types have another package in Helm 3.
fn worded(error: ChartError, helm: HelmMajor) -> ChartError {
    match error {
        ChartError::File { file, cause: MetadataError::Decode(text) } if helm == HelmMajor::Three => {
            let text = text.replace("type v2.", "type chart.").replace("type []*v2.", "type []*chart.");
            ChartError::File { file, cause: MetadataError::Decode(text) }
        }
        other => other,
    }
}

fn read<T>(
    file: &'static str,
    data: &[u8],
    parse: impl FnOnce(&str) -> Result<T, MetadataError>,
) -> Result<T, ChartError> {
    parse(&String::from_utf8_lossy(data)).map_err(|cause| ChartError::File { file, cause })
}

/// What stands behind the last dot of the last part of a path.
fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

#[cfg(test)]
mod tests {
    use super::ChartError;
    use crate::chart::{Chart, Limits};

    const CHART: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

    fn load(files: &[(&str, &str)]) -> Result<Chart, ChartError> {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        Chart::from_directory(files.collect(), &Limits::default())
    }

    fn fails(files: &[(&str, &str)], expect: &str) {
        assert_eq!(load(files).unwrap_err().to_string(), expect);
    }

    #[test]
    fn files_find_their_place() {
        let chart = load(&[
            ("Chart.yaml", CHART),
            ("values.yaml", "\u{feff}a: 1\n"),
            ("values.schema.json", "{}"),
            ("templates/a.yaml", "x"),
            ("crds/b.yaml", "y"),
            ("README.md", "z"),
            ("charts/d/Chart.yaml", "apiVersion: v1\nname: d\nversion: 0.1.0\n"),
            ("charts/d/requirements.yaml", "dependencies: [{name: e, version: '*'}]\n"),
            ("charts/README.md", "not a chart"),
            ("charts/_hidden/x", ""),
        ]);
        let error = chart.unwrap_err().to_string();
        assert_eq!(error, "error unpacking subchart README.md in c: Chart.yaml file is missing");
    }

    #[test]
    fn sub_charts_are_loaded_with_their_requirements() {
        let chart = load(&[
            ("Chart.yaml", CHART),
            ("charts/d/Chart.yaml", "name: d\nversion: 0.1.0\n"),
            ("charts/d/requirements.yaml", "dependencies: [{name: e, version: '*'}]\n"),
            ("charts/_hidden/x", ""),
        ])
        .unwrap();
        let child = &chart.dependencies()[0];
        assert_eq!((child.name(), child.metadata().api_version.as_str()), ("d", "v1"));
        assert_eq!(child.metadata().dependencies.as_ref().unwrap()[0].name, "e");
        assert!(child.file("requirements.yaml").is_some());
    }

    #[test]
    fn a_packed_chart_is_the_same_chart() {
        let child = load(&[("Chart.yaml", CHART), ("templates/x", "y")]).unwrap().package(0).unwrap();
        let mut files = vec![("Chart.yaml".to_owned(), CHART.replace("name: c", "name: p").into_bytes())];
        files.push(("charts/c-1.0.0.tgz".to_owned(), child));
        let chart = Chart::from_files(files, &Limits::default()).unwrap();
        assert_eq!(chart.dependencies()[0].templates()[0].name, "templates/x");
        let again = Chart::from_archive(&chart.package(0).unwrap(), &Limits::default()).unwrap();
        assert_eq!(again.dependencies()[0].templates(), chart.dependencies()[0].templates());
        assert_eq!(again.package(0).unwrap(), chart.package(0).unwrap());
    }

    #[test]
    fn what_is_wrong_is_said_in_helms_words() {
        fails(&[("templates/x", "")], "Chart.yaml file is missing");
        fails(&[("Chart.yaml", "name: c\n")], "validation: chart.metadata.version is required");
        fails(
            &[("Chart.yaml", "a: b: c\n")],
            "cannot load Chart.yaml: error converting YAML to JSON: yaml: mapping values are not allowed in this context",
        );
        fails(
            &[("Chart.yaml", CHART), ("charts/d/Chart.yaml", "name: d\n")],
            "error unpacking subchart d in c: validation: chart.metadata.version is required",
        );
    }

    #[test]
    fn charts_in_charts_end_somewhere() {
        let mut packed = load(&[("Chart.yaml", CHART)]).unwrap();
        for _ in 0..20 {
            let mut outer = load(&[("Chart.yaml", CHART)]).unwrap();
            outer.add_dependency(packed);
            packed = outer;
        }
        let error = Chart::from_archive(&packed.package(0).unwrap(), &Limits::default()).unwrap_err();
        assert_eq!(error, ChartError::Depth(16));
    }

    #[test]
    fn helmignore_is_applied() {
        let chart =
            load(&[(".helmignore", "*.md\nci/\n"), ("Chart.yaml", CHART), ("a.md", ""), ("ci/x", "")]);
        assert_eq!(chart.unwrap().files().len(), 1);
    }
}
