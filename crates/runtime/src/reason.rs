use std::fmt;

/// Why a run happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// The object was there when the controller started.
    Start,
    /// The object has a deletionTimestamp.
    Deletion,
    /// The annotation `reconcile.fluxcd.io/requestedAt` has a new value.
    Requested,
    /// The generation differs from the observed one.
    Generation,
    /// A drift of an applied object was seen.
    Heal,
    /// The source has a revision that changes content.
    NewRevision,
    /// The source has a revision with the same content.
    SameContentRevision,
    /// A referenced ConfigMap or Secret changed.
    Config,
    /// Something the object waits for moved.
    Wake,
    /// A dependency moved.
    Dependency,
    /// The last run failed and is due again.
    Retry,
    /// The interval passed.
    Interval,
    /// A deadline set by the last run passed.
    Deadline,
}

const ALL: [Reason; 13] = [
    Reason::Start,
    Reason::Deletion,
    Reason::Requested,
    Reason::Generation,
    Reason::Heal,
    Reason::NewRevision,
    Reason::SameContentRevision,
    Reason::Config,
    Reason::Wake,
    Reason::Dependency,
    Reason::Retry,
    Reason::Interval,
    Reason::Deadline,
];

/// The order in which keys leave the queue (decision D15); the first one is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Deletion and requests by a person.
    Asked,
    /// Drift to undo.
    Heal,
    /// New content: a revision, a generation, a referenced value.
    Content,
    /// Something that was waited for moved.
    Wake,
    /// A revision that changes no content, and the first look after a start.
    SameContent,
    /// The interval, and retries.
    Interval,
}

impl Class {
    /// How many classes there are.
    pub const COUNT: usize = 6;

    /// All, in their order.
    pub(crate) const ALL: [Self; Self::COUNT] =
        [Self::Asked, Self::Heal, Self::Content, Self::Wake, Self::SameContent, Self::Interval];
}

impl Reason {
    /// The class a key with this reason alone is queued in.
    pub fn class(self) -> Class {
        match self {
            Self::Deletion | Self::Requested => Class::Asked,
            Self::Heal => Class::Heal,
            Self::Generation | Self::NewRevision | Self::Config => Class::Content,
            Self::Wake | Self::Dependency | Self::Deadline => Class::Wake,
            Self::SameContentRevision | Self::Start => Class::SameContent,
            Self::Retry | Self::Interval => Class::Interval,
        }
    }

    /// True when a run that is under way must end at its next step border, because its result is already outdated.
    pub fn preempts(self) -> bool {
        matches!(self, Self::Deletion | Self::Requested | Self::Generation | Self::NewRevision)
    }
}

/// A set of reasons: the union of all wake-ups since the last run.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasons(u16);

impl Reasons {
    /// No reason.
    pub const NONE: Self = Self(0);

    /// Adds one.
    pub fn insert(&mut self, reason: Reason) {
        self.0 |= 1 << reason as u8;
    }

    /// Whether the reason is in the set.
    pub fn contains(self, reason: Reason) -> bool {
        self.0 & (1 << reason as u8) != 0
    }

    /// Whether one of the reasons is in the set.
    pub fn any(self, reasons: &[Reason]) -> bool {
        reasons.iter().any(|reason| self.contains(*reason))
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is no reason.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The reasons in their fixed order.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        ALL.into_iter().filter(move |reason| self.contains(*reason))
    }

    /// The first class of all reasons; [`Class::Interval`] when there is none.
    pub fn class(self) -> Class {
        self.iter().map(Reason::class).min().unwrap_or(Class::Interval)
    }
}

impl From<Reason> for Reasons {
    fn from(reason: Reason) -> Self {
        let mut reasons = Self::NONE;
        reasons.insert(reason);
        reasons
    }
}

impl FromIterator<Reason> for Reasons {
    fn from_iter<I: IntoIterator<Item = Reason>>(reasons: I) -> Self {
        reasons.into_iter().fold(Self::NONE, |set, reason| set.union(reason.into()))
    }
}

impl fmt::Debug for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Reasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.iter().map(|reason| format!("{reason:?}")).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Reason, Reasons};

    #[test]
    fn a_set_is_the_union_of_its_reasons_and_has_the_first_class() {
        let set: Reasons = [Reason::Interval, Reason::Heal, Reason::Interval].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Reason::Heal, Reason::Interval]);
        assert_eq!(set.class(), Class::Heal);
        assert_eq!(
            (set.to_string(), format!("{set:?}")),
            ("Heal,Interval".into(), "{Heal, Interval}".into())
        );
        assert!(Reasons::NONE.is_empty());
        assert!(!set.contains(Reason::Start));
        assert!(set.any(&[Reason::Start, Reason::Heal]) && !set.any(&[Reason::Start]) && !set.any(&[]));
    }
}
