//! What mergo makes of two maps: the first is changed, and may share parts of the second afterwards.

use gotemplate::{FuncError, LimitError, Map, Session, Value};

use crate::{call::items, defaults::is_empty, dicts::MAX_DEPTH};

/// Merges `from` into `into`. Without `overwrite` only what is missing or empty is taken.
pub(crate) fn merge(session: &Session, into: &Map, from: &Map, overwrite: bool) -> Result<(), FuncError> {
    merge_maps(session, into, from, overwrite, MAX_DEPTH)
}

fn merge_maps(
    session: &Session,
    into: &Map,
    from: &Map,
    overwrite: bool,
    depth: usize,
) -> Result<(), FuncError> {
    let depth = depth.checked_sub(1).ok_or(LimitError::Nesting(MAX_DEPTH))?;
    for (key, value) in from.entries() {
        session.step(1)?;
        let old = into.get(&key);
        if value.is_nil() {
            if overwrite {
                into.insert(key, value);
            }
            continue;
        }
        if let (Value::Map(part), Some(Value::Map(old))) = (&value, &old) {
            merge_maps(session, old, part, overwrite, depth)?;
        }
        let kept = old.as_ref().filter(|old| !is_empty(old));
        let list = items(&value).is_some();
        let both_maps = value.as_map().is_some() && kept.is_some_and(|old| old.as_map().is_some());
        if both_maps || (list && kept.is_some() && !overwrite) {
            continue;
        }
        if overwrite || kept.is_none() {
            session.hold(into, &value);
            into.insert(key, value);
        }
    }
    Ok(())
}
