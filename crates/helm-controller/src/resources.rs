//! Objects of a release: read from its manifest, given namespace and Helm's marks.

use manifest::Object;
use manifest::yaml::{Dialect, DuplicateKeys, Limits, parse_documents, parse_nodes};
use serde_json::Value;
use ssa::{GetError, Session};

/// Label and annotations by which Helm knows its own.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";
/// Annotation that keeps an object when its release goes.
const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// Why a manifest is no list of objects.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// It is no YAML.
    #[error("{0}")]
    Yaml(String),
    /// A document is no object.
    #[error("{0}")]
    Object(manifest::NotAnObject),
    /// A kind is unknown. Helm's words.
    #[error(
        "resource mapping not found for name: \"{name}\" namespace: \"{namespace}\" from \"\": {cause}\nensure CRDs are installed first"
    )]
    Kind {
        /// Name of the object.
        name: String,
        /// Its namespace.
        namespace: String,
        /// Why.
        cause: Box<GetError>,
    },
}

/// The objects of a manifest in its order, with the release's namespace where one is needed and none is given.
///
/// # Errors
/// At the first document that is no object, or whose kind is unknown.
pub(crate) async fn build(session: &Session, text: &str, namespace: &str) -> Result<Vec<Object>, BuildError> {
    let mut objects = Vec::new();
    for mut object in parse(text)? {
        place(session, &mut object, namespace).await.map_err(|cause| unknown(&object, cause))?;
        objects.push(object);
    }
    Ok(objects)
}

/// As [`build`], for objects that may be there: those of a version that is not served any more live on in another, and
/// have that one here. Only objects of kinds that are proven absent are left out.
///
/// # Errors
/// When a document is no object, or the API server cannot be asked for its kind.
pub(crate) async fn build_known(
    session: &Session,
    text: &str,
    namespace: &str,
) -> Result<Vec<Object>, BuildError> {
    let mut objects = Vec::new();
    for mut object in parse(text)? {
        let served = session.served(&object.gvk()).await.map_err(|cause| unknown(&object, cause))?;
        let Some(gvk) = served else { continue };
        object.value_mut()["apiVersion"] = gvk.api_version().into();
        place(session, &mut object, namespace).await.map_err(|cause| unknown(&object, cause))?;
        objects.push(object);
    }
    Ok(objects)
}

/// An object as it is now, in whatever version its kind is served; none when it, or its kind, is proven absent.
///
/// # Errors
/// When the API server cannot be asked.
pub(crate) async fn find(session: &Session, object: &Object) -> Result<Option<Object>, GetError> {
    let Some(gvk) = session.served(&object.gvk()).await? else { return Ok(None) };
    session.get(&gvk, object.namespace(), object.name()).await
}

/// The documents of a manifest; lists are taken apart.
///
/// # Errors
/// When one is no object.
pub(crate) fn parse(text: &str) -> Result<Vec<Object>, BuildError> {
    let documents =
        parse_documents("", text, &Limits::default()).map_err(|error| BuildError::Yaml(error.to_string()))?;
    let mut objects = Vec::new();
    for document in documents {
        flatten(document, &mut objects)?;
    }
    Ok(objects)
}

/// The documents that a chart's templates printed, read as kustomize reads them in Flux: `yes`, `on` and `n` are texts.
/// What Helm reads after it was printed anew has them in quotes.
///
/// # Errors
/// When one is no object.
pub(crate) fn parse_rendered(text: &str) -> Result<Vec<Object>, BuildError> {
    let no_yaml = |error: manifest::yaml::YamlError| BuildError::Yaml(error.to_string());
    let nodes = parse_nodes("", text, Dialect::Kyaml, &Limits::default()).map_err(no_yaml)?;
    let mut objects = Vec::new();
    for node in nodes {
        flatten(node.into_json(DuplicateKeys::LastWins).map_err(no_yaml)?, &mut objects)?;
    }
    Ok(objects)
}

fn flatten(document: Value, objects: &mut Vec<Object>) -> Result<(), BuildError> {
    if document.is_null() || document.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(());
    }
    let is_list = document.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    if let Some(items) = document.get("items").and_then(Value::as_array).filter(|_| is_list) {
        for item in items.clone() {
            objects.push(Object::from_value(item).map_err(BuildError::Object)?);
        }
        return Ok(());
    }
    objects.push(Object::from_value(document).map_err(BuildError::Object)?);
    Ok(())
}

