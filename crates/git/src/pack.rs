use std::sync::atomic::{AtomicU64, Ordering};

use gix_hash::oid;
use gix_object::Kind;
use gix_pack::{
    Bundle, cache,
    data::{self, decode::entry::ResolvedBase},
};
use gix_zlib::Inflate;

use crate::{
    GitError, Oid,
    temporary::Folder,
    unpack_budget::{Base, delta_sizes},
};

/// Deltas on deltas at most, twice what Git makes; an object that is told twice may be its own base.
const LONGEST_CHAIN: usize = 8192;

/// Received objects, in a temporary folder that goes with it.
pub(crate) struct Pack {
    bundle: Bundle,
    _dir: Folder,
    /// Bytes that may still be unpacked: one object under many names, or a small one made of a large one, makes
    /// terabytes of a few KB.
    effort: AtomicU64,
    most_effort: u64,
}

impl Pack {
    pub(crate) fn new(bundle: Bundle, dir: Folder, alloc_limit: usize, most_effort: u64) -> Self {
        let Bundle { pack, index } = bundle;
        let bundle = Bundle { pack: pack.with_alloc_limit_bytes(Some(alloc_limit)), index };
        Self { bundle, _dir: dir, effort: AtomicU64::new(most_effort), most_effort }
    }

    /// The content of an object that must have this kind.
    pub(crate) fn get(&self, id: Oid, kind: Kind) -> Result<Vec<u8>, GitError> {
        let unusable = |cause| GitError::Object { id: id.to_string(), cause };
        let place = self.place(&id.to_gix()).ok_or_else(|| unusable("missing"))?;
        let entry = || self.bundle.pack.entry(place).map_err(|_| unusable("cannot be decoded"));
        self.spend(entry()?).ok_or_else(|| unusable("cannot be decoded"))??;
        let (mut content, mut inflate) = (Vec::new(), Inflate::default());
        let base = |id: &oid, _: &mut Vec<u8>| {
            let entry = self.place(id).map(|place| self.bundle.pack.entry(place)).transpose()?;
            Ok(entry.map(ResolvedBase::InPack))
        };
        let decoded =
            self.bundle.pack.decode_entry(entry()?, &mut content, &mut inflate, &base, &mut cache::Never);
        match decoded.map_err(|_| unusable("cannot be decoded"))?.kind == kind {
            true => Ok(content),
            false => Err(unusable("another kind than expected")),
        }
    }

    fn place(&self, id: &oid) -> Option<u64> {
        self.bundle.index.lookup(id).map(|at| self.bundle.index.pack_offset_at_index(at))
    }

    /// Takes what unpacking this entry costs from the effort: its content and what it is made of. Nothing where the
    /// entry is damaged.
    fn spend(&self, mut entry: data::Entry) -> Option<Result<(), GitError>> {
        let mut inflate = Inflate::default();
        for _ in 0..LONGEST_CHAIN {
            let (base, cost) = match Base::of(entry.header, entry.pack_offset()) {
                None => (None, entry.decompressed_size),
                Some(base) => {
                    let compressed = self.bundle.pack.entry_slice(self.rest(&entry))?;
                    let (_, result) = delta_sizes(&mut inflate, compressed)?;
                    (Some(base), entry.decompressed_size.saturating_add(result))
                }
            };
            let take = |left: u64| left.checked_sub(cost);
            if self.effort.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
                let (what, limit) = ("size in bytes of what must be unpacked", self.most_effort);
                return Some(Err(GitError::TooLarge { url: String::new(), what, limit }));
            }
            let place = match base {
                None => return Some(Ok(())),
                Some(Base::Place(place)) => place,
                Some(Base::Name(name)) => self.place(&name)?,
            };
            entry = self.bundle.pack.entry(place).ok()?;
        }
        None
    }

    /// Where the compressed bytes of an entry begin, up to the end of the pack.
    fn rest(&self, entry: &data::Entry) -> data::EntryRange {
        entry.data_offset..self.bundle.pack.pack_end() as u64
    }

    pub(crate) fn has(&self, id: Oid) -> bool {
        self.bundle.index.lookup(id.to_gix()).is_some()
    }
}
