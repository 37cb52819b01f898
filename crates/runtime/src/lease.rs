//! Leader election by a Lease, as client-go does it, with a fence for every write.

mod record;

use std::time::{Duration, Instant, SystemTime};

use k8s_openapi::api::coordination::v1::Lease;
use kill_points::{Point, at as point};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use self::record::{Seen, Step};
use crate::args::CommonArgs;
use crate::fence::Fence;

/// Why the process may not (or no longer) act.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaseError {
    /// Another replica may act from now on: the process must end.
    #[error("leader election lost: lease {lease} was not renewed within {} s", .deadline.as_secs())]
    Lost { lease: String, deadline: Duration },
    /// Another replica holds it.
    #[error("leader election lost: lease {lease} is held by {holder}")]
    Taken { lease: String, holder: String },
}

/// The times of the election.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) lease: Duration,
    pub(crate) renew: Duration,
    pub(crate) retry: Duration,
}

/// How often one that waits looks at the Lease, at least: one that is given back is taken within 3 s, and one whose holder
/// was killed within 40 s (a Lease of 35 s, seen up to one look late, and taken up to one look late).
const LOOK: Duration = Duration::from_secs(1);

impl Times {
    /// # Errors
    /// The flag that makes the election unsafe, and why.
    pub(crate) fn of(args: &CommonArgs) -> Result<Self, (&'static str, String)> {
        let times = Self {
            lease: args.leader_election_lease_duration,
            renew: args.leader_election_renew_deadline,
            retry: args.leader_election_retry_period,
        };
        if times.renew >= times.lease {
            let cause = "must be shorter than --leader-election-lease-duration";
            return Err(("--leader-election-renew-deadline", cause.to_owned()));
        }
        if times.retry.is_zero() || times.retry.mul_f64(1.2) >= times.renew {
            let cause =
                "must be more than 0s, and 1.2 times it shorter than --leader-election-renew-deadline";
            return Err(("--leader-election-retry-period", cause.to_owned()));
        }
        // A renewal may fail once before writes have to wait for the next one.
        Ok(Self { retry: times.retry.min(times.window() / 2), ..times })
    }

    /// How long after a renewal writes may start: a request may be under way for 15 s (its deadline), and must be
    /// over before another replica may take the Lease.
    fn window(self) -> Duration {
        let in_flight = Duration::from_secs(15);
        self.lease.saturating_sub(in_flight).max(self.lease / 2).min(self.renew)
    }
}

/// `<controller>-leader-election`, and for a shard the first 8 hex digits of its selector's SHA-256 behind it.
pub(crate) fn name(controller: &str, selector: Option<&str>) -> String {
    match selector {
        None => format!("{controller}-leader-election"),
        Some(selector) => format!("{controller}-leader-election-{}", hex8(selector)),
    }
}

