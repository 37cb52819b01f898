//! Artifacts made lately, for other objects that want the same of the same repository: a thousand objects of forty
//! repositories fetch forty times.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::meta::Artifact;
use api::source::v1::GitRepositorySpec;
use artifact::{ArtifactPath, Check, Store};
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

impl Twin {
    /// The file, where it still is what was made: an object that changed what it ignores has another one under the same
    /// name. Blocks.
    pub(crate) fn open(made: Made, store: &dyn Store) -> Option<Self> {
        let path = ArtifactPath::parse(&made.artifact.path).ok()?;
        let digest = made.artifact.digest.parse().ok()?;
        let is_there = store.check(&path, &digest).is_ok_and(|check| check == Check::Good);
        let content = store.open(&path).ok()?;
        is_there.then_some(Self { made, content })
    }
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

    /// What was made of this revision.
    pub(crate) fn find(&self, wanted: &Wanted, revision: &str) -> Option<Made> {
        let known = self.lock();
        let (_, made) = known.entries.get(wanted)?;
        (made.artifact.revision == revision).then(|| made.clone())
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
