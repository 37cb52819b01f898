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
const LIBRARIES: [&str; 10] =
    ["gix", "h2", "hyper", "hyper_util", "kube", "kube_runtime", "reqwest", "russh", "rustls", "tower"];

fn targets(level: LogLevel) -> Targets {
    let (ours, libraries) = match level {
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::INFO),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::OFF),
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::OFF),
    };
    let quiet = LIBRARIES.iter().map(|library| (*library, libraries));
    // It prints whole answers that it cannot decode, at any level: these may be Secrets.
    Targets::new().with_default(ours).with_targets(quiet).with_target("kube_client", LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use super::targets;
    use crate::args::LogLevel;
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use tracing::Level;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_no_secret_is_not_in_the_log() {
        let server = tower::service_fn(|_: http::Request<kube::client::Body>| async {
            let text = br#"{"kind": "Secret", "metadata": 3, "data": {"a": "canary"}}"#.to_vec();
            Ok::<_, tower::BoxError>(http::Response::new(kube::client::Body::from(text)))
        });
        let client = kube::Client::new(server, "ns");
        let api: kube::Api<k8s_openapi::api::core::v1::Secret> = kube::Api::namespaced(client, "ns");
        for level in [LogLevel::Debug, LogLevel::Trace] {
            let written = Written::default();
            let writer = written.clone();
            let lines = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
            let subscriber = tracing_subscriber::registry().with(targets(level)).with(lines);
            let guard = tracing::subscriber::set_default(subscriber);
            tracing::debug!("heard");
            assert!(api.get("a").await.is_err());
            drop(guard);
            let log = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            assert!(log.contains("heard") && !log.contains("canary"), "{log}");
        }
    }

    #[test]
    fn libraries_are_quiet_and_we_are_heard() {
        let info = targets(LogLevel::Info);
        assert!(info.would_enable("runtime::shell", &Level::INFO));
        assert!(!info.would_enable("runtime::shell", &Level::DEBUG));
        assert!(!info.would_enable("kube_client::client::builder", &Level::ERROR));
        assert!(targets(LogLevel::Trace).would_enable("kube_runtime::watcher", &Level::INFO));
        assert!(!targets(LogLevel::Error).would_enable("source_controller", &Level::INFO));
    }
}
