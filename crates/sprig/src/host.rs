use gotemplate::FuncError;
use jiff::{Timestamp, tz::TimeZone};

/// What the pure functions may not reach themselves: clock, zones, randomness, environment, names.
///
/// Every method has an answer for a world without it, so that a caller gives only what it wants templates to see.
pub trait Host {
    /// The time that `now` answers. One render should see one time.
    fn now(&self) -> Timestamp;

    /// Fills a buffer with random bytes fit for secrets.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    fn random(&self, buffer: &mut [u8]) -> Result<(), FuncError>;

    /// A time zone by IANA name; unknown names are read as UTC. Default: none known but UTC.
    fn time_zone(&self, _name: &str) -> Option<TimeZone> {
        None
    }

    /// The zone that Sprig calls `Local`. Default: UTC.
    fn local_zone(&self) -> TimeZone {
        TimeZone::UTC
    }

    /// A variable for `env` and `expandenv`. Default: unset.
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    /// An address for `getHostByName`. Default: none, which prints as nothing.
    fn address(&self, _name: &str) -> Option<String> {
        None
    }
}
