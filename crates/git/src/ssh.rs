use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use net::AddressRule;
use russh::{
    Channel, ChannelMsg, Error, Preferred,
    client::{Config, Handle, Handler, Msg},
    kex,
    keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate},
};
use ssh_key::Algorithm;

use crate::{
    AccessError, GitError, Remote, SshAccess,
    dial::dial,
    error::shown,
    known_hosts::{Judgement, KnownHosts},
    service::Service,
    ssh_options::SshOptions,
};

/// A repository behind SSH: one connection, one channel, on which the service's program runs.
pub(crate) struct SshTransport {
    url: String,
    channel: Channel<Msg>,
    /// Keeps the connection; it ends when this is dropped.
    _handle: Handle<Verifier>,
    /// The beginning of what the program said on stderr.
    complaint: Vec<u8>,
    received: bool,
}

const LONGEST_COMPLAINT: usize = 4096;

impl SshTransport {
    pub(crate) async fn connect(
        remote: &Remote,
        access: &SshAccess,
        (options, service): (&SshOptions, Service),
        rule: AddressRule,
    ) -> Result<Self, GitError> {
        let url = remote.url.to_string();
        let (host, port) = (remote.url.host(), remote.url.ssh_port());
        let key = read_key(access).await?;
        let hosts = KnownHosts::parse(&access.known_hosts)?;
        let config = config(options, &hosts.algorithms(&host, port));
        let network = |cause| GitError::Network { url: url.clone(), cause };
        let stream = dial(&host, port, remote.access.http.proxy.as_ref(), rule).await.map_err(network)?;
        let verdict = Arc::new(Mutex::new(None));
        let verifier = Verifier { hosts, host, port, verdict: verdict.clone() };
        let mut handle = russh::client::connect_stream(Arc::new(config), stream, verifier)
            .await
            .map_err(|error| handshake_error(&url, &error, &verdict))?;
        authenticate(&mut handle, remote, key).await?;
        let channel = execute(&handle, &url, service, &remote.url.path()).await?;
        Ok(Self { url, channel, _handle: handle, complaint: Vec::new(), received: false })
    }

    pub(crate) async fn send(&mut self, body: Bytes) -> Result<(), GitError> {
        let sent = self.channel.data(&body[..]).await;
        sent.map_err(|error| broken(&self.url, &error))
    }

    /// The next piece of output, or nothing at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, GitError> {
        loop {
            match self.channel.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    self.received = true;
                    return Ok(Some(data));
                }
                Some(ChannelMsg::ExtendedData { data, .. }) => self.note(&data),
                // What the program said on stderr may come behind the end of its output.
                Some(ChannelMsg::Eof) if self.received => return self.end(),
                Some(ChannelMsg::Close) | None => return self.end(),
                // The exit status among them: sshd sends it when the program ends, before the output still in its pipe.
                Some(_) => {}
            }
        }
    }

    fn note(&mut self, text: &[u8]) {
        let room = LONGEST_COMPLAINT.saturating_sub(self.complaint.len());
        self.complaint.extend_from_slice(&text[..text.len().min(room)]);
    }

    /// A program that ends without output did not find the repository, or may not read it.
    fn end(&self) -> Result<Option<Bytes>, GitError> {
        if self.received {
            return Ok(None);
        }
        let (url, reason) = (self.url.clone(), complaint(&self.complaint));
        let said = reason.to_lowercase();
        if ["not found", "not appear to be a git repository", "does not exist", "no such"]
            .iter()
            .any(|word| said.contains(word))
        {
            return Err(GitError::RepositoryNotFound { url, reason });
        }
        if said.contains("denied") || said.contains("permission") {
            return Err(GitError::Forbidden { url, reason });
        }
        Err(GitError::protocol(&url, if reason.is_empty() { "unexpected EOF".to_owned() } else { reason }))
    }
}

/// The line that says most: servers put banners around it.
fn complaint(text: &[u8]) -> String {
    let telling = |line: &&[u8]| {
        let line = String::from_utf8_lossy(line).to_lowercase();
        ["error", "fatal", "denied", "not found"].iter().any(|word| line.contains(word))
    };
    let found = text.split(|byte| *byte == b'\n').find(telling);
    shown(found.unwrap_or(text))
}

/// Deriving a key from a passphrase takes time by design.
async fn read_key(access: &SshAccess) -> Result<PrivateKey, GitError> {
    let (identity, passphrase) = (access.identity.clone(), access.passphrase.clone());
    let read = tokio::task::spawn_blocking(move || {
        let passphrase = passphrase.as_deref();
        // A password that the key does not need is not an error, as in Flux.
        russh::keys::decode_secret_key(&identity, passphrase)
            .or_else(|error| match passphrase {
                Some(_) => russh::keys::decode_secret_key(&identity, None).map_err(|_| error),
                None => Err(error),
            })
            .map_err(|_| match passphrase {
                Some(_) => AccessError::Identity("unknown format, or the passphrase is wrong"),
                None => AccessError::Identity("unknown format, or encrypted and the passphrase is missing"),
            })
    });
    let key = read.await.map_err(|error| GitError::Disk(error.to_string()))?;
    Ok(key?)
}

