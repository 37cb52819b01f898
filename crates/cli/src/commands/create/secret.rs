use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    CommonArgs, checked_name,
    source::{file_of, scheme},
};
use crate::{
    CommandError,
    cluster::Cluster,
    commands::export::SECRETS,
    deploy_key::{KeyArgs, public_half},
    run::Context,
    say,
    typed::document,
    value::{at, text},
};

/// The forms of Secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretNoun {
    /// For a GitRepository
    Git(GitArgs),
    /// For a registry
    Oci(OciArgs),
    /// For a HelmRepository
    Helm(HelmArgs),
    /// Certificates
    Tls(TlsNamed),
    /// A proxy
    Proxy(ProxyArgs),
    /// For a Receiver
    Receiver(ReceiverArgs),
}

/// For a GitRepository.
#[derive(Args, Debug)]
pub(crate) struct GitArgs {
    name: String,
    /// Address of the repository
    #[arg(long)]
    url: String,
    #[command(flatten)]
    login: LoginArgs,
    /// Token sent as a bearer
    #[arg(long, default_value = "", hide_default_value = true)]
    bearer_token: String,
    /// Authorities that the server's certificate may come from
    #[arg(long)]
    ca_crt_file: Option<PathBuf>,
    /// Private key, for ssh://; one is made and its public half shown when not given
    #[arg(long)]
    private_key_file: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    /// The server's keys in the form of ssh-keyscan, for ssh://
    #[arg(long)]
    known_hosts_file: Option<PathBuf>,
}

/// Name and password.
#[derive(Args, Debug)]
pub(crate) struct LoginArgs {
    /// User name
    #[arg(long, short, default_value = "", hide_default_value = true)]
    username: String,
    /// Password, or passphrase of the key
    #[arg(long, short, default_value = "", hide_default_value = true)]
    password: String,
}

/// For a registry.
#[derive(Args, Debug)]
pub(crate) struct OciArgs {
    name: String,
    /// Registry, with or without a path
    #[arg(long)]
    url: String,
    #[command(flatten)]
    login: LoginArgs,
}

/// For a HelmRepository.
#[derive(Args, Debug)]
pub(crate) struct HelmArgs {
    name: String,
    #[command(flatten)]
    login: LoginArgs,
    #[command(flatten)]
    tls: TlsArgs,
}

/// Certificates.
#[derive(Args, Debug)]
pub(crate) struct TlsNamed {
    name: String,
    #[command(flatten)]
    tls: TlsArgs,
}

/// Files with certificates.
#[derive(Args, Debug)]
pub(crate) struct TlsArgs {
    /// Certificate to log in with
    #[arg(long, requires = "tls_key_file")]
    tls_crt_file: Option<PathBuf>,
    /// Its key
    #[arg(long, requires = "tls_crt_file")]
    tls_key_file: Option<PathBuf>,
    /// Authorities that the server's certificate may come from
    #[arg(long)]
    ca_crt_file: Option<PathBuf>,
}

/// A proxy.
#[derive(Args, Debug)]
pub(crate) struct ProxyArgs {
    name: String,
    /// Its address
    #[arg(long)]
    address: String,
    #[command(flatten)]
    login: LoginArgs,
}

/// For a Receiver.
#[derive(Args, Debug)]
pub(crate) struct ReceiverArgs {
    name: String,
    /// Who calls
    #[arg(long = "type")]
    receiver_type: String,
    /// Host of the webhook's address
    #[arg(long)]
    hostname: String,
    /// The token; made when not given
    #[arg(long, default_value = "", hide_default_value = true)]
    token: String,
}

