use std::fmt;

use manifest::ObjectId;

use crate::{Deferred, DriftReport, Fingerprint, ObjectError};

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It did not exist.
    Created,
    /// It existed and was changed.
    Configured,
    /// It is as it should be.
    Unchanged,
    /// A mark on it, or on the live object, says to leave it alone.
    Skipped,
    /// It drifted, but the fields are held through a subresource (an autoscaler): left to the next pass.
    Left,
    /// It was deleted.
    Deleted,
}

impl Action {
    /// Whether something was written.
    #[must_use]
    pub fn is_change(self) -> bool {
        matches!(self, Self::Created | Self::Configured | Self::Deleted)
    }
}

impl fmt::Display for Action {
    /// Flux's word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged | Self::Left => "unchanged",
            Self::Skipped => "skipped",
            Self::Deleted => "deleted",
        })
    }
}

/// One object's part in an apply or a prune.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which object.
    pub id: ObjectId,
    /// API version without the group.
    pub version: String,
    /// What happened.
    pub action: Action,
    /// The live state after it, for the drift watch; `None` when the object was not looked at.
    pub fingerprint: Option<Fingerprint>,
    /// Who had changed the object.
    pub drift: Option<DriftReport>,
    /// The answer shows a healthy object, by the rules alone: it need not be looked at again. Health expressions
    /// are not asked.
    pub healthy: bool,
}

impl fmt::Display for Change {
    /// `Kind/namespace/name created`: a line of Flux's change set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id.subject(), self.action)
    }
}

/// The result of an apply: every object sent is in one of the two lists.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// In the order of apply.
    pub changes: Vec<Change>,
    /// Not applied yet; while there are any, nothing is to be pruned and the build is not live.
    pub deferred: Vec<Deferred>,
}

/// An apply that ended early: what it did do, and why it ended.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", texts(.errors))]
pub struct ApplyError {
    /// Objects applied, or found as they should be, before.
    pub applied: Applied,
    /// One error per object that failed in the stage that ended it; never empty.
    pub errors: Vec<ObjectError>,
}

fn texts(errors: &[ObjectError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
