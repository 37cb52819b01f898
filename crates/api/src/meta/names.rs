//! Names that Flux's controllers, its CLI and its users agree on.

/// API groups.
pub mod groups {
    /// Sources.
    pub const SOURCE: &str = "source.toolkit.fluxcd.io";
    /// Extensions of the sources.
    pub const SOURCE_EXTENSIONS: &str = "source.extensions.fluxcd.io";
    /// Kustomizations.
    pub const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
    /// Helm releases.
    pub const HELM: &str = "helm.toolkit.fluxcd.io";
    /// Image scanning and automation.
    pub const IMAGE: &str = "image.toolkit.fluxcd.io";
    /// Alerts and receivers.
    pub const NOTIFICATION: &str = "notification.toolkit.fluxcd.io";
}

/// Finalizers.
pub mod finalizers {
    /// On every reconciled kind but ArtifactGenerator.
    pub const FLUX: &str = "finalizers.fluxcd.io";
    /// On ArtifactGenerator.
    pub const ARTIFACT_GENERATOR: &str = "source.extensions.fluxcd.io/finalizer";
}

/// Annotations.
pub mod annotations {
    /// Any new value asks for a reconciliation; it is copied to status.lastHandledReconcileAt.
    pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
    /// Asks a HelmRelease for a forced release; acts when equal to [`REQUESTED_AT`].
    pub const FORCE_AT: &str = "reconcile.fluxcd.io/forceAt";
    /// Asks a HelmRelease to forget its failures; acts when equal to [`REQUESTED_AT`].
    pub const RESET_AT: &str = "reconcile.fluxcd.io/resetAt";
    /// Prefix of annotations that are copied to the metadata of the object's events.
    pub const EVENT_PREFIX: &str = "event.toolkit.fluxcd.io/";
    /// `Disabled` suspends an ArtifactGenerator.
    pub const GENERATOR_RECONCILE: &str = "source.extensions.fluxcd.io/reconcile";
    /// On applied objects: `disabled` leaves the object alone.
    pub const KUSTOMIZE_RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
    /// On applied objects: how it is applied (`Override`, `Merge`, `IfNotPresent`, `Ignore`).
    pub const KUSTOMIZE_SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";
    /// On applied objects: `enabled` recreates the object when an immutable field changed.
    pub const KUSTOMIZE_FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
    /// On applied objects: `disabled` keeps the object when it leaves the source.
    pub const KUSTOMIZE_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
    /// On built objects: `disabled` leaves `${...}` alone. Also a label.
    pub const KUSTOMIZE_SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
    /// On rendered objects: `disabled` leaves drift alone. Also a label.
    pub const HELM_DRIFT_DETECTION: &str = "helm.toolkit.fluxcd.io/driftDetection";
}

/// Labels.
pub mod labels {
    /// `Enabled` on a ConfigMap or Secret: a change wakes those that refer to it.
    pub const WATCH: &str = "reconcile.fluxcd.io/watch";
    /// The shard an object belongs to.
    pub const SHARD_KEY: &str = "sharding.fluxcd.io/key";
    /// Name of the Kustomization that owns an applied object.
    pub const KUSTOMIZE_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
    /// Namespace of the Kustomization that owns an applied object.
    pub const KUSTOMIZE_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";
    /// Name of the HelmRelease that owns an object.
    pub const HELM_NAME: &str = "helm.toolkit.fluxcd.io/name";
    /// Namespace of the HelmRelease that owns an object.
    pub const HELM_NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";
    /// UID of the ArtifactGenerator that owns an ExternalArtifact.
    pub const GENERATOR: &str = "source.extensions.fluxcd.io/generator";
}

/// Keys of event metadata; those without a group are prefixed with the API group of the object.
pub mod event_keys {
    /// Revision of the source.
    pub const REVISION: &str = "revision";
    /// Revision of the source's own source (OCI annotation `org.opencontainers.image.revision`).
    pub const ORIGIN_REVISION: &str = "originRevision";
    /// Digest of the artifact.
    pub const DIGEST: &str = "digest";
    /// Makes an event distinct from the one before.
    pub const TOKEN: &str = "token";
    /// `update` where a commit status shall be set although nothing changed.
    pub const COMMIT_STATUS: &str = "commit_status";
    /// Checksum of the values.
    pub const CHECKSUM: &str = "checksum";
    /// Commit that a source without Git knows of.
    pub const COMMIT: &str = "event.toolkit.fluxcd.io/commit";
    /// Pull request the object belongs to.
    pub const CHANGE_REQUEST: &str = "event.toolkit.fluxcd.io/change_request";
}

/// Keys in the data of Secrets.
pub mod secret_keys {
    /// User name of basic authentication.
    pub const USERNAME: &str = "username";
    /// Password of basic authentication, or passphrase of a key.
    pub const PASSWORD: &str = "password";
    /// A token.
    pub const TOKEN: &str = "token";
    /// A token sent as `Authorization: Bearer`.
    pub const BEARER_TOKEN: &str = "bearerToken";
    /// Address of a proxy or receiver.
    pub const ADDRESS: &str = "address";
    /// SSH private key.
    pub const IDENTITY: &str = "identity";
    /// SSH host keys.
    pub const KNOWN_HOSTS: &str = "known_hosts";
    /// Certificate authorities, PEM.
    pub const CA_CERT: &str = "ca.crt";
    /// Client certificate, PEM.
    pub const TLS_CERT: &str = "tls.crt";
    /// Client key, PEM.
    pub const TLS_KEY: &str = "tls.key";
    /// Old name of [`CA_CERT`].
    pub const CA_FILE: &str = "caFile";
    /// Old name of [`TLS_CERT`].
    pub const CERT_FILE: &str = "certFile";
    /// Old name of [`TLS_KEY`].
    pub const KEY_FILE: &str = "keyFile";
}
