use manifest::yaml::{
    Dialect, DuplicateKeys, Limits, Node, ScalarStyle, Tag, parse_value, resolve_plain, string_style,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Transformer;
use crate::{
    fields::is_empty,
    json6902::{self, JsonPatchError, Operation},
    kustomization::{PatchOptions, Selector},
    load::Loader,
    resmap::{ResMap, ResMapError},
    resource::{Resource, parse_limits, parse_resources},
    schema::Schemas,
    selector::ResourceSelector,
    settle::settle,
    smp::{MergeError, merge_patch},
    target::BuildError,
    weigh::Room,
};

/// Why a patch cannot be read or does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// Neither text nor file is given.
    #[error("must specify one of patch and path")]
    Nothing,
    /// Both are given.
    #[error("patch and path can't be set at the same time")]
    Both,
    /// It can be read as both kinds.
    #[error("illegally qualifies as both an SM and JSON patch: {0}")]
    Ambiguous(String),
    /// It can be read as neither.
    #[error("unable to parse SM or JSON patch from {place}: {reason}")]
    Neither {
        /// File or text of the patch.
        place: String,
        /// Why it is no strategic merge patch.
        reason: String,
    },
    /// A JSON patch is for nothing.
    #[error("must specify a target for JSON patch {0}")]
    NoTarget(String),
    /// A target is given for a file of several patches.
    #[error(
        "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field: {0}"
    )]
    ManyForTarget(String),
    /// Nothing to patch.
    #[error("no resource matches strategic merge patch \"{id}\": {source}")]
    NoMatch {
        /// The patch's id.
        id: String,
        /// What is wrong.
        source: ResMapError,
    },
    /// A strategic merge patch does not fit.
    #[error("patch of {id}: {source}")]
    Merge {
        /// Which resource.
        id: String,
        /// What is wrong.
        source: MergeError,
    },
    /// A JSON patch does not fit.
    #[error("patch of {id}: {source}")]
    Json {
        /// Which resource.
        id: String,
        /// What is wrong.
        source: JsonPatchError,
    },
    /// A resource has no JSON form.
    #[error("patch of {id}: {source}")]
    Yaml {
        /// Which resource.
        id: String,
        /// What is wrong.
        source: manifest::yaml::YamlError,
    },
    /// A patch list is empty.
    #[error("patch appears to be empty; files=[{0}]")]
    Empty(String),
    /// `patchesJson6902` without a name.
    #[error("must specify the target name")]
    NoTargetName,
}

/// The fields of a patch.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PatchArgs {
    pub(crate) path: String,
    pub(crate) patch: String,
    pub(crate) target: Option<Selector>,
    pub(crate) options: Option<PatchOptions>,
}

/// Applies a patch of either kind.
pub(crate) struct ApplyPatch {
    change: Change,
    target: Option<ResourceSelector>,
    /// File or text, for messages.
    place: String,
}

enum Change {
    Merge(Vec<Resource>),
    Json(Vec<Operation>),
}

impl ApplyPatch {
    pub(crate) fn new(args: &PatchArgs, loader: &Loader<'_>) -> Result<Self, BuildError> {
        let patch = args.patch.trim();
        let (text, place) = match (patch.is_empty(), args.path.is_empty()) {
            (true, true) => return Err(PatchError::Nothing.into()),
            (false, false) => return Err(PatchError::Both.into()),
            (false, true) => (patch.to_owned(), format!("[patch: {patch:?}]")),
            (true, false) => (load(loader, &args.path)?, format!("[path: {:?}]", args.path)),
        };
        let mut change = read_change(&text, &place)?;
        if let (Change::Merge(patches), Some(options)) = (&mut change, args.options) {
            for patch in patches {
                patch.allow_name_change = options.allow_name_change;
                patch.allow_kind_change = options.allow_kind_change;
            }
        }
        let target = args.target.as_ref().map(target_of).transpose()?;
        Ok(Self { change, target, place })
    }
}

