//! The manifests of `config/`, inside this program.
use kustomize::MemoryTree;

/// Paths and contents.
macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/", $path)))),+]
    };
}

/// Every file that an installation may be built of; a test compares the list with the folder.
static FILES: &[(&str, &str)] = files![
    "crd-legacy/kustomization.yaml",
    "crd-legacy/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
    "crd-legacy/source.toolkit.fluxcd.io_gitrepositories.yaml",
    "crd/helm.toolkit.fluxcd.io_helmreleases.yaml",
    "crd/image.toolkit.fluxcd.io_imagepolicies.yaml",
    "crd/image.toolkit.fluxcd.io_imagerepositories.yaml",
    "crd/image.toolkit.fluxcd.io_imageupdateautomations.yaml",
    "crd/kustomization.yaml",
    "crd/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
    "crd/notification.toolkit.fluxcd.io_alerts.yaml",
    "crd/notification.toolkit.fluxcd.io_providers.yaml",
    "crd/notification.toolkit.fluxcd.io_receivers.yaml",
    "crd/source.extensions.fluxcd.io_artifactgenerators.yaml",
    "crd/source.toolkit.fluxcd.io_buckets.yaml",
    "crd/source.toolkit.fluxcd.io_externalartifacts.yaml",
    "crd/source.toolkit.fluxcd.io_gitrepositories.yaml",
    "crd/source.toolkit.fluxcd.io_helmcharts.yaml",
    "crd/source.toolkit.fluxcd.io_helmrepositories.yaml",
    "crd/source.toolkit.fluxcd.io_ocirepositories.yaml",
    "helm-controller/account.yaml",
    "helm-controller/binding.yaml",
    "helm-controller/deployment.yaml",
    "helm-controller/kustomization.yaml",
    "helm-controller/role.yaml",
    "image-automation-controller/account.yaml",
    "image-automation-controller/binding.yaml",
    "image-automation-controller/deployment.yaml",
    "image-automation-controller/kustomization.yaml",
    "image-automation-controller/role.yaml",
    "kustomize-controller/account.yaml",
    "kustomize-controller/binding.yaml",
    "kustomize-controller/deployment.yaml",
    "kustomize-controller/kustomization.yaml",
    "kustomize-controller/role.yaml",
    "namespace/kustomization.yaml",
    "namespace/namespace.yaml",
    "notification-controller/account.yaml",
    "notification-controller/binding.yaml",
    "notification-controller/deployment.yaml",
    "notification-controller/kustomization.yaml",
    "notification-controller/role.yaml",
    "notification-controller/service.yaml",
    "policies/allow-egress.yaml",
    "policies/allow-scraping.yaml",
    "policies/allow-webhooks.yaml",
    "policies/kustomization.yaml",
    "rbac/edit.yaml",
    "rbac/kustomization.yaml",
    "rbac/quota.yaml",
    "rbac/view.yaml",
    "source-controller/account.yaml",
    "source-controller/binding.yaml",
    "source-controller/deployment.yaml",
    "source-controller/kustomization.yaml",
    "source-controller/role.yaml",
    "source-controller/service.yaml",
    "tenancy/locked-down/impersonator.yaml",
    "tenancy/locked-down/kustomization.yaml",
    "tenancy/plain/cluster-reconciler.yaml",
    "tenancy/plain/kustomization.yaml",
];

/// The tree of `config/`.
pub(crate) fn config() -> MemoryTree {
    FILES.iter().map(|(path, content)| (*path, *content)).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::FILES;

    /// Folders whose builds are put together here from the rest.
    const BUILT_HERE: [&str; 3] = ["all", "all-locked-down", "single"];

    fn collect(root: &Path, dir: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_file() {
                found.insert(name);
            } else if !BUILT_HERE.contains(&name.as_str()) {
                collect(root, &path, found);
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_inside() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        let mut found = BTreeSet::new();
        collect(&root, &root, &mut found);
        let inside: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(inside, found);
    }
}
