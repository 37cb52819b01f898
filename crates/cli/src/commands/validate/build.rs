use std::collections::{BTreeMap, BTreeSet};

use flux_build::{Spec, build};
use kustomize::BuildOptions;
use serde_json::Value;

use super::{
    files::Repository,
    finding::{Finding, place},
    index::Index,
    parallel::parallel,
    units::{Origin, Unit},
    variables::Variables,
};
use crate::{
    chart_files::Inflation, commands::local::spec::spec, documents::Document, sops::Masked, value::text,
};

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

impl Outcome {
    /// Takes those of more builds in.
    pub(super) fn append(&mut self, mut more: Self) {
        self.objects.append(&mut more.objects);
        self.findings.append(&mut more.findings);
        self.read.append(&mut more.read);
    }
}

/// Builds all units.
pub(super) fn built(repository: &Repository, index: &Index, units: &[Unit<'_>], strict: bool) -> Outcome {
    let mut all = Outcome::default();
    let outcomes = parallel("builds", units, |unit| one(repository, index, unit, strict));
    outcomes.into_iter().for_each(|one| all.append(one));
    all
}

fn one(repository: &Repository, index: &Index, unit: &Unit<'_>, strict: bool) -> Outcome {
    let tree = Masked::new(&repository.tree);
    let mut outcome = Outcome::default();
    let (built, file, line) = match unit {
        Unit::Elsewhere(document) => {
            outcome.findings.push(elsewhere(document));
            return outcome;
        }
        Unit::Flux(document, folder, origin) => {
            let vars = Variables::of(index, document, &mut outcome.findings);
            let built = substituted(&tree, document, folder, vars, strict);
            match built {
                Err(Failed { message, .. }) if *origin == Origin::Perhaps => {
                    // What it has read is no part of it, then, and is looked at otherwise.
                    let finding = failed(repository, place(document), message, unit);
                    outcome.findings.push(finding.into_warning());
                    return outcome;
                }
                Err(Failed { message, sure: false }) => {
                    let finding = failed(repository, place(document), message, unit);
                    outcome.findings.push(finding.into_warning());
                    outcome.read = tree.into_read();
                    return outcome;
                }
                built => (built.map_err(|failed| failed.message), document.file.as_str(), document.line),
            }
        }
        Unit::Folder(folder, file) => {
            let options = BuildOptions { charts: Some(&Inflation), ..BuildOptions::default() };
            let built = kustomize::build(&tree, folder, &options);
            let built = built.map(kustomize::Resources::into_values);
            (built.map_err(|error| error.to_string()), file.as_str(), 1)
        }
    };
    match built {
        Ok(objects) => {
            let made = |object: Value| Made { object, file: file.to_owned(), line };
            outcome.objects.extend(Vec::into_iter(objects).map(made));
        }
        Err(message) => outcome.findings.push(failed(repository, (file, line), message, unit)),
    }
    outcome.read = tree.into_read();
    outcome
}

/// A build that failed.
struct Failed {
    message: String,
    /// Whatever the variables are that only the cluster knows.
    sure: bool,
}

/// The objects of a Kustomization. Where some variables are known to the cluster alone, marks stand for them.
fn substituted(
    tree: &Masked<'_>,
    document: &Document,
    folder: &str,
    mut vars: Variables,
    strict: bool,
) -> Result<Vec<Value>, Failed> {
    let values = |spec: &Spec, sure: bool| -> Result<Vec<Value>, Failed> {
        let built = build(tree, spec).map_err(|error| Failed { message: error.to_string(), sure })?;
        Ok(built.objects.into_iter().map(manifest::Object::into_value).collect())
    };
    if vars.more {
        let bare = Spec { substitute: None, ..spec(&document.value, folder, BTreeMap::new(), strict) };
        vars.mark_unknown(values(&bare, true)?.iter());
    }
    values(&spec(&document.value, folder, vars.known, strict), !vars.more)
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
        Unit::Flux(document, ..) | Unit::Elsewhere(document) => finding.about(&document.value),
        Unit::Folder(..) => finding,
    }
}

/// A folder that is not here may be in another repository.
fn elsewhere(document: &Document) -> Finding {
    let path = text(&document.value, &["spec", "path"]);
    let source = text(&document.value, &["spec", "sourceRef", "name"]);
    let message =
        format!("path '{path}' is not in this repository: is it in that of GitRepository '{source}'?");
    let line = document.line_at(&["spec".to_owned(), "path".to_owned()]);
    Finding::error("reference", (&document.file, line), message).about(&document.value).into_warning()
}
