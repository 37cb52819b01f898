//! An object on its way through a build, with the names it had before.

mod history;
mod parse;
mod twins;

use std::collections::BTreeMap;

use manifest::yaml::{Dialect, Mapping, Node, Scalar, ScalarStyle, Tag, Text, resolve_plain};

pub use self::parse::{ResourceError, check_resources};
pub(crate) use self::parse::{check_metadata, parse_limits, parse_resources};

pub(crate) use self::twins::without_twins;

use self::twins::Twins;

use crate::{
    fields::{gvk_of, id_of, set_text},
    origin::Origin,
    resid::{GvkRef, ResId},
};

/// An object and what kustomize remembers of it.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) node: Node,
    /// Ids before the current one, oldest first.
    previous: Vec<PreviousId>,
    pub(crate) prefixes: Vec<Text>,
    pub(crate) suffixes: Vec<Text>,
    pub(crate) behavior: Behavior,
    pub(crate) needs_hash: bool,
    /// Made by a generator of the kustomization.
    pub(crate) generated: bool,
    /// Rendered from a chart, which has set the namespace.
    pub(crate) helm_generated: bool,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
    /// Vars whose source this object is.
    pub(crate) var_names: Vec<String>,
    /// Boxed: few builds record it, and small resources are quicker to walk through.
    pub(crate) origin: Option<Box<Origin>>,
    pub(crate) transformations: Vec<Origin>,
    twins: Twins,
}

/// Name, effective namespace and kind that an object had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PreviousId {
    pub(crate) name: Text,
    pub(crate) namespace: Text,
    pub(crate) kind: Text,
}

/// What a generated object does to one of the same id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    #[default]
    Unspecified,
    Create,
    Replace,
    Merge,
}

impl Behavior {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "create" => Self::Create,
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            _ => Self::Unspecified,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Merge => "merge",
        }
    }
}

impl Resource {
    pub(crate) fn new(node: Node) -> Self {
        Self {
            node,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            behavior: Behavior::Unspecified,
            needs_hash: false,
            generated: false,
            helm_generated: false,
            allow_name_change: false,
            allow_kind_change: false,
            var_names: Vec::new(),
            origin: None,
            transformations: Vec::new(),
            twins: Twins::default(),
        }
    }

