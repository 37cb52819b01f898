//! What a request asks for, as its address says. Names that users give are parts of addresses: one that would make
//! another request of it does not pass.

use http::Uri;

/// The parts of objects that have addresses of their own and that we use.
const SUBRESOURCES: [&str; 3] = ["status", "scale", "token"];

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Objects of a kind: a list or a watch, and where new ones are made.
    Collection,
    /// One object, or a part of it.
    Object,
    /// Anything else: versions, kinds, health.
    Other,
}

/// The address can only come of a name that is none.
#[derive(Debug, thiserror::Error)]
#[error("\"{0}\" is no address of the API server: a name in it is not valid")]
pub(crate) struct NotAnAddress(String);

impl Target {
    /// # Errors
    /// Where a part of the path is empty, climbs, or holds `/` or `%` behind an escape (no name may hold these), where
    /// there are more parts than an address has, and where the query is none that we encoded.
    pub(super) fn of(uri: &Uri) -> Result<Self, NotAnAddress> {
        let refused = || NotAnAddress(uri.path().to_owned());
        let parts: Vec<&str> = match uri.path().strip_prefix('/').unwrap_or_default() {
            "" => Vec::new(),
            path => path.split('/').collect(),
        };
        let is_encoded = uri.query().is_none_or(|query| !query.contains(['/', '?']));
        if !is_encoded || !parts.iter().all(|part| is_part(part)) {
            return Err(refused());
        }
        Self::of_parts(&parts).ok_or_else(refused)
    }

    fn of_parts(parts: &[&str]) -> Option<Self> {
        let below = match parts {
            ["api", _, below @ ..] | ["apis", _, _, below @ ..] => below,
            _ => return Some(Self::Other),
        };
        let below = match below {
            ["namespaces", _, "status" | "finalize"] => return Some(Self::Object),
            ["namespaces", _, _kind, below @ ..] => return Self::below_kind(below),
            below => below,
        };
        match below {
            [] => Some(Self::Other),
            [_kind, below @ ..] => Self::below_kind(below),
        }
    }

    fn below_kind(below: &[&str]) -> Option<Self> {
        match below {
            [] => Some(Self::Collection),
            [_name] => Some(Self::Object),
            [_name, part] if SUBRESOURCES.contains(part) => Some(Self::Object),
            _ => None,
        }
    }
}

/// Whether it is one part of a path for whoever reads it, an escape undone or not.
fn is_part(part: &str) -> bool {
    let lower = part.to_ascii_lowercase();
    let plain = lower.replace("%2e", ".");
    !matches!(plain.as_str(), "" | "." | "..") && !lower.contains("%2f") && !lower.contains("%25")
}

#[cfg(test)]
mod tests {
    use super::Target;

    fn target(address: &str) -> Option<Target> {
        Target::of(&address.parse().unwrap()).ok()
    }

    #[test]
    fn the_address_tells_what_is_asked_for() {
        for (address, expected) in [
            ("/", Target::Other),
            ("/livez/ping", Target::Other),
            ("/apis/apps/v1", Target::Other),
            ("/api/v1/namespaces", Target::Collection),
            ("/api/v1/namespaces/a", Target::Object),
            ("/api/v1/namespaces/a/status", Target::Object),
            ("/api/v1/pods?labelSelector=a%2Fb%3Dc", Target::Collection),
            ("/api/v1/namespaces/a/secrets", Target::Collection),
            ("/api/v1/namespaces/a/secrets/status", Target::Object),
            ("/api/v1/namespaces/a/serviceaccounts/b/token", Target::Object),
            ("/apis/g.io/v1/namespaces/a/things/b/status?fieldManager=x", Target::Object),
            ("/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node", Target::Object),
            ("/apis/rbac.authorization.k8s.io/v1/clusterroles/odd%20one%3F%23", Target::Object),
            ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.g.io", Target::Object),
        ] {
            assert_eq!(target(address), Some(expected), "{address}");
        }
    }

    #[test]
    fn a_name_makes_no_other_request() {
        for address in [
            "/api/v1/namespaces/a/secrets/?watch=true",
            "/api/v1/namespaces/a/secrets/x?a=/b",
            "/api/v1/namespaces/a/secrets/x?watch=true&?fieldManager=b",
            "/api/v1/namespaces/a/secrets/../../b/secrets/x",
            "/api/v1/namespaces/a/secrets/%2e%2E",
            "/api/v1/namespaces/a/secrets/b%2Fc",
            "/api/v1/namespaces/a/secrets/b%252fc",
            "/api/v1/namespaces/a/services/b/proxy",
            "/api/v1/namespaces//secrets/b",
            "/api/v1/namespaces/a/secrets/b/namespaces/own/secrets/x",
            "/api/v1%2Fnamespaces%2Fvictim%2Fsecrets%2Fdb?x=/namespaces/own/secrets/x",
            "/apis/g/v1/namespaces/victim/things/app?x=/namespaces/own/things/obj",
            "/apis/g/v1/namespaces/victim/things/namespaces/own/things/obj",
        ] {
            assert_eq!(target(address), None, "{address}");
        }
    }
}
