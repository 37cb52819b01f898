use api::source::v1::Bucket;
use runtime::Run;

use crate::remote::Remotes;
use crate::source::{Progress, RunFailure, Settled, Steps};
use crate::status::StepError;

/// Buckets are not built yet: each says so, and nothing is done.
pub(crate) struct Buckets;

impl Steps for Buckets {
    type Kind = Bucket;

    fn check(&self, _: &Bucket) -> Result<(), StepError> {
        Err(not_built())
    }

    async fn run(
        &self,
        _: &Run<Bucket>,
        _: &Remotes,
        _: &mut Progress<Bucket>,
    ) -> Result<Settled, RunFailure> {
        Err(not_built().into())
    }
}

fn not_built() -> StepError {
    StepError::unsupported("Buckets are not supported by this version of source-controller")
}
