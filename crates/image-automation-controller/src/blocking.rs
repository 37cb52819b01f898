use crate::status::{ImageReason, RunFailure, StepError};

/// Does what takes a processor or the disk for long where no worker waits for it: they serve all objects. What may take
/// very long is to look at the run's `cancel` now and then, as nothing else ends it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RunFailure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| StepError::retry(ImageReason::Failure, error.to_string()).into())
}
