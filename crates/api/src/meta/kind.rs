//! One macro per shape of object: it writes the root type of a kind and what Kubernetes must know of it.

use schemars::JsonSchema;

/// A printer column of `kubectl get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The heading.
    pub name: &'static str,
    /// The OpenAPI type: string or date.
    pub type_: &'static str,
    /// Where the value stands in the object.
    pub json_path: &'static str,
    /// 0, or 1 for a column that only `-o wide` shows.
    pub priority: u8,
}

impl Column {
    /// A column that shows a text.
    pub const fn text(name: &'static str, json_path: &'static str) -> Self {
        Self { name, type_: "string", json_path, priority: 0 }
    }

    /// A column that shows a text with `-o wide` only.
    pub const fn wide_text(name: &'static str, json_path: &'static str) -> Self {
        Self { priority: 1, ..Self::text(name, json_path) }
    }
}

/// Age since creation.
pub(crate) const AGE: Column =
    Column { name: "Age", type_: "date", json_path: ".metadata.creationTimestamp", priority: 0 };
/// Status of the Ready condition.
pub(crate) const READY: Column = Column::text("Ready", r#".status.conditions[?(@.type=="Ready")].status"#);
/// Message of the Ready condition.
pub(crate) const STATUS: Column = Column::text("Status", r#".status.conditions[?(@.type=="Ready")].message"#);

/// How a kind has its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusForm {
    /// A status subresource; a new object has `observedGeneration: -1`.
    Defaulted,
    /// A status subresource without a default.
    Plain,
    /// None.
    Absent,
}

/// What the CustomResourceDefinition of a kind says beside its schema.
pub trait FluxKind: kube::Resource<DynamicType = ()> {
    /// The API group.
    const GROUP: &'static str;
    /// The stored version.
    const VERSION: &'static str;
    /// group/version, as in the object's apiVersion.
    const API_VERSION: &'static str;
    /// The kind in CamelCase.
    const KIND: &'static str;
    /// The name in URLs.
    const PLURAL: &'static str;
    /// Names for `kubectl get`.
    const SHORT_NAMES: &'static [&'static str];
    /// The category of its own family, beside `all` and `fluxcd`.
    const CATEGORY: &'static str;
    /// Printer columns in order.
    const COLUMNS: &'static [Column];
    /// What the kind is for, in one or two sentences.
    const DESCRIPTION: &'static str;
    /// Whether there is a status, and what a new object's is.
    const STATUS: StatusForm = StatusForm::Defaulted;
    /// Whether kustomize-controller's variable substitution leaves the CRD alone, so that `${...}` in descriptions
    /// and patterns survives.
    const SUBSTITUTION_DISABLED: bool = true;
    /// The type of the spec.
    type Spec: JsonSchema;
    /// The type of the status; `()` where there is none.
    type StatusSchema: JsonSchema;
}

/// The root type of a kind with a status subresource, and its traits.
macro_rules! flux_kind {
    (
        $(#[doc = $doc:literal])+
        $kind:ident {
            group: $group:literal, version: $version:literal, plural: $plural:literal,
            spec: $spec:ty, status: $status:ty,
            short_names: $short:expr, category: $category:literal, columns: $columns:expr
            $(, status_form: $form:expr)? $(, substitution_disabled: $disabled:literal)? $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(from = "crate::meta::Envelope")]
        pub struct $kind {
            /// Name, namespace, labels and the like.
            pub metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
            /// What is wanted.
            pub spec: $spec,
            /// What was last observed.
            pub status: Option<$status>,
            /// The fields of the stored spec that could not be read; never sent.
            pub spec_error: Option<String>,
        }

        impl From<crate::meta::Envelope> for $kind {
            fn from(stored: crate::meta::Envelope) -> Self {
                let (spec, spec_error) = crate::meta::decode_spec(stored.spec);
                let status = crate::meta::decode_status(stored.status);
                Self { metadata: stored.metadata, spec, status, spec_error }
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let type_meta = (<Self as crate::meta::FluxKind>::API_VERSION, stringify!($kind));
                crate::meta::serialize_object(serializer, type_meta, &self.metadata, &self.spec, self.status.as_ref())
            }
        }

        crate::meta::flux_resource!($kind, $group, $version, $plural, $spec);

        impl crate::meta::FluxKind for $kind {
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const API_VERSION: &'static str = concat!($group, "/", $version);
            const KIND: &'static str = stringify!($kind);
            const PLURAL: &'static str = $plural;
            const SHORT_NAMES: &'static [&'static str] = &$short;
            const CATEGORY: &'static str = $category;
            const COLUMNS: &'static [crate::meta::Column] = &$columns;
            const DESCRIPTION: &'static str = concat!($($doc),+);
            $(const STATUS: crate::meta::StatusForm = $form;)?
            $(const SUBSTITUTION_DISABLED: bool = $disabled;)?
            type Spec = $spec;
            type StatusSchema = $status;
        }
    };
}

