use k8s_openapi::NamespaceResourceScope;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Condition, annotations};

/// What the reconcile shell needs to know of one of our kinds.
pub trait FluxObject:
    kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The type of the status.
    type Status: FluxStatus;
    /// True when the owner asked the controller to leave the object alone.
    fn suspended(&self) -> bool;
    /// The status, when one was ever written.
    fn status(&self) -> Option<&Self::Status>;
    /// spec.interval, when the kind has one and it is a duration
    fn interval(&self) -> Option<std::time::Duration>;
    /// Names the fields of the stored spec that could not be read (they stand at their defaults). An object with such
    /// an error must not be acted on: a lost field can mean another namespace or another cluster.
    fn spec_error(&self) -> Option<&str> {
        None
    }
    /// The value of the annotation `reconcile.fluxcd.io/requestedAt`.
    fn requested_at(&self) -> Option<&str> {
        self.meta().annotations.as_ref()?.get(annotations::REQUESTED_AT).map(String::as_str)
    }
}

/// What the reconcile shell needs to read and write of a status.
pub trait FluxStatus:
    Clone + std::fmt::Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The conditions, in the order in which they are stored.
    fn conditions(&self) -> &[Condition];
    /// The conditions, to change them.
    fn conditions_mut(&mut self) -> &mut Vec<Condition>;
    /// The generation that was last reconciled; -1 or 0 when none was.
    fn observed_generation(&self) -> i64;
    /// Records the generation that was reconciled. Without effect where the kind has no such field.
    fn set_observed_generation(&mut self, generation: i64);
    /// The last value of the annotation `reconcile.fluxcd.io/requestedAt` that was handled.
    fn last_handled_reconcile_at(&self) -> Option<&str>;
    /// Records the value of the annotation that was handled.
    fn set_last_handled_reconcile_at(&mut self, token: String);
}
