//! Version v1 of the sources.

mod bucket;
mod external_artifact;
mod git_repository;
mod helm_chart;
mod helm_repository;
mod oci_repository;
mod verification;

pub use self::bucket::{Bucket, BucketProvider, BucketSpec, BucketStatus, BucketSts, StsProvider};
pub use self::external_artifact::{ExternalArtifact, ExternalArtifactSpec, ExternalArtifactStatus};
pub use self::git_repository::{
    GitProvider, GitRepository, GitRepositoryInclude, GitRepositoryRef, GitRepositorySpec,
    GitRepositoryStatus, GitRepositoryVerification, GitVerificationMode,
};
pub use self::helm_chart::{
    ChartSourceKind, ChartSourceReference, HelmChart, HelmChartSpec, HelmChartStatus, ReconcileStrategy,
};
pub use self::helm_repository::{
    HelmRepository, HelmRepositorySpec, HelmRepositoryStatus, HelmRepositoryType, RegistryProvider,
};
pub use self::oci_repository::{
    LayerOperation, LayerSelector, OCIRepository, OCIRepositoryRef, OCIRepositorySpec, OCIRepositoryStatus,
};
pub use self::verification::{OciVerification, OidcIdentityMatch, VerificationProvider};

use std::time::Duration;

/// Default of the sources' `timeout`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
