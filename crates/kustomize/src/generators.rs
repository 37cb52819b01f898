//! What makes resources: ConfigMaps, Secrets, and the built-in generators of `generators`.

mod iam;
mod pairs;

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use manifest::yaml::{Mapping, Node, Scalar, Tag};

pub(crate) use self::iam::{IamPolicy, iam_resource};
pub use self::pairs::PairsError;

use self::pairs::load_pairs;
use crate::{
    kustomization::GeneratorArgs,
    load::Loader,
    resource::{Behavior, Resource, mapping_at},
};

/// Why nothing can be generated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeneratorError {
    /// No name is given.
    #[error("a {0} must have a name")]
    NoName(&'static str),
    /// Two sources give the same key.
    #[error("{kind} {name} illegally repeats the key `{key}`")]
    RepeatedKey {
        /// `configmap` or `secret`.
        kind: &'static str,
        /// Name of the object.
        name: String,
        /// The key.
        key: String,
    },
    /// A source cannot be read.
    #[error("loading KV pairs: {source} (of generator '{name}')")]
    Pairs {
        /// Name of the object.
        name: String,
        /// What is wrong.
        source: PairsError,
    },
    /// The cloud of an IAM policy is unknown.
    #[error("cloud provider {0} not supported yet")]
    Cloud(String),
}

/// Which object is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    ConfigMap,
    Secret,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }

    fn lower_name(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmap",
            Self::Secret => "secret",
        }
    }
}

/// Longest line of base64 text.
const BASE64_LINE: usize = 70;

/// Generates one ConfigMap or Secret.
pub(crate) fn generate(
    kind: Kind,
    args: &GeneratorArgs,
    loader: &Loader<'_>,
) -> Result<Resource, GeneratorError> {
    if args.name.is_empty() {
        return Err(GeneratorError::NoName(kind.lower_name()));
    }
    let data = load_data(kind, args, loader)?;
    let mut resource = Resource::new(base_object(kind, args));
    if kind == Kind::Secret {
        let secret_type = if args.secret_type.is_empty() { "Opaque" } else { &args.secret_type };
        root(&mut resource.node).push("type", Node::string(secret_type));
        mapping_at(&mut resource.node, "data");
    }
    for (key, value) in data {
        let (field, text) = match (kind, String::from_utf8(value)) {
            (Kind::ConfigMap, Ok(text)) => ("data", text),
            (Kind::ConfigMap, Err(bytes)) => ("binaryData", base64_lines(bytes.as_bytes())),
            (Kind::Secret, Ok(text)) => ("data", base64_lines(text.as_bytes())),
            (Kind::Secret, Err(bytes)) => ("data", base64_lines(bytes.as_bytes())),
        };
        mapping_at(&mut resource.node, field).push(&key, Node::string(text));
    }
    apply_options(&mut resource, args);
    resource.behavior = Behavior::parse(&args.behavior);
    resource.generated = true;
    Ok(resource)
}

fn load_data(
    kind: Kind,
    args: &GeneratorArgs,
    loader: &Loader<'_>,
) -> Result<BTreeMap<String, Vec<u8>>, GeneratorError> {
    let pairs = load_pairs(args, loader)
        .map_err(|source| GeneratorError::Pairs { name: args.name.clone(), source })?;
    let mut data = BTreeMap::new();
    for (key, value) in pairs {
        if data.contains_key(&key) {
            let name = args.name.clone();
            return Err(GeneratorError::RepeatedKey { kind: kind.lower_name(), name, key });
        }
        data.insert(key, value);
    }
    Ok(data)
}

fn base_object(kind: Kind, args: &GeneratorArgs) -> Node {
    let mut metadata = Mapping::default();
    metadata.push("name", Node::string(args.name.clone()));
    if !args.namespace.is_empty() {
        metadata.push("namespace", Node::string(args.namespace.clone()));
    }
    let mut object = Mapping::default();
    object.push("apiVersion", Node::string("v1"));
    object.push("kind", Node::string(kind.name()));
    object.push("metadata", metadata.into());
    object.into()
}

fn root(node: &mut Node) -> &mut Mapping {
    match node {
        Node::Mapping(mapping) => mapping,
        _ => unreachable!("generated objects are mappings"),
    }
}

fn apply_options(resource: &mut Resource, args: &GeneratorArgs) {
    let options = args.options.clone().unwrap_or_default();
    resource.needs_hash = !options.disable_name_suffix_hash;
    if !options.labels.is_empty() {
        resource.set_meta_strings("labels", &options.labels);
    }
    if !options.annotations.is_empty() {
        resource.set_meta_strings("annotations", &options.annotations);
    }
    if options.immutable {
        root(&mut resource.node).push("immutable", Node::Scalar(Scalar::new("true", Tag::Bool)));
    }
}

/// Base64 in lines of 70, each ended, when there is more than one.
fn base64_lines(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    if text.len() < BASE64_LINE {
        return text;
    }
    let mut lines = String::with_capacity(text.len() + text.len() / BASE64_LINE + 1);
    for at in (0..text.len()).step_by(BASE64_LINE) {
        lines.push_str(&text[at..text.len().min(at + BASE64_LINE)]);
        lines.push('\n');
    }
    lines
}
