//! Log lines with the keys that `flux logs` reads: ts, level, msg, error, logger, controllerKind, `reconciler kind`,
//! name, namespace.

mod json;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::json::Lines;
use crate::args::{LogEncoding, LogLevel};

/// Starts logging to stderr. A second call is without effect: tests may start several controllers in a process.
pub(crate) fn init(level: LogLevel, encoding: LogEncoding, controller: &'static str) {
    let filter = EnvFilter::new(directives(level));
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match encoding {
        LogEncoding::Json => registry.with(Lines::new(controller)).try_init(),
        LogEncoding::Console => {
            registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr)).try_init()
        }
    };
}

/// Libraries below us stay quiet: what they have to say comes back to us as an error.
fn directives(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "trace,hyper=info,h2=info,rustls=info,tower=info",
        LogLevel::Debug => {
            "debug,hyper=info,h2=info,rustls=info,tower=info,kube=info,gix=info,kube_client=info"
        }
        LogLevel::Info => "info,kube=off,kube_client=off,kube_runtime=off,gix=off,tower=off",
        LogLevel::Error => "error,kube=off,kube_client=off,kube_runtime=off,gix=off,tower=off",
    }
}
