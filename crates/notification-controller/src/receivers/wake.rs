//! Asks objects to reconcile: the annotation `reconcile.fluxcd.io/requestedAt`.

use std::sync::OnceLock;
use std::time::Instant;

use api::meta::annotations;
use api::notification::v1::ReceiverResource;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::filters::Filters;
use crate::kinds;

/// The field manager of the annotation.
const MANAGER: &str = "notification-controller";
/// Objects in one answer of the API server.
const PAGE: u32 = 500;

/// Why an object was not woken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WakeError {
    #[error("cross-namespace references are not allowed")]
    CrossNamespace,
    #[error("{kind} \"{object}\" is outside of the namespace that is watched")]
    Unwatched { kind: String, object: String },
    #[error("apiVersion must be specified for kind \"{0}\"")]
    NoVersion(String),
    #[error(transparent)]
    NoPlace(#[from] kinds::NoPlace),
    #[error("matchLabels field not set when using wildcard '*' as name")]
    NoLabels,
    #[error("unable to read {kind} \"{object}\" error: {cause}")]
    Read { kind: String, object: String, cause: Box<kube::Error> },
    #[error("failed listing resources in namespace \"{namespace}\" by matching labels: {cause}")]
    List { namespace: String, cause: Box<kube::Error> },
    #[error("failed to annotate resource: '{kind}/{object}': {cause}")]
    Annotate { kind: String, object: String, cause: Box<kube::Error> },
    #[error(transparent)]
    Filter(#[from] expr::EvalError),
}

/// Who wakes whom.
pub(crate) struct Waking<'a> {
    pub(crate) client: &'a Client,
    /// The Receiver's.
    pub(crate) namespace: &'a str,
    pub(crate) no_cross_namespace_refs: bool,
    /// The one namespace that is watched, if it is one.
    pub(crate) watched: Option<&'a str>,
    pub(crate) filters: &'a Filters,
}

/// Kind and place of a resource's objects.
struct Place {
    resource: ApiResource,
    namespace: String,
    api: Api<DynamicObject>,
}

impl Waking<'_> {
    /// Wakes the objects of one resource, which is the `index`th of the Receiver.
    pub(crate) async fn wake(&self, index: usize, resource: &ReceiverResource) -> Result<(), WakeError> {
        let place = self.place(resource)?;
        if resource.name == "*" {
            return self.wake_labelled(index, resource, &place).await;
        }
        let failed = |cause| WakeError::Read {
            kind: place.resource.kind.clone(),
            object: format!("{}/{}", place.namespace, resource.name),
            cause: Box::new(cause),
        };
        let name = runtime::checked_name(&resource.name).map_err(failed)?;
        let found = place.api.get_metadata(name).await.map_err(failed)?;
        self.wake_one(index, &place, &found.metadata).await
    }

    fn place(&self, resource: &ReceiverResource) -> Result<Place, WakeError> {
        let namespace = namespace_of(resource, self.namespace);
        if self.no_cross_namespace_refs && namespace != self.namespace {
            return Err(WakeError::CrossNamespace);
        }
        let kind = resource.kind.as_str();
        if self.watched.is_some_and(|watched| watched != namespace) {
            let object = format!("{namespace}/{}", resource.name);
            return Err(WakeError::Unwatched { kind: kind.to_owned(), object });
        }
        let version = version_of(resource).ok_or_else(|| WakeError::NoVersion(kind.to_owned()))?;
        let resource = kinds::place(version, kind, namespace)?;
        let api = Api::namespaced_with(self.client.clone(), namespace, &resource);
        Ok(Place { resource, namespace: namespace.to_owned(), api })
    }

    async fn wake_labelled(
        &self,
        index: usize,
        resource: &ReceiverResource,
        place: &Place,
    ) -> Result<(), WakeError> {
        if resource.match_labels.is_empty() {
            return Err(WakeError::NoLabels);
        }
        let labels: Vec<_> =
            resource.match_labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mut params = ListParams::default().labels(&labels.join(",")).limit(PAGE);
        let mut any = false;
        loop {
            let page = place.api.list_metadata(&params).await.map_err(|cause| WakeError::List {
                namespace: place.namespace.clone(),
                cause: Box::new(cause),
            })?;
            for found in &page.items {
                any = true;
                self.wake_one(index, place, &found.metadata).await?;
            }
            match page.metadata.continue_.filter(|next| !next.is_empty()) {
                Some(next) => params = params.continue_token(&next),
                None => break,
            }
        }
        if !any {
            let (kind, namespace) = (&place.resource.kind, &place.namespace);
            let error =
                format!("no \"{kind}\" resources found with matching labels in \"{namespace}\" namespace");
            tracing::error!(error, "error annotating resources");
        }
        Ok(())
    }

    async fn wake_one(&self, index: usize, place: &Place, meta: &ObjectMeta) -> Result<(), WakeError> {
        let kind = &place.resource.kind;
        let name = meta.name.clone().unwrap_or_default();
        let object = format!("{name}.{}", place.namespace);
        if !self.filters.accept(index, &shown(place, meta))? {
            tracing::debug!("resource '{kind}/{object}' NOT annotated because CEL expression returned false");
            return Ok(());
        }
        let patch = json!({ "metadata": { "annotations": { annotations::REQUESTED_AT: now() } } });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let patched = place.api.patch_metadata(&name, &params, &Patch::Merge(patch)).await;
        patched.map_err(|cause| WakeError::Annotate {
            kind: kind.clone(),
            object: object.clone(),
            cause: Box::new(cause),
        })?;
        tracing::info!("resource '{kind}/{object}' annotated");
        Ok(())
    }
}

/// The namespace that a resource names, or the Receiver's.
pub(crate) fn namespace_of<'a>(resource: &'a ReceiverResource, own: &'a str) -> &'a str {
    resource.namespace.as_deref().filter(|name| !name.is_empty()).unwrap_or(own)
}

/// The apiVersion that a resource names, or that of its kind; none where neither says it.
pub(crate) fn version_of(resource: &ReceiverResource) -> Option<&str> {
    let stated = resource.api_version.as_deref().filter(|version| !version.is_empty());
    stated.or_else(|| kinds::default_api_version(resource.kind.as_str()))
}

/// What a filter sees of an object.
fn shown(place: &Place, meta: &ObjectMeta) -> Value {
    let (kind, version) = (&place.resource.kind, &place.resource.api_version);
    json!({ "kind": kind, "apiVersion": version, "metadata": meta })
}

/// The time as Go prints it, the time since the start of the process after it.
fn now() -> String {
    static START: OnceLock<Instant> = OnceLock::new();
    let since = START.get_or_init(Instant::now).elapsed();
    let text = format!("{:.9}", Timestamp::now());
    let (date, time) = text.trim_end_matches('Z').split_once('T').unwrap_or_default();
    format!("{date} {time} +0000 UTC m=+{}.{:09}", since.as_secs(), since.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::now;

    #[test]
    fn the_time_looks_as_go_prints_it() {
        let digits: String = now().chars().map(|c| if c.is_ascii_digit() { 'D' } else { c }).collect();
        assert_eq!(digits, "DDDD-DD-DD DD:DD:DD.DDDDDDDDD +DDDD UTC m=+D.DDDDDDDDD");
        assert_ne!(now(), now());
    }
}
