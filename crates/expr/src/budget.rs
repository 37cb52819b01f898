//! The work one evaluation may do. CEL has no loops without bound, but loops nest: three over a list of a
//! thousand entries are 10⁹ steps. Every value that a function or loop is about to walk or copy is charged
//! here by its size; see `instrument` for where.
//!
//! The library's functions are plain `fn`s without state, hence the thread-local.

use std::cell::Cell;

use cel::{
    ExecutionError,
    common::{
        types::{CelBytes, CelList, CelMap, CelOptional, CelString},
        value::Val,
    },
};

/// Steps of one evaluation: one for each value, and for each 16 bytes of text, that is walked or copied.
/// A million take some 0.2 s, and bound the memory of results to some 100 MiB.
pub const MAX_WORK: u64 = 1_000_000;

const BYTES_PER_STEP: usize = 16;

thread_local! {
    static LEFT: Cell<Option<u64>> = const { Cell::new(Some(MAX_WORK)) };
}

/// Starts an evaluation on this thread.
pub(crate) fn start() {
    LEFT.set(Some(MAX_WORK));
}

/// Whether the evaluation ran out. An error inside `||` is swallowed, so that this is asked at the end.
pub(crate) fn exhausted() -> bool {
    LEFT.get().is_none()
}

/// Takes steps; once there are too few left, every later charge fails as well.
pub(crate) fn charge(steps: u64) -> Result<(), ExecutionError> {
    let left = LEFT.get().and_then(|left| left.checked_sub(steps));
    LEFT.set(left);
    left.map(|_| ()).ok_or_else(|| ExecutionError::function_error("cost", "too expensive"))
}

/// Charges for text about to be made or walked.
pub(crate) fn charge_bytes(bytes: usize) -> Result<(), ExecutionError> {
    charge(1 + (bytes / BYTES_PER_STEP) as u64)
}

/// Charges for a value and all in it.
pub(crate) fn charge_value(value: &dyn Val) -> Result<(), ExecutionError> {
    if let Some(text) = value.downcast_ref::<CelString>() {
        return charge_bytes(text.inner().len());
    }
    if let Some(bytes) = value.downcast_ref::<CelBytes>() {
        return charge_bytes(bytes.inner().len());
    }
    charge(1)?;
    if let Some(list) = value.downcast_ref::<CelList>() {
        return list.inner().iter().try_for_each(|item| charge_value(item.as_ref()));
    }
    if let Some(map) = value.downcast_ref::<CelMap>() {
        return map.inner().iter().try_for_each(|(key, item)| {
            charge_value(key.inner())?;
            charge_value(item.as_ref())
        });
    }
    match value.downcast_ref::<CelOptional>().and_then(CelOptional::option) {
        Some(inner) => charge_value(inner),
        None => Ok(()),
    }
}