/// The root type of a kind without a status, and its traits.
macro_rules! flux_kind_without_status {
    (
        $(#[doc = $doc:literal])+
        $kind:ident {
            group: $group:literal, version: $version:literal, plural: $plural:literal,
            spec: $spec:ty, category: $category:literal, columns: $columns:expr $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
        #[serde(from = "crate::meta::Envelope")]
        pub struct $kind {
            /// Name, namespace, labels and the like.
            pub metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
            /// What is wanted.
            pub spec: $spec,
            /// The fields of the stored spec that could not be read; never sent.
            pub spec_error: Option<String>,
        }

        impl From<crate::meta::Envelope> for $kind {
            fn from(stored: crate::meta::Envelope) -> Self {
                let (spec, spec_error) = crate::meta::decode_spec(stored.spec);
                Self { metadata: stored.metadata, spec, spec_error }
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let type_meta = (<Self as crate::meta::FluxKind>::API_VERSION, stringify!($kind));
                crate::meta::serialize_object(serializer, type_meta, &self.metadata, &self.spec, None::<&()>)
            }
        }

        crate::meta::flux_resource!($kind, $group, $version, $plural, $spec);

        impl crate::meta::FluxKind for $kind {
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const API_VERSION: &'static str = concat!($group, "/", $version);
            const KIND: &'static str = stringify!($kind);
            const PLURAL: &'static str = $plural;
            const SHORT_NAMES: &'static [&'static str] = &[];
            const CATEGORY: &'static str = $category;
            const COLUMNS: &'static [crate::meta::Column] = &$columns;
            const DESCRIPTION: &'static str = concat!($($doc),+);
            const STATUS: crate::meta::StatusForm = crate::meta::StatusForm::Absent;
            type Spec = $spec;
            type StatusSchema = ();
        }
    };
}

/// `new` and `kube::Resource` of a root type.
macro_rules! flux_resource {
    ($kind:ident, $group:literal, $version:literal, $plural:literal, $spec:ty) => {
        impl $kind {
            /// An object that was never stored.
            pub fn new(name: &str, spec: $spec) -> Self {
                let mut object = Self { spec, ..Self::default() };
                object.metadata.name = Some(name.to_owned());
                object
            }
        }

        impl kube::Resource for $kind {
            type DynamicType = ();
            type Scope = k8s_openapi::NamespaceResourceScope;

            fn kind((): &()) -> std::borrow::Cow<'_, str> {
                stringify!($kind).into()
            }

            fn group((): &()) -> std::borrow::Cow<'_, str> {
                $group.into()
            }

            fn version((): &()) -> std::borrow::Cow<'_, str> {
                $version.into()
            }

            fn plural((): &()) -> std::borrow::Cow<'_, str> {
                $plural.into()
            }

            fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &self.metadata
            }

            fn meta_mut(&mut self) -> &mut k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

/// `FluxObject` of a kind: `spec.suspend` suspends it, unless something else is named.
macro_rules! flux_object {
    ($kind:ident, $status:ty, interval: |$object:pat_param| $interval:expr) => {
        crate::meta::flux_object!($kind, $status, suspend: |object| object.spec.suspend,
            interval: |$object| $interval);
    };
    ($kind:ident, $status:ty, suspend: |$suspended:pat_param| $suspend:expr, interval: |$object:pat_param| $interval:expr) => {
        impl crate::meta::FluxObject for $kind {
            type Status = $status;

            fn suspended(&self) -> bool {
                let $suspended = self;
                $suspend
            }

            fn status(&self) -> Option<&Self::Status> {
                self.status.as_ref()
            }

            fn interval(&self) -> Option<std::time::Duration> {
                let $object = self;
                $interval
            }

            fn spec_error(&self) -> Option<&str> {
                self.spec_error.as_deref()
            }
        }
    };
}

/// `FluxStatus` of a status that has conditions, observedGeneration and lastHandledReconcileAt.
macro_rules! flux_status {
    ($status:ident) => {
        impl crate::meta::FluxStatus for $status {
            fn conditions(&self) -> &[crate::meta::Condition] {
                &self.conditions
            }

            fn conditions_mut(&mut self) -> &mut Vec<crate::meta::Condition> {
                &mut self.conditions
            }

            fn observed_generation(&self) -> i64 {
                self.observed_generation
            }

            fn set_observed_generation(&mut self, generation: i64) {
                self.observed_generation = generation;
            }

            fn last_handled_reconcile_at(&self) -> Option<&str> {
                self.last_handled_reconcile_at.as_deref()
            }

            fn set_last_handled_reconcile_at(&mut self, token: String) {
                self.last_handled_reconcile_at = Some(token);
            }
        }
    };
}

pub(crate) use {flux_kind, flux_kind_without_status, flux_object, flux_resource, flux_status};
