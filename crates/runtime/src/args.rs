//! The flags every controller has, as Flux names them, and how Go writes their values.

mod gates;
mod values;

use std::ffi::OsString;
use std::time::Duration;

use clap::builder::ArgAction::Set;
use clap::{Args, Parser, ValueEnum};

pub use self::gates::{FeatureGates, Gate, GateError};
pub use self::values::{GoBool, address, duration};

/// The lowest level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Everything, requests included.
    Trace,
    /// Steps.
    Debug,
    /// What changed.
    Info,
    /// What went wrong.
    Error,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogEncoding {
    /// One JSON object a line.
    Json,
    /// For people.
    Console,
}

/// Flags of all controllers. Durations are written as Go does (`1h30m`, `750ms`); a bare boolean flag means true.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// The address of the metrics endpoint; `0` turns it off.
    #[arg(long, env = "METRICS_ADDR", default_value = ":8080")]
    pub metrics_addr: String,
    /// The address of the health endpoint (`/healthz`, `/readyz`, `/debug/objects`); `0` turns it off.
    #[arg(long, env = "HEALTH_ADDR", default_value = ":9440")]
    pub health_addr: String,
    /// Where events are posted (notification-controller); empty: nowhere.
    #[arg(long, env = "EVENTS_ADDR", default_value = "")]
    pub events_addr: String,
    /// How many objects of a kind are reconciled at once; waiting ones do not count. The default is the controller's.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub concurrent: Option<u16>,
    /// Watch all namespaces; else only RUNTIME_NAMESPACE.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true",
        action = Set)]
    pub watch_all_namespaces: GoBool,
    /// Watch only objects with these labels; how objects are spread over shards.
    #[arg(long, default_value = "")]
    pub watch_label_selector: String,
    /// Watch ConfigMaps and Secrets with these labels, so that a change of one wakes the objects that refer to it.
    #[arg(long, default_value = "reconcile.fluxcd.io/watch=Enabled")]
    pub watch_configs_label_selector: String,
    /// Refuse references to objects in other namespaces.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
        action = Set)]
    pub no_cross_namespace_refs: GoBool,
    /// The ServiceAccount of objects that name none.
    #[arg(long, default_value = "")]
    pub default_service_account: String,
    /// How long to wait before a dependency that is not ready is looked at again, when no event told before.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub requeue_dependency: Duration,
    /// The first delay after a failure; it doubles.
    #[arg(long, default_value = "750ms", value_parser = duration)]
    pub min_retry_delay: Duration,
    /// The longest delay after failures.
    #[arg(long, default_value = "15m", value_parser = duration)]
    pub max_retry_delay: Duration,
    /// Intervals are spread by up to so many percent to both sides.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub interval_jitter_percentage: u8,
    /// Requests a second to an API server without priority and fairness.
    #[arg(long, default_value_t = 50.0)]
    pub kube_api_qps: f32,
    /// Requests at once beyond --kube-api-qps to an API server without priority and fairness.
    #[arg(long, default_value_t = 300)]
    pub kube_api_burst: u32,
    /// The lowest level that is logged.
    #[arg(long, value_enum, default_value = "info")]
    pub log_level: LogLevel,
    /// How log lines are written.
    #[arg(long, value_enum, default_value = "json")]
    pub log_encoding: LogEncoding,
    /// Features to turn on or off: `Name=true,Other=false`.
    #[arg(long, default_value = "")]
    pub feature_gates: String,
    /// Let exactly one replica act, by a Lease.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
        action = Set)]
    pub enable_leader_election: GoBool,
    /// Give the Lease back on a clean end, so that the next replica starts at once.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true",
        action = Set)]
    pub leader_election_release_on_cancel: GoBool,
    /// How long others wait after the last renewal before they take the Lease.
    #[arg(long, default_value = "35s", value_parser = duration)]
    pub leader_election_lease_duration: Duration,
    /// How long the leader tries to renew before it gives up and ends.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub leader_election_renew_deadline: Duration,
    /// How often the Lease is renewed or tried for.
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub leader_election_retry_period: Duration,
}

impl CommonArgs {
    /// The namespace the controller runs in (RUNTIME_NAMESPACE).
    pub fn runtime_namespace() -> Option<String> {
        std::env::var("RUNTIME_NAMESPACE").ok().filter(|namespace| !namespace.is_empty())
    }

    /// The label selector of the watched objects, when there is one.
    pub fn selector(&self) -> Option<String> {
        Some(self.watch_label_selector.clone()).filter(|selector| !selector.is_empty())
    }
}

/// Reads the command line as Go's flag packages do: one dash is as good as two for a long name.
/// Prints help, version or the error and ends the process where these are asked for.
pub fn parse<P: Parser>() -> P {
    P::parse_from(std::env::args_os().map(two_dashes))
}

fn two_dashes(arg: OsString) -> OsString {
    let Some(text) = arg.to_str() else { return arg };
    let long =
        text.strip_prefix('-').filter(|rest| rest.len() > 1 && rest.starts_with(|c: char| c.is_alphabetic()));
    long.map_or_else(|| arg.clone(), |name| OsString::from(format!("--{name}")))
}

#[cfg(test)]
mod tests {
    use super::{CommonArgs, LogEncoding, LogLevel, two_dashes};
    use clap::Parser;
    use std::time::Duration;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        common: CommonArgs,
    }

    fn parse(args: &[&str]) -> Result<CommonArgs, clap::Error> {
        let args = std::iter::once(&"controller").chain(args).map(|arg| two_dashes((*arg).into()));
        Command::try_parse_from(args).map(|command| command.common)
    }

    #[test]
    fn the_defaults_are_those_of_flux() {
        let args = parse(&[]).unwrap();
        assert_eq!((args.health_addr.as_str(), args.kube_api_burst), (":9440", 300));
        assert!(
            args.watch_all_namespaces.0 && !args.enable_leader_election.0 && !args.no_cross_namespace_refs.0
        );
        assert_eq!(args.leader_election_lease_duration, Duration::from_secs(35));
        assert_eq!(args.min_retry_delay, Duration::from_millis(750));
        assert_eq!((args.log_level, args.log_encoding), (LogLevel::Info, LogEncoding::Json));
    }

    #[test]
    fn values_are_written_as_go_writes_them() {
        let args = parse(&[
            "--watch-all-namespaces=false",
            "--enable-leader-election",
            "--requeue-dependency=1m30s",
        ]);
        let args = args.unwrap();
        assert!(!args.watch_all_namespaces.0 && args.enable_leader_election.0);
        assert_eq!(args.requeue_dependency, Duration::from_secs(90));
        assert!(parse(&["-log-level=debug", "--log-encoding", "console"]).is_ok());
    }

    #[test]
    fn a_flag_nobody_knows_is_an_error() {
        assert!(parse(&["--no-such-flag"]).is_err());
        assert!(parse(&["--watch-all-namespaces=maybe"]).is_err());
        assert!(parse(&["--concurrent=0"]).is_err());
    }
}
