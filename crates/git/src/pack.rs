use gix_object::Kind;
use gix_pack::{Bundle, cache};
use gix_zlib::Inflate;
use tempfile::TempDir;

use crate::{GitError, Oid};

/// Received objects, in a temporary folder that goes with it.
pub(crate) struct Pack {
    bundle: Bundle,
    _dir: TempDir,
}

impl Pack {
    pub(crate) fn new(bundle: Bundle, dir: TempDir, alloc_limit: usize) -> Self {
        let Bundle { pack, index } = bundle;
        Self { bundle: Bundle { pack: pack.with_alloc_limit_bytes(Some(alloc_limit)), index }, _dir: dir }
    }

    /// The content of an object that must have this kind.
    pub(crate) fn get(&self, id: Oid, kind: Kind) -> Result<Vec<u8>, GitError> {
        let unusable = |cause| GitError::Object { id: id.to_string(), cause };
        let mut content = Vec::new();
        let mut inflate = Inflate::default();
        let found = self.bundle.find(&id.to_gix(), &mut content, &mut inflate, &mut cache::Never);
        let (object, _) =
            found.map_err(|_| unusable("cannot be decoded"))?.ok_or_else(|| unusable("missing"))?;
        if object.kind != kind {
            return Err(unusable("another kind than expected"));
        }
        Ok(content)
    }

    pub(crate) fn has(&self, id: Oid) -> bool {
        self.bundle.index.lookup(id.to_gix()).is_some()
    }
}
