use std::{fs, path::PathBuf, time::Duration};

use clap::Args;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::{CommandError, ErrorKind, error::chain};

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(10);

/// Which cluster, as whom, in which namespace: the flags of kubectl and flux.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Cluster")]
pub(crate) struct ClusterArgs {
    /// Namespace of the objects
    #[arg(long, short, global = true, env = "FLUX_SYSTEM_NAMESPACE", default_value = "flux-system")]
    pub(crate) namespace: String,
    /// Take the namespace of the kubeconfig's context when --namespace is not given
    #[arg(long, global = true, env = "FLUX_NS_FOLLOWS_KUBE_CONTEXT")]
    ns_follows_kube_context: bool,
    /// The kubeconfig to use
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// The cluster of the kubeconfig
    #[arg(long, global = true, value_name = "NAME")]
    cluster: Option<String>,
    /// The user of the kubeconfig
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    user: Option<String>,
    /// Address of the API server
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    server: Option<String>,
    /// Bearer token for the API server
    #[arg(long, global = true, value_name = "TOKEN", hide_short_help = true)]
    token: Option<String>,
    /// User to act as
    #[arg(long = "as", global = true, value_name = "USER", hide_short_help = true)]
    impersonate: Option<String>,
    /// Group to act as; may be given again
    #[arg(long = "as-group", global = true, value_name = "GROUP", hide_short_help = true)]
    groups: Vec<String>,
    /// Authorities that the API server's certificate may come from
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    certificate_authority: Option<PathBuf>,
    /// Certificate to log in with
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    client_certificate: Option<String>,
    /// Key of that certificate
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    client_key: Option<String>,
    /// Take any certificate of the API server: insecure
    #[arg(long, global = true, hide_short_help = true)]
    insecure_skip_tls_verify: bool,
    /// Name that the API server's certificate must have
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    tls_server_name: Option<String>,
    /// Ask for answers without compression
    #[arg(long, global = true, hide_short_help = true)]
    disable_compression: bool,
}

impl ClusterArgs {
    /// The context that is used, for questions; none where no kubeconfig names one.
    pub(crate) fn context_name(&self) -> Option<String> {
        let current = || {
            let read = self.kubeconfig.as_ref().map_or_else(Kubeconfig::read, Kubeconfig::read_from);
            read.ok()?.current_context
        };
        self.context.clone().or_else(current)
    }
}

/// A client, and the namespace it works in.
pub(crate) async fn connect(
    args: &ClusterArgs,
    namespace_given: bool,
) -> Result<(Client, String), CommandError> {
    // A second call is harmless.
    drop(kube_crypto());
    let config = with_flags(config(args).await?, args)?;
    let namespace = if args.ns_follows_kube_context && !namespace_given {
        config.default_namespace.clone()
    } else {
        args.namespace.clone()
    };
    let client = Client::try_from(config).map_err(|error| no_config(&error))?;
    Ok((client, namespace))
}

fn kube_crypto() -> Result<(), std::sync::Arc<rustls::crypto::CryptoProvider>> {
    rustls::crypto::aws_lc_rs::default_provider().install_default()
}

async fn config(args: &ClusterArgs) -> Result<Config, CommandError> {
    let options = KubeConfigOptions {
        context: args.context.clone(),
        cluster: args.cluster.clone(),
        user: args.user.clone(),
    };
    if let Some(file) = &args.kubeconfig {
        let parsed = Kubeconfig::read_from(file).map_err(|error| no_config(&error))?;
        return Config::from_custom_kubeconfig(parsed, &options).await.map_err(|error| no_config(&error));
    }
    match Config::from_kubeconfig(&options).await {
        Ok(config) => Ok(config),
        Err(_) if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() => {
            Config::incluster().map_err(|error| no_config(&error))
        }
        Err(error) => Err(no_config(&error)),
    }
}

fn with_flags(mut config: Config, args: &ClusterArgs) -> Result<Config, CommandError> {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = None;
    // kube's own would try 15 times.
    config.default_retry = false;
    config.disable_compression |= args.disable_compression;
    config.accept_invalid_certs |= args.insecure_skip_tls_verify;
    if let Some(server) = &args.server {
        config.cluster_url =
            server.parse().map_err(|error| CommandError::usage(format!("--server: {error}")))?;
    }
    if let Some(file) = &args.certificate_authority {
        let pem = fs::read(file).map_err(|error| no_file(file, &error))?;
        config.root_cert = Some(certificates(&pem)?);
    }
    if args.tls_server_name.is_some() {
        config.tls_server_name.clone_from(&args.tls_server_name);
    }
    let login = &mut config.auth_info;
    if let Some(token) = &args.token {
        login.token = Some(token.clone().into());
    }
    if args.client_certificate.is_some() {
        login.client_certificate.clone_from(&args.client_certificate);
        login.client_key.clone_from(&args.client_key);
    }
    if args.impersonate.is_some() {
        login.impersonate.clone_from(&args.impersonate);
        login.impersonate_groups = (!args.groups.is_empty()).then(|| args.groups.clone());
    }
    Ok(config)
}

fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, CommandError> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| CommandError::usage(format!("--certificate-authority: {error}")))?;
    Ok(read.into_iter().map(|one| one.as_ref().to_vec()).collect())
}

fn no_file(file: &std::path::Path, error: &std::io::Error) -> CommandError {
    CommandError::usage(format!("{}: {error}", file.display()))
}

fn no_config(error: &dyn std::error::Error) -> CommandError {
    CommandError::new(ErrorKind::Cluster, format!("no access to a cluster: {}", chain(error)))
        .hint("set KUBECONFIG, or give --kubeconfig and --context")
}
