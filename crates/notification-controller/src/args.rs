//! Flags of notification-controller, as Flux names them, and those of the spool.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};
use runtime::args::Gate;
use runtime::{CommonArgs, GoBool};

/// Takes events and webhooks, tells providers and wakes sources.
#[derive(Parser, Clone, Debug)]
#[command(name = "notification-controller", version, args_override_self = true)]
#[command(mut_arg("events_addr", |arg| arg
    .help("The address the event endpoint listens on")
    .default_value(":9090")))]
pub struct Command {
    /// Flags of all controllers.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Flags of this one.
    #[command(flatten)]
    pub own: OwnArgs,
}

/// Flags of notification-controller.
#[derive(Args, Clone, Debug)]
pub struct OwnArgs {
    /// The address the webhook endpoint listens on.
    #[arg(long = "receiverAddr", default_value = ":9292")]
    pub receiver_addr: String,
    /// The interval in which an event that repeats an earlier one is refused.
    #[arg(long, default_value = "5m", value_parser = runtime::args::duration)]
    pub rate_limit_interval: Duration,
    /// Folder of accepted events that are not delivered yet; they are delivered after a restart. Default: one in the
    /// folder of temporary files.
    #[arg(long, env = "EVENT_SPOOL_PATH")]
    pub event_spool_path: Option<PathBuf>,
    /// Most events that wait for delivery; more are refused with 503, and their senders try again.
    #[arg(long, default_value_t = 10_000)]
    pub event_spool_max_events: usize,
    /// Most bytes of events that wait for delivery.
    #[arg(long, default_value_t = 64 << 20)]
    pub event_spool_max_size: u64,
    /// Taken for Flux's sake and without effect: no metrics of requests by path are kept.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true",
        action = clap::ArgAction::Set)]
    pub export_http_path_metrics: GoBool,
    /// Taken for Flux's sake and without effect: tokens of GitHub Apps are always kept until they end.
    #[arg(long, default_value_t = 100)]
    pub token_cache_max_size: u32,
    /// Taken for Flux's sake and without effect.
    #[arg(long, default_value = "1h", value_parser = runtime::args::duration)]
    pub token_cache_max_duration: Duration,
}

impl OwnArgs {
    /// Where accepted events are kept.
    pub(crate) fn spool_dir(&self) -> PathBuf {
        self.event_spool_path
            .clone()
            .unwrap_or_else(|| std::env::temp_dir().join("notification-controller-events"))
    }
}

/// Feature gates, with Flux's defaults.
pub(crate) const GATES: [Gate; 3] = [
    Gate { name: "CacheSecretsAndConfigMaps", default: false },
    Gate { name: "DisableConfigWatchers", default: false },
    Gate { name: "ObjectLevelWorkloadIdentity", default: false },
];

#[cfg(test)]
mod tests {
    use super::Command;
    use clap::Parser;

    #[test]
    fn the_endpoints_listen_where_those_of_flux_do() {
        let command = Command::try_parse_from(["notification-controller"]).unwrap();
        assert_eq!(
            (command.common.events_addr.as_str(), command.own.receiver_addr.as_str()),
            (":9090", ":9292")
        );
        assert_eq!(command.own.rate_limit_interval.as_secs(), 300);
        let args = [
            "n",
            "--receiverAddr=:1",
            "--events-addr=:2",
            "--rate-limit-interval=100ms",
            "--export-http-path-metrics",
        ];
        let command = Command::try_parse_from(args).unwrap();
        assert_eq!((command.common.events_addr.as_str(), command.own.receiver_addr.as_str()), (":2", ":1"));
    }
}
