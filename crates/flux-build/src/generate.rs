//! The kustomization file of the build's folder: the one that is there, or one that lists the manifests
//! below it.

use kustomize::{EntryKind, Tree};
use manifest::yaml::{DuplicateKeys, Limits, parse_value};
use serde_json::{Map, Value, json};

use crate::{build::MAX_FILES, error::BuildError, path::join};

/// Names of kustomization files, in the order they are looked for.
pub(crate) const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Levels of folders; a tree without bound is hostile.
const MAX_LEVELS: usize = 64;

/// The kustomization of a folder.
pub(crate) struct Found {
    /// Name of the file.
    pub(crate) name: &'static str,
    /// Its fields.
    pub(crate) fields: Map<String, Value>,
    /// Manifest files taken up by the scan; empty when there was a kustomization file.
    pub(crate) scanned: Vec<String>,
}

/// Reads the kustomization file of `dir`, or makes one.
pub(crate) fn find_or_generate(tree: &dyn Tree, dir: &str) -> Result<Found, BuildError> {
    match file_of(tree, dir) {
        Some(name) => read(tree, dir, name),
        None => generate(tree, dir),
    }
}

fn file_of(tree: &dyn Tree, dir: &str) -> Option<&'static str> {
    FILE_NAMES.into_iter().find(|name| tree.kind(&join(dir, name)) == Some(EntryKind::File))
}

fn read(tree: &dyn Tree, dir: &str, name: &'static str) -> Result<Found, BuildError> {
    let path = join(dir, name);
    let content = tree.read(&path)?;
    let text = String::from_utf8_lossy(&content);
    let value = parse_value(&path, &text, DuplicateKeys::LastWins, &Limits::default());
    let fields = match value.map_err(BuildError::Kustomization)? {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        _ => return Err(BuildError::Kustomization(not_a_mapping(&path))),
    };
    let mut fields: Map<_, _> = fields
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .filter_map(|(field, value)| Some((known(&field)?.to_owned(), value)))
        .collect();
    if fields.get("resources").is_none_or(is_empty) {
        // Without resources a kustomization may count as empty; Flux sets this so that it does not.
        fields.insert("buildMetadata".into(), json!(["originAnnotations"]));
    }
    Ok(Found { name, fields, scanned: Vec::new() })
}

fn not_a_mapping(path: &str) -> manifest::yaml::YamlError {
    let cause = manifest::yaml::YamlCause::NotAMapping("array");
    manifest::yaml::YamlError::at(1, 1, cause).in_file(path)
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_none_or(Vec::is_empty)
}

fn generate(tree: &dyn Tree, dir: &str) -> Result<Found, BuildError> {
    let mut scan = Scan { tree, root: dir, resources: Vec::new(), files: Vec::new() };
    scan.folder(dir, 0)?;
    let mut fields = Map::new();
    if scan.resources.is_empty() {
        // An empty kustomization is an error for kustomize, an empty folder is none for Flux.
        fields.insert("namespace".into(), "_placeholder".into());
    } else {
        fields.insert("resources".into(), scan.resources.into());
    }
    Ok(Found { name: FILE_NAMES[0], fields, scanned: scan.files })
}

/// A walk in the order of names: files that end in `.yaml` or `.yml`, and folders that have a kustomization
/// file of their own, which are not walked.
struct Scan<'t> {
    tree: &'t dyn Tree,
    root: &'t str,
    resources: Vec<String>,
    files: Vec<String>,
}

impl Scan<'_> {
    fn folder(&mut self, dir: &str, level: usize) -> Result<(), BuildError> {
        for entry in self.tree.list(dir)? {
            let path = join(dir, &entry.name);
            match entry.kind {
                EntryKind::Dir if file_of(self.tree, &path).is_some() => self.take(&path)?,
                EntryKind::Dir if level < MAX_LEVELS => self.folder(&path, level + 1)?,
                EntryKind::Dir => return Err(self.too_many()),
                EntryKind::File if is_manifest(&entry.name) => {
                    self.take(&path)?;
                    self.files.push(path);
                }
                EntryKind::File => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, path: &str) -> Result<(), BuildError> {
        if self.resources.len() >= MAX_FILES {
            return Err(self.too_many());
        }
        let relative = if self.root.is_empty() { path } else { &path[self.root.len() + 1..] };
        self.resources.push(format!("./{relative}"));
        Ok(())
    }

    fn too_many(&self) -> BuildError {
        BuildError::TooManyFiles { path: self.root.to_owned(), limit: MAX_FILES }
    }
}

fn is_manifest(name: &str) -> bool {
    matches!(name.rsplit_once('.'), Some((_, "yaml" | "yml")))
}

/// A field of a kustomization file, by its name in any case. Flux reads the file into a type and prints it again, which drops
/// all others; kustomize alone would refuse them.
fn known(field: &str) -> Option<&'static str> {
    const FIELDS: [&str; 34] = [
        "apiVersion",
        "kind",
        "metadata",
        "openapi",
        "namePrefix",
        "nameSuffix",
        "namespace",
        "commonLabels",
        "labels",
        "commonAnnotations",
        "patchesStrategicMerge",
        "patchesJson6902",
        "patches",
        "images",
        "imageTags",
        "replacements",
        "replicas",
        "vars",
        "sortOptions",
        "resources",
        "components",
        "crds",
        "bases",
        "configMapGenerator",
        "secretGenerator",
        "helmGlobals",
        "helmCharts",
        "helmChartInflationGenerator",
        "generatorOptions",
        "configurations",
        "generators",
        "transformers",
        "validators",
        "buildMetadata",
    ];
    FIELDS.into_iter().find(|known| known.eq_ignore_ascii_case(field))
}
