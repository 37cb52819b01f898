//! What objects may take in memory at one time while a pack is indexed. A delta needs its base, which stays until the last
//! delta on it is applied: a few KB of deltas on deltas, each with a neighbour, would keep any number of large bases.
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gix_hash::{Kind, ObjectId};
use gix_pack::data::{self, entry::Header};
use gix_zlib::Inflate;

/// Counts what is held, entry by entry, in the order in which they are unpacked. Clones share the count.
#[derive(Clone)]
pub(crate) struct UnpackBudget {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    limit: u64,
    is_passed: bool,
    /// Deltas that are still to come, by their base: its place in the pack, or its name.
    by_place: HashMap<u64, u32>,
    by_name: HashMap<ObjectId, u32>,
    /// Sizes of the bases that are held.
    held: HashMap<Base, u64>,
    held_bytes: u64,
    /// The largest result and the largest delta so far: the room for them is kept for the next ones.
    result: u64,
    delta: u64,
}

/// What a delta is a change of: the object at a place of the pack, or that of a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Base {
    Place(u64),
    Name(ObjectId),
}

impl Base {
    /// What an entry is a delta on; nothing for a whole object, or for a place before the pack.
    pub(crate) fn of(header: Header, place: u64) -> Option<Self> {
        match header {
            Header::OfsDelta { base_distance } => place.checked_sub(base_distance).map(Self::Place),
            Header::RefDelta { base_id } => Some(Self::Name(base_id)),
            _ => None,
        }
    }
}

impl UnpackBudget {
    pub(crate) fn new(limit: u64) -> Self {
        let inner = Inner {
            limit,
            is_passed: false,
            by_place: HashMap::new(),
            by_name: HashMap::new(),
            held: HashMap::new(),
            held_bytes: 0,
            result: 0,
            delta: 0,
        };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Notes an entry of the pack. All are noted before the first is unpacked.
    pub(crate) fn note(&self, entry: &data::input::Entry) {
        let mut inner = self.lock();
        match Base::of(entry.header, entry.pack_offset) {
            Some(Base::Place(place)) => *inner.by_place.entry(place).or_default() += 1,
            Some(Base::Name(name)) => *inner.by_name.entry(name).or_default() += 1,
            None => {}
        }
    }

    /// Whether there is room to unpack this entry. Nothing is said of one that cannot be read: who unpacks it will.
    pub(crate) fn admits(&self, place: u64, bytes: &[u8]) -> bool {
        let Ok(entry) = data::Entry::from_bytes(bytes, place, Kind::Sha1) else { return true };
        let mut inner = self.lock();
        let Some(base) = Base::of(entry.header, place) else {
            return inner.has_room(entry.decompressed_size);
        };
        let sizes = delta_sizes(&mut Inflate::default(), &bytes[entry.header_size()..]);
        let Some((base_size, result)) = sizes else { return true };
        inner.result = inner.result.max(result);
        inner.delta = inner.delta.max(entry.decompressed_size);
        inner.hold(base, base_size);
        let has_room = inner.has_room(0);
        inner.release(base);
        has_room
    }

    /// Whether it was the budget that ended the work.
    pub(crate) fn is_passed(&self) -> bool {
        self.lock().is_passed
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn has_room(&mut self, whole: u64) -> bool {
        let all = [self.held_bytes, self.result, self.delta, whole];
        self.is_passed |= all.into_iter().fold(0, u64::saturating_add) > self.limit;
        !self.is_passed
    }

    /// A base is there from the first delta on it. One delta that lies about its size ends the indexing anyway.
    fn hold(&mut self, base: Base, size: u64) {
        if let Entry::Vacant(place) = self.held.entry(base) {
            place.insert(size);
            self.held_bytes = self.held_bytes.saturating_add(size);
        }
    }

    /// One delta less; the base goes with the last one.
    fn release(&mut self, base: Base) {
        let left = match base {
            Base::Place(place) => self.by_place.get_mut(&place),
            Base::Name(name) => self.by_name.get_mut(&name),
        };
        let left = left.map_or(0, |left| {
            *left = left.saturating_sub(1);
            *left
        });
        if left == 0 {
            self.held_bytes = self.held_bytes.saturating_sub(self.held.remove(&base).unwrap_or_default());
        }
    }
}

/// The sizes of base and result at the beginning of a compressed delta.
pub(crate) fn delta_sizes(inflate: &mut Inflate, compressed: &[u8]) -> Option<(u64, u64)> {
    let mut head = [0; 20];
    inflate.reset();
    let (_, _, written) = inflate.prefix(compressed, &mut head).ok()?;
    let mut bytes = head[..written].iter();
    Some((size(&mut bytes)?, size(&mut bytes)?))
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow.
fn size<'a>(bytes: &mut impl Iterator<Item = &'a u8>) -> Option<u64> {
    let mut size = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.next()?;
        size |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(size);
        }
    }
    None
}