/// The selector of a patch.
pub(super) fn target_of(target: &Selector) -> Result<ResourceSelector, BuildError> {
    let context = || format!("unable to find patch target \"{}\" in `resources`", target.describe());
    ResourceSelector::new(target).map_err(|error| BuildError::from(error).context(context()))
}

fn load(loader: &Loader<'_>, path: &str) -> Result<String, BuildError> {
    let context = || format!("failed to get the patch file from path({path})");
    loader.load_text(path).map_err(|error| BuildError::from(error).context(context()))
}

fn read_change(text: &str, place: &str) -> Result<Change, PatchError> {
    let merge = parse_resources(text, &parse_limits());
    let json = match &merge {
        // A text of mappings is no list of operations.
        Ok(patches) if !patches.is_empty() && !text.trim_start().starts_with('[') => None,
        _ => Some(read_operations(text)),
    };
    match (merge, json) {
        (Ok(patches), Some(Ok(operations))) if !patches.is_empty() && !operations.is_empty() => {
            Err(PatchError::Ambiguous(place.to_owned()))
        }
        (Ok(patches), _) => Ok(Change::Merge(patches)),
        (Err(_), Some(Ok(operations))) => Ok(Change::Json(operations)),
        (Err(merge), json) => {
            let is_list = |error: &str| !error.contains("want a list of operations");
            let json = json.and_then(Result::err).filter(|error| is_list(error));
            let reason = json.unwrap_or_else(|| merge.to_string());
            Err(PatchError::Neither { place: place.to_owned(), reason })
        }
    }
}

/// Reads JSON patch operations: a text that begins with `[` as JSON, any other as YAML.
pub(super) fn read_operations(text: &str) -> Result<Vec<Operation>, String> {
    let value: Value = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        parse_value("", text, DuplicateKeys::LastWins, &Limits::default())
            .map_err(|error| error.to_string())?
    };
    json6902::decode(&value).map_err(|error| error.to_string())
}

impl Transformer for ApplyPatch {
    fn transform(&self, resources: &mut ResMap, schemas: &Schemas) -> Result<(), BuildError> {
        match (&self.change, &self.target) {
            (Change::Merge(patches), Some(target)) => match &patches[..] {
                [patch] => {
                    let selected = resources.select(target)?;
                    apply_to(resources, &selected, patch, schemas)
                }
                [] => Ok(()),
                _ => Err(PatchError::ManyForTarget(self.place.clone()).into()),
            },
            (Change::Merge(patches), None) => {
                patches.iter().try_for_each(|patch| apply_by_id(resources, patch, schemas))
            }
            (Change::Json(operations), Some(target)) => {
                let selected = resources.select(target)?;
                for index in selected {
                    let (list, room) = resources.list_and_room();
                    list[index].store_previous_id();
                    apply_operations(&mut list[index], operations, room)?;
                }
                Ok(())
            }
            (Change::Json(_), None) => Err(PatchError::NoTarget(self.place.clone()).into()),
        }
    }
}

fn apply_by_id(resources: &mut ResMap, patch: &Resource, schemas: &Schemas) -> Result<(), BuildError> {
    let id = patch.original_id();
    let index = resources.find(id).map_err(|source| PatchError::NoMatch { id: id.to_string(), source })?;
    merge(&mut resources.list_mut()[index], patch, schemas)
}

/// Lays a patch over chosen resources of any name and kind. Labels and annotations of the patch count as texts.
pub(super) fn apply_to(
    resources: &mut ResMap,
    selected: &[usize],
    patch: &Resource,
    schemas: &Schemas,
) -> Result<(), BuildError> {
    if selected.is_empty() {
        return Ok(());
    }
    let mut patch = patch.clone();
    for field in ["labels", "annotations"] {
        let texts = patch.meta_strings(field);
        patch.set_meta_strings(field, &texts);
    }
    for index in selected {
        let resource = &mut resources.list_mut()[*index];
        let api_version = resource.node.get("apiVersion").and_then(Node::text).unwrap_or_default().to_owned();
        patch.set_api_version(&api_version);
        merge(resource, &patch, schemas)?;
    }
    resources.drop_empties();
    match resources.duplicate_id() {
        Some(id) => Err(ResMapError::Registered(id).into()),
        None => Ok(()),
    }
}

