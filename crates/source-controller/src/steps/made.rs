//! Artifacts made lately, for other objects that want the same of the same repository: a thousand objects of forty
//! repositories fetch forty times.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::meta::Artifact;
use api::source::v1::GitRepositorySpec;
use artifact::{ArtifactPath, Store};
use git::Remote;
use tokio::time::Instant;

/// How long an artifact is remembered: objects woken together have their turns within this time.
const KEPT: Duration = Duration::from_secs(600);

/// What decides the bytes of an artifact beside the commit. The remote holds the credentials: only who proved the same
/// identity gets the same file.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    remote: Remote,
    ignore: Option<String>,
    sparse: Vec<String>,
}

impl Wanted {
    pub(crate) fn new(remote: Remote, spec: &GitRepositorySpec) -> Self {
        Self { remote, ignore: spec.ignore.clone(), sparse: spec.sparse_checkout.clone() }
    }
}

/// A commit's tree as it was stored for some object.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) artifact: Artifact,
    /// The commit's subject as events show it.
    pub(crate) subject: String,
    /// Whether the commit carries a signature.
    pub(crate) signed: bool,
}

/// A file made before, open: it can be read whatever becomes of its name.
pub(crate) struct Twin {
    pub(crate) made: Made,
    pub(crate) content: Box<dyn Read + Send>,
}

/// The newest artifact of each want.
pub(crate) struct Lately {
    known: Mutex<Known>,
}

struct Known {
    entries: HashMap<Wanted, (Instant, Made)>,
    swept: Instant,
}

impl Lately {
    pub(crate) fn new() -> Self {
        Self { known: Mutex::new(Known { entries: HashMap::new(), swept: Instant::now() }) }
    }

    /// The same file, where it was made for this revision and still lies in the store.
    pub(crate) fn find(&self, wanted: &Wanted, revision: &str, store: &dyn Store) -> Option<Twin> {
        let made = self.lock().entries.get(wanted).map(|(_, made)| made.clone())?;
        if made.artifact.revision != revision {
            return None;
        }
        let path = ArtifactPath::parse(&made.artifact.path).ok()?;
        let content = store.open(&path).ok()?;
        Some(Twin { made, content })
    }

    pub(crate) fn remember(&self, wanted: Wanted, made: Made) {
        let now = Instant::now();
        let mut known = self.lock();
        if now.duration_since(known.swept) > KEPT {
            known.entries.retain(|_, (since, _)| now.duration_since(*since) < KEPT);
            known.swept = now;
        }
        known.entries.insert(wanted, (now, made));
    }

    /// The file is not what was made.
    pub(crate) fn forget(&self, wanted: &Wanted) {
        self.lock().entries.remove(wanted);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
