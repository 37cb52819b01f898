//! Condition types and reasons that more than one kind uses. Kind-specific ones stand in the controller of the kind.

macro_rules! names {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($variant),)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names! {
    /// Condition types shared by kinds. All but Ready, Healthy, ArtifactInStorage and SourceVerified are present only
    /// while they are True.
    ConditionType {
        /// The object is in the wanted state.
        Ready,
        /// Work is under way.
        Reconciling,
        /// Nothing will happen until the object or something it refers to is changed.
        Stalled,
        /// The applied objects are healthy.
        Healthy,
        /// The artifact named in the status is stored and served.
        ArtifactInStorage,
        /// The source has something newer than the artifact.
        ArtifactOutdated,
        /// The source's signature was checked.
        SourceVerified,
        /// The source could not be fetched.
        FetchFailed,
        /// The artifact could not be built.
        BuildFailed,
        /// The artifact could not be stored.
        StorageOperationFailed,
        /// An included source is missing or has no artifact.
        IncludeUnavailable,
    }
}

impl ConditionType {
    /// True for types that report a trouble or a passing state: present only while True.
    pub const fn is_negative(self) -> bool {
        !matches!(self, Self::Ready | Self::Healthy | Self::ArtifactInStorage | Self::SourceVerified)
    }
}

names! {
    /// Reasons shared by kinds.
    Reason {
        /// Done.
        Succeeded,
        /// Not done.
        Failed,
        /// Left alone at the owner's wish.
        Suspended,
        /// Work is under way.
        Progressing,
        /// Work failed and will be tried again.
        ProgressingWithRetry,
        /// Something this depends on is not ready.
        DependencyNotReady,
        /// A path in the spec does not exist or leaves its root.
        InvalidPath,
        /// A URL in the spec cannot be used.
        InvalidURL,
        /// Plain HTTP is not allowed here.
        InsecureConnectionsDisallowed,
        /// The URL's scheme is not supported.
        UnsupportedConnectionType,
        /// Objects that left the source could not be deleted.
        PruneFailed,
        /// The artifact is missing or could not be fetched.
        ArtifactFailed,
        /// The build failed.
        BuildFailed,
        /// Applied objects did not become healthy in time.
        HealthCheckFailed,
        /// A newer revision ended the health check.
        HealthCheckCanceled,
        /// Reconciled.
        ReconciliationSucceeded,
        /// Not reconciled.
        ReconciliationFailed,
        /// A CEL expression in the spec does not compile.
        InvalidCELExpression,
        /// The feature is off.
        FeatureGateDisabled,
        /// The policy of the controller or of the other namespace forbids the reference.
        AccessDenied,
    }
}
