//! What templates may ask of the world: the cluster by `lookup`, the clock, randomness.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use gotemplate::FuncError;
use helm_template::{Host, SprigHost};
use k8s_openapi::jiff::{Timestamp, tz::TimeZone};
use manifest::Gvk;
use rand::Rng;
use serde_json::{Value, json};
use ssa::{GetError, Session};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

/// The world as one rendering sees it: the cluster as the HelmRelease's identity.
pub(crate) struct Cluster {
    session: Session,
    runtime: Handle,
    budget: Cell<Budget>,
}

/// What the lookups of one rendering may still take: all renderings share one process, and few of them run at a time.
#[derive(Clone, Copy, Debug)]
struct Budget {
    lookups: usize,
    /// Memory of what they answer, in bytes: templates may keep it all.
    room: usize,
    time: Duration,
}

impl Budget {
    const WHOLE: Self = Self { lookups: 1_000, room: 64 << 20, time: Duration::from_secs(60) };

    /// What is left for one more lookup.
    fn ask(self) -> Result<Self, String> {
        let lookups = self
            .lookups
            .checked_sub(1)
            .ok_or_else(|| format!("more than {} lookups in one rendering", Self::WHOLE.lookups))?;
        if self.time.is_zero() {
            return Err(late());
        }
        Ok(Self { lookups, ..self })
    }

    /// What is left after a lookup.
    fn spend(self, room: usize, time: Duration) -> Self {
        let (room, time) = (self.room.saturating_sub(room), self.time.saturating_sub(time));
        Self { room, time, ..self }
    }
}

fn late() -> String {
    format!("the lookups of one rendering take more than {} s", Budget::WHOLE.time.as_secs())
}

impl Cluster {
    /// To be used on a blocking thread of this runtime.
    pub(crate) fn new(session: Session, runtime: Handle) -> Rc<Self> {
        Rc::new(Self { session, runtime, budget: Cell::new(Budget::WHOLE) })
    }

    /// One object, or a list of them, and what it takes in memory.
    async fn ask(
        &self,
        gvk: &Gvk,
        namespace: &str,
        name: &str,
        room: usize,
    ) -> Result<(Value, usize), GetError> {
        if name.is_empty() {
            let (items, weight) = self.session.list_within(gvk, namespace, room).await?;
            let kind = format!("{}List", gvk.kind);
            return Ok((json!({"apiVersion": gvk.api_version(), "kind": kind, "items": items}), weight));
        }
        let (found, weight) = self.session.get_within(gvk, namespace, name, room).await?;
        Ok((found.unwrap_or_else(|| json!({})), weight))
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
        let budget = self.budget.get().ask()?;
        let gvk = Gvk::new(api_version, kind);
        let began = Instant::now();
        let asked = self.ask(&gvk, namespace, name, budget.room);
        // The timer is made inside the runtime.
        let answer = self.runtime.block_on(async { timeout(budget.time, asked).await });
        let weight = answer.as_ref().ok().and_then(|answer| Some(answer.as_ref().ok()?.1));
        self.budget.set(budget.spend(weight.unwrap_or_default(), began.elapsed()));
        match answer {
            Ok(Ok((value, _))) => Ok(value),
            // A kind that is not served has no objects.
            Ok(Err(GetError::NoMatch(_))) => Ok(json!({})),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(late()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_are_limited_in_number_memory_and_time() {
        let one = Budget { lookups: 1, ..Budget::WHOLE }.ask().unwrap();
        assert!(one.ask().unwrap_err().contains("more than 1000 lookups"));
        let spent = Budget::WHOLE.spend(1 << 20, Duration::from_secs(59));
        assert_eq!((spent.room, spent.time), (63 << 20, Duration::from_secs(1)));
        assert!(spent.ask().is_ok());
        let late = spent.spend(usize::MAX, Duration::from_secs(2));
        assert_eq!((late.room, late.time), (0, Duration::ZERO));
        assert!(late.ask().unwrap_err().contains("more than 60 s"));
    }
}