/// A Secret that is to be made.
#[derive(Default)]
struct Made {
    what: &'static str,
    name: String,
    kind: &'static str,
    data: Vec<(&'static str, String)>,
    annotations: Map<String, Value>,
}

/// Prints the Secret, or creates it.
pub(crate) async fn run(
    context: &Context,
    common: &CommonArgs,
    noun: SecretNoun,
) -> Result<(), CommandError> {
    let made = match noun {
        SecretNoun::Git(args) => args.made()?,
        SecretNoun::Oci(args) => args.made()?,
        SecretNoun::Helm(args) => args.made()?,
        SecretNoun::Tls(args) => args.made()?,
        SecretNoun::Proxy(args) => args.made(),
        SecretNoun::Receiver(args) => args.made(context.namespace())?,
    };
    checked_name(&made.name)?;
    let labels = common.labels()?;
    if common.export {
        return say::data(&format!("{}\n", document(&made.object(context.namespace(), labels))));
    }
    let cluster = context.cluster().await?;
    upsert(&cluster, &made.object(&cluster.namespace, labels)).await?;
    say::action(&format!(
        "{} secret '{}' created in '{}' namespace",
        made.what, made.name, cluster.namespace
    ));
    Ok(())
}

impl Made {
    fn object(&self, namespace: &str, labels: Map<String, Value>) -> Value {
        let mut metadata = Map::new();
        metadata.insert("name".into(), self.name.as_str().into());
        metadata.insert("namespace".into(), namespace.into());
        for (key, map) in [("labels", labels), ("annotations", self.annotations.clone())] {
            if !map.is_empty() {
                metadata.insert(key.into(), map.into());
            }
        }
        let data: Map<String, Value> =
            self.data.iter().map(|(key, value)| ((*key).into(), value.as_str().into())).collect();
        let mut object =
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data });
        if !self.kind.is_empty() {
            object["type"] = self.kind.into();
        }
        object
    }
}

/// Creates the Secret, or adds to the one that is there.
pub(crate) async fn upsert(cluster: &Cluster, secret: &Value) -> Result<(), CommandError> {
    let [namespace, name] = ["namespace", "name"].map(|key| text(secret, &["metadata", key]));
    let Some(mut there) = cluster.find(&SECRETS, namespace, name).await? else {
        return cluster.create(&SECRETS, secret).await.map(drop);
    };
    there["stringData"] = secret["stringData"].clone();
    for key in ["labels", "annotations"] {
        for (name, value) in at(secret, &["metadata", key]).and_then(Value::as_object).into_iter().flatten() {
            there["metadata"][key][name] = value.clone();
        }
    }
    cluster.replace(&SECRETS, &there).await.map(drop)
}

impl GitArgs {
    fn made(self) -> Result<Made, CommandError> {
        let mut data = Vec::new();
        if scheme(&self.url, "git URL", &["ssh", "http", "https"])? == "ssh" {
            let Some(hosts) = &self.known_hosts_file else {
                return Err(CommandError::usage("for Git over SSH --known-hosts-file is required")
                    .hint("ssh-keyscan HOST > known_hosts, and compare its keys"));
            };
            data.extend(self.identity()?);
            data.push(("known_hosts", file_of(hosts)?));
            if !self.login.password.is_empty() {
                data.push(("password", self.login.password));
            }
            return Ok(Made { what: "git", name: self.name, data, ..Made::default() });
        }
        let has_login = !self.login.username.is_empty() && !self.login.password.is_empty();
        match (has_login, self.bearer_token.is_empty()) {
            (false, true) => {
                return Err(CommandError::usage(
                    "for Git over HTTP/S the username and password, or a bearer token is required",
                ));
            }
            (true, false) => {
                return Err(CommandError::usage("user credentials and bearer token cannot be used together"));
            }
            (true, true) => data.extend(self.login.data()),
            (false, false) => data.push(("bearerToken", self.bearer_token)),
        }
        if let Some(file) = &self.ca_crt_file {
            data.push(("ca.crt", file_of(file)?));
        }
        Ok(Made { what: "git", name: self.name, data, ..Made::default() })
    }
}