    pub(crate) fn gvk(&self) -> GvkRef<'_> {
        gvk_of(&self.node)
    }

    /// The id the object has now.
    pub(crate) fn id(&self) -> ResId<'_> {
        id_of(&self.node)
    }

    /// The id the object was loaded with.
    pub(crate) fn original_id(&self) -> ResId<'_> {
        self.previous_ids().next().unwrap_or_else(|| self.id())
    }

    /// Ids before the current one, oldest first.
    pub(crate) fn previous_ids(&self) -> impl Iterator<Item = ResId<'_>> {
        let gvk = self.gvk();
        self.previous.iter().map(move |id| ResId {
            gvk: GvkRef { kind: &id.kind, ..gvk },
            name: &id.name,
            namespace: &id.namespace,
        })
    }

    pub(crate) fn previous(&self) -> &[PreviousId] {
        &self.previous
    }

    /// Previous ids and the current one.
    pub(crate) fn any_id(&self, matches: impl Fn(ResId<'_>) -> bool) -> bool {
        self.previous_ids().any(&matches) || matches(self.id())
    }

    /// Remembers the current id before it changes.
    pub(crate) fn store_previous_id(&mut self) {
        let id = self.id();
        let previous = PreviousId {
            name: id.name.into(),
            namespace: id.effective_namespace().into(),
            kind: id.gvk.kind.into(),
        };
        self.previous.push(previous);
    }

    /// Whether the reference tool keeps notes on this object among its annotations, so that it has some.
    pub(crate) fn is_annotated(&self) -> bool {
        let renamed = !(self.previous.is_empty() && self.prefixes.is_empty() && self.suffixes.is_empty());
        let traced = self.origin.is_some() || !self.transformations.is_empty();
        renamed || traced || self.generated || self.helm_generated
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        set_text_entry(self.metadata_mut(), "name", name);
    }

    pub(crate) fn set_kind(&mut self, kind: &str) {
        if let Some(root) = self.node.as_mapping_mut() {
            set_text_entry(root, "kind", kind);
        }
    }

    pub(crate) fn set_api_version(&mut self, api_version: &str) {
        if let Some(root) = self.node.as_mapping_mut() {
            set_text_entry(root, "apiVersion", api_version);
        }
    }

    /// Sets or, when empty, removes the namespace.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() {
            self.metadata_mut().remove("namespace");
        } else {
            set_text_entry(self.metadata_mut(), "namespace", namespace);
        }
    }

    /// A number for scalars that are to stay equal to `value`.
    pub(crate) fn new_twin(&mut self, value: &str) -> u32 {
        self.twins.add(value)
    }

    /// Forgets the number of a scalar that has no others to be equal to.
    pub(crate) fn drop_twin(&mut self, twin: u32) {
        self.twins.drop(twin);
    }

    /// Lets the twins of scalars that have changed follow.
    pub(crate) fn sync_twins(&mut self) {
        self.twins.sync(&mut self.node);
    }

    /// `metadata`, made when it is missing.
    pub(crate) fn metadata_mut(&mut self) -> &mut Mapping {
        mapping_at(&mut self.node, "metadata")
    }

    /// Labels or annotations as texts.
    pub(crate) fn meta_strings(&self, field: &str) -> BTreeMap<String, String> {
        strings(self.node.at(&["metadata", field]))
    }

    /// Replaces labels or annotations by strings; removes the field when there are none.
    pub(crate) fn set_meta_strings(&mut self, field: &str, values: &BTreeMap<String, String>) {
        let metadata = self.metadata_mut();
        metadata.remove(field);
        if values.is_empty() {
            return;
        }
        let mut mapping = Mapping::default();
        for (key, value) in values {
            mapping.push(key, Node::string(value.clone()));
        }
        metadata.push(field, mapping.into());
    }

    /// Takes the metadata of the object that this one replaces; own labels and annotations win.
    pub(crate) fn take_metadata_of(&mut self, old: &Self) {
        for field in ["labels", "annotations"] {
            let mut merged = old.meta_strings(field);
            merged.extend(self.meta_strings(field));
            self.set_meta_strings(field, &merged);
        }
        let id = old.id();
        let (name, namespace) = (id.name.to_owned(), id.namespace.to_owned());
        self.set_name(&name);
        self.set_namespace(&namespace);
        self.previous.clone_from(&old.previous);
        self.prefixes.clone_from(&old.prefixes);
        self.suffixes.clone_from(&old.suffixes);
        self.behavior = old.behavior;
        self.needs_hash = old.needs_hash && self.needs_hash;
        self.var_names.clone_from(&old.var_names);
        if self.transformations.is_empty() {
            self.transformations.clone_from(&old.transformations);
        }
    }

    /// Completes `data` or `binaryData` with the entries of the object that this one merges into.
    pub(crate) fn merge_data_of(&mut self, old: &Self, field: &str) {
        let mut merged = strings(old.node.get(field));
        merged.extend(strings(self.node.get(field)));
        let Some(root) = self.node.as_mapping_mut() else { return };
        root.remove(field);
        if merged.is_empty() {
            return;
        }
        let mut mapping = Mapping::default();
        for (key, value) in merged {
            mapping.push(&key, Node::string(value));
        }
        root.push(field, mapping.into());
    }
}

/// Sets the text of an entry, keeping its style, or adds it as a string.
fn set_text_entry(mapping: &mut Mapping, key: &str, text: &str) {
    let kept = mapping.get_mut(key).is_some_and(|node| set_text(node, text).is_ok());
    if !kept {
        let quoted = resolve_plain(Dialect::Sigs, text) != Tag::Str;
        let style = if quoted { ScalarStyle::DoubleQuoted } else { ScalarStyle::Plain };
        mapping.set(key, Node::Scalar(Scalar { style, open_tag: true, ..Scalar::string(text) }));
    }
}

/// The mapping under a key, made when something else is there.
pub(crate) fn mapping_at<'n>(node: &'n mut Node, key: &str) -> &'n mut Mapping {
    if node.as_mapping().is_none() {
        *node = Node::mapping();
    }
    let Node::Mapping(root) = node else { unreachable!("made a mapping above") };
    let field = root.entry(key, Node::mapping);
    if field.as_mapping().is_none() {
        *field = Node::mapping();
    }
    let Node::Mapping(mapping) = field else { unreachable!("made a mapping above") };
    mapping
}

fn strings(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.and_then(Node::as_mapping).into_iter().flat_map(Mapping::iter);
    entries.map(|(key, value)| (key.to_owned(), value.text().unwrap_or_default().to_owned())).collect()
}
