use std::time::Duration;

use serde_json::Value;

use crate::{CommandError, cluster::Cluster, kinds::Kind, say::Progress, value};

/// The first time between two looks; it doubles.
const FIRST: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST: Duration = Duration::from_secs(1);

/// Looks at an object until `done` says so; the command's time limit ends it otherwise.
pub(crate) async fn until(
    cluster: &Cluster,
    kind: &Kind,
    (namespace, name): (&str, &str),
    done: impl Fn(&Value) -> Result<bool, CommandError>,
) -> Result<Value, CommandError> {
    let progress = Progress::start();
    let mut pause = FIRST;
    loop {
        let object = cluster.need(&kind.resource, namespace, name).await?;
        if done(&object)? {
            return Ok(object);
        }
        progress.tell(&format!("{}/{name}: {}", kind.kind, state(&object)));
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// What the object says of itself, for who waits.
pub(crate) fn state(object: &Value) -> String {
    let told = ["Reconciling", "Ready"].into_iter().find_map(|kind| value::condition(object, kind));
    told.map_or("not yet reconciled".into(), |one| value::text(one, &["message"]).to_owned())
}
