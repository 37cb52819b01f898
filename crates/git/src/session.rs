use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use net::{AddressRule, Client, LeastPace, Policy};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::{
    Access, AccessError, Checkout, GitError, Oid, RemoteUrl, Resolved, Selector, SelectorError, SshOptions,
    checkout::{WalkLimits, read_commit},
    handshake::{Dialect, handshake},
    http::HttpTransport,
    ingest::{Ingest, StopOnDrop},
    pack::Pack,
    packet::PacketReader,
    receive::{self, PackLimits, Wants},
    refs::{RemoteRef, list_request, read_list},
    resolve::{Found, choose, prefixes},
    selector::Wanted,
    service::Service,
    ssh::SshTransport,
    temporary::{self, Folder},
    transport::Transport,
};

/// What fetching may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a received pack.
    pub pack_bytes: u64,
    /// Objects of a received pack.
    pub objects: u64,
    /// How slow a pack may come once it has begun.
    pub pace: Option<LeastPace>,
    /// Bytes of one object; half as much again may be in memory to unpack one.
    pub object_bytes: u64,
    /// Bytes that are unpacked to read a tree, with what deltas are made of.
    pub unpacked_bytes: u64,
    /// Files and folders of a tree; as many symbolic links may stand beside them.
    pub entries: usize,
    /// Bytes of a path.
    pub path: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pack_bytes: 1 << 30,
            objects: 2_000_000,
            pace: Some(LeastPace::DEFAULT),
            object_bytes: 256 << 20,
            unpacked_bytes: 16 << 30,
            entries: 100_000,
            path: 4096,
        }
    }
}

/// Settings of [`Git`].
#[derive(Clone, Debug)]
pub struct GitOptions {
    /// What fetching may cost.
    pub limits: Limits,
    /// Which addresses may be called.
    pub addresses: AddressRule,
    /// Algorithms for SSH.
    pub ssh: SshOptions,
    /// Folder for received packs; they go when their [`Checkout`] is dropped.
    pub temporary: PathBuf,
}

impl GitOptions {
    /// The defaults, with a folder.
    pub fn new(temporary: impl Into<PathBuf>) -> Self {
        let temporary = temporary.into();
        Self { limits: Limits::default(), addresses: AddressRule::Any, ssh: SshOptions::default(), temporary }
    }
}

/// A repository and the way to it. No `Debug`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Remote {
    /// Where it is.
    pub url: RemoteUrl,
    /// How to prove who we are.
    pub access: Access,
    /// Time for everything that a session does.
    pub timeout: Duration,
}

/// Fetches from repositories; keeps HTTP connections between fetches. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Git {
    inner: Arc<Inner>,
}

struct Inner {
    options: GitOptions,
    clients: Mutex<HashMap<Policy, Client>>,
}

/// Clients kept at most; each holds its own TLS settings and connections.
const MOST_CLIENTS: usize = 64;
/// The requests themselves end at the deadline and say what they were; this only catches what they do not.
const GRACE: Duration = Duration::from_millis(250);
/// Longer than any time limit of a remote.
const SILENCE: Duration = Duration::from_secs(24 * 3600);
/// Pieces of a pack on their way to the disk.
const PIECES: usize = 16;

impl Git {
    /// Nothing is connected yet. Packs that killed processes left in the temporary folder are removed.
    pub fn new(options: GitOptions) -> Self {
        temporary::sweep(&options.temporary);
        Self { inner: Arc::new(Inner { options, clients: Mutex::default() }) }
    }

    /// Connects and shakes hands. The remote's time limit starts here and holds for the whole session.
    ///
    /// # Errors
    /// See [`GitError`].
    pub async fn open(&self, remote: &Remote) -> Result<Session, GitError> {
        let deadline = Instant::now() + remote.timeout;
        let (transport, dialect) = self.shake(remote, Service::UploadPack, deadline).await?;
        Ok(Session { git: self.clone(), transport, dialect, remote: remote.clone(), deadline })
    }

    /// Connects to a service and reads its first answer.
    pub(crate) async fn shake(
        &self,
        remote: &Remote,
        service: Service,
        deadline: Instant,
    ) -> Result<(Transport, Dialect), GitError> {
        let url = remote.url.as_str();
        let shaking = async {
            let mut transport = self.connect(remote, service, deadline).await?;
            let mut reader = PacketReader::new(transport.advertisement().await?, url);
            let dialect = handshake(&mut reader, url).await?;
            drop(reader);
            Ok((transport, dialect))
        };
        self.within(remote, deadline, shaking).await
    }

