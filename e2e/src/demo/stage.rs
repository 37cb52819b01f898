//! Control plane, Git server, repository and controllers of the demo.
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use testkit::{ControlPlane, Controller, GitRepo, GitServer, PlaneOptions, program, workspace_root};

use super::{DemoArgs, files, screen::say};

/// What both controllers are told.
const FLUX_OBJECTS: &str = r"apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: { name: demo, namespace: flux-system }
spec:
  interval: 1m
  url: URL
  ref: { branch: main }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: staging, namespace: flux-system }
spec:
  interval: 1m
  retryInterval: 5s
  timeout: 8s
  path: ./overlays/staging
  prune: true
  wait: true
  sourceRef: { kind: GitRepository, name: demo }
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: { name: production, namespace: flux-system }
spec:
  interval: 1m
  retryInterval: 5s
  timeout: 8s
  path: ./overlays/production
  prune: true
  wait: true
  sourceRef: { kind: GitRepository, name: demo }
";

/// Dropped from top to bottom: controllers first, the control plane last.
pub(super) struct Stage {
    controllers: Vec<Controller>,
    pub(super) repo: GitRepo,
    git: GitServer,
    pub(super) plane: ControlPlane,
}

impl Stage {
    /// Starts everything; about 8 s when the programs are built.
    pub(super) async fn set(args: &DemoArgs) -> Result<Stage> {
        check_names(args)?;
        say("Sluice: a Git repository in, a cluster that equals it out.");
        say(
            "A real API server on this machine; kwok plays the node, so no container runs and no image is pulled.",
        );
        let options =
            PlaneOptions { progress: Some(|step| say(&format!("  {step}"))), ..PlaneOptions::default() };
        let plane = ControlPlane::start_with(options).await?;
        say("  applying the CustomResourceDefinitions");
        apply_crds(&plane, args.crd.as_deref())?;
        plane.kubectl_ok(&["create", "namespace", "flux-system"])?;
        say("  committing the first version to a Git server");
        let git = GitServer::start()?;
        let repo = git.repo("demo")?;
        repo.commit(&files::FIRST, "a small web application, version 1.0")?;
        let mut stage = Stage { controllers: Vec::new(), repo, git, plane };
        stage.start_controllers(args).await?;
        Ok(stage)
    }

    async fn start_controllers(&mut self, args: &DemoArgs) -> Result<()> {
        for name in ["source-controller", "kustomize-controller"] {
            if args.without.as_deref() == Some(name) {
                say(&format!("  leaving out {name}, as asked: act 1 must fail"));
                continue;
            }
            say(&format!("  starting {name}"));
            let mut builder = self.plane.controller(name);
            if let Some(bin) = &args.bin {
                builder = builder.binaries(bin);
            }
            self.controllers.push(builder.start().await?);
        }
        Ok(())
    }

    /// `kubectl apply` of the GitRepository and the Kustomizations.
    pub(super) fn apply_flux_objects(&self) -> Result<()> {
        let file = self.plane.dir().join("demo.yaml");
        std::fs::write(&file, FLUX_OBJECTS.replace("URL", self.repo.url()))?;
        self.plane.kubectl_ok(&["apply", "-f", &file.display().to_string()]).map(drop)
    }

    /// Commits, pushes and tells the source, as a webhook would.
    pub(super) fn push(&self, files: &[(&str, &str)], message: &str) -> Result<()> {
        say(&format!("  git push: {message}"));
        self.repo.commit(files, message)?;
        self.tell_source()
    }

    /// Requests a reconciliation of the source at the commit just pushed.
    pub(super) fn tell_source(&self) -> Result<()> {
        let token = format!("reconcile.fluxcd.io/requestedAt={}", self.repo.head()?);
        let args =
            ["annotate", "--overwrite", "-n", "flux-system", "gitrepositories.source.toolkit.fluxcd.io/demo"];
        self.plane.kubectl_ok(&[&args[..], &[&token]].concat()).map(drop)
    }

    /// What one looks at first when an act went wrong.
    pub(super) fn explain(&self) {
        let args = ["get", "gitrepositories,kustomizations", "-A", "-o", "wide"];
        if let Ok(text) = self.plane.kubectl_ok(&args) {
            say(&format!("\n{text}"));
        }
        for controller in &self.controllers {
            say(&format!("--- end of {}\n{}", controller.process().log_path().display(), {
                controller.process().log_tail(15)
            }));
        }
    }

    /// Leaves all but the Git server running.
    pub(super) fn keep(self) -> Result<()> {
        let kubeconfig = self.plane.kubeconfig();
        let mut stop = String::new();
        for controller in self.controllers {
            stop.push_str(&format!("kill -KILL -- -{}; ", controller.keep()?));
        }
        stop.push_str(&self.plane.keep()?);
        say("\nThe cluster stays up (the Git server ends with this program). Look at it:");
        say(&format!("  export KUBECONFIG={}", kubeconfig.display()));
        if let Some(tools) = program("kubectl")?.parent() {
            say(&format!("  export PATH={}:$PATH", tools.display()));
        }
        say("  kubectl get gitrepositories,kustomizations -A");
        say("  kubectl get all -n staging; kubectl get all -n production");
        say(&format!("End it all with:\n  {stop}"));
        drop(self.git);
        Ok(())
    }
}

fn check_names(args: &DemoArgs) -> Result<()> {
    match args.without.as_deref() {
        None | Some("source-controller" | "kustomize-controller") => Ok(()),
        Some(other) => bail!("--without {other}: it is source-controller or kustomize-controller"),
    }
}

/// Ours, and the earlier versions of the same kinds over them (the demo is for those who come with old articles).
fn apply_crds(plane: &ControlPlane, given: Option<&Path>) -> Result<()> {
    if let Some(dir) = given {
        return plane.apply_crds(dir);
    }
    let config = workspace_root().join("config");
    let folders: Vec<PathBuf> = ["crd", "crd-legacy"].map(|name| config.join(name)).to_vec();
    for dir in folders.iter().filter(|dir| dir.is_dir()) {
        plane.apply_crds(dir)?;
    }
    Ok(())
}