/// Lays a patch over one resource, which keeps its namespace and, unless allowed, its name and kind.
fn merge(resource: &mut Resource, patch: &Resource, schemas: &Schemas) -> Result<(), BuildError> {
    let id = resource.id();
    let (name, namespace) = (id.name.to_owned(), id.namespace.to_owned());
    let (kind, subject) = (id.gvk.kind.to_owned(), id.to_string());
    if patch.allow_name_change || patch.allow_kind_change {
        resource.store_previous_id();
    }
    let node = std::mem::replace(&mut resource.node, Node::null());
    let merged = merge_patch(node, &patch.node, schemas)
        .map_err(|source| PatchError::Merge { id: subject, source })?;
    resource.node = merged.unwrap_or_else(Node::null);
    if is_empty(&resource.node) {
        return Ok(());
    }
    if !patch.allow_kind_change {
        resource.set_kind(&kind);
    }
    if !patch.allow_name_change {
        resource.set_name(&name);
    }
    resource.set_namespace(&namespace);
    Ok(())
}

/// Applies JSON patch operations to one resource.
pub(super) fn apply_operations(
    resource: &mut Resource,
    operations: &[Operation],
    room: &Room,
) -> Result<(), BuildError> {
    let id = resource.id().to_string();
    let mut node = std::mem::replace(&mut resource.node, Node::null());
    let mut value = settle(&mut node)
        .and_then(|()| node.into_json(DuplicateKeys::Refuse))
        .map_err(|source| PatchError::Yaml { id: id.clone(), source })?;
    let lent = resource.is_annotated() && lend_annotations(&mut value);
    json6902::apply(&mut value, operations, room).map_err(|source| PatchError::Json { id, source })?;
    if lent {
        take_back_annotations(&mut value);
    }
    resource.node = Node::from_json(&value);
    style_as_printed(&mut resource.node);
    Ok(())
}

/// Gives an object without annotations a map of them: an operation can add to it, and finds it when it asks.
fn lend_annotations(object: &mut Value) -> bool {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let Some(metadata) = metadata.filter(|metadata| !metadata.contains_key("annotations")) else {
        return false;
    };
    metadata.insert("annotations".to_owned(), Value::Object(Map::new()));
    true
}

/// Removes the map again where no operation has put anything in.
fn take_back_annotations(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    if metadata.get("annotations").and_then(Value::as_object).is_some_and(Map::is_empty) {
        metadata.remove("annotations");
    }
}

/// The object was printed and read again: texts stand in quotes where they need them.
fn style_as_printed(node: &mut Node) {
    match node {
        // Printed without quotes, it is read as no text.
        Node::Scalar(scalar) if scalar.tag == Tag::Str && scalar.value == "<<" => scalar.tag = Tag::Merge,
        Node::Scalar(scalar) if scalar.tag == Tag::Str => {
            // Words of YAML 1.1 are quoted too.
            let word = resolve_plain(Dialect::Sigs, &scalar.value) == Tag::Bool;
            let style = string_style(Dialect::Kyaml, &scalar.value);
            scalar.style = if word { ScalarStyle::DoubleQuoted } else { style };
        }
        Node::Scalar(_) => {}
        Node::Sequence(list) => list.items.iter_mut().for_each(style_as_printed),
        Node::Mapping(mapping) => {
            mapping.entries.iter_mut().for_each(|entry| style_as_printed(&mut entry.value));
        }
    }
}
