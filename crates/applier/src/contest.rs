//! How long somebody who changes an object again and again is answered (decision D2).

use std::time::Duration;

/// Changes of one object by one manager within this time are a contest.
pub const WINDOW: Duration = Duration::from_secs(600);

/// How long the heals of a contested object wait, one after the other; after these only the interval heals.
pub const DELAYS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(10), Duration::from_secs(60)];
