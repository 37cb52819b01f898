//! `cargo xtask images`: builds the binaries for shipping, has the program `images` make an OCI layout of each, pushes.
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    cargo::{build, built, cargo, root},
    console::{say, watch},
    tools,
};

/// Package and binary of every image.
const IMAGES: [(&str, &str); 6] = [
    ("source-controller", "source-controller"),
    ("kustomize-controller", "kustomize-controller"),
    ("helm-controller", "helm-controller"),
    ("image-automation-controller", "image-automation-controller"),
    ("notification-controller", "notification-controller"),
    ("cli", "sluice"),
];

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    bin: Option<PathBuf>,
    out: Option<PathBuf>,
    push: Option<String>,
    tag: Option<String>,
    names: Vec<String>,
}

/// Builds the layouts, and pushes them when a registry is given.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let asked = read(args)?;
    let bin = match &asked.bin {
        Some(dir) => env::current_dir()?.join(dir),
        None => {
            let bin = release(&asked.names)?;
            without_kill_points(&bin, &asked.names)?;
            bin
        }
    };
    let out = asked.out.clone().unwrap_or_else(|| built("images"));
    build("building the image builder", &["build", "-p", "images"])?;
    let (revision, created) = commit()?;
    let mut command = Command::new(built("debug").join("images"));
    command.arg("--bin").arg(bin).arg("--out").arg(&out).arg("--source").arg(root());
    command.args(["--created", &created, "--revision", &revision]).args(&asked.names);
    if !watch("building images", command, say)?.success() {
        bail!("the images are not built");
    }
    match &asked.push {
        Some(registry) => push(&out, registry, asked.tag.as_deref(), &asked.names),
        None => {
            say(&format!("The layouts are in {}; --push REGISTRY sends them.", out.display()));
            Ok(())
        }
    }
}

fn read(args: &[String]) -> Result<Asked> {
    let mut asked = Asked::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().cloned().with_context(|| format!("{arg} wants a value"));
        match arg.as_str() {
            "--bin" => asked.bin = Some(value()?.into()),
            "--out" => asked.out = Some(value()?.into()),
            "--push" => asked.push = Some(value()?),
            "--tag" => asked.tag = Some(value()?),
            name if IMAGES.iter().any(|(_, binary)| *binary == name) => asked.names.push(name.to_string()),
            other => bail!(
                "cargo xtask images takes --bin, --out, --push, --tag and names of binaries, not {other:?}"
            ),
        }
    }
    if asked.names.is_empty() {
        asked.names = IMAGES.map(|(_, binary)| binary.to_string()).to_vec();
    }
    Ok(asked)
}

/// Builds for shipping, in a folder of its own: paths of this machine are taken out of the binaries, so that another
/// checkout gives the same bytes, and a change of flags would make cargo build everything else anew.
fn release(names: &[String]) -> Result<PathBuf> {
    let dir = built("images-build");
    let target = target();
    say(&format!("Building for {target}: about 12 minutes on 2 cores for the first time."));
    let mut args = vec!["build", "--release", "--locked", "--target", &target];
    for (package, binary) in IMAGES.iter().filter(|(_, binary)| names.iter().any(|name| name == binary)) {
        args.extend(["-p", package, "--bin", binary]);
    }
    let mut command = cargo(&args);
    command.env("CARGO_TARGET_DIR", &dir).env("RUSTFLAGS", remapped());
    if !watch("building for shipping", command, say)?.success() {
        bail!("the binaries do not build for {target}");
    }
    Ok(dir.join(target).join("release"))
}

/// Tests end a process at its kill points; a binary that is shipped has none.
fn without_kill_points(bin: &Path, names: &[String]) -> Result<()> {
    for name in names {
        let bytes = std::fs::read(bin.join(name)).with_context(|| format!("reading {name}"))?;
        if bytes.windows(KILL_POINTS.len()).any(|part| part == KILL_POINTS) {
            bail!("{name} has kill points: it was built together with the tests");
        }
    }
    Ok(())
}

/// The variable that arms them, as it stands in a binary that has them.
const KILL_POINTS: &[u8] = b"SLUICE_KILL_POINTS";

fn remapped() -> String {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.unwrap_or_else(|| PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(".cargo"));
    let registry = home.join("registry/src");
    let from = |path: &Path, to: &str| format!("--remap-path-prefix={}={to}", path.display());
    format!("{} {}", from(&registry, "/deps"), from(&root(), "/sluice"))
}

/// A static binary where Rust's target and a C compiler for it are at hand, else one for gnu.
fn target() -> String {
    let arch = env::consts::ARCH;
    let musl = format!("{arch}-unknown-linux-musl");
    let print = ["--print", "target-libdir", "--target", &musl];
    let libdir = Command::new("rustc").args(print).output().map(|done| done.stdout).unwrap_or_default();
    let has_target = Path::new(String::from_utf8_lossy(&libdir).trim()).is_dir();
    let has_compiler =
        Command::new("musl-gcc").arg("--version").output().is_ok_and(|done| done.status.success());
    if has_target && has_compiler { musl } else { format!("{arch}-unknown-linux-gnu") }
}

/// The commit and its time; empty and 0 outside of Git.
fn commit() -> Result<(String, String)> {
    let git = Command::new("git").args(["log", "-1", "--format=%H %ct"]).current_dir(root()).output();
    let text = git.map(|done| String::from_utf8_lossy(&done.stdout).trim().to_string()).unwrap_or_default();
    let (revision, created) = text.split_once(' ').unwrap_or(("", "0"));
    Ok((revision.to_string(), created.to_string()))
}

/// `REGISTRY/NAME:TAG` for each, by the pinned crane: it knows the credentials of `docker login`.
fn push(out: &Path, registry: &str, tag: Option<&str>, names: &[String]) -> Result<()> {
    tools::ensure(&["crane".to_string()])?;
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    for name in names {
        let image = format!("{}/{name}:{}", registry.trim_end_matches('/'), tag.unwrap_or(&version));
        let mut command = Command::new(tools::path("crane")?);
        command.arg("push").arg(out.join(name)).arg(&image);
        if !watch(&format!("pushing {image}"), command, say)?.success() {
            bail!("{image} is not pushed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Asked, IMAGES, read};

    fn asked(args: &[&str]) -> anyhow::Result<Asked> {
        read(&args.iter().map(|arg| (*arg).to_string()).collect::<Vec<_>>())
    }

    #[test]
    fn all_images_are_built_when_none_is_named() {
        assert_eq!(asked(&[]).unwrap().names.len(), IMAGES.len());
        let one = asked(&["sluice", "--push", "localhost:5000/x"]).unwrap();
        assert_eq!((one.names, one.push.as_deref()), (vec!["sluice".to_owned()], Some("localhost:5000/x")));
    }

    #[test]
    fn what_is_no_image_is_refused() {
        assert!(asked(&["etcd"]).is_err());
        assert!(asked(&["--push"]).is_err());
    }
}
