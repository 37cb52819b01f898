use api::source::v1::{
    GitProvider, GitRepositorySpec, HelmChartSpec, HelmRepositorySpec, OCIRepositorySpec, RegistryProvider,
};

use crate::status::StepError;

/// Refuses what is not built yet: a source that silently does less than asked for would be worse than none.
pub(crate) fn check_git(spec: &GitRepositorySpec) -> Result<(), StepError> {
    refuse(unsupported(spec))
}

/// The same of OCIRepositories.
pub(crate) fn check_oci(spec: &OCIRepositorySpec) -> Result<(), StepError> {
    refuse(cloud(spec.provider.as_ref()).or_else(|| spec.verify.is_some().then(|| "spec.verify".to_owned())))
}

/// The same of HelmRepositories.
pub(crate) fn check_helm_repository(spec: &HelmRepositorySpec) -> Result<(), StepError> {
    refuse(cloud(spec.provider.as_ref()))
}

/// The same of HelmCharts.
pub(crate) fn check_chart(spec: &HelmChartSpec) -> Result<(), StepError> {
    refuse(spec.verify.is_some().then(|| "spec.verify".to_owned()))
}

fn refuse(what: Option<String>) -> Result<(), StepError> {
    match what {
        None => Ok(()),
        Some(what) => Err(StepError::unsupported(format!(
            "{what} is not supported by this version of source-controller; the artifact is left as it is"
        ))),
    }
}

fn cloud(provider: Option<&RegistryProvider>) -> Option<String> {
    let provider = provider.filter(|provider| **provider != RegistryProvider::Generic)?;
    Some(format!("spec.provider '{provider}'"))
}

fn unsupported(spec: &GitRepositorySpec) -> Option<String> {
    if let Some(provider) = spec.provider.as_ref().filter(|provider| **provider != GitProvider::Generic) {
        return Some(format!("spec.provider '{provider}'"));
    }
    let fields = [
        ("spec.verify", spec.verify.is_some()),
        ("spec.recurseSubmodules", spec.recurse_submodules),
        ("spec.include", !spec.include.is_empty()),
    ];
    fields.into_iter().find(|(_, used)| *used).map(|(name, _)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::check_git as check;
    use crate::status::Disposition;
    use api::source::v1::{GitProvider, GitRepositoryInclude, GitRepositorySpec, GitRepositoryVerification};

    fn refused(change: impl FnOnce(&mut GitRepositorySpec)) -> String {
        let mut spec = GitRepositorySpec::default();
        change(&mut spec);
        let error = check(&spec).unwrap_err();
        assert_eq!(error.disposition, Disposition::Stalled);
        error.message
    }

    #[test]
    fn what_is_not_built_is_said_by_its_field() {
        assert!(check(&GitRepositorySpec::default()).is_ok());
        assert!(
            refused(|spec| spec.provider = Some(GitProvider::GitHub))
                .starts_with("spec.provider 'github' is not")
        );
        assert!(refused(|spec| spec.recurse_submodules = true).starts_with("spec.recurseSubmodules"));
        assert!(
            refused(|spec| spec.include = vec![GitRepositoryInclude::default()]).starts_with("spec.include")
        );
        let verify = Some(GitRepositoryVerification::default());
        assert!(refused(|spec| spec.verify = verify).starts_with("spec.verify"));
    }
}
