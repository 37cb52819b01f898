use std::{collections::BTreeSet, path::PathBuf};

use serde_json::Value;

use super::{
    Summary,
    build::Made,
    builtin,
    charts::{Release, Rendered, rendered},
    files::Repository,
    finding::{Finding, place},
    index::Index,
    parallel::parallel,
    schema::{Problem, Schemas},
    sources::Sources,
    units::NAMES,
    variables::is_marked,
};
use crate::{
    CommandError,
    commands::install::subject,
    documents::documents,
    value::{at, text},
};

/// Holds objects against all schemas that are at hand.
pub(super) struct Checker<'a> {
    index: &'a Index,
    sources: &'a Sources,
    broken: Vec<Finding>,
    schemas: Schemas,
}

/// What became of one object.
#[derive(Default)]
struct Verdict {
    unit: Option<String>,
    checked: usize,
    unknown: usize,
    findings: Vec<Finding>,
}

impl<'a> Checker<'a> {
    /// With our own definitions, those of the repository, and those of more files.
    pub(super) fn new(
        index: &'a Index,
        sources: &'a Sources,
        more: &[PathBuf],
    ) -> Result<Self, CommandError> {
        let mut schemas = Schemas::default();
        let own = api::crd::definitions().into_iter().chain(api::crd::legacy_definitions());
        own.for_each(|definition| drop(schemas.add(&definition)));
        let mut broken = Vec::new();
        for document in index.documents.iter().filter(|document| is_definition(&document.value)) {
            let causes = schemas.add(&document.value).into_iter();
            broken.extend(causes.map(|cause| {
                Finding::error("schema", place(document), cause).about(&document.value).into_warning()
            }));
        }
        for path in more {
            read(path, &mut schemas)?;
        }
        Ok(Self { index, sources, broken, schemas })
    }

    /// Definitions whose schema is none: objects of their kinds are not checked.
    pub(super) fn broken(&self) -> Vec<Finding> {
        self.broken.clone()
    }

    /// Checks what was built, and what of the folder no build has read.
    pub(super) fn checked(
        &self,
        repository: &Repository,
        built: Vec<Made>,
        read: &BTreeSet<String>,
    ) -> Summary {
        let mut all = built;
        let mut summary = Summary::default();
        for document in &self.index.documents {
            let name = document.file.rsplit('/').next().unwrap_or_default();
            let plain = repository.in_scope(&document.file)
                && !read.contains(&document.file)
                && !NAMES.contains(&name);
            if plain {
                summary.units.push(document.file.clone());
                all.push(Made {
                    object: document.value.clone(),
                    file: document.file.clone(),
                    line: document.line,
                });
            }
        }
        summary.units.dedup();
        for verdict in parallel("objects", &all, |made| self.one(repository, made)) {
            summary.units.extend(verdict.unit);
            summary.checked += verdict.checked;
            summary.unknown += verdict.unknown;
            summary.findings.extend(verdict.findings);
        }
        summary
    }

    fn one(&self, repository: &Repository, made: &Made) -> Verdict {
        let mut verdict = Verdict::default();
        self.object(made, &mut verdict);
        let is_release = text(&made.object, &["kind"]) == "HelmRelease"
            && text(&made.object, &["apiVersion"]).starts_with("helm.toolkit.fluxcd.io/");
        if is_release {
            self.release(repository, made, &mut verdict);
        }
        verdict
    }

    fn object(&self, made: &Made, verdict: &mut Verdict) {
        let object = &made.object;
        let found = builtin::check(object)
            .or_else(|| self.schemas.check(object))
            .or_else(|| self.other_version(object));
        let Some(problems) = found else {
            verdict.unknown += 1;
            return;
        };
        verdict.checked += 1;
        let definition = self.index.definition(object);
        for Problem { path, message } in problems {
            let value = inner(object, &path).filter(|value| is_marked(value));
            // Whether a value fits that only the cluster knows is not for us to say.
            if value.is_some_and(Value::is_string) {
                continue;
            }
            let at = match definition {
                Some(document) => (document.file.as_str(), document.line_at(&path)),
                None => (made.file.as_str(), made.line),
            };
            let message = if path.is_empty() { message } else { format!("{}: {message}", path.join(".")) };
            let finding = Finding::error("schema", at, message).about(object);
            verdict.findings.push(if value.is_some() { finding.into_warning() } else { finding });
        }
    }

    /// A kind that is known, in a version that is not.
    fn other_version(&self, object: &Value) -> Option<Vec<Problem>> {
        let (version, kind) = (text(object, &["apiVersion"]), text(object, &["kind"]));
        let known = self.schemas.versions(version.split_once('/')?.0, kind);
        (!known.is_empty()).then(|| {
            let message = format!("{kind} is not served in version '{version}': '{}' is", known.join("', '"));
            vec![Problem { path: vec!["apiVersion".into()], message }]
        })
    }

    fn release(&self, repository: &Repository, made: &Made, verdict: &mut Verdict) {
        let definition = self.index.definition(&made.object);
        let at =
            definition.map_or((made.file.as_str(), made.line), |found| (found.file.as_str(), found.line));
        let release = Release { object: &made.object, file: &made.file };
        let objects = match rendered(repository, self.index, self.sources, release) {
            Rendered::Elsewhere => return,
            Rendered::Objects(objects) => objects,
            Rendered::Failed(message) => {
                let finding = Finding::error("render", at, message).about(&made.object);
                let is_unsure = is_marked(&made.object);
                verdict.findings.push(if is_unsure { finding.into_warning() } else { finding });
                return;
            }
            Rendered::Incomplete(message) => {
                verdict
                    .findings
                    .push(Finding::error("reference", at, message).about(&made.object).into_warning());
                return;
            }
        };
        verdict.unit = Some(format!("chart of {}", subject(&made.object)));
        for object in objects {
            self.object(&Made { object, file: at.0.to_owned(), line: at.1 }, verdict);
        }
    }
}

/// The value at a path of keys and numbers.
fn inner<'a>(object: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(object, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    })
}

fn is_definition(object: &Value) -> bool {
    text(object, &["kind"]) == "CustomResourceDefinition" && at(object, &["spec", "versions"]).is_some()
}

/// Definitions of a file, or of all files below a folder.
fn read(path: &PathBuf, schemas: &mut Schemas) -> Result<(), CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::failed(format!("{}: {error}", path.display()));
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(|error| failed(&error))? {
            let inner = entry?.path();
            let wanted = inner.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
            if inner.is_dir() || wanted {
                read(&inner, schemas)?;
            }
        }
        return Ok(());
    }
    let content = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    let found = documents(&path.display().to_string(), &content)
        .map_err(|error| CommandError::failed(error.to_string()))?;
    found.iter().filter(|one| is_definition(&one.value)).for_each(|one| drop(schemas.add(&one.value)));
    Ok(())
}
