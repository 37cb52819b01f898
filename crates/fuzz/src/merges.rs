//! Patches: a document and the one that changes it, behind a line `=== patch`.

use kustomize::{BuildLimits, BuildOptions, MemoryTree, build};
use manifest::yaml::{Limits, parse_documents};

use crate::tree::files;

/// The object and its patch; the file tells how the patch finds the object.
fn patched(data: &[u8], file: &str) {
    let text = String::from_utf8_lossy(data);
    let parts = files(&text, "object").into_iter().map(|(name, content)| match name.as_str() {
        "patch" => ("patch.yaml".to_owned(), content),
        _ => ("object.yaml".to_owned(), content),
    });
    let tree: MemoryTree = parts.chain([("kustomization.yaml".to_owned(), file.to_owned())]).collect();
    let options =
        BuildOptions { limits: BuildLimits { resources: 500, bases: 2 }, ..BuildOptions::default() };
    let Ok(built) = build(&tree, "", &options) else { return };
    let read = parse_documents("built.yaml", &built.to_yaml(), &Limits::default());
    let read = read.map(|documents| documents.len());
    assert_eq!(read, Ok(built.into_values().len()), "what was built is not what is printed");
}

/// The patch names its object.
pub(crate) fn strategic_merge(data: &[u8]) {
    patched(data, "resources: [object.yaml]\npatches: [{path: patch.yaml}]\n");
}

/// Every object is patched, also by a JSON 6902 patch, which names none.
pub(crate) fn json_patch(data: &[u8]) {
    patched(data, "resources: [object.yaml]\npatches: [{path: patch.yaml, target: {kind: .*}}]\n");
}
