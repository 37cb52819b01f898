//! How much memory values may take: aliases and globals multiply them.
use serde_json::{Map, Value};

use super::CoalesceError;

/// Bytes that the values of a chart and its sub-charts may take together, aliases and globals multiplied out. Those of
/// a large public chart take half a MiB.
pub(crate) const MOST: u64 = 24 << 20;
/// Bytes that may be copied on the way, for each byte that may be kept.
const COPIES: u64 = 64;

/// What is left for values.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    left: u64,
    copies: u64,
    most: u64,
}

impl Room {
    /// Room for so many times the values that a chart may have.
    pub(crate) fn times(times: u64) -> Self {
        let most = MOST * times;
        Self { left: most, copies: most * COPIES, most }
    }

    /// Room for the values that a chart may have.
    pub(crate) fn new() -> Self {
        Self::times(1)
    }

    /// Takes the room for a copy of values that is kept.
    pub(crate) fn keep(&mut self, values: &Map<String, Value>) -> Result<(), CoalesceError> {
        self.take(map_bytes(values), true)
    }

    /// As [`keep`](Self::keep), for one value.
    pub(crate) fn keep_value(&mut self, value: &Value) -> Result<(), CoalesceError> {
        self.take(bytes(value), true)
    }

    /// Takes the work for a copy that is dropped soon.
    pub(super) fn copy(&mut self, value: &Value) -> Result<(), CoalesceError> {
        self.take(bytes(value), false)
    }

    /// Takes the room for a sub-chart without values.
    pub(super) fn chart(&mut self) -> Result<(), CoalesceError> {
        self.take(1024, true)
    }

    fn take(&mut self, bytes: u64, kept: bool) -> Result<(), CoalesceError> {
        let most = self.most;
        let too_large = || CoalesceError::TooLarge(most >> 20);
        self.copies = self.copies.checked_sub(bytes).ok_or_else(too_large)?;
        if kept {
            self.left = self.left.checked_sub(bytes).ok_or_else(too_large)?;
        }
        Ok(())
    }

    /// What is kept now, to come back to.
    pub(crate) fn mark(&self) -> u64 {
        self.left
    }

    /// All that was kept since the mark is dropped.
    pub(crate) fn drop_to(&mut self, mark: u64) {
        self.left = mark;
    }
}

/// About the bytes that a table takes.
pub(crate) fn map_bytes(map: &Map<String, Value>) -> u64 {
    let entry = |(key, value): (&String, &Value)| 48 + key.len() as u64 + bytes(value);
    map.iter().map(entry).sum()
}

fn bytes(value: &Value) -> u64 {
    size_of::<Value>() as u64
        + match value {
            Value::String(text) => text.len() as u64,
            Value::Array(items) => items.iter().map(bytes).sum(),
            Value::Object(map) => map_bytes(map),
            _ => 0,
        }
}
