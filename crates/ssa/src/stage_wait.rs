use std::time::Duration;

use futures::{StreamExt, stream};
use kstatus::Status;
use manifest::{Object, ObjectId};
use tokio::time::{Instant, sleep};

use crate::{Deferred, ObjectCause, ObjectError, apply::Run, health};

/// How long a stage is waited for inline: CRDs are established and Namespaces active within milliseconds.
/// What takes longer is put off, and the next run goes on.
const INLINE: Duration = Duration::from_secs(3);

/// Waits until what was written in a stage is ready; gives what is not in time.
pub(crate) async fn until_ready(
    run: &Run<'_>,
    objects: &[&Object],
    written: Vec<(ObjectId, Status)>,
) -> Vec<Deferred> {
    let until = (Instant::now() + INLINE).min(run.options.deadline);
    let pending = written.into_iter().filter(|(_, status)| *status != Status::Current).map(|(id, _)| id);
    let waits = pending.filter_map(|id| objects.iter().find(|object| object.id() == id));
    let waits: Vec<_> = waits.copied().map(|object| one(run, object, until)).collect();
    let results: Vec<Option<Deferred>> = stream::iter(waits).buffered(run.concurrency()).collect().await;
    results.into_iter().flatten().collect()
}

async fn one(run: &Run<'_>, object: &Object, until: Instant) -> Option<Deferred> {
    let mut pause = Duration::from_millis(10);
    loop {
        let status = live_status(run, object).await;
        if status == Status::Current {
            return None;
        }
        if run.options.cancel.is_cancelled() || Instant::now() + pause >= until {
            let error = ObjectError::new(object, ObjectCause::NotReady(status));
            return Some(Deferred { id: object.id(), version: object.gvk().version, error });
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

async fn live_status(run: &Run<'_>, object: &Object) -> Status {
    match run.session.get(&object.gvk(), object.namespace(), object.name()).await {
        Ok(Some(live)) => health::status(&live),
        Ok(None) => Status::NotFound,
        Err(_) => Status::Unknown,
    }
}
