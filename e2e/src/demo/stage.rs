//! Control plane, Git server, repository and controllers of the demo.
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use testkit::{
    CONTROLLERS, ControlPlane, Controller, FakeForge, GitRepo, GitServer, OciArtifact, PlaneOptions,
    Registry, program, workspace_root,
};

use super::{DemoArgs, files, screen::say};

/// What source- and kustomize-controller are told.
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
    pub(super) registry: Registry,
    /// A fake chat: it only keeps what it is sent.
    pub(super) chat: FakeForge,
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
        say("  starting a registry");
        let (registry, chat) = (Registry::start().await?, FakeForge::start()?);
        let mut stage = Stage { controllers: Vec::new(), repo, git, registry, chat, plane };
        stage.start_controllers(args).await?;
        Ok(stage)
    }

    async fn start_controllers(&mut self, args: &DemoArgs) -> Result<()> {
        let mut events = None;
        for name in CONTROLLERS {
            if args.without.as_deref() == Some(name) {
                say(&format!("  leaving out {name}, as asked"));
                continue;
            }
            say(&format!("  starting {name}"));
            let mut builder = self.plane.controller(name);
            if let Some(bin) = &args.bin {
                builder = builder.binaries(bin);
            }
            if let Some(url) = &events {
                builder = builder.arg(format!("--events-addr={url}/"));
            }
            let controller = builder.start().await?;
            if name == CONTROLLERS[0] {
                events = Some(controller.service_url());
            }
            self.controllers.push(controller);
        }
        Ok(())
    }

    /// `kubectl apply` of the GitRepository and the Kustomizations.
    pub(super) fn apply_flux_objects(&self) -> Result<()> {
        self.apply("demo.yaml", &FLUX_OBJECTS.replace("URL", self.repo.url()))
    }

    /// `kubectl apply -f` of a text.
    pub(super) fn apply(&self, name: &str, text: &str) -> Result<()> {
        let file = self.plane.dir().join(name);
        std::fs::write(&file, text)?;
        self.plane.kubectl_ok(&["apply", "-f", &file.display().to_string()]).map(drop)
    }

    /// Pushes to the registry.
    pub(super) fn push_oci(&self, repository: &str, tag: &str, artifact: &OciArtifact) -> Result<()> {
        let push = self.registry.push(repository, tag, artifact);
        // Acts are plain functions; the runtime that plays them has other threads for this.
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(push)).map(drop)
    }

    /// Commits, pushes and tells the source, as a webhook would.
    pub(super) fn push(&self, files: &[(&str, &str)], message: &str) -> Result<()> {
        say(&format!("  git push: {message}"));
        self.repo.commit(files, message)?;
        self.tell_source()
    }

    /// Requests a reconciliation of the source at the commit just pushed.
    pub(super) fn tell_source(&self) -> Result<()> {
        self.tell("flux-system", "gitrepositories.source.toolkit.fluxcd.io/demo", &self.repo.head()?)
    }

    /// Requests a reconciliation, as a webhook would; `token` is any new text.
    pub(super) fn tell(&self, namespace: &str, object: &str, token: &str) -> Result<()> {
        let annotation = format!("reconcile.fluxcd.io/requestedAt={token}");
        let args = ["annotate", "--overwrite", "-n", namespace, object, &annotation];
        self.plane.kubectl_ok(&args).map(drop)
    }

    /// What one looks at first when an act went wrong.
    pub(super) fn explain(&self) {
        let args = ["get", "gitrepositories,kustomizations,helmreleases,imagepolicies", "-A", "-o", "wide"];
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
        Some(other) if !CONTROLLERS.contains(&other) => {
            bail!("--without {other}: it is one of {}", CONTROLLERS.join(", "))
        }
        _ => Ok(()),
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
