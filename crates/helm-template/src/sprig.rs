//! Stands in for crate `sprig` until it has its functions: the same host trait, no functions.
use std::rc::Rc;

use gotemplate::{FuncError, Funcs};
use jiff::{Timestamp, tz::TimeZone};

/// What the pure functions may not reach themselves: clock, zones, randomness, names.
pub trait Host {
    /// The time that `now` answers.
    fn now(&self) -> Timestamp;

    /// Fills a buffer with random bytes fit for secrets.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    fn random(&self, buffer: &mut [u8]) -> Result<(), FuncError>;

    /// A time zone by IANA name.
    fn time_zone(&self, _name: &str) -> Option<TimeZone> {
        None
    }

    /// The zone that Sprig calls `Local`.
    fn local_zone(&self) -> TimeZone {
        TimeZone::UTC
    }

    /// An address for `getHostByName`.
    fn address(&self, _name: &str) -> Option<String> {
        None
    }
}

pub(crate) fn add_functions(_funcs: &mut Funcs, _host: Rc<dyn Host>) {}
pub(crate) fn add_encodings(_funcs: &mut Funcs) {}
