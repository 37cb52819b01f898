use std::{collections::BTreeMap, fs, path::PathBuf};

use git::{Access, RemoteUrl};
use net::Secret;
use serde_json::{Map, Value, json};

use super::GitArgs;
use crate::CommandError;

/// How to log in, in the form of the Secret that the cluster gets. No `Debug`.
pub(super) struct Login {
    pub(super) url: RemoteUrl,
    data: BTreeMap<String, Vec<u8>>,
}

impl Login {
    /// Reads the flags and the files that they name.
    pub(super) fn of(args: &GitArgs) -> Result<Self, CommandError> {
        let url = RemoteUrl::parse(&args.url).map_err(|error| CommandError::usage(error.to_string()))?;
        let plain = args.url.starts_with("http://");
        if plain && !args.allow_insecure_http {
            return Err(CommandError::usage("http:// shows the password to everybody on the way")
                .hint("use https://, or allow it with --allow-insecure-http"));
        }
        let data = if url.is_ssh() { ssh(args)? } else { http(args)? };
        Ok(Self { url, data })
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

fn http(args: &GitArgs) -> Result<BTreeMap<String, Vec<u8>>, CommandError> {
    let mut data = BTreeMap::new();
    let password = args.password.clone().into_bytes();
    if args.with_bearer_token {
        data.insert("bearerToken".into(), password);
    } else if !password.is_empty() {
        data.insert("username".into(), args.username.clone().into_bytes());
        data.insert("password".into(), password);
    }
    if let Some(file) = &args.ca_file {
        data.insert("ca.crt".into(), read(file)?);
    }
    Ok(data)
}

fn ssh(args: &GitArgs) -> Result<BTreeMap<String, Vec<u8>>, CommandError> {
    let Some(key) = &args.private_key_file else {
        return Err(CommandError::usage("for Git over SSH --private-key-file is required")
            .hint("ssh-keygen -t ed25519 -N '' -f key, and allow key.pub to push"));
    };
    let hosts = match &args.known_hosts_file {
        Some(file) => read(file)?,
        None => read(&own_known_hosts()?).map_err(|error| {
            error.hint(
                "ssh-keyscan HOST > known_hosts, compare its keys, and give --known-hosts-file=known_hosts",
            )
        })?,
    };
    let mut data = BTreeMap::from([("identity".into(), read(key)?), ("known_hosts".into(), hosts)]);
    if !args.password.is_empty() {
        data.insert("password".into(), args.password.clone().into_bytes());
    }
    Ok(data)
}

fn own_known_hosts() -> Result<PathBuf, CommandError> {
    let home =
        std::env::var_os("HOME").ok_or_else(|| CommandError::usage("--known-hosts-file is required"))?;
    Ok(PathBuf::from(home).join(".ssh/known_hosts"))
}

fn read(file: &PathBuf) -> Result<Vec<u8>, CommandError> {
    fs::read(file).map_err(|error| CommandError::failed(format!("{}: {error}", file.display())))
}
