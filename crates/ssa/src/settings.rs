/// After so many seconds the API server ends a watch, which goes on where it was; five later it is given up. On a line that
/// died in silence it would be deaf for kube's usual five minutes.
pub(crate) const WATCH_LASTS: u32 = 120;

/// How one cluster is written to: names, bounds and what is taken over from other managers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Field manager of every apply.
    pub field_manager: String,
    /// Prefix of the owner labels and of the `ssa`, `force`, `prune` and `reconcile` marks.
    pub owner_group: String,
    /// Further field managers whose fields are taken over (`--override-manager`).
    pub override_managers: Vec<String>,
    /// `(group, kind)` pairs applied in a stage of their own (`--custom-apply-stage-kinds`).
    pub custom_stage_kinds: Vec<(String, String)>,
    /// Requests in flight for one apply (`--concurrent-ssa`), at least 1.
    pub concurrency: usize,
    /// Most kinds that are watched for drift at the same time (`--max-watches`); 0 turns watching off.
    pub max_watches: usize,
}

impl Default for Settings {
    /// The values of Flux's kustomize-controller.
    fn default() -> Self {
        Self {
            field_manager: "kustomize-controller".into(),
            owner_group: "kustomize.toolkit.fluxcd.io".into(),
            override_managers: Vec::new(),
            custom_stage_kinds: Vec::new(),
            concurrency: 4,
            max_watches: 256,
        }
    }
}

/// The object on whose behalf others are applied; its name and namespace become their owner labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// Namespace of the owner.
    pub namespace: String,
    /// Name of the owner.
    pub name: String,
}

/// As whom requests are made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The controller itself.
    Controller,
    /// A ServiceAccount, by impersonation headers.
    ServiceAccount {
        /// Namespace of the ServiceAccount.
        namespace: String,
        /// Name of the ServiceAccount.
        name: String,
    },
}

impl Identity {
    /// The user name to impersonate, if any.
    pub(crate) fn user(&self) -> Option<String> {
        match self {
            Self::Controller => None,
            Self::ServiceAccount { namespace, name } => {
                Some(format!("system:serviceaccount:{namespace}:{name}"))
            }
        }
    }
}
