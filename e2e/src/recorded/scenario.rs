//! The file format of a recording.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::recorded::publish::INDEX;

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

/// Whether the state says that a new generation is being looked at: no controller rests there.
fn in_a_run(state: &Value) -> bool {
    state["status"]["conditions"].as_array().into_iter().flatten().any(|condition| {
        condition["type"] == "Reconciling"
            && condition["reason"] == "Progressing"
            && condition["message"].as_str().is_some_and(|text| text.starts_with("processing object:"))
    })
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

    /// The state of an object, the main or another, at the end of a step; `None` when nothing was seen after it, or
    /// when Flux had not begun with the object before the recorder went on: the same generation shows conditions, or
    /// another status than that of the generation before, only later; nor while Flux was in the middle of a run.
    pub fn settled(&self, object: &str, step: usize) -> Option<&Value> {
        let main = format!("{}/{}", self.object.0, self.object.1);
        let of = if object == main { &self.json } else { &self.json["others"][object] };
        let states = of["transitions"].as_array()?;
        let last = states.iter().rposition(|state| state["after_step"] == step)?;
        let (state, next) = (&states[last], states.get(last + 1));
        let later = next.is_some_and(|next| {
            next["generation"] == state["generation"] && next["deleting"] == state["deleting"]
        });
        let bare = |state: &Value| state["status"]["conditions"].is_null();
        let untouched = states[..last].last().is_some_and(|before| {
            before["generation"] != state["generation"] && before["status"] == state["status"]
        });
        let not_begun = bare(state) && next.is_some_and(|next| !bare(next))
            || untouched && next.is_some_and(|next| next["status"] != state["status"]);
        let under_way = next.is_some() && in_a_run(state);
        (!(later && not_begun || under_way)).then_some(state)
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

    /// How many commits the scenario's own steps make.
    pub(crate) fn own_commits(&self) -> usize {
        self.steps.iter().filter(|step| step["commit"].is_string()).count()
    }

    /// Branches with commits and files as they were after a step.
    pub(crate) fn written(&self, step: usize) -> Option<&Value> {
        let at_step = self.list("extra").iter().find(|extra| extra["after_step"] == step);
        at_step.and_then(|extra| extra.get("git"))
    }

    /// Releases as they were stored after a step, by namespace.
    pub(crate) fn stored(&self, step: usize) -> impl Iterator<Item = (&str, &[Value])> {
        let at_step = self.list("extra").iter().filter(move |extra| extra["after_step"] == step);
        at_step.filter_map(|extra| {
            let namespace = extra["helm_storage_namespace"].as_str()?;
            Some((namespace, extra["helm_storage"].as_array()?.as_slice()))
        })
    }

    /// Who wrote to the main object, at the end.
    pub fn managers(&self) -> &[Value] {
        self.list("managers")
    }

    /// `sha256:…` of what a name is seen to stand for from a step on, in the order of their showing: of the tag of an
    /// artifact or image, or of [`INDEX`] for the index of a Helm repository.
    pub(crate) fn digests(&self, step: usize, name: &str) -> Vec<String> {
        let others = self.json["others"].as_object().into_iter().flatten().map(|(_, other)| other);
        let mut found = Vec::new();
        for object in others.chain([&self.json]) {
            let states = object["transitions"].as_array().into_iter().flatten();
            let states = states.filter(|state| state["after_step"].as_u64() >= Some(step as u64));
            states.for_each(|state| digests_in(state, name, &mut found));
        }
        found
    }

    fn list(&self, key: &str) -> &[Value] {
        self.json[key].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

/// Every digest that a value calls by this name: `NAME@sha256:…`, a digest beside the tag, the revision of an index.
fn digests_in(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let mut rest = text.as_str();
            while let Some((_, after)) = rest.split_once(&format!("{name}@sha256:")) {
                found.extend(after.get(..64).map(|hex| format!("sha256:{hex}")));
                rest = after;
            }
        }
        Value::Object(map) => {
            let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
            let is_index = name == INDEX && text("path").contains("/index-");
            if text("tag") == name && !text("digest").is_empty() {
                found.push(text("digest").to_owned());
            } else if is_index {
                found.push(text("revision").to_owned());
            }
            map.values().for_each(|inner| digests_in(inner, name, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| digests_in(inner, name, found)),
        _ => {}
    }
}

/// Folder of recordings, the beginnings of the names of scenarios that are played, and whose behaviour they show.
pub(crate) const PLAYED: &[(&str, &[&str], &str)] = &[
    ("source-controller", &["git-", "oci-", "helmrepo-", "chart-"], "source-controller"),
    ("kustomize-controller", &["ks-"], "kustomize-controller"),
    ("helm-controller", &["hr-"], "helm-controller"),
    ("image-reflector-controller", &["img"], "image-automation-controller"),
    ("image-automation-controller", &["iua-"], "image-automation-controller"),
];

/// The recordings beside this checkout that our controllers can play, or `None` where there are none.
pub fn corpus() -> Result<Option<Vec<PathBuf>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/flux");
    if !root.is_dir() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for (folder, prefixes, _) in PLAYED {
        for entry in std::fs::read_dir(root.join(folder))? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if prefixes.iter().any(|prefix| name.starts_with(prefix)) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(Some(files))
}