impl GitArgs {
    /// The key of the file, or a new one, which is told.
    fn identity(&self) -> Result<Vec<(&'static str, String)>, CommandError> {
        let Some(file) = &self.private_key_file else {
            let made = self.key.generate()?;
            say::generate(&format!("deploy key: {}", made.public.trim_end()));
            return Ok(vec![("identity", made.identity), ("identity.pub", made.public)]);
        };
        let identity = file_of(file)?;
        let public = public_half(&identity).map(|public| ("identity.pub", public));
        Ok([("identity", identity)].into_iter().chain(public).collect())
    }
}

impl LoginArgs {
    fn data(self) -> Vec<(&'static str, String)> {
        let all = [("username", self.username), ("password", self.password)];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }
}

impl OciArgs {
    fn made(self) -> Result<Made, CommandError> {
        let LoginArgs { username, password } = &self.login;
        if username.is_empty() || password.is_empty() {
            return Err(CommandError::usage("--username and --password are required"));
        }
        let auth = STANDARD.encode(format!("{username}:{password}"));
        let host = self.url.split('/').next().unwrap_or_default();
        // The key order of Go's struct, which serde_json keeps.
        let entry = json!({ "username": username, "password": password, "auth": auth });
        let config = serde_json::to_string_pretty(&json!({ "auths": { host: entry } }))?;
        let data = vec![(".dockerconfigjson", config)];
        Ok(Made {
            what: "oci",
            name: self.name,
            kind: "kubernetes.io/dockerconfigjson",
            data,
            ..Made::default()
        })
    }
}

impl HelmArgs {
    fn made(self) -> Result<Made, CommandError> {
        let has_login = !self.login.username.is_empty() || !self.login.password.is_empty();
        let kind = match (self.tls.tls_crt_file.is_some(), has_login) {
            (true, _) => "kubernetes.io/tls",
            (false, true) => "kubernetes.io/basic-auth",
            (false, false) => "",
        };
        let mut data = self.tls.data()?;
        if kind != "kubernetes.io/tls" {
            data.extend(self.login.data());
        }
        Ok(Made { what: "helm", name: self.name, kind, data, ..Made::default() })
    }
}

impl TlsArgs {
    fn data(&self) -> Result<Vec<(&'static str, String)>, CommandError> {
        let files =
            [("tls.crt", &self.tls_crt_file), ("tls.key", &self.tls_key_file), ("ca.crt", &self.ca_crt_file)];
        let given = files.into_iter().filter_map(|(key, file)| Some((key, file.as_ref()?)));
        given.map(|(key, file)| Ok((key, file_of(file)?))).collect()
    }
}

impl TlsNamed {
    fn made(self) -> Result<Made, CommandError> {
        let kind = if self.tls.tls_crt_file.is_some() { "kubernetes.io/tls" } else { "Opaque" };
        let data = self.tls.data()?;
        if data.is_empty() {
            return Err(CommandError::usage(
                "--ca-crt-file, or --tls-crt-file and --tls-key-file are required",
            ));
        }
        Ok(Made { what: "tls", name: self.name, kind, data, ..Made::default() })
    }
}

impl ProxyArgs {
    fn made(self) -> Made {
        let mut data = vec![("address", self.address)];
        data.extend(self.login.data());
        Made { what: "proxy", name: self.name, kind: "Opaque", data, ..Made::default() }
    }
}

impl ReceiverArgs {
    fn made(self, namespace: &str) -> Result<Made, CommandError> {
        let token = if self.token.is_empty() { random_token()? } else { self.token };
        let _ = &self.receiver_type;
        let digest = Sha256::digest(format!("{token}{}{namespace}", self.name));
        let path: String = digest.iter().map(|b| format!("{b:02x}")).collect();
        let mut annotations = Map::new();
        let url = format!("https://{}/hook/{path}", self.hostname);
        annotations.insert("notification.toolkit.fluxcd.io/webhook".into(), url.into());
        Ok(Made {
            what: "receiver",
            name: self.name,
            data: vec![("token", token)],
            annotations,
            ..Made::default()
        })
    }
}

/// 32 random bytes in hexadecimal.
fn random_token() -> Result<String, CommandError> {
    let mut bytes = [0u8; 32];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| CommandError::failed("the system gives no random bytes"))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
