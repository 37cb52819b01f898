//! Version v2.

mod actions;
mod chart;
mod helm_release;
mod status;

pub use self::actions::{
    ActionStrategyName, ChartNameChangeStrategy, CrdsPolicy, DeletionPropagation, Install,
    InstallRemediation, InstallStrategy, RemediationStrategy, Rollback, ServerSideApply, Test, TestFilter,
    Uninstall, Upgrade, UpgradeRemediation, UpgradeStrategy,
};
pub use self::chart::{
    ChartRefKind, ChartReference, ChartTemplate, ChartTemplateMetadata, ChartTemplateSource,
    ChartTemplateSpec, ChartTemplateVerification,
};
pub use self::helm_release::{
    DriftDetection, DriftDetectionMode, HelmRelease, HelmReleaseSpec, Kustomize, PostRenderStrategy,
    PostRenderer, ValuesReference, WaitStrategy, WaitStrategyName,
};
pub use self::status::{HelmReleaseStatus, ReleaseAction, ReleaseSnapshot, TestHookStatus};
