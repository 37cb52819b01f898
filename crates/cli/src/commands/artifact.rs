//! `push artifact` and `pull artifact`: folders into a registry and out of it.
mod folder;

use std::{collections::BTreeMap, fs, path::PathBuf};

use artifact::{Digest, UnpackLimits, unpack};
use clap::{Args, Subcommand};
use k8s_openapi::jiff::Timestamp;
use net::AddressRule;
use oci::{Access, Content, Keychain, Login, Oci, OciLimits, Reference, Repository, Session, Upload};

use self::folder::packed;
use crate::{CommandError, ErrorKind, commands::get::print_value, run::Context, say};

/// Media types of Flux's artifacts.
const CONFIG: &str = "application/vnd.cncf.flux.config.v1+json";
const LAYER: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";
/// Bytes of a layer that is pulled.
const MAX_LAYER: u64 = 512 << 20;

/// Push to a registry
#[derive(Args, Debug)]
pub(crate) struct PushArgs {
    #[command(subcommand)]
    noun: PushNoun,
}

#[derive(Debug, Subcommand)]
enum PushNoun {
    /// A folder or file, as an artifact that an OCIRepository takes
    Artifact(PushArtifact),
}

/// Pull from a registry
#[derive(Args, Debug)]
pub(crate) struct PullArgs {
    #[command(subcommand)]
    noun: PullNoun,
}

#[derive(Debug, Subcommand)]
enum PullNoun {
    /// An artifact, into a folder
    Artifact(PullArtifact),
}

#[derive(Args, Debug)]
struct PushArtifact {
    /// oci://HOST/PATH:TAG
    url: String,
    /// Folder or file
    #[arg(long, short = 'f')]
    path: PathBuf,
    /// Address of the repository it was made from
    #[arg(long)]
    source: String,
    /// Revision it was made from: BRANCH@sha1:COMMIT
    #[arg(long)]
    revision: String,
    /// More annotations
    #[arg(long, short = 'a', value_name = "KEY=VALUE")]
    annotations: Vec<String>,
    /// Paths to leave out, beside those of .sourceignore files
    #[arg(long, value_delimiter = ',')]
    ignore_paths: Vec<String>,
    /// The same bytes at every push: created in 1970
    #[arg(long)]
    reproducible: bool,
    /// What was pushed, for a program
    #[arg(long, short = 'o', value_parser = ["json", "yaml"])]
    output: Option<String>,
    #[command(flatten)]
    login: LoginArgs,
}

#[derive(Args, Debug)]
struct PullArtifact {
    /// oci://HOST/PATH:TAG, or @sha256:DIGEST
    url: String,
    /// Folder to write to
    #[arg(long, short = 'o')]
    output: PathBuf,
    #[command(flatten)]
    login: LoginArgs,
}

/// How to log in to a registry.
#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// NAME[:PASSWORD]; those of docker login when not given
    #[arg(long, default_value = "", hide_default_value = true)]
    creds: String,
    /// The registry speaks plain HTTP
    #[arg(long)]
    insecure_registry: bool,
}

/// Runs `push`.
pub(crate) async fn push(context: &Context, args: PushArgs) -> Result<(), CommandError> {
    let PushNoun::Artifact(args) = args.noun;
    let (repository, reference) = parsed(&args.url)?;
    let annotations = annotations(&args)?;
    let layer = packed(&args.path, &args.ignore_paths)?;
    let session = session(context, &repository, &args.login)?;
    say::action(&format!("pushing artifact to {}", shown(&args.url)));
    let upload = Upload {
        config: Content { media_type: CONFIG.into(), bytes: b"{}".as_slice().into() },
        layers: vec![Content { media_type: LAYER.into(), bytes: layer.into() }],
        annotations,
    };
    let digest = session.push(&reference, &upload).await.map_err(|error| refused(&error.to_string()))?;
    let name = format!("{}/{}", repository.registry(), repository.path());
    if let Some(form) = &args.output {
        let told = serde_json::json!({
            "url": format!("oci://{name}@{digest}"), "repository": name,
            "tag": reference.as_str(), "digest": digest,
        });
        return print_value(form == "json", &told);
    }
    say::success(&format!("artifact successfully pushed to {name}@{digest}"));
    Ok(())
}

/// Runs `pull`.
pub(crate) async fn pull(context: &Context, args: PullArgs) -> Result<(), CommandError> {
    let PullNoun::Artifact(args) = args.noun;
    if !args.output.is_dir() {
        return Err(CommandError::usage(format!("invalid output path {}", args.output.display())));
    }
    let (repository, reference) = parsed(&args.url)?;
    let session = session(context, &repository, &args.login)?;
    say::action(&format!("pulling artifact from {}", shown(&args.url)));
    let failed = |error: oci::OciError| refused(&error.to_string());
    let digest = session.resolve(&reference).await.map_err(failed)?;
    let manifest = session.manifest(&digest).await.map_err(failed)?;
    let layer = manifest.layers.first().ok_or_else(|| CommandError::failed("no layers found in artifact"))?;
    let bytes = session.blob_bytes(layer, MAX_LAYER).await.map_err(failed)?;
    for key in ["source", "revision"] {
        if let Some(value) = manifest.annotations.get(&format!("org.opencontainers.image.{key}")) {
            say::success(&format!("{key} {value}"));
        }
    }
    say::success(&format!("digest {}/{}@{digest}", repository.registry(), repository.path()));
    written(&bytes, &args.output)?;
    say::success(&format!("artifact content extracted to {}", args.output.display()));
    Ok(())
}

