//! The pinned Go programs: looked for in `KUBEBUILDER_ASSETS`, then in the cache, else built into the cache.
use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::root,
    console::{say, watch},
};

/// One folder of `e2e/tools`.
struct Tool {
    name: &'static str,
    /// The module whose version in `go.mod` names the folder in the cache.
    module: &'static str,
    programs: &'static [Program],
}

struct Program {
    name: &'static str,
    package: &'static str,
    /// Seconds on 2 cores with an empty cache, told beforehand.
    seconds: u32,
}

/// Modules, Go's build cache and the programs themselves, in MB, when everything is built.
const DISK_MB: u32 = 6000;

const API_SERVER: Program =
    Program { name: "kube-apiserver", package: "k8s.io/kubernetes/cmd/kube-apiserver", seconds: 240 };
const CONTROLLER_MANAGER: Program = Program {
    name: "kube-controller-manager",
    package: "k8s.io/kubernetes/cmd/kube-controller-manager",
    seconds: 90,
};
const SCHEDULER: Program =
    Program { name: "kube-scheduler", package: "k8s.io/kubernetes/cmd/kube-scheduler", seconds: 10 };

const TOOLS: &[Tool] = &[
    Tool {
        name: "etcd",
        module: "go.etcd.io/etcd/server/v3",
        programs: &[Program { name: "etcd", package: "go.etcd.io/etcd/server/v3", seconds: 30 }],
    },
    Tool {
        name: "kubernetes",
        module: "k8s.io/kubernetes",
        programs: &[
            API_SERVER,
            CONTROLLER_MANAGER,
            SCHEDULER,
            Program { name: "kubectl", package: "k8s.io/kubernetes/cmd/kubectl", seconds: 65 },
        ],
    },
    Tool {
        name: "kwok",
        module: "sigs.k8s.io/kwok",
        programs: &[Program { name: "kwok", package: "sigs.k8s.io/kwok/cmd/kwok", seconds: 80 }],
    },
    Tool {
        name: "helm",
        module: "helm.sh/helm/v4",
        programs: &[Program { name: "helm", package: "helm.sh/helm/v4/cmd/helm", seconds: 60 }],
    },
    Tool {
        name: "kustomize",
        module: "sigs.k8s.io/kustomize/kustomize/v5",
        programs: &[Program {
            name: "kustomize",
            package: "sigs.k8s.io/kustomize/kustomize/v5",
            seconds: 20,
        }],
    },
    Tool {
        name: "registry",
        module: "github.com/distribution/distribution/v3",
        programs: &[Program {
            name: "registry",
            package: "github.com/distribution/distribution/v3/cmd/registry",
            seconds: 150,
        }],
    },
    Tool {
        name: "crane",
        module: "github.com/google/go-containerregistry",
        programs: &[Program {
            name: "crane",
            package: "github.com/google/go-containerregistry/cmd/crane",
            seconds: 30,
        }],
    },
];

/// The oldest Kubernetes that `flux check` accepts: a control plane that only `soak --oldest` asks for.
const OLDEST: Tool = Tool {
    name: "kubernetes-oldest",
    module: "k8s.io/kubernetes",
    programs: &[API_SERVER, CONTROLLER_MANAGER, SCHEDULER],
};

/// Sees to it that the oldest Kubernetes exists: the folder of its programs, as `KUBEBUILDER_ASSETS` takes it.
pub(crate) fn oldest() -> Result<PathBuf> {
    let folder = folder(&OLDEST)?;
    let missing: Vec<&Program> = OLDEST.programs.iter().filter(|p| !folder.join(p.name).is_file()).collect();
    if !missing.is_empty() {
        announce(&[(&OLDEST, folder.clone(), missing.clone())])?;
        let workshop = Workshop::enter()?;
        build(&workshop, &OLDEST, &folder, &missing)?;
    }
    Ok(folder)
}

/// Sees to it that these programs exist (all, when none is named).
pub(crate) fn ensure(wanted: &[String]) -> Result<()> {
    let known = || TOOLS.iter().flat_map(|tool| tool.programs);
    if let Some(unknown) = wanted.iter().find(|name| known().all(|program| program.name != **name)) {
        let names: Vec<&str> = known().map(|program| program.name).collect();
        bail!("{unknown:?} is not a pinned program; there are {}", names.join(", "));
    }
    let mut missing = Vec::new();
    for tool in TOOLS {
        let folder = folder(tool)?;
        let lacks = |p: &&Program| {
            (wanted.is_empty() || wanted.iter().any(|w| w == p.name)) && !exists(&folder, p.name)
        };
        let programs: Vec<&Program> = tool.programs.iter().filter(lacks).collect();
        if !programs.is_empty() {
            missing.push((tool, folder, programs));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    announce(&missing)?;
    let workshop = Workshop::enter()?;
    for (tool, folder, programs) in &missing {
        build(&workshop, tool, folder, programs)?;
    }
    Ok(())
}

/// Where a program is, once [`ensure`] has seen to it.
pub(crate) fn path(program: &str) -> Result<PathBuf> {
    let given = env::var_os("KUBEBUILDER_ASSETS").map(|dir| PathBuf::from(dir).join(program));
    if let Some(found) = given.filter(|found| found.is_file()) {
        return Ok(found);
    }
    let tool = TOOLS.iter().find(|tool| tool.programs.iter().any(|known| known.name == program));
    Ok(folder(tool.with_context(|| format!("{program} is not a pinned program"))?)?.join(program))
}

fn announce(missing: &[(&Tool, PathBuf, Vec<&Program>)]) -> Result<()> {
    let all: Vec<&&Program> = missing.iter().flat_map(|(_, _, programs)| programs).collect();
    let names: Vec<&str> = all.iter().map(|program| program.name).collect();
    let seconds: u32 = all.iter().map(|program| program.seconds).sum();
    say(&format!("Building from pinned Go modules, once: {}.", names.join(", ")));
    say(&format!("About {} minutes on 2 cores and up to {DISK_MB} MB of disk,", seconds.div_ceil(60)));
    say(&format!("in {} and among Go's modules; most of it is given back.", cache().display()));
    let version = Command::new("go").arg("version").output();
    let version = version
        .context("the programs are built by Go: install Go 1.26 or later, or set KUBEBUILDER_ASSETS")?;
    say(&format!("With {}", String::from_utf8_lossy(&version.stdout).trim()));
    Ok(())
}

fn exists(folder: &Path, program: &str) -> bool {
    let assets = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    assets.is_some_and(|dir| dir.join(program).is_file()) || folder.join(program).is_file()
}

/// One folder a version, so that another branch with other pins finds its own.
fn folder(tool: &Tool) -> Result<PathBuf> {
    let file = root().join("e2e/tools").join(tool.name).join("go.mod");
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let version =
        pinned(&text, tool.module).with_context(|| format!("no {} in {}", tool.module, file.display()))?;
    Ok(cache().join(format!("{}-{version}", tool.name)))
}

fn pinned<'a>(go_mod: &'a str, module: &str) -> Option<&'a str> {
    go_mod.lines().filter(|line| !line.contains("=>")).find_map(|line| {
        let mut words = line.trim().trim_start_matches("require ").split_whitespace();
        (words.next() == Some(module)).then(|| words.next()).flatten()
    })
}

