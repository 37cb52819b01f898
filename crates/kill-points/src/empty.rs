use crate::Point;

/// Nothing: this build has no kill points.
#[inline]
pub fn at(_: Point) {}