async fn place(session: &Session, object: &mut Object, namespace: &str) -> Result<(), GetError> {
    if session.is_namespaced(&object.gvk()).await? {
        if object.namespace().is_none_or(str::is_empty) {
            object.set_namespace(namespace);
        }
    } else {
        object.metadata_mut().shift_remove("namespace");
    }
    Ok(())
}

fn unknown(object: &Object, cause: GetError) -> BuildError {
    BuildError::Kind {
        name: object.name().to_owned(),
        namespace: object.namespace().unwrap_or_default().to_owned(),
        cause: Box::new(cause),
    }
}

/// Marks an object as the release's.
pub(crate) fn mark(object: &mut Object, name: &str, namespace: &str) {
    object.set_label(MANAGED_BY, "Helm");
    object.set_annotation(RELEASE_NAME, name);
    object.set_annotation(RELEASE_NAMESPACE, namespace);
}

/// Why a live object is not the release's, in Helm's words; none when it is.
pub(crate) fn foreign(live: &Object, name: &str, namespace: &str) -> Option<String> {
    let checks = [
        ("label", MANAGED_BY, "Helm", live.label(MANAGED_BY)),
        ("annotation", RELEASE_NAME, name, live.annotation(RELEASE_NAME)),
        ("annotation", RELEASE_NAMESPACE, namespace, live.annotation(RELEASE_NAMESPACE)),
    ];
    let errors: Vec<String> = checks
        .into_iter()
        .filter_map(|(what, key, wanted, found)| {
            Some(format!("{what} validation error: {}", wrong(key, wanted, found)?))
        })
        .collect();
    (!errors.is_empty()).then(|| format!("invalid ownership metadata; {}", errors.join("; ")))
}

/// Whether an object names another release as its own.
pub(crate) fn is_of_another(live: &Object, (name, namespace): (&str, &str)) -> bool {
    let names = |key, own| live.annotation(key).is_some_and(|found| found != own);
    names(RELEASE_NAME, name) || names(RELEASE_NAMESPACE, namespace)
}

fn wrong(key: &str, wanted: &str, found: Option<&str>) -> Option<String> {
    match found {
        None => Some(format!("missing key \"{key}\": must be set to \"{wanted}\"")),
        Some(found) if found != wanted => {
            Some(format!("key \"{key}\" must equal \"{wanted}\": current value is \"{found}\""))
        }
        Some(_) => None,
    }
}

/// Whether the object stays when its release goes.
pub(crate) fn is_kept(object: &Object) -> bool {
    object.annotation(RESOURCE_POLICY).is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
}

/// `Kind "name" in namespace "ns"`, as Helm names an object.
pub(crate) fn named(object: &Object) -> String {
    format!(
        "{} \"{}\" in namespace \"{}\"",
        object.kind(),
        object.name(),
        object.namespace().unwrap_or_default()
    )
}

/// `ns/name group/version, Kind=Kind`, as Helm names an object that is applied.
pub(crate) fn typed(object: &Object) -> String {
    let gvk = object.gvk();
    format!(
        "{}/{} {}/{}, Kind={}",
        object.namespace().unwrap_or_default(),
        object.name(),
        gvk.group,
        gvk.version,
        gvk.kind
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_without_content_are_skipped_and_lists_taken_apart() {
        let text = "---\n# only a comment\n---\napiVersion: v1\nkind: ConfigMapList\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n";
        let names: Vec<String> = parse(text).unwrap().iter().map(|object| object.name().to_owned()).collect();
        assert_eq!(names, ["a", "b"]);
        assert!(parse("- 1\n").is_err() && parse("a: [").is_err());
    }

    #[test]
    fn a_foreign_object_is_told_in_helms_words() {
        let mut object =
            parse("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: ns}}").unwrap().remove(0);
        assert_eq!(
            foreign(&object, "app", "ns").unwrap(),
            "invalid ownership metadata; label validation error: missing key \"app.kubernetes.io/managed-by\": must be set to \"Helm\"; annotation validation error: missing key \"meta.helm.sh/release-name\": must be set to \"app\"; annotation validation error: missing key \"meta.helm.sh/release-namespace\": must be set to \"ns\""
        );
        mark(&mut object, "app", "ns");
        assert_eq!(foreign(&object, "app", "ns"), None);
        assert!(
            foreign(&object, "other", "ns")
                .unwrap()
                .contains("must equal \"other\": current value is \"app\"")
        );
        assert_eq!(typed(&object), "ns/a /v1, Kind=ConfigMap");
        assert_eq!(named(&object), "ConfigMap \"a\" in namespace \"ns\"");
    }
}
