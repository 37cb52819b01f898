//! Puts the values together: from ConfigMaps and Secrets of the namespace in order, then inline.

use api::helm::v2::ValuesReference;
use api::meta::ValuesKind;
use helm_release::ValuesRef;
use helm_template::Values;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Client;
use runtime::{Key, read_named};
use serde_json::{Map, Value};
use ssa::gather_texts;

/// Key of the values where none is named.
const DEFAULT_KEY: &str = "values.yaml";

/// Why values are not there. Names object and key, never a value. Texts are Flux's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValuesError {
    /// A reference cannot be used.
    #[error("could not resolve{optional} {kind} chart values reference '{namespace}/{name}' with key '{key}': {cause}",
        optional = if *.optional { " optional" } else { "" })]
    Reference {
        /// Kind of the object.
        kind: String,
        /// Namespace of the object.
        namespace: String,
        /// Name of the object.
        name: String,
        /// Key in its data.
        key: String,
        /// Whether it may be absent.
        optional: bool,
        /// What is wrong.
        cause: String,
    },
    /// The API server refused or does not answer.
    #[error("{0}")]
    Api(Box<kube::Error>),
}

/// The values of a release.
pub(crate) struct Composed {
    /// Merged.
    pub values: Values,
    /// What Secrets gave of them. No message shows it.
    pub given: Vec<Given>,
}

/// What a Secret gave to the values. No `Debug`.
pub(crate) struct Given {
    content: String,
    /// It is one value, not a document of many.
    is_one: bool,
}

/// Levels of lists and tables that are looked through: more than the parser of the values takes.
const DEPTH: usize = 1024;

impl Given {
    /// All its texts. Asked for by failures alone: it reads the content anew.
    pub(crate) fn texts(&self) -> Vec<String> {
        if self.is_one {
            return vec![self.content.clone()];
        }
        let values = Values::parse(&self.content).map(Values::into_map).unwrap_or_default();
        let mut texts = Vec::new();
        gather_texts(&Value::Object(values), DEPTH, &mut texts);
        texts
    }
}

/// Reads and merges all values.
///
/// # Errors
/// At the first reference that cannot be used.
pub(crate) async fn compose(
    client: &Client,
    namespace: &str,
    inline: Option<&Value>,
    references: &[ValuesReference],
) -> Result<Composed, ValuesError> {
    let inline = inline.and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    let mut found: Vec<(&ValuesReference, String)> = Vec::new();
    for reference in references {
        if let Some(content) = read(client, namespace, reference).await? {
            found.push((reference, content));
        }
    }
    let refs: Vec<ValuesRef<'_>> = found
        .iter()
        .map(|(reference, content)| ValuesRef {
            content,
            target_path: path(reference),
            literal: reference.literal,
        })
        .collect();
    let values = helm_release::compose_values(&Values::from_json(inline), &refs).map_err(|(at, error)| {
        let reference = found.get(at).map(|(reference, _)| *reference);
        problem(reference.unwrap_or(&ValuesReference::default()), namespace, error.to_string())
    })?;
    let of_secrets = found.into_iter().filter(|(reference, _)| reference.kind == ValuesKind::Secret);
    let given = of_secrets.map(|(reference, content)| Given { is_one: path(reference).is_some(), content });
    Ok(Composed { values, given: given.collect() })
}

/// The place of a single value.
fn path(reference: &ValuesReference) -> Option<&str> {
    reference.target_path.as_deref().filter(|path| !path.is_empty())
}

fn key(reference: &ValuesReference) -> &str {
    reference.values_key.as_deref().filter(|key| !key.is_empty()).unwrap_or(DEFAULT_KEY)
}

fn problem(reference: &ValuesReference, namespace: &str, cause: String) -> ValuesError {
    ValuesError::Reference {
        kind: reference.kind.to_string(),
        namespace: namespace.to_owned(),
        name: reference.name.clone(),
        key: key(reference).to_owned(),
        optional: reference.optional,
        cause,
    }
}

/// The text of a reference; none where it is optional and absent.
async fn read(
    client: &Client,
    namespace: &str,
    reference: &ValuesReference,
) -> Result<Option<String>, ValuesError> {
    let plural = match reference.kind {
        ValuesKind::ConfigMap => "configmaps",
        ValuesKind::Secret => "secrets",
        ValuesKind::Other(_) => {
            return Err(problem(reference, namespace, "unsupported values reference kind".into()));
        }
    };
    let data = match reference.kind {
        ValuesKind::Secret => secret(client, namespace, &reference.name).await,
        _ => config_map(client, namespace, &reference.name).await,
    };
    let absent = |cause: String| {
        let error = problem(reference, namespace, cause);
        if reference.optional {
            tracing::info!(reason = %error, "optional values are left out");
            Ok(None)
        } else {
            Err(error)
        }
    };
    let Some(mut data) = data.map_err(|error| ValuesError::Api(Box::new(error)))? else {
        return absent(format!("{plural} \"{}\" not found", reference.name));
    };
    match data.remove(key(reference)) {
        None => absent("key not found".into()),
        Some(bytes) => {
            let text = String::from_utf8(bytes);
            text.map(Some).map_err(|_| problem(reference, namespace, "the value is not UTF-8".into()))
        }
    }
}

type Data = std::collections::BTreeMap<String, Vec<u8>>;

async fn config_map(client: &Client, namespace: &str, name: &str) -> Result<Option<Data>, kube::Error> {
    let found: Option<ConfigMap> = read_named(client, &Key::new(namespace, name)).await?;
    let data = |map: ConfigMap| map.data.unwrap_or_default().into_iter();
    Ok(found.map(|map| data(map).map(|(key, text)| (key, text.into_bytes())).collect()))
}

async fn secret(client: &Client, namespace: &str, name: &str) -> Result<Option<Data>, kube::Error> {
    let found: Option<Secret> = read_named(client, &Key::new(namespace, name)).await?;
    let data = |secret: Secret| secret.data.unwrap_or_default().into_iter();
    Ok(found.map(|secret| data(secret).map(|(key, bytes)| (key, bytes.0)).collect()))
}

#[cfg(test)]
mod tests {
    use super::Given;

    #[test]
    fn every_text_of_a_secret_is_known_but_words() {
        let whole = "a: {b: [canary-1, true]}\nc: production-canary\nd: dev\n";
        let given = [
            Given { content: whole.to_owned(), is_one: false },
            Given { content: "canary-at-a-path".to_owned(), is_one: true },
        ];
        assert_eq!(
            applier::secrets(given.iter().flat_map(Given::texts)).texts(),
            ["production-canary", "canary-at-a-path", "canary-1"]
        );
    }
}
