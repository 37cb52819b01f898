//! `bootstrap`: the controllers into a repository and onto a cluster, which from then on follows the repository.
mod access;
mod repository;
mod root;
mod sync;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use self::{
    access::Login,
    repository::{Pushed, Repository},
    sync::Place,
};
use crate::{
    CommandError,
    cluster::Cluster,
    commands::{
        create::upsert_secret,
        install::{
            ManifestArgs, apply_all, built, printed, refuse_others, take_all_rights_back,
            wait_for_deployments,
        },
        uninstall::NAMESPACES,
    },
    confirm::confirm,
    deploy_key::KeyArgs,
    duration,
    kinds::Kind,
    ready::is_ready,
    run::Context,
    say,
    value::text,
    wait,
};

/// Install the controllers from a repository that they then follow
#[derive(Args, Debug)]
pub(crate) struct BootstrapArgs {
    #[command(subcommand)]
    host: Host,
}

#[derive(Debug, Subcommand)]
enum Host {
    /// Any Git server
    Git(Box<GitArgs>),
}

/// Any Git server.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Over HTTPS; the password may stand in GIT_PASSWORD
  sluice bootstrap git --url=https://git.example.com/fleet.git --password=token --path=clusters/one

  # Over SSH, with a key that may push
  sluice bootstrap git --url=ssh://git@git.example.com/fleet.git --private-key-file=key --path=clusters/one

  # Over SSH, with a key that is made and shown now; waits until the repository lets it in
  sluice bootstrap git --url=ssh://git@git.example.com/fleet.git --silent --path=clusters/one")]
pub(crate) struct GitArgs {
    /// Address of the repository: https:// or ssh://
    #[arg(long)]
    pub(crate) url: String,
    /// Branch
    #[arg(long, default_value = "main")]
    pub(crate) branch: String,
    /// Folder of this cluster in the repository
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) path: String,
    /// User name; that of the address, else git, when not given
    #[arg(long, short)]
    pub(crate) username: Option<String>,
    /// Password, or passphrase of the key
    #[arg(
        long,
        short,
        env = "GIT_PASSWORD",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) password: String,
    /// The password is a token, sent as a bearer
    #[arg(long)]
    pub(crate) with_bearer_token: bool,
    /// Allow http://, which shows the password to everybody on the way
    #[arg(long)]
    pub(crate) allow_insecure_http: bool,
    /// Authorities that the server's certificate may come from
    #[arg(long)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Private key, for ssh://; that of the Secret in the cluster, or a new one, when not given
    #[arg(long)]
    pub(crate) private_key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) key: KeyArgs,
    /// The server's keys in the form of ssh-keyscan; ~/.ssh/known_hosts when not given
    #[arg(long)]
    pub(crate) known_hosts_file: Option<PathBuf>,
    /// How often the repository is looked at
    #[arg(long, default_value = "1m0s", value_parser = duration::parse)]
    pub(crate) interval: Duration,
    /// Name of the Secret
    #[arg(long, default_value = "flux-system")]
    pub(crate) secret_name: String,
    /// Author of the commit
    #[arg(long, default_value = "Sluice")]
    pub(crate) author_name: String,
    /// Address of the author
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) author_email: String,
    /// More words in the message of the commit, such as [skip ci]
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) commit_message_appendix: String,
    #[command(flatten)]
    pub(crate) manifests: ManifestArgs,
    /// Over an installation that another tool made
    #[arg(long)]
    force: bool,
    /// Do not ask whether a new key has been let in: wait for it
    #[arg(long, short)]
    silent: bool,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: BootstrapArgs) -> Result<(), CommandError> {
    let Host::Git(args) = args.host;
    let folder = folder(&args.path)?;
    let cluster = context.cluster().await?;
    if !args.force {
        refuse_others(&cluster).await?;
    }
    let name = root::name_for(&cluster, &folder).await?;
    let login = Login::of(&args, &cluster).await?;
    let manifests = built(&args.manifests, &cluster.namespace)?;
    say::generate("generating component manifests");
    let place = Place { namespace: &cluster.namespace, name: &name, folder: &folder };
    let sync = sync::objects(&args, &login.url.address(), &place);
    let files = sync::files(&folder, &cluster.namespace, &printed(&manifests), &sync);
    let repository = Repository::new(&args, &login, context.global.timeout)?;
    if let Some(public) = &login.new_key {
        introduce(&cluster, &args, &login, public).await?;
        repository.let_in().await?;
    }
    let pushed = repository.publish(&files).await?;
    say::action(&format!("installing components in \"{}\" namespace", cluster.namespace));
    apply_all(&cluster, &manifests.objects).await?;
    wait_for_deployments(&cluster, &manifests.components).await?;
    say::action(&format!("configuring source secret \"{}/{}\"", cluster.namespace, args.secret_name));
    upsert_secret(&cluster, &login.secret(&args.secret_name, &cluster.namespace)).await?;
    say::action("applying sync manifests");
    apply_all(&cluster, &sync).await?;
    if args.manifests.locked_down {
        take_all_rights_back(&cluster).await?;
    }
    for object in &sync {
        follow(&cluster, object, pushed).await?;
    }
    say::success("bootstrap finished");
    Ok(())
}

/// Shows a new key, and keeps it in the cluster, so that a second try is made with the same.
async fn introduce(
    cluster: &Cluster,
    args: &GitArgs,
    login: &Login,
    public: &str,
) -> Result<(), CommandError> {
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": cluster.namespace } });
    cluster.apply(&NAMESPACES, &namespace).await?;
    upsert_secret(cluster, &login.secret(&args.secret_name, &cluster.namespace)).await?;
    say::success(&format!("public key: {}", public.trim_end()));
    if !args.silent {
        confirm("Has this key been given access to the repository, with the right to push", "--silent")?;
    }
    Ok(())
}

/// The folder without `./` and slashes at its ends; empty for the root.
fn folder(path: &str) -> Result<String, CommandError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(CommandError::usage(format!("--path '{path}' leaves the repository")));
    }
    Ok(parts.join("/"))
}

/// Waits until the object is ready. After a push it is asked to look again first: what it says until then is about an
/// earlier commit.
async fn follow(cluster: &Cluster, object: &Value, pushed: Pushed) -> Result<(), CommandError> {
    let (name, place) = (text(object, &["metadata", "name"]), cluster.namespace.as_str());
    let Some(kind) = Kind::named(text(object, &["kind"])) else { return Ok(()) };
    if kind.suspended(&cluster.need(&kind.resource, place, name).await?) {
        say::warning(&format!(
            "{} \"{place}/{name}\" is suspended: it does not follow the repository",
            kind.kind
        ));
        return Ok(());
    }
    let token = (pushed == Pushed::Commit).then(|| Timestamp::now().to_string());
    if let Some(token) = &token {
        let patch = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": token } } });
        cluster.merge(&kind.resource, (place, name), &patch).await?;
    }
    say::waiting(&format!("waiting for {} \"{place}/{name}\" to be reconciled", kind.kind));
    let handled = |object: &Value| {
        token.as_deref().is_none_or(|token| text(object, &["status", "lastHandledReconcileAt"]) == token)
    };
    let done =
        wait::until(cluster, kind, (place, name), |object| Ok(handled(object) && is_ready(object)?)).await?;
    say::success(&kind.done(&done));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::folder;

    #[test]
    fn a_folder_stays_in_the_repository() {
        assert_eq!(folder("./clusters//one/").unwrap(), "clusters/one");
        assert_eq!(folder("").unwrap(), "");
        assert!(folder("../x").is_err());
        assert!(folder("a/../../x").is_err());
    }
}
