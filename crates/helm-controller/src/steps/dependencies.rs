//! `dependsOn`: what must be ready first.

use std::sync::Arc;

use api::helm::v2::HelmRelease;
use api::meta::{ConditionType, Reason};
use applier::{ReadyExprError, is_ready, says_ready};
use runtime::{Event, Key, Set, read_named};

use crate::status::TERMINAL;
use crate::work::{Retry, Stop, Work};

/// Why a dependency does not let a HelmRelease go on. Texts are Flux's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DependencyError {
    /// There is none of that name.
    #[error("unable to get '{0}' dependency: helmreleases.helm.toolkit.fluxcd.io \"{name}\" not found", name = .0.name)]
    NotFound(Key),
    /// It cannot be read.
    #[error("unable to get '{0}' dependency: {1}")]
    Unreadable(Key, Box<kube::Error>),
    /// It is not ready at its generation.
    #[error("dependency '{0}' is not ready")]
    NotReady(Key),
    /// `readyExpr` does not let it.
    #[error(transparent)]
    ByExpression(#[from] ReadyExprError),
}

/// Checks all dependencies in their order.
///
/// # Errors
/// Ends the run when one is not ready.
pub(crate) async fn depend(work: &Work<'_>) -> Result<(), Stop> {
    let result = check(work).await;
    work.app.memories.with(&work.run.key, |memory| memory.blocked = result.is_err());
    match result {
        Ok(()) => {
            work.ledger.overcome(&[Reason::DependencyNotReady.as_str()]);
            Ok(())
        }
        Err(error @ DependencyError::ByExpression(ReadyExprError::Expression { .. })) => {
            work.run.emit(Event::error(Reason::InvalidCELExpression, error.to_string()));
            Err(work.stall(Reason::InvalidCELExpression, format!("{TERMINAL}: {error}")))
        }
        Err(error) => {
            let text = error.to_string();
            work.ledger.set(Set::no(ConditionType::Ready, Reason::DependencyNotReady, text.clone()));
            work.run.emit(Event::info(Reason::DependencyNotReady, text.clone()));
            Err(Stop::Failed(Retry::After(work.app.options.shared.requeue_dependency), text))
        }
    }
}

async fn check(work: &Work<'_>) -> Result<(), DependencyError> {
    let (object, options) = (&work.run.object, &work.app.options.shared);
    for reference in &object.spec.depends_on {
        let key = Key::new(reference.namespace_or(&work.run.key.namespace), reference.name.clone());
        let dependency = read(work, &key).await?;
        let asked = says_ready(&**object, &dependency, reference, &key, options.no_cross_namespace_refs)?;
        if (!asked || options.additive_ready_expr) && !is_ready(&*dependency) {
            return Err(DependencyError::NotReady(key));
        }
    }
    Ok(())
}

/// Read live, past the watch.
async fn read(work: &Work<'_>, key: &Key) -> Result<Arc<HelmRelease>, DependencyError> {
    let found: Result<Option<HelmRelease>, _> = read_named(&work.app.client, key).await;
    let found = found.map_err(|cause| DependencyError::Unreadable(key.clone(), Box::new(cause)))?;
    found.map(Arc::new).ok_or_else(|| DependencyError::NotFound(key.clone()))
}