    /// Ends what is done with a remote when its time is over. After a silence no connection that is open is
    /// used for a new session.
    pub(crate) async fn within<T>(
        &self,
        remote: &Remote,
        deadline: Instant,
        work: impl Future<Output = Result<T, GitError>>,
    ) -> Result<T, GitError> {
        let late = || GitError::Timeout { url: remote.url.to_string(), place: String::new() };
        let done = timeout_at(deadline + GRACE, work).await.unwrap_or_else(|_| Err(late()));
        if matches!(done, Err(GitError::Timeout { .. })) {
            self.inner.forget(remote);
        }
        done
    }

    async fn connect(
        &self,
        remote: &Remote,
        service: Service,
        deadline: Instant,
    ) -> Result<Transport, GitError> {
        let options = &self.inner.options;
        if let Some(access) = &remote.access.ssh {
            let ssh = SshTransport::connect(remote, access, (&options.ssh, service), options.addresses);
            return Ok(Transport::Ssh(Box::new(ssh.await?)));
        }
        let client = self.inner.client(remote)?;
        let http = HttpTransport::new(client, remote.url.clone(), service, deadline);
        Ok(Transport::Http(Box::new(http)))
    }
}

impl Inner {
    /// The client for these credentials, from earlier or new.
    fn client(&self, remote: &Remote) -> Result<Client, GitError> {
        let policy = self.policy(remote);
        let mut clients = self.clients();
        if let Some(client) = clients.get(&policy) {
            return Ok(client.clone());
        }
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        let client = policy.client().map_err(AccessError::from)?;
        clients.insert(policy, client.clone());
        Ok(client)
    }

    /// The next session connects anew.
    fn forget(&self, remote: &Remote) {
        self.clients().remove(&self.policy(remote));
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<Policy, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn policy(&self, remote: &Remote) -> Policy {
        let mut policy = Policy {
            credentials: remote.access.http.clone(),
            addresses: self.options.addresses,
            user_agent: "git/sluice".to_owned(),
            ..Policy::default()
        };
        policy.limits.max_body = self.options.limits.pack_bytes;
        policy.limits.connect = Duration::from_secs(30);
        // Each request has the rest of the remote's time limit, and may be silent for all of it: a server counts and
        // compresses before it sends. How fast the pack itself comes is looked at where it is received.
        policy.limits.idle = SILENCE;
        policy.limits.pace = None;
        policy
    }
}

/// One connection to a repository, with its time limit running.
pub struct Session {
    git: Git,
    transport: Transport,
    dialect: Dialect,
    remote: Remote,
    deadline: Instant,
}

impl Session {
    /// Asks which commit the selector means. Nothing is fetched, unless two tags of one version must be told
    /// apart by the age of their commits.
    ///
    /// # Errors
    /// See [`GitError`]; an invalid name counts as one that is not found.
    pub async fn resolve(&mut self, selector: &Selector) -> Result<Resolved, GitError> {
        let wanted = selector.wanted().map_err(|error| self.invalid(error))?;
        let (git, remote, deadline) = (self.git.clone(), self.remote.clone(), self.deadline);
        let resolving = async {
            let refs = self.list(&prefixes(&wanted)).await?;
            let found = match choose(&wanted, &refs, self.remote.url.as_str()) {
                Err(error) => return Err(self.explain(error, &wanted).await),
                Ok(found) => found,
            };
            match found {
                Found::One(resolved) => Ok(resolved),
                Found::Tie(candidates) => self.youngest(candidates).await,
            }
        };
        git.within(&remote, deadline, resolving).await
    }

    /// Receives the commit without its history.
    ///
    /// # Errors
    /// See [`GitError`].
    pub async fn fetch(&mut self, resolved: &Resolved) -> Result<Checkout, GitError> {
        let (git, remote, deadline) = (self.git.clone(), self.remote.clone(), self.deadline);
        let fetching = async {
            let pack = self.fetch_pack(resolved).await?;
            let Limits { entries, path, .. } = self.git.inner.options.limits;
            let limits = WalkLimits { entries, path };
            Checkout::new(pack, resolved.commit, resolved.tag, limits)
        };
        git.within(&remote, deadline, fetching).await
    }

    fn invalid(&self, error: SelectorError) -> GitError {
        GitError::Network { url: self.remote.url.to_string(), cause: error.to_string() }
    }

