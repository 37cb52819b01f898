use std::collections::HashMap;

use serde_json::Value;

use super::{files::Repository, finding::Finding};
use crate::{
    documents::{Document, documents},
    value::{name, namespace, text},
};

/// All documents of a repository that are objects, by kind and name.
pub(super) struct Index {
    pub(super) documents: Vec<Document>,
    by_name: HashMap<(String, String), Vec<usize>>,
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

    fn add(&mut self, document: Document) {
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

    /// A ConfigMap or Secret of a namespace; one that names no namespace may be of any.
    pub(super) fn data(&self, kind: &str, place: &str, wanted: &str) -> Option<&Value> {
        let fits = |document: &&Document| {
            let own = namespace(&document.value);
            own.is_empty() || place.is_empty() || own == place
        };
        self.named(kind, wanted).find(fits).map(|document| &document.value)
    }
}
