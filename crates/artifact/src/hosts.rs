/// Overrides of artifact hosts for development, as Flux reads them from the environment.
#[derive(Clone, Debug, Default)]
pub struct HostOverrides {
    /// `SOURCE_CONTROLLER_LOCALHOST`.
    pub source_controller: Option<String>,
    /// `SOURCE_WATCHER_LOCALHOST`.
    pub source_watcher: Option<String>,
}

impl HostOverrides {
    /// From the environment.
    pub fn from_env() -> Self {
        let of = |name: &str| std::env::var(name).ok().filter(|host| !host.is_empty());
        Self {
            source_controller: of("SOURCE_CONTROLLER_LOCALHOST"),
            source_watcher: of("SOURCE_WATCHER_LOCALHOST"),
        }
    }

    /// The URL with its host and port replaced where an override is set.
    pub fn apply(&self, url: &str) -> String {
        let host =
            if url.contains("//source-watcher") { &self.source_watcher } else { &self.source_controller };
        let parts = url.split_once("//").and_then(|(scheme, rest)| Some((scheme, rest.split_once('/')?.1)));
        match (host, parts) {
            (Some(host), Some((scheme, path))) => format!("{scheme}//{host}/{path}"),
            _ => url.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HostOverrides;

    #[test]
    fn hosts_are_replaced_by_who_serves() {
        let hosts = HostOverrides {
            source_controller: Some("localhost:1".into()),
            source_watcher: Some("localhost:2".into()),
        };
        assert_eq!(
            hosts.apply("http://source-controller.ns.svc./a/b.tar.gz"),
            "http://localhost:1/a/b.tar.gz"
        );
        assert_eq!(hosts.apply("http://source-watcher.ns.svc/a"), "http://localhost:2/a");
        assert_eq!(HostOverrides::default().apply("http://x/a"), "http://x/a");
    }
}
