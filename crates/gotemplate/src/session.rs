//! Limits of a render, and the account of what it has used.

use std::cell::{Cell, RefCell};

use crate::value::{
    Map, Value, WeakMap,
    account::{self, Mark},
};

/// What a render may use. One account covers all templates executed in a [`Session`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nodes walked and calls made.
    pub steps: u64,
    /// Templates executing inside each other, by `template` and by functions. Go's own limit is 100,000.
    pub depth: usize,
    /// Bytes that templates print and functions make, together.
    pub produced: u64,
    /// Bytes of one string, list or output that is made.
    pub value: usize,
    /// Bytes that values, trees and unfinished output hold at once, about; what a caller made before the [`Session`]
    /// does not count.
    pub memory: usize,
}

impl Default for Limits {
    /// Ten million steps, depth 2,000, 512 MiB produced, 16 MiB a value, 40 MiB of values held at once.
    fn default() -> Self {
        Self { steps: 10_000_000, depth: 2_000, produced: 512 << 20, value: 16 << 20, memory: 40 << 20 }
    }
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// [`Limits::steps`].
    #[error("template takes more than {0} steps")]
    Steps(u64),
    /// [`Limits::depth`].
    #[error("exceeded maximum template depth ({0})")]
    Depth(usize),
    /// [`Limits::produced`].
    #[error("template produces more than {0} bytes")]
    Produced(u64),
    /// [`Limits::value`].
    #[error("a value of {size} bytes is larger than the limit of {limit}")]
    Value {
        /// Its size.
        size: u64,
        /// The limit.
        limit: usize,
    },
    /// More values than are read from one text.
    #[error("a text holds more than {0} values")]
    Parts(usize),
    /// [`Limits::memory`].
    #[error("the values of the templates hold more than {0} bytes at once")]
    Memory(usize),
    /// A value nested deeper than can be printed; it may contain itself.
    #[error("a value is nested more than {0} levels deep or contains itself")]
    Nesting(usize),
    /// The caller's interrupt said stop.
    #[error("template execution was interrupted: it takes too long")]
    Interrupted,
}

/// The account of one render. When it is dropped, the maps handed to [`hold`](Self::hold) are emptied, so that maps
/// that contain themselves do not leak. It belongs to the thread that makes it.
#[derive(Default)]
pub struct Session {
    limits: Limits,
    steps: Cell<u64>,
    produced: Cell<u64>,
    begun: Mark,
    cyclic: RefCell<Vec<WeakMap>>,
    interrupt: Option<Box<dyn Fn() -> bool>>,
}

/// How many steps pass between two questions to the interrupt.
const INTERRUPT_EVERY: u64 = 1 << 12;

impl Session {
    /// A fresh account.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let mut session = Self::default();
        session.limits = limits;
        session
    }

    /// Asks `interrupt` every few thousand steps; the render fails when it answers true.
    #[must_use]
    pub fn with_interrupt(mut self, interrupt: impl Fn() -> bool + 'static) -> Self {
        self.interrupt = Some(Box::new(interrupt));
        self
    }

    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Steps taken so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// Counts work. Functions with loops of their own call it with a figure of about a microsecond a step.
    ///
    /// # Errors
    /// When there were too many, when values hold too much, or the caller interrupts.
    pub fn step(&self, count: u64) -> Result<(), LimitError> {
        let before = self.steps.get();
        let after = before.saturating_add(count);
        self.steps.set(after);
        if after > self.limits.steps {
            return Err(LimitError::Steps(self.limits.steps));
        }
        self.check_memory(0)?;
        let ask = before / INTERRUPT_EVERY != after / INTERRUPT_EVERY;
        if ask && self.interrupt.as_ref().is_some_and(|stop| stop()) {
            return Err(LimitError::Interrupted);
        }
        Ok(())
    }

    /// Asks for room for one value *before* it is made.
    ///
    /// # Errors
    /// When it is larger than a value may be, or there is no such room beside the other values.
    pub fn allow(&self, size: u64) -> Result<(), LimitError> {
        self.fits(size)?;
        // No more than a value may take, so that it fits.
        self.check_memory(usize::try_from(size).unwrap_or(usize::MAX))
    }

    /// Whether one value may be so large, whatever the others hold. Functions that write a long text ask it on the way.
    ///
    /// # Errors
    /// When it may not.
    pub fn fits(&self, size: u64) -> Result<(), LimitError> {
        let limit = self.limits.value;
        if size > limit as u64 { Err(LimitError::Value { size, limit }) } else { Ok(()) }
    }

    /// Counts bytes of one value, or of the output of one template, that were made and entered already; `size` is all of
    /// it.
    pub(crate) fn made(&self, bytes: usize, size: usize) -> Result<(), LimitError> {
        self.produce(bytes)?;
        self.fits(size as u64)?;
        self.check()
    }

    /// As [`allow`](Self::allow), for a list of so many items.
    ///
    /// # Errors
    /// As [`allow`](Self::allow).
    pub fn allow_items(&self, count: usize) -> Result<(), LimitError> {
        self.allow((count as u64).saturating_mul(size_of::<Value>() as u64))
    }

    /// As [`allow`](Self::allow), for a list of so many texts with `bytes` together.
    ///
    /// # Errors
    /// As [`allow`](Self::allow).
    pub fn allow_texts(&self, count: usize, bytes: usize) -> Result<(), LimitError> {
        let each = (size_of::<Value>() + account::TEXT) as u64;
        self.allow((count as u64).saturating_mul(each).saturating_add(bytes as u64))
    }

    /// Looks whether values hold too much already. Functions that make many small ones in a loop of their own ask it.
    ///
    /// # Errors
    /// When they do.
    pub fn check(&self) -> Result<(), LimitError> {
        self.check_memory(0)
    }

    fn check_memory(&self, more: usize) -> Result<(), LimitError> {
        let limit = self.limits.memory;
        if self.begun.since().saturating_add(more) > limit { Err(LimitError::Memory(limit)) } else { Ok(()) }
    }

    /// Counts bytes that were made.
    ///
    /// # Errors
    /// When there were too many.
    pub fn produce(&self, bytes: usize) -> Result<(), LimitError> {
        let after = self.produced.get().saturating_add(bytes as u64);
        self.produced.set(after);
        if after > self.limits.produced { Err(LimitError::Produced(self.limits.produced)) } else { Ok(()) }
    }

    /// Remembers a map that was given a value which may lead back to it. Call it from functions that change maps.
    pub fn hold(&self, map: &Map, value: &Value) {
        if matches!(value, Value::Map(_) | Value::List(_) | Value::Object(_)) {
            let mut cyclic = self.cyclic.borrow_mut();
            // Each doubling those that are gone leave: a loop that makes maps keeps no trace of them.
            if cyclic.len() == cyclic.capacity() {
                cyclic.retain(WeakMap::is_there);
                let known = cyclic.len();
                cyclic.reserve(known.max(64));
            }
            cyclic.push(map.downgrade());
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.cyclic.take().iter().for_each(WeakMap::clear);
    }
}
