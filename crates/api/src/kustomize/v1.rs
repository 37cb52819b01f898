//! Version v1.

mod kustomization;

pub use self::kustomization::{
    BuildMetadata, Decryption, DecryptionProvider, DeletionPolicy, Kustomization, KustomizationSpec,
    KustomizationStatus, PostBuild, SourceKind, SourceReference, SubstituteReference, SubstituteStrategy,
};
