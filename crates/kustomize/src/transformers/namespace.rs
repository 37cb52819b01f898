use manifest::yaml::Node;
use serde::Deserialize;

use super::Transformer;
use crate::{
    config::FieldSpec,
    fields::{Create, FieldError, for_each_field, kind_name, set_string},
    kustomization::ObjectMeta,
    resmap::{ResMap, ResMapError},
    resource::Resource,
    schema::Schemas,
    target::BuildError,
};

/// Moves resources to a namespace.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SetNamespace {
    pub(crate) metadata: ObjectMeta,
    pub(crate) field_specs: Vec<FieldSpec>,
    pub(crate) unset_only: bool,
    pub(crate) set_role_binding_subjects: Subjects,
}

/// Which subjects of role bindings move too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Subjects {
    /// Those named `default`.
    #[default]
    DefaultOnly,
    /// All service accounts.
    AllServiceAccounts,
    /// None.
    None,
}

const META_NAMESPACE: &str = "metadata/namespace";

impl Transformer for SetNamespace {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        if self.metadata.namespace.is_empty() {
            return Ok(());
        }
        let specs: Vec<_> = self.field_specs.iter().map(|spec| (spec, spec.parts())).collect();
        for resource in resources.list_mut().iter_mut().filter(|resource| !resource.helm_generated) {
            resource.store_previous_id();
            self.apply(resource, &specs)?;
        }
        match resources.duplicate_id() {
            Some(id) => Err(ResMapError::NamespaceConflict(id).into()),
            None => Ok(()),
        }
    }
}

impl SetNamespace {
    /// Moves one resource without remembering its id.
    pub(crate) fn apply(
        &self,
        resource: &mut Resource,
        specs: &[(&FieldSpec, Vec<String>)],
    ) -> Result<(), FieldError> {
        self.set_own(resource)?;
        let is_binding = matches!(resource.gvk().kind, "RoleBinding" | "ClusterRoleBinding");
        if is_binding {
            self.set_subjects(&mut resource.node)?;
        }
        let is_v1 = resource.node.get("apiVersion").and_then(Node::text) == Some("v1");
        for (spec, parts) in specs {
            let skipped = spec.path == META_NAMESPACE
                || (spec.path == "metadata/name" && !is_v1)
                || (is_binding && spec.kind.ends_with("RoleBinding") && spec.path == "subjects/namespace");
            if !skipped {
                for_each_field(&mut resource.node, spec, parts, Some(Create::Scalar), &mut |node| {
                    self.set(node)
                })?;
            }
        }
        Ok(())
    }

    fn set_own(&self, resource: &mut Resource) -> Result<(), FieldError> {
        if resource.gvk().is_cluster_scoped() {
            return Ok(());
        }
        let spec = FieldSpec::new(("", "", ""), META_NAMESPACE, true);
        let parts = spec.parts();
        for_each_field(&mut resource.node, &spec, &parts, Some(Create::Scalar), &mut |node| self.set(node))
    }

    fn set(&self, node: &mut Node) -> Result<(), FieldError> {
        if self.unset_only && node.text().is_some_and(|text| !text.is_empty()) {
            return Ok(());
        }
        set_string(node, &self.metadata.namespace)
    }

    fn set_subjects(&self, object: &mut Node) -> Result<(), FieldError> {
        let (field, value) = match self.set_role_binding_subjects {
            Subjects::None => return Ok(()),
            Subjects::DefaultOnly => ("name", "default"),
            Subjects::AllServiceAccounts => ("kind", "ServiceAccount"),
        };
        let Some(subjects) = object.get_mut("subjects").filter(|node| !node.is_null()) else { return Ok(()) };
        let found = kind_name(subjects);
        let items = subjects.items_mut().ok_or(FieldError::Kind { expected: "SequenceNode", found })?;
        for subject in items {
            if subject.get(field).and_then(Node::text) != Some(value) {
                continue;
            }
            if let Some(mapping) = subject.as_mapping_mut() {
                self.set(mapping.entry("namespace", || Node::string("")))?;
            }
        }
        Ok(())
    }
}
