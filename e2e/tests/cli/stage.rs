//! Where an installation is made: an empty cluster and a Git server.
use std::process::Command;

use serde_json::Value;
use testkit::{ControlPlane, Controller, GitServer};

use super::sluice::Sluice;

/// A control plane of its own with everything in it that the examples name.
pub(crate) struct Stage {
    pub(crate) plane: ControlPlane,
    pub(crate) sluice: Sluice,
    pub(crate) git: GitServer,
    _controllers: Vec<Controller>,
}

/// The namespace of the installation.
pub(crate) const HOME: &str = "flux-system";

impl Stage {
    /// Two controllers run beside the plane, as nothing runs in its pods.
    pub(crate) async fn start() -> Stage {
        Stage::start_with(&[]).await
    }

    /// The same, with more flags of kustomize-controller.
    pub(crate) async fn start_with(flags: &[&str]) -> Stage {
        let plane = ControlPlane::start().await.unwrap();
        let mut controllers = Vec::new();
        for (binary, flags) in [("source-controller", &[][..]), ("kustomize-controller", flags)] {
            let controller = plane.controller(binary).args(flags.iter().copied()).without_waiting();
            controllers.push(controller.start().await.unwrap());
        }
        let sluice = Sluice::of(&plane.kubeconfig(), HOME);
        Stage { plane, sluice, git: GitServer::start().unwrap(), _controllers: controllers }
    }

    /// A repository that anybody may push to.
    pub(crate) fn open_repository(&self, name: &str) -> testkit::GitRepo {
        let repo = self.git.repo(name).unwrap();
        let bare = repo.bare().to_str().unwrap();
        let done =
            Command::new("git").args(["-C", bare, "config", "http.receivepack", "true"]).status().unwrap();
        assert!(done.success());
        repo
    }

    /// What kubectl prints; it must end well.
    pub(crate) fn kubectl(&self, args: &str) -> String {
        self.plane.kubectl_ok(&args.split(' ').collect::<Vec<_>>()).unwrap()
    }
}

/// The object in a namespace.
pub(crate) fn within(mut object: Value, namespace: &str) -> Value {
    object["metadata"]["namespace"] = namespace.into();
    object
}
