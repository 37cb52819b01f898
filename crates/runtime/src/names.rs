use std::fmt;

use api::meta::{ConditionType, Reason};

/// The type of a condition: one of [`ConditionType`], or one of a controller's own enum, which converts into this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConditionName(&'static str);

/// A reason of a condition or an event: one of [`Reason`], or one of a controller's own enum, which converts into
/// this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReasonName(&'static str);

impl ConditionName {
    /// For the `From` of a controller's enum.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The text on the wire.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl ReasonName {
    /// For the `From` of a controller's enum.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The text on the wire.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<ConditionType> for ConditionName {
    fn from(kind: ConditionType) -> Self {
        Self(kind.as_str())
    }
}

impl From<Reason> for ReasonName {
    fn from(reason: Reason) -> Self {
        Self(reason.as_str())
    }
}

impl fmt::Display for ReasonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
