use std::{collections::BTreeMap, fs, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use git::{Access, RemoteUrl};
use net::{Auth, Secret};
use serde_json::{Map, Value, json};

use super::GitArgs;
use crate::{
    CommandError,
    cluster::Cluster,
    commands::export::SECRETS,
    deploy_key::public_half,
    value::{at, or},
};

/// How to log in, in the form of the Secret that the cluster gets. No `Debug`.
pub(super) struct Login {
    pub(super) url: RemoteUrl,
    /// The public half of a key that was made just now.
    pub(super) new_key: Option<String>,
    data: BTreeMap<String, Vec<u8>>,
}

impl Login {
    /// Reads the flags and the files that they name; what they do not say is taken from the Secret in the cluster.
    pub(super) async fn of(args: &GitArgs, cluster: &Cluster) -> Result<Self, CommandError> {
        let url = RemoteUrl::parse(&args.url).map_err(|error| CommandError::usage(error.to_string()))?;
        let plain = args.url.starts_with("http://");
        if plain && !args.allow_insecure_http {
            return Err(CommandError::usage("http:// shows the password to everybody on the way")
                .hint("use https://, or allow it with --allow-insecure-http"));
        }
        if !url.is_ssh() {
            let data = http(args, &url)?;
            return Ok(Self { url, new_key: None, data });
        }
        if !inline(&url).1.is_empty() {
            return Err(CommandError::usage("--url: ssh:// takes a key and no password")
                .hint("give the key with --private-key-file, and its passphrase with --password"));
        }
        let kept = kept(args, cluster).await?;
        let mut data = BTreeMap::from([("known_hosts".to_owned(), known_hosts(args, &url, &kept)?)]);
        let new_key = identity(args, &kept, &mut data)?;
        Ok(Self { url, new_key, data })
    }

    /// For this program's own pushes.
    pub(super) fn access(&self) -> Result<Access, CommandError> {
        let secret = Secret::new("flags", self.data.clone());
        Access::new(&self.url, Some(&secret), None).map_err(|error| CommandError::usage(error.to_string()))
    }

    /// For the cluster.
    pub(super) fn secret(&self, name: &str, namespace: &str) -> Value {
        let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
        let data: Map<String, Value> =
            self.data.iter().map(|(key, value)| (key.clone(), text(value))).collect();
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": { "name": name, "namespace": namespace },
            "stringData": data,
        })
    }
}

/// User and password that stand in the URL; empty where none do.
fn inline(url: &RemoteUrl) -> (&str, &str) {
    match url.inline() {
        Auth::Basic { username, password } => (username, password),
        Auth::None | Auth::Bearer(_) => ("", ""),
    }
}

/// Flags win over what stands in the URL.
fn http(args: &GitArgs, url: &RemoteUrl) -> Result<BTreeMap<String, Vec<u8>>, CommandError> {
    let mut data = BTreeMap::new();
    let (user, password) = inline(url);
    let username = args.username.as_deref().unwrap_or(or(user, "git"));
    let password = or(&args.password, password);
    if args.with_bearer_token {
        data.insert("bearerToken".into(), password.into());
    } else if !password.is_empty() || !user.is_empty() {
        data.insert("username".into(), username.into());
        data.insert("password".into(), password.into());
    }
    if let Some(file) = &args.ca_file {
        data.insert("ca.crt".into(), read(file)?);
    }
    Ok(data)
}

/// What an earlier bootstrap has left in the cluster.
async fn kept(args: &GitArgs, cluster: &Cluster) -> Result<BTreeMap<String, Vec<u8>>, CommandError> {
    let found = cluster.find(&SECRETS, &cluster.namespace, &args.secret_name).await?;
    let data = found.as_ref().and_then(|secret| at(secret, &["data"])).and_then(Value::as_object);
    let plain = |(key, value): (&String, &Value)| {
        Some((key.clone(), STANDARD.decode(value.as_str().unwrap_or_default()).ok()?))
    };
    Ok(data.into_iter().flatten().filter_map(plain).collect())
}