fn hex8(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes())[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One candidate for one Lease.
pub(crate) struct Candidate {
    api: Api<Lease>,
    name: String,
    identity: String,
    times: Times,
    fence: Fence,
    seen: Option<Seen>,
    releases: bool,
}

impl Candidate {
    /// `client` must not be fenced: it writes the Lease itself.
    pub(crate) fn new(client: Client, namespace: &str, name: String, times: Times, fence: Fence) -> Self {
        let identity = format!("{}_{:016x}", crate::recorder::host(), rand::random::<u64>());
        Self {
            api: Api::namespaced(client, namespace),
            name,
            identity,
            times,
            fence,
            seen: None,
            releases: true,
        }
    }

    /// Whether the Lease is given back at a clean end (`--leader-election-release-on-cancel`).
    pub(crate) fn release_on_cancel(&mut self, releases: bool) {
        self.releases = releases;
    }

    /// Waits until the Lease is ours, or the token fires. A request under way is never dropped: the API server may
    /// have taken it, and then the Lease is ours to give back.
    pub(crate) async fn win(&mut self, shutdown: &CancellationToken) {
        tracing::info!(lease = self.name, "attempting to acquire leader lease");
        let mut said = false;
        while !shutdown.is_cancelled() {
            match self.step().await {
                Ok(Step::Ours) => {
                    tracing::info!(lease = self.name, "successfully acquired lease");
                    return;
                }
                Ok(Step::Theirs(_)) => said = false,
                Err(error) if !said => {
                    said = true;
                    tracing::error!(lease = self.name, error = %crate::shell::Chain(&error), "cannot acquire lease");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(self.times.retry.min(LOOK)) => {}
            }
        }
    }

    /// Renews until the Lease is lost, or the token fires.
    pub(crate) async fn hold(&mut self, shutdown: CancellationToken) -> Result<(), LeaseError> {
        let mut renewed = Instant::now();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.times.retry) => {}
            }
            match tokio::time::timeout(self.times.renew / 2, self.renew()).await {
                Ok(Ok(Step::Ours)) => renewed = Instant::now(),
                Ok(Ok(Step::Theirs(holder))) => {
                    self.fence.close();
                    return Err(LeaseError::Taken { lease: self.name.clone(), holder });
                }
                Ok(Err(error)) => {
                    tracing::error!(lease = self.name, error = %crate::shell::Chain(&error), "cannot renew lease");
                }
                Err(_) => tracing::error!(lease = self.name, error = "no answer", "cannot renew lease"),
            }
            if renewed.elapsed() >= self.times.renew {
                self.fence.close();
                return Err(LeaseError::Lost { lease: self.name.clone(), deadline: self.times.renew });
            }
        }
    }

    /// Gives the Lease back, so that the next replica need not wait. Nothing may be written any more.
    pub(crate) async fn release(&mut self) {
        self.fence.close();
        if !self.releases {
            return;
        }
        let Some(seen) = self.seen.take().filter(|seen| seen.holder() == self.identity) else { return };
        let released = record::released(&seen, &self.identity);
        if let Err(error) = self.api.replace(&self.name, &PostParams::default(), &released).await {
            tracing::error!(lease = self.name, error = %crate::shell::Chain(&error), "cannot release lease");
        }
    }

    /// Renews the Lease as we left it; it is looked at only when somebody else wrote it, or may have, because we slept. An
    /// API server that is slow has one request to answer, and until half of the deadline: meanwhile the fence keeps us
    /// from writing.
    async fn renew(&mut self) -> Result<Step, kube::Error> {
        let ours = |seen: &Seen| seen.holder() == self.identity && self.fence.check().is_ok();
        let Some(seen) = self.seen.clone().filter(ours) else { return self.step().await };
        let (now, wall) = (Instant::now(), SystemTime::now());
        match self.write(&seen).await {
            Ok(written) => Ok(self.won(written, now, wall)),
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => self.step().await,
            Err(error) => Err(error),
        }
    }

    /// Writes that the Lease is ours, if nobody wrote it since it was seen.
    async fn write(&self, seen: &Seen) -> Result<Lease, kube::Error> {
        let next = record::renewed(seen, &self.identity, self.times);
        point(Point::LeaseBefore);
        let written = self.api.replace(&self.name, &PostParams::default(), &next).await;
        point(Point::LeaseAfter);
        written
    }

    /// One look at the Lease, and its renewal or taking where that is due.
    async fn step(&mut self) -> Result<Step, kube::Error> {
        let (now, wall) = (Instant::now(), SystemTime::now());
        let Some(found) = self.api.get_opt(&self.name).await? else {
            let lease = record::fresh(&self.name, &self.identity, self.times);
            point(Point::LeaseBefore);
            let created = self.api.create(&PostParams::default(), &lease).await?;
            point(Point::LeaseAfter);
            return Ok(self.won(created, now, wall));
        };
        let seen = Seen::again(self.seen.take(), found, now);
        let seen = self.seen.insert(seen).clone();
        if !seen.may_be_taken(&self.identity, now) {
            return Ok(Step::Theirs(seen.holder().to_owned()));
        }
        let written = self.write(&seen).await?;
        Ok(self.won(written, now, wall))
    }

    /// The window counts from before the request: the Lease in the cluster is never older than that.
    fn won(&mut self, lease: Lease, since: Instant, wall: SystemTime) -> Step {
        self.seen = Some(Seen::again(None, lease, since));
        self.fence.renewed(since, wall, self.times.window());
        Step::Ours
    }
}

#[cfg(test)]
mod slow;

#[cfg(test)]
mod tests {
    use super::{Times, name};
    use crate::args::CommonArgs;
    use std::time::Duration;

    #[test]
    fn the_name_is_that_of_flux() {
        assert_eq!(name("source-controller", None), "source-controller-leader-election");
        let shard = name("kustomize-controller", Some("sharding.fluxcd.io/key=shard1"));
        assert_eq!(shard.len(), "kustomize-controller-leader-election-".len() + 8);
        assert_ne!(shard, name("kustomize-controller", Some("sharding.fluxcd.io/key=shard2")));
    }

    #[test]
    fn times_that_contradict_each_other_are_refused_and_renewals_come_before_writes_must_wait() {
        #[derive(clap::Parser)]
        struct Command {
            #[command(flatten)]
            common: CommonArgs,
        }
        let times = |lease: &str, renew: &str, retry: &str| {
            let flag = |name: &str, value: &str| format!("--leader-election-{name}={value}");
            let flags =
                [flag("lease-duration", lease), flag("renew-deadline", renew), flag("retry-period", retry)];
            let args = ["test".to_owned()].into_iter().chain(flags);
            Times::of(&<Command as clap::Parser>::parse_from(args).common)
        };
        assert_eq!(times("35s", "35s", "5s").unwrap_err().0, "--leader-election-renew-deadline");
        assert_eq!(times("35s", "30s", "25s").unwrap_err().0, "--leader-election-retry-period");
        assert_eq!(times("35s", "30s", "0s").unwrap_err().0, "--leader-election-retry-period");
        assert_eq!(times("35s", "30s", "5s").unwrap().retry, Duration::from_secs(5));
        assert_eq!(times("15s", "10s", "5s").unwrap().retry, Duration::from_millis(3750));
    }

    #[test]
    fn no_write_that_starts_in_the_window_outlives_the_lease() {
        let seconds = Duration::from_secs;
        let times = Times { lease: seconds(35), renew: seconds(30), retry: seconds(5) };
        assert_eq!(times.window(), seconds(20));
        assert!(times.window() > times.retry * 2);
        let short = Times { lease: seconds(4), renew: seconds(3), retry: seconds(1) };
        assert_eq!(short.window(), seconds(2));
    }
}
