//! CRDs from a chart's `crds` folder: written before the release, waited for, never deleted.

use std::time::Duration;

use api::helm::v2::CrdsPolicy;
use api::meta::groups;
use manifest::Object;
use tokio::time::Instant;

use crate::act::ActError;
use crate::chart::Loaded;
use crate::resources;
use crate::spec::Kind;
use crate::wait;
use crate::work::Work;
use crate::writer::{WriteError, Writer};

/// How long CRDs may take to be served.
const WAIT: Duration = Duration::from_secs(60);

/// Why CRDs were not written. Texts are Flux's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrdError {
    /// A file holds no objects.
    #[error("failed to parse CustomResourceDefinitions from {file}: {cause}")]
    Parse {
        /// The file.
        file: String,
        /// Why.
        cause: resources::BuildError,
    },
    /// One could not be created.
    #[error("failed to create CustomResourceDefinition {name}: {cause}")]
    Create {
        /// Name of the CRD.
        name: String,
        /// Why.
        cause: WriteError,
    },
    /// Some could not be replaced.
    #[error("failed to update CustomResourceDefinition(s): {0}")]
    Update(WriteError),
    /// They are not served in time.
    #[error("failed to wait for CustomResourceDefinition(s): {0}")]
    Wait(wait::WaitError),
    /// The policy is none.
    #[error("invalid CRD upgrade policy '{0}', valid values are 'Skip', 'Create' or 'CreateReplace'")]
    Policy(String),
}

impl From<CrdError> for ActError {
    fn from(error: CrdError) -> Self {
        match error {
            CrdError::Wait(wait::WaitError::Superseded) => Self::Superseded,
            error => Self::Helm(format!("failed to apply CustomResourceDefinitions: {error}")),
        }
    }
}

/// The CRDs of a chart and its enabled sub-charts; other objects in the folder are left out.
///
/// # Errors
/// When a file holds no objects.
pub(crate) fn objects(chart: &Loaded) -> Result<Vec<Object>, CrdError> {
    let mut all = Vec::new();
    for crd in chart.resolved.crds() {
        let parsed = resources::parse(&crd.text);
        let parsed = parsed.map_err(|cause| CrdError::Parse { file: crd.path.clone(), cause })?;
        let (crds, others): (Vec<_>, Vec<_>) = parsed.into_iter().partition(is_crd);
        for other in others {
            let object = other.id().subject();
            tracing::warn!(object, file = crd.path, "ignored: the crds folder of a chart is for CRDs alone");
        }
        all.extend(crds);
    }
    Ok(all)
}

fn is_crd(object: &Object) -> bool {
    object.kind() == "CustomResourceDefinition" && object.gvk().group == "apiextensions.k8s.io"
}

/// Writes the CRDs by the policy of the action.
///
/// # Errors
/// See [`CrdError`].
pub(crate) async fn apply(
    work: &Work<'_>,
    chart: &Loaded,
    kind: Kind,
    server_side: bool,
) -> Result<(), CrdError> {
    let policy = work.spec().crds(kind);
    if policy == CrdsPolicy::Skip {
        return Ok(());
    }
    let mut crds = objects(chart)?;
    if crds.is_empty() {
        return Ok(());
    }
    for crd in &mut crds {
        crd.set_label(&format!("{}/name", groups::HELM), &work.owner.name);
        crd.set_label(&format!("{}/namespace", groups::HELM), &work.owner.namespace);
        crd.metadata_mut().shift_remove("namespace");
    }
    let writer = Writer {
        session: &work.session,
        owner: &work.owner,
        drift: work.app.cluster.drift(),
        server_side,
        replace: !server_side,
        strict: true,
        concurrency: 1,
        release: (&work.owner.name, &work.owner.namespace),
    };
    let written = match policy {
        CrdsPolicy::Create => create(work, &writer, crds).await?,
        CrdsPolicy::CreateReplace => {
            writer.update(&[], &crds, &mut Vec::new(), false).await.map_err(CrdError::Update)?;
            crds
        }
        other => return Err(CrdError::Policy(other.to_string())),
    };
    wait::ready(work, &written, true, Instant::now() + WAIT).await.map_err(CrdError::Wait)?;
    work.session.forget_kinds();
    work.app.capabilities.forget();
    Ok(())
}

/// Under server-side apply an existing CRD is brought up to date too, as in Flux; else it is left alone.
async fn create(work: &Work<'_>, writer: &Writer<'_>, crds: Vec<Object>) -> Result<Vec<Object>, CrdError> {
    let mut written = Vec::new();
    for crd in crds {
        if !writer.server_side {
            let live = work.session.get(&crd.gvk(), None, crd.name()).await;
            if matches!(live, Ok(Some(_))) {
                continue;
            }
        }
        let done = writer.create(std::slice::from_ref(&crd), true).await;
        done.map_err(|cause| CrdError::Create { name: crd.name().to_owned(), cause })?;
        written.push(crd);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_for_crds_that_something_newer_ends_is_no_failure() {
        let ended = |wait| ActError::from(CrdError::Wait(wait));
        assert!(matches!(ended(wait::WaitError::Superseded), ActError::Superseded));
        let ActError::Helm(text) = ended(wait::WaitError::Timeout("a".into())) else { panic!("not told") };
        let told = "failed to apply CustomResourceDefinitions: failed to wait for CustomResourceDefinition(s): \
                    timeout waiting for: [a]";
        assert_eq!(text, told);
    }
}