/// How often a silent peer is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(20);

fn config(options: &SshOptions, known: &[Algorithm]) -> Config {
    let defaults = Preferred::DEFAULT;
    let mut preferred =
        Preferred { compression: Cow::Borrowed(&[russh::compression::NONE]), ..defaults.clone() };
    if !options.kex.is_empty() {
        let extensions = defaults.kex.iter().filter(|name| is_extension(**name)).copied();
        preferred.kex = options.kex.iter().copied().chain(extensions).collect();
    }
    let offered: Vec<Algorithm> = match options.host_keys.is_empty() {
        true => defaults.key.to_vec(),
        false => options.host_keys.clone(),
    };
    let judged: Vec<Algorithm> = offered
        .iter()
        .filter(|algorithm| known.iter().any(|one| same_kind(one, algorithm)))
        .cloned()
        .collect();
    // With no line for this host the server is asked as usual; the answer is then an unknown key.
    preferred.key = Cow::Owned(if judged.is_empty() { offered } else { judged });
    Config {
        preferred,
        nodelay: true,
        channel_buffer_size: 16,
        // A server may be silent while it counts what a large repository has; the deadline ends that. Only a peer that is
        // not there any more is left earlier.
        inactivity_timeout: None,
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: 3,
        ..Config::default()
    }
}

fn is_extension(name: kex::Name) -> bool {
    [kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT].contains(&name)
}

/// One RSA key serves all RSA signature algorithms.
fn same_kind(a: &Algorithm, b: &Algorithm) -> bool {
    a == b || matches!((a, b), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

async fn authenticate(
    handle: &mut Handle<Verifier>,
    remote: &Remote,
    key: PrivateKey,
) -> Result<(), GitError> {
    let url = remote.url.as_str();
    let hash = handle.best_supported_rsa_hash().await.map_err(|error| broken(url, &error))?.flatten();
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
    let result = handle.authenticate_publickey(remote.url.ssh_user(), key).await;
    match result.map_err(|error| broken(url, &error))? {
        russh::client::AuthResult::Success => Ok(()),
        russh::client::AuthResult::Failure { .. } => Err(GitError::AuthFailed {
            url: url.to_owned(),
            reason:
                "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], \
                     no supported methods remain"
                    .to_owned(),
        }),
    }
}

async fn execute(
    handle: &Handle<Verifier>,
    url: &str,
    service: Service,
    path: &str,
) -> Result<Channel<Msg>, GitError> {
    let opened = async {
        let channel = handle.channel_open_session().await?;
        if service == Service::UploadPack {
            // Servers that do not accept the variable speak the old protocol.
            channel.set_env(false, "GIT_PROTOCOL", "version=2").await?;
        }
        channel.exec(false, format!("{} {}", service.name(), quoted(path))).await?;
        Ok(channel)
    };
    opened.await.map_err(|error| broken(url, &error))
}

/// One word of a shell.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}

fn broken(url: &str, error: &Error) -> GitError {
    GitError::Network { url: url.to_owned(), cause: format!("ssh: {error}") }
}

fn handshake_error(url: &str, error: &Error, verdict: &Mutex<Option<Judgement>>) -> GitError {
    let verdict = *verdict.lock().unwrap_or_else(PoisonError::into_inner);
    let reason = match verdict {
        Some(Judgement::Unknown) => "key is unknown",
        Some(Judgement::Mismatch) => "key mismatch",
        Some(Judgement::Revoked) => "key is revoked",
        Some(Judgement::Known) | None => {
            return GitError::Network {
                url: url.to_owned(),
                cause: format!("ssh: handshake failed: {error}"),
            };
        }
    };
    GitError::HostKey { url: url.to_owned(), reason }
}

/// Judges the server's key by the known hosts.
struct Verifier {
    hosts: KnownHosts,
    host: String,
    port: u16,
    verdict: Arc<Mutex<Option<Judgement>>>,
}

impl Handler for Verifier {
    type Error = Error;

    async fn check_server_key(&mut self, offered: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = offered else { return Ok(false) };
        let judgement = self.hosts.judge(&self.host, self.port, key);
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = Some(judgement);
        Ok(judgement == Judgement::Known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_one_word_for_the_shell() {
        assert_eq!(quoted("/a b"), "'/a b'");
        assert_eq!(quoted("/x';id;'"), r"'/x'\'';id;'\'''");
    }

    #[test]
    fn the_telling_line_is_found_between_banners() {
        assert_eq!(complaint(b"Welcome\nERROR: Repository not found.\nbye"), "ERROR: Repository not found.");
        assert_eq!(complaint(b""), "");
    }
}