/// Puts the key into `data`; the public half of one that had to be made is returned.
fn identity(
    args: &GitArgs,
    kept: &BTreeMap<String, Vec<u8>>,
    data: &mut BTreeMap<String, Vec<u8>>,
) -> Result<Option<String>, CommandError> {
    let (key, public, is_new) = match (&args.private_key_file, kept.get("identity")) {
        (Some(file), _) => {
            let key = read(file)?;
            let public = public_half(&String::from_utf8_lossy(&key)).map(String::into_bytes);
            (key, public, false)
        }
        (None, Some(key)) => (key.clone(), kept.get("identity.pub").cloned(), false),
        (None, None) => {
            let made = args.key.generate()?;
            (made.identity.into_bytes(), Some(made.public.into_bytes()), true)
        }
    };
    data.insert("identity".into(), key);
    let told = public.as_deref().map(|public| String::from_utf8_lossy(public).into_owned());
    if let Some(public) = public {
        data.insert("identity.pub".into(), public);
    }
    if args.private_key_file.is_some() && !args.password.is_empty() {
        data.insert("password".into(), args.password.clone().into_bytes());
    } else if let Some(password) = kept.get("password").filter(|_| args.private_key_file.is_none()) {
        data.insert("password".into(), password.clone());
    }
    Ok(told.filter(|_| is_new))
}

/// The keys that the server may show: of the flag, of the Secret in the cluster, else those that this user trusts.
fn known_hosts(
    args: &GitArgs,
    url: &RemoteUrl,
    kept: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<u8>, CommandError> {
    if let Some(file) = &args.known_hosts_file {
        return read(file);
    }
    if let Some(known) = kept.get("known_hosts") {
        return Ok(known.clone());
    }
    let advice = "ssh-keyscan HOST > known_hosts, compare its keys, and give --known-hosts-file=known_hosts";
    let all = read(&own_known_hosts()?).map_err(|error| error.hint(advice))?;
    let known = of_host(&String::from_utf8_lossy(&all), url);
    if known.is_empty() {
        let text = format!("~/.ssh/known_hosts has no key of {url}");
        return Err(CommandError::usage(text).hint(advice));
    }
    Ok(known.into_bytes())
}

/// The lines about the host, and those whose host is hashed: the cluster need not learn which hosts a user knows.
fn of_host(all: &str, url: &RemoteUrl) -> String {
    let url: http::Uri = url.as_str().parse().unwrap_or_default();
    let host = url.host().unwrap_or_default();
    let wanted = match url.port_u16() {
        None | Some(22) => host.to_owned(),
        Some(port) => format!("[{host}]:{port}"),
    };
    let about = |line: &&str| {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let names = if first.starts_with('@') { words.next().unwrap_or_default() } else { first };
        names.starts_with("|1|") || names.split(',').any(|name| name == wanted || name.contains('*'))
    };
    all.lines().filter(about).map(|line| format!("{line}\n")).collect()
}

fn own_known_hosts() -> Result<PathBuf, CommandError> {
    let home =
        std::env::var_os("HOME").ok_or_else(|| CommandError::usage("--known-hosts-file is required"))?;
    Ok(PathBuf::from(home).join(".ssh/known_hosts"))
}

fn read(file: &PathBuf) -> Result<Vec<u8>, CommandError> {
    fs::read(file).map_err(|error| CommandError::failed(format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests {
    use git::RemoteUrl;

    use super::of_host;

    #[test]
    fn only_what_is_said_of_the_host_is_taken() {
        let url = |text| RemoteUrl::parse(text).unwrap();
        let known = "a.example,b.example ssh-ed25519 A\n[a.example]:2222 ssh-ed25519 B\nc.example ssh-ed25519 C\n\
                     @cert-authority *.example ssh-ed25519 D\n|1|salt|hash ssh-ed25519 E\n";
        let keys = |text| -> String {
            of_host(known, &url(text)).lines().filter_map(|line| line.chars().last()).collect()
        };
        assert_eq!(keys("ssh://git@b.example/x"), "ADE");
        assert_eq!(keys("ssh://git@a.example:2222/x"), "BDE");
    }
}
