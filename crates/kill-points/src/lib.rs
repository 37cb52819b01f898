//! Named places before and after each write, at which a test may end the process.
//!
//! Without feature `armed` (whatever is shipped) [`at`] is empty. With it, and with a folder named by the variable
//! `SLUICE_KILL_POINTS`, every [`Point`] that is passed is appended to the file `hits` there, and the process aborts when
//! the file `order` of the folder says so: `POINT N` is the N-th pass of that point since the order was given. The order
//! is removed first, so that the next process lives.
//!
//! Reading order: point, then armed or empty.
mod point;

#[cfg(feature = "armed")]
mod armed;
#[cfg(not(feature = "armed"))]
mod empty;

#[cfg(feature = "armed")]
pub use crate::armed::{FOLDER, HITS, ORDER, at};
#[cfg(not(feature = "armed"))]
pub use crate::empty::at;
pub use crate::point::Point;