fn cache() -> PathBuf {
    let base = env::var_os("SLUICE_CACHE").map(PathBuf::from).unwrap_or_else(|| {
        let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_else(env::temp_dir);
        env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from).join("sluice")
    });
    base.join("tools")
}

/// Where programs are built, by one process at a time. What Go compiles on the way is ten times what comes of it, and of
/// no use afterwards: it goes with the last program. What a build that was killed has compiled, the next one takes.
struct Workshop {
    compiled: PathBuf,
    _lock: File,
}

impl Workshop {
    fn enter() -> Result<Self> {
        let cache = cache();
        fs::create_dir_all(&cache).with_context(|| format!("making {}", cache.display()))?;
        let lock = File::create(cache.join(".lock"))?;
        if lock.try_lock().is_err() {
            say("another build of these programs is under way; waiting for it");
            lock.lock()?;
        }
        Ok(Self { compiled: cache.join(".go-build"), _lock: lock })
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.compiled);
    }
}

/// Builds beside the final place and renames: whoever sees a program sees a whole one.
fn build(workshop: &Workshop, tool: &Tool, folder: &Path, programs: &[&Program]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for program in programs {
        if folder.join(program.name).is_file() {
            continue;
        }
        let begun = Instant::now();
        say(&format!("{}: about {} s", program.name, program.seconds));
        let aside = folder.join(format!(".{}", program.name));
        go_build(workshop, tool, program, &aside)?;
        fs::rename(&aside, folder.join(program.name))?;
        say(&format!("{}: built in {} s", program.name, begun.elapsed().as_secs()));
    }
    Ok(())
}

fn go_build(workshop: &Workshop, tool: &Tool, program: &Program, into: &Path) -> Result<()> {
    let mut command = Command::new("go");
    let mut flags = String::from("-s -w");
    if tool.module == "k8s.io/kubernetes" {
        let version = folder(tool)?.display().to_string();
        let version = version.rsplit_once("-v").map_or("", |(_, version)| version).to_string();
        flags.push_str(&version_flags(&version));
    }
    command
        .current_dir(root().join("e2e/tools").join(tool.name))
        .env("CGO_ENABLED", "0")
        .env("GOCACHE", &workshop.compiled)
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .args(["build", "-v", "-trimpath", "-ldflags", &flags, "-o"])
        .arg(into)
        .arg(program.package);
    let mut packages = 0;
    let mut last = Vec::new();
    let status = watch(&format!("building {}", program.name), command, |line| {
        packages += 1;
        if packages % 200 == 0 {
            say(&format!("  {}: {packages} packages", program.name));
        }
        last.push(line.to_string());
    })?;
    if !status.success() {
        let tail = last.len().saturating_sub(20);
        bail!("go build {}: {status}\n{}", program.package, last[tail..].join("\n"));
    }
    Ok(())
}

/// Without these Kubernetes calls itself v0.0.0, and clients that ask for a version refuse it.
fn version_flags(version: &str) -> String {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next().unwrap_or("1"), parts.next().unwrap_or("0"));
    let mut flags = String::new();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        flags.push_str(&format!(" -X {package}.gitVersion=v{version}"));
        flags.push_str(&format!(" -X {package}.gitMajor={major} -X {package}.gitMinor={minor}"));
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_pinned_in_its_go_mod() {
        for tool in TOOLS.iter().chain([&OLDEST]) {
            let folder = folder(tool).unwrap();
            assert!(
                folder.display().to_string().contains(&format!("{}-v", tool.name)),
                "{}",
                folder.display()
            );
        }
    }

    #[test]
    fn replaced_modules_are_not_taken_for_pins() {
        assert_eq!(pinned("replace a => a v1.0.0\nrequire a v2.0.0\n", "a"), Some("v2.0.0"));
    }

    #[test]
    fn kubernetes_is_told_its_version() {
        assert!(version_flags("1.36.3").contains("gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"));
    }
}
