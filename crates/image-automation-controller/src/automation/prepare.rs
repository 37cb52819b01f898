use std::collections::{BTreeMap, HashMap};

use git::{Checkout, CommitError, Draft, Identity, NewCommit, Signer};
use k8s_openapi::jiff::Timestamp;
use runtime::Key;

use super::files;
use super::message::{MessageInput, message};
use crate::status::{ImageReason, StepError};

/// What a commit is made of, beside the files.
pub(super) struct Plan {
    pub(super) path: String,
    pub(super) setters: HashMap<String, String>,
    pub(super) author: Identity,
    pub(super) template: Option<String>,
    pub(super) values: BTreeMap<String, String>,
    pub(super) automation: Key,
    pub(super) signer: Option<Signer>,
}

/// A commit that can be pushed.
pub(super) struct Prepared {
    pub(super) commit: NewCommit,
    pub(super) message: String,
}

/// Changes the files and makes the commit; nothing when all fields have their values already. Blocks.
pub(super) fn prepare(checkout: &Checkout, plan: &Plan) -> Result<Option<Prepared>, StepError> {
    let updated = files::update(checkout, &plan.path, &plan.setters).map_err(|error| {
        StepError::retry(ImageReason::UpdateFailed, format!("failed to apply policies: {error}"))
    })?;
    if updated.contents.is_empty() {
        return Ok(None);
    }
    let message = message(&MessageInput {
        template: plan.template.as_deref(),
        values: &plan.values,
        automation: &plan.automation,
        changes: &updated.changes,
    })?;
    let author = Identity { time: Timestamp::now().as_second(), ..plan.author.clone() };
    let draft =
        Draft { author: &author, committer: &author, message: &message, signer: plan.signer.as_ref() };
    match checkout.compose(&updated.contents, &draft) {
        Ok(commit) => Ok(Some(Prepared { commit, message })),
        Err(CommitError::NothingChanged) => Ok(None),
        Err(error) => {
            let text = format!("failed to update source: {error}");
            Err(StepError::retry(ImageReason::GitOperationFailed, text))
        }
    }
}