    async fn list(&mut self, prefixes: &[String]) -> Result<Arc<[RemoteRef]>, GitError> {
        match &self.dialect {
            Dialect::Zero(_, refs) => Ok(refs.clone()),
            Dialect::Two(_) if prefixes.is_empty() => Ok(Arc::default()),
            Dialect::Two(_) => {
                let request = list_request(prefixes).into_bytes();
                let mut reader =
                    PacketReader::new(self.transport.request(request, true).await?, self.remote.url.as_str());
                read_list(&mut reader, prefixes, self.remote.url.as_str()).await.map(Arc::from)
            }
        }
    }

    /// A branch that is missing because there is no commit at all is said so.
    async fn explain(&mut self, error: GitError, wanted: &Wanted) -> GitError {
        if !matches!(wanted, Wanted::Branch(_) | Wanted::Tag(_) | Wanted::Semver(_)) {
            return error;
        }
        match (error, self.list(&["refs/".to_owned()]).await) {
            (error @ GitError::Semver(_), _) => error,
            (_, Ok(all)) if all.is_empty() => GitError::EmptyRepository,
            (error, _) => error,
        }
    }

    async fn youngest(&mut self, candidates: Vec<Resolved>) -> Result<Resolved, GitError> {
        let ids: Vec<Oid> = candidates.iter().map(|candidate| candidate.commit).collect();
        let pack = self.receive(&Wants { ids: &ids, shallow: true }).await?;
        let mut dated = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            dated.push((read_commit(&pack, candidate.commit)?.committer.time, candidate));
        }
        dated.sort_by(|a, b| (a.0, &a.1.revision).cmp(&(b.0, &b.1.revision)));
        dated.pop().map(|(_, candidate)| candidate).ok_or_else(|| GitError::NoMatch(String::new()))
    }

    async fn fetch_pack(&mut self, resolved: &Resolved) -> Result<Pack, GitError> {
        if resolved.pinned && !receive::gives_any_commit(&self.dialect) {
            return self.fetch_history(resolved).await;
        }
        let id = resolved.tag.unwrap_or(resolved.commit);
        match self.receive(&Wants { ids: &[id], shallow: true }).await {
            Err(GitError::Protocol { cause, .. }) if resolved.pinned && cause.contains("not our ref") => {
                Err(GitError::CommitNotFound(resolved.commit.to_string()))
            }
            done => done,
        }
    }

    /// Servers that give only what references point to: the whole history is received to find the commit.
    async fn fetch_history(&mut self, resolved: &Resolved) -> Result<Pack, GitError> {
        let refs = self.list(&[]).await?;
        let of_interest = |reference: &&RemoteRef| match &resolved.reference {
            Some(name) => reference.name == *name,
            None => reference.name.starts_with("refs/heads/") || reference.name.starts_with("refs/tags/"),
        };
        let mut ids: Vec<Oid> = refs.iter().filter(of_interest).map(|reference| reference.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let missing = || GitError::CommitNotFound(resolved.commit.to_string());
        if ids.is_empty() {
            return Err(missing());
        }
        let pack = self.receive(&Wants { ids: &ids, shallow: false }).await?;
        if pack.has(resolved.commit) { Ok(pack) } else { Err(missing()) }
    }

    async fn receive(&mut self, wants: &Wants<'_>) -> Result<Pack, GitError> {
        let request = receive::request(&self.dialect, wants, self.remote.url.as_str())?;
        let version2 = matches!(self.dialect, Dialect::Two(_));
        let mut reader =
            PacketReader::new(self.transport.request(request, version2).await?, self.remote.url.as_str());
        receive::preamble(&mut reader, &self.dialect, self.remote.url.as_str()).await?;
        let (sender, pieces) = mpsc::channel(PIECES);
        let stop = StopOnDrop(Arc::new(AtomicBool::new(false)));
        let limits = &self.git.inner.options.limits;
        let dir = Folder::new(&self.git.inner.options.temporary)
            .map_err(|error| GitError::Disk(error.to_string()))?;
        let ingest = Ingest {
            pieces,
            dir,
            object_bytes: limits.object_bytes,
            effort: limits.unpacked_bytes,
            stop: stop.0.clone(),
            url: self.remote.url.to_string(),
        };
        let ingested = tokio::task::spawn_blocking(move || ingest.run());
        let pack_limits = PackLimits { bytes: limits.pack_bytes, objects: limits.objects, pace: limits.pace };
        receive::pack(&mut reader, pack_limits, self.remote.url.as_str(), sender).await?;
        ingested.await.map_err(|error| GitError::Disk(error.to_string()))?
    }
}
