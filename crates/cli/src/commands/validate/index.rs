use std::collections::HashMap;

use serde_json::Value;

use super::{files::Repository, finding::Finding};
use crate::{
    documents::{Document, documents},
    sops::mask,
    value::{name, namespace, text},
};

/// All documents of a repository that are objects, by kind and name.
pub(super) struct Index {
    pub(super) documents: Vec<Document>,
    by_name: HashMap<(String, String), Vec<usize>>,
}

/// An object that another one refers to.
pub(super) struct Nearest<'a> {
    pub(super) value: &'a Value,
    file: &'a str,
    others: usize,
}

impl Nearest<'_> {
    /// What to say when another one may be meant.
    pub(super) fn doubt(&self) -> Option<String> {
        (self.others > 0).then(|| {
            let (kind, own) = (text(self.value, &["kind"]), name(self.value));
            format!(
                "{kind}/{own} is in this repository {} times: that of {} is taken",
                self.others + 1,
                self.file
            )
        })
    }
}

/// How many folders two files have in common.
fn shared(one: &str, other: &str) -> usize {
    fn folders(path: &str) -> impl Iterator<Item = &str> {
        path.rsplit_once('/').map_or("", |(folders, _)| folders).split('/')
    }
    folders(one).zip(folders(other)).take_while(|(one, other)| one == other).count()
}

fn same_data(one: &Value, other: &Value) -> bool {
    ["data", "stringData"].iter().all(|key| one.get(key) == other.get(key))
}

impl Index {
    /// Reads every file that is no part of a chart; what is no YAML is told of the folder that was asked for.
    pub(super) fn of(repository: &Repository) -> (Self, Vec<Finding>) {
        let (mut index, mut findings) = (Self { documents: Vec::new(), by_name: HashMap::new() }, Vec::new());
        let manifests =
            repository.paths.iter().filter(|path| path.ends_with(".yaml") || path.ends_with(".yml"));
        for path in manifests.filter(|path| !repository.in_chart(path)) {
            let Some(content) = repository.text(path) else { continue };
            match documents(path, &content) {
                Ok(found) => found.into_iter().for_each(|document| index.add(document)),
                Err(error) if repository.in_scope(path) => {
                    findings.push(Finding::error("yaml", (path, error.line), error.brief().to_string()));
                }
                Err(_) => {}
            }
        }
        (index, findings)
    }

    fn add(&mut self, mut document: Document) {
        if document.value.get("sops").is_some() {
            mask(&mut document.value);
        }
        if text(&document.value, &["apiVersion"]).is_empty() || text(&document.value, &["kind"]).is_empty() {
            return;
        }
        let key = (text(&document.value, &["kind"]).to_owned(), name(&document.value).to_owned());
        self.by_name.entry(key).or_default().push(self.documents.len());
        self.documents.push(document);
    }

    fn named(&self, kind: &str, name: &str) -> impl Iterator<Item = &Document> {
        let found = self.by_name.get(&(kind.to_owned(), name.to_owned()));
        found.into_iter().flatten().map(|at| &self.documents[*at])
    }

    /// The document that defines an object.
    pub(super) fn definition(&self, object: &Value) -> Option<&Document> {
        self.named(text(object, &["kind"]), name(object)).find(|document| document.defines(object))
    }

    /// The ConfigMap or Secret that an object of a file refers to; one that names no namespace may be of any. Of several,
    /// as where each cluster has a folder with its own, that which is nearest to the file.
    pub(super) fn data(&self, kind: &str, of: &Value, wanted: &str, file: &str) -> Option<Nearest<'_>> {
        let place = namespace(of);
        let fits = |document: &&Document| {
            let own = namespace(&document.value);
            own.is_empty() || place.is_empty() || own == place
        };
        let all: Vec<&Document> = self.named(kind, wanted).filter(fits).collect();
        let most = all.iter().map(|one| shared(&one.file, file)).max()?;
        let mut nearest = all.into_iter().filter(|one| shared(&one.file, file) == most);
        let first = nearest.next()?;
        let others = nearest.filter(|one| !same_data(&one.value, &first.value)).count();
        Some(Nearest { value: &first.value, file: &first.file, others })
    }
}
