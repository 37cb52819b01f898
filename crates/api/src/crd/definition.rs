//! From a kind to its CustomResourceDefinition.

use serde_json::{Map, Value, json};

use super::schema::{join_lines, schema_of, sorted};
use crate::helm::v2::HelmRelease;
use crate::image::v1::{ImagePolicy, ImageRepository, ImageUpdateAutomation};
use crate::kustomize::v1::Kustomization;
use crate::meta::{Column, FluxKind, StatusForm, annotations};
use crate::notification::v1::Receiver;
use crate::notification::v1beta3::{Alert, Provider};
use crate::source::v1::{Bucket, ExternalArtifact, GitRepository, HelmChart, HelmRepository, OCIRepository};
use crate::source_extensions::v1beta1::ArtifactGenerator;

const API_VERSION_DESCRIPTION: &str = "Version of the form this object is written in, as group/version. Servers \
    convert known versions and may refuse others.";
const KIND_DESCRIPTION: &str = "The kind of this object, in CamelCase. It cannot be changed.";

/// One version in a CustomResourceDefinition.
#[derive(Clone, Debug)]
pub struct CrdVersion {
    /// Name of the version.
    pub name: String,
    /// What the API server tells those who use the version; none for a version that is not deprecated.
    pub deprecation_warning: Option<String>,
    /// True for the version that is stored.
    pub storage: bool,
}

/// The definitions of all kinds, in the order of their names.
pub fn definitions() -> Vec<Value> {
    vec![
        definition::<HelmRelease>(),
        definition::<ImagePolicy>(),
        definition::<ImageRepository>(),
        definition::<ImageUpdateAutomation>(),
        definition::<Kustomization>(),
        definition::<Alert>(),
        definition::<Provider>(),
        definition::<Receiver>(),
        definition::<ArtifactGenerator>(),
        definition::<Bucket>(),
        definition::<ExternalArtifact>(),
        definition::<GitRepository>(),
        definition::<HelmChart>(),
        definition::<HelmRepository>(),
        definition::<OCIRepository>(),
    ]
}

/// The definition of a kind with its one version.
pub fn definition<K: FluxKind>() -> Value {
    let version = CrdVersion { name: K::VERSION.to_owned(), deprecation_warning: None, storage: true };
    definition_with::<K>(&root_schema::<K>(), &[version])
}

/// The definition of a kind in several versions of one schema.
pub(super) fn definition_with<K: FluxKind>(schema: &Value, versions: &[CrdVersion]) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), json!(format!("{}.{}", K::PLURAL, K::GROUP)));
    if K::SUBSTITUTION_DISABLED {
        metadata.insert("annotations".to_owned(), json!({ annotations::KUSTOMIZE_SUBSTITUTE: "disabled" }));
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": sorted(Value::Object(metadata)),
        "spec": {
            "group": K::GROUP,
            "names": names::<K>(),
            "scope": "Namespaced",
            "versions": versions.iter().map(|version| version_of::<K>(version, schema)).collect::<Vec<_>>(),
        },
    })
}

fn names<K: FluxKind>() -> Value {
    let mut names = json!({
        "categories": ["all", "fluxcd", K::CATEGORY],
        "kind": K::KIND,
        "listKind": format!("{}List", K::KIND),
        "plural": K::PLURAL,
        "singular": K::KIND.to_lowercase(),
    });
    if !K::SHORT_NAMES.is_empty() {
        names["shortNames"] = json!(K::SHORT_NAMES);
    }
    sorted(names)
}

fn version_of<K: FluxKind>(version: &CrdVersion, schema: &Value) -> Value {
    let mut entry = json!({
        "name": version.name,
        "served": true,
        "storage": version.storage,
        "additionalPrinterColumns": K::COLUMNS.iter().map(column).collect::<Vec<_>>(),
        "schema": { "openAPIV3Schema": schema },
        "subresources": {},
    });
    if K::STATUS != StatusForm::Absent {
        entry["subresources"]["status"] = json!({});
    }
    if let Some(warning) = &version.deprecation_warning {
        entry["deprecated"] = json!(true);
        entry["deprecationWarning"] = json!(warning);
    }
    sorted(entry)
}

fn column(column: &Column) -> Value {
    let mut entry = json!({ "name": column.name, "type": column.type_, "jsonPath": column.json_path });
    if column.priority > 0 {
        entry["priority"] = json!(column.priority);
    }
    sorted(entry)
}

/// The schema of a whole object.
pub(super) fn root_schema<K: FluxKind>() -> Value {
    let mut properties = json!({
        "apiVersion": { "type": "string", "description": API_VERSION_DESCRIPTION },
        "kind": { "type": "string", "description": KIND_DESCRIPTION },
        "metadata": { "type": "object" },
        "spec": schema_of::<K::Spec>(),
    });
    if K::STATUS != StatusForm::Absent {
        properties["status"] = schema_of::<K::StatusSchema>();
    }
    if K::STATUS == StatusForm::Defaulted {
        properties["status"]["default"] = json!({ "observedGeneration": -1 });
    }
    sorted(json!({
        "type": "object",
        "description": join_lines(K::DESCRIPTION),
        "properties": properties,
    }))
}
