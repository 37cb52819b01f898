//! Version v1.

mod image_policy;
mod image_repository;
mod image_update_automation;

pub use self::image_policy::{
    AlphabeticalPolicy, DigestReflectionPolicy, ImagePolicy, ImagePolicyChoice, ImagePolicySpec,
    ImagePolicyStatus, ImageRef, NumericalPolicy, SemverPolicy, SortOrder, TagFilter,
};
pub use self::image_repository::{ImageRepository, ImageRepositorySpec, ImageRepositoryStatus, ScanResult};
pub use self::image_update_automation::{
    AutomationSource, AutomationSourceKind, CommitAuthor, GitCheckout, GitCommit, GitPush, GitSpec,
    ImageUpdateAutomation, ImageUpdateAutomationSpec, ImageUpdateAutomationStatus, SigningKey,
    SigningKeyType, UpdateStrategy, UpdateStrategyName,
};
