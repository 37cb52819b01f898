//! Log lines with the keys that `flux logs` reads: ts, level, msg, error, logger, controllerKind, `reconciler kind`,
//! name, namespace.

mod json;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::json::Lines;
use crate::args::{LogEncoding, LogLevel};

/// Starts logging to stderr. A second call is without effect: tests may start several controllers in a process.
pub(crate) fn init(level: LogLevel, encoding: LogEncoding, controller: &'static str) {
    let registry = tracing_subscriber::registry().with(targets(level));
    let _ = match encoding {
        LogEncoding::Json => registry.with(Lines::new(controller)).try_init(),
        LogEncoding::Console => {
            registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr)).try_init()
        }
    };
}

/// Libraries below us stay quiet: what they have to say comes back to us as an error.
const LIBRARIES: [&str; 11] = [
    "gix",
    "h2",
    "hyper",
    "hyper_util",
    "kube",
    "kube_client",
    "kube_runtime",
    "reqwest",
    "russh",
    "rustls",
    "tower",
];

fn targets(level: LogLevel) -> Targets {
    let (ours, libraries) = match level {
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::INFO),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::OFF),
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::OFF),
    };
    let quiet = LIBRARIES.iter().map(|library| (*library, libraries));
    Targets::new().with_default(ours).with_targets(quiet)
}

#[cfg(test)]
mod tests {
    use super::targets;
    use crate::args::LogLevel;
    use tracing::Level;

    #[test]
    fn libraries_are_quiet_and_we_are_heard() {
        let info = targets(LogLevel::Info);
        assert!(info.would_enable("runtime::shell", &Level::INFO));
        assert!(!info.would_enable("runtime::shell", &Level::DEBUG));
        assert!(!info.would_enable("kube_client::client::builder", &Level::ERROR));
        assert!(targets(LogLevel::Trace).would_enable("kube_client::client", &Level::INFO));
        assert!(!targets(LogLevel::Error).would_enable("source_controller", &Level::INFO));
    }
}
