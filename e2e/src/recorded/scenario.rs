//! The file format of a recording.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// One recorded scenario.
pub struct Scenario {
    /// File name without its ending.
    pub name: String,
    /// Kind and name of the main object.
    pub object: (String, String),
    /// The namespace of the recording: content that names it has digests.
    pub namespace: String,
    /// What was done, in order.
    pub steps: Vec<Value>,
    json: Value,
}

impl Scenario {
    /// Reads one file.
    pub fn read(file: &Path) -> Result<Scenario> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let json: Value = serde_json::from_str(&text)?;
        let text_of = |key: &str| json[key].as_str().map(str::to_owned).with_context(|| format!("no {key}"));
        let (kind, name) =
            text_of("object")?.split_once('/').map(|(k, n)| (k.into(), n.into())).context("object")?;
        Ok(Scenario {
            name: file.file_stem().context("file name")?.to_string_lossy().into_owned(),
            object: (kind, name),
            namespace: text_of("namespace")?,
            steps: json["steps"].as_array().cloned().unwrap_or_default(),
            json,
        })
    }

    /// The state of an object, the main or another, at the end of a step; `None` when nothing was seen after it.
    pub fn settled(&self, object: &str, step: usize) -> Option<&Value> {
        let main = format!("{}/{}", self.object.0, self.object.1);
        let of = if object == main { &self.json } else { &self.json["others"][object] };
        of["transitions"].as_array()?.iter().rev().find(|state| state["after_step"] == step)
    }

    /// `Kind/name` of the other Flux objects of the scenario's namespace.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        let all = self.json["others"].as_object().into_iter().flatten();
        all.map(|(object, _)| object.as_str()).filter(|object| !object.contains(" in "))
    }

    /// Bodies that were posted to the event address, those that came more than once only once.
    pub fn events(&self) -> impl Iterator<Item = &Value> {
        self.list("posted_events").iter().map(|event| &event["body"])
    }

    /// Live objects as they were after a step.
    pub fn objects(&self, step: usize) -> impl Iterator<Item = &Value> {
        let at_step = self.list("objects").iter().filter(move |group| group["after_step"] == step);
        at_step.flat_map(|group| group["objects"].as_array().into_iter().flatten())
    }

    /// Who wrote to the main object, at the end.
    pub fn managers(&self) -> &[Value] {
        self.list("managers")
    }

    fn list(&self, key: &str) -> &[Value] {
        self.json[key].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

/// The recordings beside this checkout that our controllers can play, or `None` where there are none.
pub fn corpus() -> Result<Option<Vec<PathBuf>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/flux");
    if !root.is_dir() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for (folder, prefix) in [("source-controller", "git-"), ("kustomize-controller", "ks-")] {
        for entry in std::fs::read_dir(root.join(folder))? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(Some(files))
}