fn annotations(args: &PushArtifact) -> Result<BTreeMap<String, String>, CommandError> {
    let mut all = BTreeMap::new();
    for pair in &args.annotations {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            CommandError::usage(format!("invalid annotation {pair}, must be in the format key=value"))
        })?;
        all.insert(key.to_owned(), value.to_owned());
    }
    let mut own = vec![("source", args.source.clone()), ("revision", args.revision.clone())];
    let created = if args.reproducible { Timestamp::UNIX_EPOCH } else { Timestamp::now() };
    own.push(("created", created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
    all.extend(own.into_iter().map(|(key, value)| (format!("org.opencontainers.image.{key}"), value)));
    Ok(all)
}

/// The repository of a name without a tag.
pub(crate) fn repository(name: &str) -> Result<Repository, CommandError> {
    Repository::parse(name).map_err(|error| CommandError::usage(error.to_string()))
}

fn shown(url: &str) -> &str {
    url.strip_prefix("oci://").unwrap_or(url)
}

fn parsed(url: &str) -> Result<(Repository, Reference), CommandError> {
    let Some(rest) = url.strip_prefix("oci://") else {
        return Err(CommandError::usage(format!(
            "URL must be in format 'oci://<domain>/<org>/<repo>', not '{url}'"
        )));
    };
    let wrong = |error: oci::NameError| CommandError::usage(error.to_string());
    let (name, reference) = match rest.split_once('@') {
        Some((name, digest)) => (name, Reference::digest(digest).map_err(wrong)?),
        None => {
            let path = rest.rfind('/').unwrap_or(0);
            match rest[path..].find(':') {
                Some(colon) => {
                    (&rest[..path + colon], Reference::tag(&rest[path + colon + 1..]).map_err(wrong)?)
                }
                None => (rest, Reference::tag("latest").map_err(wrong)?),
            }
        }
    };
    Ok((repository(name)?, reference))
}

/// A session with a registry.
pub(crate) fn session(
    context: &Context,
    repository: &Repository,
    args: &LoginArgs,
) -> Result<Session, CommandError> {
    let login = if args.creds.is_empty() { docker_login(repository) } else { given(&args.creds) };
    let timeout = context.global.timeout;
    let access = Access { login, insecure: args.insecure_registry, timeout, ..Access::default() };
    let oci = Oci::new(AddressRule::Any, OciLimits::default(), concat!("sluice/", env!("CARGO_PKG_VERSION")));
    oci.session(repository, &access).map_err(|error| refused(&error.to_string()))
}

fn given(creds: &str) -> Login {
    let (username, password) = creds.split_once(':').unwrap_or((creds, ""));
    Login::Basic { username: username.into(), password: password.into() }
}

/// What `docker login` has left, when it is readable.
fn docker_login(repository: &Repository) -> Login {
    let dir = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let dir = dir.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")));
    let mut keychain = Keychain::default();
    if let Some(config) = dir.and_then(|dir| fs::read(dir.join("config.json")).ok())
        && keychain.add_config_json(&config).is_err()
    {
        say::warning("the docker configuration cannot be read and is left aside");
    }
    keychain.login(repository)
}

/// Writes the archive below a folder; no name in it leads anywhere else.
fn written(bytes: &[u8], into: &std::path::Path) -> Result<(), CommandError> {
    let blob = into.join(format!(".sluice-{}", std::process::id()));
    let read = unpack(bytes, Digest::of(bytes), &blob, &UnpackLimits::default());
    let tree = read.map_err(|error| CommandError::failed(error.to_string()))?;
    let done = folder::write(&tree, into);
    drop(fs::remove_file(&blob));
    done
}

/// The registry said no, or nothing.
pub(crate) fn refused(cause: &str) -> CommandError {
    CommandError::new(ErrorKind::Failed, cause).hint("see --creds, docker login and --insecure-registry")
}

#[cfg(test)]
mod tests {
    use super::parsed;

    #[test]
    fn a_port_is_no_tag() {
        let of = |url: &str| {
            let (repository, reference) = parsed(url).unwrap();
            (repository.registry().to_owned(), repository.path().to_owned(), reference.as_str().to_owned())
        };
        let owned = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(of("oci://localhost:5000/a/b"), owned("localhost:5000", "a/b", "latest"));
        assert_eq!(of("oci://localhost:5000/a/b:v1"), owned("localhost:5000", "a/b", "v1"));
        assert!(parsed("https://a/b").is_err());
    }
}
