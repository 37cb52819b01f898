use std::fmt;

/// Lists the points once: the variant, its name, and what is about to be or was just written.
macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A place before or after a write.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point { $($(#[$doc])* $variant,)* }

        impl Point {
            /// Every point.
            pub const ALL: &[Point] = &[$(Point::$variant,)*];

            /// Its name: what is written, and `before` or `after`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Point::$variant => $name,)* }
            }
        }
    };
}

points! {
    /// An artifact's file is about to be begun.
    FileBefore = "file-before",
    /// An artifact's file is whole and synced under its temporary name.
    FileAfter = "file-after",
    /// An artifact is about to get its name.
    RenameBefore = "rename-before",
    /// An artifact has its name.
    RenameAfter = "rename-after",
    /// An old artifact is about to be removed.
    CollectBefore = "collect-before",
    /// An old artifact was removed.
    CollectAfter = "collect-after",
    /// The folder of a deleted source is about to be removed.
    RemoveBefore = "remove-before",
    /// The folder of a deleted source was removed.
    RemoveAfter = "remove-after",
    /// A consumer is about to download an artifact.
    FetchBefore = "fetch-before",
    /// A consumer has the archive on its disk.
    FetchAfter = "fetch-after",
    /// A consumer is about to write an archive's files.
    UnpackBefore = "unpack-before",
    /// A consumer has written an archive's files.
    UnpackAfter = "unpack-after",
    /// A status patch is about to be sent.
    StatusBefore = "status-before",
    /// A status patch was answered.
    StatusAfter = "status-after",
    /// A finalizer is about to be put on or taken off.
    FinalizerBefore = "finalizer-before",
    /// A finalizer was put on or taken off.
    FinalizerAfter = "finalizer-after",
    /// An event is about to be created in the cluster.
    EventBefore = "event-before",
    /// An event was created in the cluster.
    EventAfter = "event-after",
    /// An event is about to be posted to the event address.
    PostBefore = "post-before",
    /// An event was posted to the event address.
    PostAfter = "post-after",
    /// An object is about to be applied.
    ApplyBefore = "apply-before",
    /// An object was applied.
    ApplyAfter = "apply-after",
    /// Fields of another manager are about to become ours.
    TakeoverBefore = "takeover-before",
    /// Fields of another manager became ours.
    TakeoverAfter = "takeover-after",
    /// An object is about to be deleted in order to be made anew.
    RecreateBefore = "recreate-before",
    /// An object was deleted in order to be made anew.
    RecreateAfter = "recreate-after",
    /// An object is about to be pruned.
    DeleteBefore = "delete-before",
    /// An object was pruned.
    DeleteAfter = "delete-after",
    /// A Lease is about to be taken or renewed.
    LeaseBefore = "lease-before",
    /// A Lease was taken or renewed.
    LeaseAfter = "lease-after",
    /// A commit is about to be pushed.
    PushBefore = "push-before",
    /// A commit was pushed.
    PushAfter = "push-after",
    /// An object of a release, or the release itself, is about to be written.
    WriteBefore = "write-before",
    /// An object of a release, or the release itself, was written.
    WriteAfter = "write-after",
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Point;

    #[test]
    fn each_point_has_a_name_of_its_own_and_a_partner() {
        let names: BTreeSet<&str> = Point::ALL.iter().map(|point| point.name()).collect();
        assert_eq!(names.len(), Point::ALL.len());
        for name in &names {
            let partner = match name.strip_suffix("-before") {
                Some(write) => format!("{write}-after"),
                None => name.replace("-after", "-before"),
            };
            assert!(names.contains(partner.as_str()), "{name} stands alone");
        }
    }
}
