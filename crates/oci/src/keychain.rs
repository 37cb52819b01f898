use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::Repository;

/// How to log in to a registry. No `Debug`.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub enum Login {
    /// Not at all.
    #[default]
    Anonymous,
    /// By name and password, which a token server may take too.
    Basic {
        /// Name.
        username: String,
        /// Password or token.
        password: String,
    },
    /// By a token that is exchanged at the token server.
    Refresh(String),
    /// By a token that the registry takes as it is.
    Bearer(String),
}

/// The logins of `.dockerconfigjson` files. No `Debug`.
#[derive(Clone, Default)]
pub struct Keychain {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    host: String,
    port: Option<String>,
    path: String,
    login: Login,
}

/// A file that is none.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeychainError {
    /// Not JSON, or not with a map `auths`.
    #[error("docker config is not valid JSON with a map of registries")]
    Malformed,
    /// An entry whose `auth` is not base64 of `NAME:PASSWORD`.
    #[error("docker config entry of '{0}' is not base64 of a name and a password")]
    Entry(String),
}

impl Keychain {
    /// Adds the logins of a `.dockerconfigjson`. The most special one wins, of equal ones that which was added first.
    ///
    /// # Errors
    /// See [`KeychainError`].
    pub fn add_config_json(&mut self, bytes: &[u8]) -> Result<(), KeychainError> {
        let config: Value = serde_json::from_slice(bytes).map_err(|_| KeychainError::Malformed)?;
        let none = Map::new();
        let registries = match config.get("auths") {
            None | Some(Value::Null) => &none,
            Some(found) => found.as_object().ok_or(KeychainError::Malformed)?,
        };
        self.add(registries)
    }

    /// Adds the logins of the older form `.dockercfg`.
    ///
    /// # Errors
    /// See [`KeychainError`].
    pub fn add_config(&mut self, bytes: &[u8]) -> Result<(), KeychainError> {
        let config: Value = serde_json::from_slice(bytes).map_err(|_| KeychainError::Malformed)?;
        self.add(config.as_object().ok_or(KeychainError::Malformed)?)
    }

    fn add(&mut self, registries: &Map<String, Value>) -> Result<(), KeychainError> {
        let mut added = Vec::new();
        for (name, entry) in registries {
            let login = login(entry).ok_or_else(|| KeychainError::Entry(name.clone()))?;
            added.push(Entry::new(name, login));
        }
        self.entries.extend(added);
        // The most special name first, of whatever file, as Kubernetes looks them up.
        self.entries.sort_by_cached_key(|entry| std::cmp::Reverse(entry.name()));
        Ok(())
    }

    /// The login for a repository.
    pub fn login(&self, repository: &Repository) -> Login {
        let found = self.entries.iter().find(|entry| entry.is_for(repository));
        found.map(|entry| entry.login.clone()).unwrap_or_default()
    }
}

impl Entry {
    fn new(name: &str, login: Login) -> Self {
        let bare = name.split_once("://").map_or(name, |(_, rest)| rest);
        let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
        let path = path.strip_prefix("v1/").or_else(|| path.strip_prefix("v2/")).unwrap_or(path);
        let path = if matches!(path, "v1" | "v2") { "" } else { path };
        let (host, port) = split_port(host);
        Self { host, port, path: path.trim_end_matches('/').to_owned(), login }
    }

    /// `HOST[:PORT][/PATH]`.
    fn name(&self) -> String {
        let port = self.port.as_ref().map_or_else(String::new, |port| format!(":{port}"));
        let path = if self.path.is_empty() { String::new() } else { format!("/{}", self.path) };
        format!("{}{port}{path}", self.host)
    }

    fn is_for(&self, repository: &Repository) -> bool {
        let (host, port) = split_port(repository.registry());
        self.port == port && hosts_match(&self.host, &host) && repository.path().starts_with(&self.path)
    }
}

fn split_port(host: &str) -> (String, Option<String>) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => {
            (name.to_owned(), Some(port.into()))
        }
        _ => (host.to_owned(), None),
    }
}

/// Part by part; `*` stands for letters of one part.
fn hosts_match(pattern: &str, host: &str) -> bool {
    let docker = |name: &str| matches!(name, "docker.io" | "index.docker.io" | "registry-1.docker.io");
    if docker(pattern) && docker(host) {
        return true;
    }
    let (pattern, host): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), host.split('.').collect());
    pattern.len() == host.len() && pattern.iter().zip(host).all(|(pattern, part)| part_matches(pattern, part))
}

