use manifest::yaml::{FormatOptions, Mapping, Node, format_node};

use crate::path;

/// The annotations that hold the record.
pub(crate) const ORIGIN: &str = "config.kubernetes.io/origin";
pub(crate) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// Where an object or a transformation comes from, as `buildMetadata` records it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) path: String,
    pub(crate) configured_in: String,
    pub(crate) configured_by: Option<ConfiguredBy>,
}

/// The generator or transformer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConfiguredBy {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl Origin {
    /// The origin of something at a path below this one.
    pub(crate) fn append(&self, more: &str) -> Self {
        Self { path: path::join_loose(&self.path, more), ..self.clone() }
    }

    /// The origin of what a built-in generator or transformer of a kustomization file does.
    pub(crate) fn builtin(&self, file: &str, kind: &str) -> Self {
        let by = ConfiguredBy { api_version: "builtin".into(), kind: kind.into(), ..ConfiguredBy::default() };
        Self {
            path: String::new(),
            configured_in: path::join_loose(&self.path, file),
            configured_by: Some(by),
        }
    }

    fn node(&self) -> Node {
        let mut mapping = Mapping::default();
        push(&mut mapping, "path", &self.path);
        push(&mut mapping, "configuredIn", &self.configured_in);
        if let Some(by) = &self.configured_by {
            let mut inner = Mapping::default();
            push(&mut inner, "apiVersion", &by.api_version);
            push(&mut inner, "kind", &by.kind);
            push(&mut inner, "name", &by.name);
            push(&mut inner, "namespace", &by.namespace);
            mapping.push("configuredBy", inner.into());
        }
        mapping.into()
    }

    /// The value of the origin annotation.
    pub(crate) fn to_yaml(&self) -> String {
        format_node(&self.node(), FormatOptions::default())
    }
}

/// The value of the transformations annotation.
pub(crate) fn transformations_yaml(list: &[Origin]) -> String {
    let nodes: Vec<Node> = list.iter().map(Origin::node).collect();
    format_node(&nodes.into(), FormatOptions::default())
}

fn push(mapping: &mut Mapping, key: &str, value: &str) {
    if !value.is_empty() {
        mapping.push(key, Node::string(value));
    }
}
