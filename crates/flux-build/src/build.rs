use kustomize::{BuildOptions, EntryKind, LoadRestriction, Tree, check_resources};
use manifest::{
    Object,
    yaml::{to_yaml, write_yaml},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    error::BuildError,
    generate::{Found, find_or_generate},
    merge::merge,
    metadata,
    overlay::OverlayTree,
    path::clamped,
    sops::is_encrypted,
    spec::Spec,
    substitute::substitute_all,
};

/// Manifest files a folder without kustomization file may hold.
pub const MAX_FILES: usize = 50_000;
/// Objects of one build.
pub const MAX_OBJECTS: usize = 50_000;
/// Bytes of the YAML of one build.
pub const MAX_OUTPUT: usize = 256 << 20;

/// What a build gives. The objects may be Secrets, so that `Debug` shows only how many there are.
#[derive(Clone, PartialEq)]
pub struct Build {
    /// The objects to apply, in kustomize's order, common metadata set.
    pub objects: Vec<Object>,
    /// `sha256:<hex>` of the YAML kustomize and the substitution gave, without common metadata: the digest
    /// of Flux's `status.history`.
    pub digest: String,
}

impl std::fmt::Debug for Build {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Build").field("objects", &self.objects.len()).field("digest", &self.digest).finish()
    }
}

impl Build {
    /// The objects as YAML documents, as `flux build kustomization` prints them.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut out = String::new();
        for object in &self.objects {
            if !out.is_empty() {
                out.push_str("---\n");
            }
            write_yaml(&mut out, object.value());
        }
        out
    }
}

/// Builds the objects of a Kustomization from its source.
///
/// # Errors
/// At the first thing Flux would report as `BuildFailed` (`ArtifactFailed` for a path that is not there), at
/// SOPS ciphertext, and when a limit is exceeded.
pub fn build(tree: &dyn Tree, spec: &Spec) -> Result<Build, BuildError> {
    let dir = clamped("", &spec.path);
    match tree.kind(&dir) {
        Some(EntryKind::Dir) => {}
        Some(EntryKind::File) => return Err(BuildError::PathNotADirectory { path: dir }),
        None => return Err(BuildError::PathNotFound { path: dir }),
    }
    let mut objects = kustomized(tree, spec, &dir)?;
    if objects.len() > MAX_OBJECTS {
        return Err(BuildError::TooManyObjects { count: objects.len(), limit: MAX_OBJECTS });
    }
    objects.iter().try_for_each(check)?;
    if let Some(given) = &spec.substitute {
        substitute_all(&mut objects, given)?;
    }
    let digest = digest(&objects)?;
    if let Some(object) = objects.iter().find(|object| is_encrypted(object)) {
        return Err(BuildError::Encrypted { subject: object.id().subject(), digest });
    }
    let mut objects = to_apply(objects);
    metadata::set(&mut objects, &spec.common_metadata);
    Ok(Build { objects, digest })
}

fn kustomized(tree: &dyn Tree, spec: &Spec, dir: &str) -> Result<Vec<Object>, BuildError> {
    let Found { name, mut fields, scanned } = find_or_generate(tree, dir)?;
    merge(&mut fields, spec, tree, dir)?;
    let content = to_yaml(&Value::Object(fields)).into_bytes();
    let overlay = OverlayTree::new(tree, dir, name, content);
    // Files of the whole source may be read, and nothing outside: the tree has no outside.
    let options =
        BuildOptions { load_restriction: LoadRestriction::None, loose_root: true, ..BuildOptions::default() };
    match kustomize::build(&overlay, dir, &options) {
        Ok(resources) => resources.into_values().into_iter().map(object).collect(),
        Err(error) => Err(first_bad_file(tree, &scanned).unwrap_or(BuildError::Kustomize(error))),
    }
}

/// The first file that does not hold Kubernetes objects. Flux asks this of each file a generated kustomization would list;
/// we ask it when the build has failed, to name the file as Flux does, and save the second parse.
fn first_bad_file(tree: &dyn Tree, files: &[String]) -> Option<BuildError> {
    files.iter().find_map(|file| match tree.read(file) {
        Err(error) => Some(error.into()),
        Ok(content) => {
            let checked = check_resources(&String::from_utf8_lossy(&content));
            checked.err().map(|cause| BuildError::Decode { file: file.clone(), cause: Box::new(cause) })
        }
    })
}

/// A patch may take away what makes a resource an object.
fn object(value: Value) -> Result<Object, BuildError> {
    let field = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let subject = [field("/apiVersion"), field("/kind"), field("/metadata/name")].join(" ");
    Object::from_value(value).map_err(|_| BuildError::Nameless { subject })
}

fn check(object: &Object) -> Result<(), BuildError> {
    if object.name().is_empty() {
        return Err(BuildError::Nameless { subject: format!("{} {}", object.api_version(), object.kind()) });
    }
    Ok(())
}

fn digest(objects: &[Object]) -> Result<String, BuildError> {
    let mut hash = Sha256::new();
    let (mut text, mut bytes) = (String::new(), 0);
    for (index, object) in objects.iter().enumerate() {
        text.clear();
        if index > 0 {
            text.push_str("---\n");
        }
        write_yaml(&mut text, object.value());
        bytes += text.len();
        if bytes > MAX_OUTPUT {
            return Err(BuildError::TooLarge { limit: MAX_OUTPUT });
        }
        hash.update(text.as_bytes());
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("sha256:{hex}"))
}

/// Lists are applied item by item, and kustomization files that were listed as resources are not applied.
fn to_apply(objects: Vec<Object>) -> Vec<Object> {
    let mut out = Vec::with_capacity(objects.len());
    for object in objects {
        match object.value().get("items") {
            Some(Value::Array(items)) if object.kind().ends_with("List") => {
                out.extend(items.iter().filter_map(|item| Object::from_value(item.clone()).ok()));
            }
            _ => out.push(object),
        }
    }
    out.retain(|object| object.gvk().group != "kustomize.config.k8s.io");
    out
}