fn part_matches(pattern: &str, part: &str) -> bool {
    let Some((start, end)) = pattern.split_once('*') else { return pattern == part };
    part.len() >= start.len() + end.len() && part.starts_with(start) && part.ends_with(end)
}

/// Base64 as it comes from many tools and hands: padded or not.
static AUTH: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn login(entry: &Value) -> Option<Login> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(token) = text("registrytoken") {
        return Some(Login::Bearer(token.to_owned()));
    }
    if let Some(token) = text("identitytoken") {
        return Some(Login::Refresh(token.to_owned()));
    }
    if let Some(auth) = text("auth") {
        let auth = auth.trim().replace(['\r', '\n'], "");
        let decoded = String::from_utf8(AUTH.decode(auth).ok()?).ok()?;
        let (username, password) = decoded.split_once(':')?;
        let password = password.trim_matches(char::from(0));
        return Some(Login::Basic { username: username.to_owned(), password: password.to_owned() });
    }
    Some(match text("username") {
        Some(username) => Login::Basic {
            username: username.to_owned(),
            password: text("password").unwrap_or("").to_owned(),
        },
        None => Login::Anonymous,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(keychain: &Keychain, repository: &str) -> String {
        match keychain.login(&Repository::parse(repository).unwrap()) {
            Login::Basic { username, .. } => username,
            Login::Anonymous => "-".into(),
            Login::Refresh(token) | Login::Bearer(token) => token,
        }
    }

    fn keychain(auths: &str) -> Keychain {
        let mut keychain = Keychain::default();
        keychain.add_config_json(format!(r#"{{"auths":{auths}}}"#).as_bytes()).unwrap();
        keychain
    }

    #[test]
    fn the_most_special_entry_wins() {
        let keychain = keychain(
            r#"{"ghcr.io":{"username":"all"},"ghcr.io/org":{"username":"org"},
                "https://index.docker.io/v1/":{"auth":"aHViOnB3"},"*.example.com:5000":{"identitytoken":"star"}}"#,
        );
        assert_eq!(user(&keychain, "ghcr.io/org/app"), "org");
        assert_eq!(user(&keychain, "ghcr.io/other/app"), "all");
        assert_eq!(user(&keychain, "nginx"), "hub");
        assert_eq!(user(&keychain, "a.example.com:5000/app"), "star");
        assert_eq!(user(&keychain, "a.b.example.com:5000/app"), "-");
        assert_eq!(user(&keychain, "a.example.com/app"), "-");
    }

    #[test]
    fn the_most_special_entry_of_all_secrets_wins_and_of_equal_ones_the_first() {
        let mut keychain = keychain(r#"{"h.io":{"username":"first"},"*.h.io":{"username":"any"}}"#);
        keychain.add_config(br#"{"h.io/org":{"username":"org"},"h.io":{"username":"late"}}"#).unwrap();
        keychain.add_config(br#"{"h.io/org/app":{"username":"app"},"a.h.io":{"username":"a"}}"#).unwrap();
        assert_eq!(user(&keychain, "h.io/org/app"), "app");
        assert_eq!(user(&keychain, "h.io/org/web"), "org");
        assert_eq!(user(&keychain, "h.io/web"), "first");
        assert_eq!(user(&keychain, "a.h.io/web"), "a");
    }

    #[test]
    fn a_password_is_read_without_padding_and_with_line_breaks() {
        let login = |auth: &str| {
            let config = serde_json::json!({ "auths": { "h.io": { "auth": auth } } });
            let mut keychain = Keychain::default();
            keychain.add_config_json(config.to_string().as_bytes()).unwrap();
            user(&keychain, "h.io/app")
        };
        for auth in ["cm9ib3Q6cHc=", "cm9ib3Q6cHc", "cm9i\nb3Q6\r\ncHc=\n", " cm9ib3Q6\ncHc "] {
            assert_eq!(login(auth), "robot", "{auth:?}");
        }
    }

    #[test]
    fn a_broken_entry_is_named_without_its_content() {
        let mut keychain = Keychain::default();
        let error = keychain.add_config_json(br#"{"auths":{"h.io":{"auth":"hunter2"}}}"#).unwrap_err();
        assert_eq!(error, KeychainError::Entry("h.io".into()));
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(keychain.add_config_json(b"nope"), Err(KeychainError::Malformed));
    }
}
