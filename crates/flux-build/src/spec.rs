use std::collections::BTreeMap;

/// The part of a Kustomization's spec that decides what is built. Empty strings and lists mean absent, as in
/// the API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    /// Directory of the build in the source; `..` cannot leave the root.
    pub path: String,
    /// Namespace set on all namespaced objects.
    pub target_namespace: String,
    /// Prefix of all names.
    pub name_prefix: String,
    /// Suffix of all names.
    pub name_suffix: String,
    /// Patches, applied after those of the kustomization file.
    pub patches: Vec<Patch>,
    /// Images; an entry of the kustomization file with the same name is changed field by field.
    pub images: Vec<Image>,
    /// Components added to those of the file; local relative paths.
    pub components: Vec<String>,
    /// Components that do not exist are left out.
    pub ignore_missing_components: bool,
    /// `buildMetadata` of the kustomization file, replaced when not empty.
    pub build_metadata: Vec<String>,
    /// Labels and annotations set on all objects after the build; the digest does not cover them.
    pub common_metadata: CommonMetadata,
    /// Post-build substitution; `None` when the Kustomization has no `postBuild`.
    pub substitute: Option<Substitute>,
}

/// A patch and what it is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Strategic merge or JSON 6902 patch as text.
    pub patch: String,
    /// Which objects; `None` for the one the patch itself names.
    pub target: Option<Selector>,
}

/// Selects objects; regular expressions anchored at both ends, empty fields match all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// API group.
    pub group: String,
    /// API version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// Label selector.
    pub label_selector: String,
    /// Annotation selector.
    pub annotation_selector: String,
}

/// A replacement of an image.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// Image name without tag.
    pub name: String,
    /// New name.
    pub new_name: String,
    /// New tag.
    pub new_tag: String,
    /// New digest; wins over the tag.
    pub digest: String,
}

/// Labels and annotations for all objects; they win over those of the objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CommonMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// `postBuild`, with what `substituteFrom` refers to already read. The values may be secret, so that this
/// has no `Debug` that shows them.
#[derive(Clone, Default, PartialEq)]
pub struct Substitute {
    /// Variables, merged in the order of precedence. Line breaks are stripped when they are put in.
    pub vars: BTreeMap<String, String>,
    /// A variable without value and default is an error (Flux's gate `StrictPostBuildSubstitutions`).
    pub strict: bool,
    /// Substitute even without variables (`substituteStrategy: Always`).
    pub always: bool,
}

impl std::fmt::Debug for Substitute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.vars.keys().collect();
        f.debug_struct("Substitute")
            .field("vars", &names)
            .field("strict", &self.strict)
            .field("always", &self.always)
            .finish()
    }
}
