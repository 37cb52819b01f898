//! Version v1.

mod kustomization;

pub use self::kustomization::{
    BuildMetadata, Decryption, DecryptionProvider, DeletionPolicy, JsonPatchOperation, Kustomization,
    KustomizationSpec, KustomizationStatus, LegacyJsonPatch, PostBuild, SourceKind, SourceReference,
    SubstituteReference, SubstituteStrategy,
};
