use std::{borrow::Cow, cell::RefCell, collections::BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use flux_build::build;
use kustomize::{BuildOptions, DirEntry, EntryKind, MemoryTree, Tree, TreeError};
use manifest::yaml::to_yaml;
use serde_json::Value;

use super::{
    files::Repository,
    finding::{Finding, place},
    index::Index,
    parallel::parallel,
    units::Unit,
};
use crate::{
    chart_files::Inflation,
    commands::local::spec::spec,
    documents::{Document, documents, is_manifest},
    value::{at, flag, list, namespace, text},
};

/// Stands for what SOPS has encrypted, as in `flux build`.
const ENCRYPTED: &str = "KioqRU5DUllQVEVEKioq";

/// An object, and where to say something of it when no document defines it.
pub(super) struct Made {
    pub(super) object: Value,
    pub(super) file: String,
    pub(super) line: u32,
}

/// What the builds gave.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) objects: Vec<Made>,
    pub(super) findings: Vec<Finding>,
    /// Files that a build has read.
    pub(super) read: BTreeSet<String>,
}

/// Builds all units.
pub(super) fn built(repository: &Repository, index: &Index, units: &[Unit<'_>], strict: bool) -> Outcome {
    let mut all = Outcome::default();
    for mut one in parallel("builds", units, |unit| one(repository, index, unit, strict)) {
        all.objects.append(&mut one.objects);
        all.findings.append(&mut one.findings);
        all.read.append(&mut one.read);
    }
    all
}

fn one(repository: &Repository, index: &Index, unit: &Unit<'_>, strict: bool) -> Outcome {
    let tree = Watched { inner: &repository.tree, read: RefCell::default() };
    let mut outcome = Outcome::default();
    let (built, file, line) = match unit {
        Unit::Elsewhere(document) => {
            outcome.findings.extend(elsewhere(document));
            return outcome;
        }
        Unit::Flux(document, folder) => {
            let vars = variables(index, document, &mut outcome.findings);
            let spec = spec(&document.value, folder, vars, strict);
            let built = build(&tree, &spec).map_err(|error| error.to_string());
            let objects =
                built.map(|built| built.objects.into_iter().map(manifest::Object::into_value).collect());
            (objects, document.file.as_str(), document.line)
        }
        Unit::Folder(folder, file) => {
            let built = kustomize::build(
                &tree,
                folder,
                &BuildOptions { charts: Some(&Inflation), ..BuildOptions::default() },
            );
            (
                built.map(kustomize::Resources::into_values).map_err(|error| error.to_string()),
                file.as_str(),
                1,
            )
        }
    };
    match built {
        Ok(objects) => {
            let made = |object: Value| Made { object, file: file.to_owned(), line };
            outcome.objects.extend(Vec::into_iter(objects).map(made));
        }
        Err(message) => outcome.findings.push(failed(repository, (file, line), message, unit)),
    }
    outcome.read = tree.read.into_inner();
    outcome
}

/// A build's failure stands in the file that its message names, if it names one.
fn failed(repository: &Repository, own: (&str, u32), message: String, unit: &Unit<'_>) -> Finding {
    let trimmed =
        |word: &str| word.trim_matches(|c: char| "'\"(),:;".contains(c)).trim_start_matches('/').to_owned();
    let named = message.split([' ', ':']).map(trimmed).find(|word| repository.paths.contains(word));
    let after = named.as_ref().and_then(|file| message.split_once(file.as_str()));
    let line = after.and_then(|(_, rest)| {
        let digits = rest.trim_start_matches([':', ' ']).trim_start_matches("line ");
        digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    });
    let at = match &named {
        Some(file) => (file.as_str(), line.unwrap_or(1)),
        None => own,
    };
    let finding = Finding::error("build", at, message);
    match unit {
        Unit::Flux(document, _) | Unit::Elsewhere(document) => finding.about(&document.value),
        Unit::Folder(..) => finding,
    }
}

/// A folder that is not here may be in another repository; that is said of Git sources only.
fn elsewhere(document: &Document) -> Option<Finding> {
    let (path, kind) =
        (text(&document.value, &["spec", "path"]), text(&document.value, &["spec", "sourceRef", "kind"]));
    (kind == "GitRepository").then(|| {
        let source = text(&document.value, &["spec", "sourceRef", "name"]);
        let message =
            format!("path '{path}' is not in this repository: is it in that of GitRepository '{source}'?");
        let line = document.line_at(&["spec".to_owned(), "path".to_owned()]);
        Finding::error("reference", (&document.file, line), message).about(&document.value).into_warning()
    })
}

/// Variables of `postBuild`, as far as they are in this repository.
fn variables(
    index: &Index,
    document: &Document,
    findings: &mut Vec<Finding>,
) -> std::collections::BTreeMap<String, String> {
    let mut vars = std::collections::BTreeMap::new();
    for reference in list(&document.value, &["spec", "postBuild", "substituteFrom"]) {
        let (kind, wanted) = (text(reference, &["kind"]), text(reference, &["name"]));
        match index.data(kind, namespace(&document.value), wanted) {
            Some(found) => vars.extend(plain(found)),
            None if flag(reference, &["optional"]) => {}
            None => {
                let message = format!(
                    "substituteFrom {kind}/{wanted} is not in this repository: its variables are empty here"
                );
                let finding = Finding::error("reference", place(document), message).about(&document.value);
                findings.push(finding.into_warning());
            }
        }
    }
    let inline = at(&document.value, &["spec", "postBuild", "substitute"]).and_then(Value::as_object);
    let inline = inline.into_iter().flatten();
    vars.extend(inline.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))));
    vars
}

