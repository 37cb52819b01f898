//! What templates may ask of the world: the cluster by `lookup`, the clock, randomness.

use std::cell::Cell;
use std::rc::Rc;

use gotemplate::FuncError;
use helm_template::{Host, SprigHost};
use k8s_openapi::jiff::{Timestamp, tz::TimeZone};
use manifest::Gvk;
use rand::Rng;
use serde_json::{Value, json};
use ssa::{GetError, Session};
use tokio::runtime::Handle;

/// Lookups one rendering may make.
const MAX_LOOKUPS: usize = 1_000;

/// The world as one rendering sees it: the cluster as the HelmRelease's identity.
pub(crate) struct Cluster {
    session: Session,
    runtime: Handle,
    lookups: Cell<usize>,
}

impl Cluster {
    /// To be used on a blocking thread of this runtime.
    pub(crate) fn new(session: Session, runtime: Handle) -> Rc<Self> {
        Rc::new(Self { session, runtime, lookups: Cell::new(0) })
    }
}

impl SprigHost for Cluster {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<(), FuncError> {
        rand::rng().fill_bytes(buffer);
        Ok(())
    }

    fn time_zone(&self, name: &str) -> Option<TimeZone> {
        TimeZone::get(name).ok()
    }
}

impl Host for Cluster {
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Value, String> {
        let asked = self.lookups.get() + 1;
        self.lookups.set(asked);
        if asked > MAX_LOOKUPS {
            return Err(format!("more than {MAX_LOOKUPS} lookups in one rendering"));
        }
        let gvk = Gvk::new(api_version, kind);
        let asked = async {
            if name.is_empty() {
                let found = self.session.list_all(&gvk, namespace).await?;
                return Ok(json!({"apiVersion": api_version, "kind": format!("{kind}List"), "items": found}));
            }
            let found = self.session.get(&gvk, Some(namespace), name).await?;
            Ok(found.map_or_else(|| json!({}), manifest::Object::into_value))
        };
        match self.runtime.block_on(asked) {
            Ok(value) => Ok(value),
            // A kind that is not served has no objects.
            Err(GetError::NoMatch(_)) => Ok(json!({})),
            Err(error) => Err(error.to_string()),
        }
    }
}