/// The data of a ConfigMap or Secret as text.
pub(super) fn plain(object: &Value) -> Vec<(String, String)> {
    let is_secret = text(object, &["kind"]) == "Secret";
    let pairs = |key: &str| at(object, &[key]).and_then(Value::as_object).into_iter().flatten();
    let data = pairs("data").filter_map(|(key, value)| {
        let value = value.as_str()?;
        let bytes = if is_secret { STANDARD.decode(value).ok()? } else { value.as_bytes().to_vec() };
        Some((key.clone(), String::from_utf8(bytes).ok()?))
    });
    let texts =
        pairs("stringData").filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    data.chain(texts).collect()
}

/// A tree that remembers what was read, and shows what SOPS has encrypted without its ciphertext.
struct Watched<'a> {
    inner: &'a MemoryTree,
    read: RefCell<BTreeSet<String>>,
}

impl Tree for Watched<'_> {
    fn read(&self, path: &str) -> Result<Cow<'_, [u8]>, TreeError> {
        self.read.borrow_mut().insert(path.to_owned());
        let content = self.inner.read(path)?;
        let masked = is_manifest(path).then(|| masked(path, &content)).flatten();
        Ok(masked.map_or(content, |text| Cow::Owned(text.into_bytes())))
    }

    fn kind(&self, path: &str) -> Option<EntryKind> {
        self.inner.kind(path)
    }

    fn follow(&self, path: &str) -> Option<String> {
        self.inner.follow(path)
    }

    fn list(&self, dir: &str) -> Result<Vec<DirEntry>, TreeError> {
        self.inner.list(dir)
    }
}

/// A file of encrypted objects with a mark in place of each value; nothing for other files.
fn masked(path: &str, content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    if !text.contains("sops") || !text.contains("ENC[") {
        return None;
    }
    let mut found = documents(path, text).ok()?;
    let mut out = String::new();
    for document in &mut found {
        if let Some(fields) = document.value.as_object_mut() {
            fields.remove("sops");
        }
        mask(&mut document.value);
        out.push_str("---\n");
        out.push_str(&to_yaml(&document.value));
    }
    Some(out)
}

fn mask(value: &mut Value) {
    match value {
        Value::String(text) if text.starts_with("ENC[") => *value = ENCRYPTED.into(),
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(fields) => fields.values_mut().for_each(mask),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn ciphertext_is_replaced_and_its_key_goes() {
        let file = b"kind: Secret\nmetadata: {name: a}\ndata: {x: 'ENC[AES256_GCM,data:a]'}\nsops: {mac: 'ENC[x]'}\n";
        let text = masked("a.yaml", file).unwrap();
        assert!(
            text.contains("x: KioqRU5DUllQVEVEKioq") && !text.contains("sops") && !text.contains("ENC["),
            "{text}"
        );
        assert_eq!(masked("a.yaml", b"kind: Secret\n"), None);
    }
}
