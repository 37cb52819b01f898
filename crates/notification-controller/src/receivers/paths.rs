//! Which Receiver listens at which path.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use api::notification::v1::Receiver;
use runtime::{Change, Key};
use sha2::{Digest, Sha256};

use crate::hex;

/// What a webhook's path begins with.
pub(crate) const PREFIX: &str = "/hook/";

/// The path of a Receiver's webhook.
pub(crate) fn path_of(token: &str, key: &Key) -> String {
    let hash = Sha256::digest(format!("{token}{}{}", key.name, key.namespace));
    format!("{PREFIX}{}", hex::encode(&hash))
}

/// The Receivers by the path in their status.
#[derive(Clone, Default)]
pub(crate) struct Paths {
    keys: Arc<RwLock<HashMap<String, Key>>>,
}

impl Paths {
    /// The Receiver that listens at a path.
    pub(crate) fn get(&self, path: &str) -> Option<Key> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    /// Follows a change.
    pub(crate) fn follow(&self, change: &Change<Receiver>) {
        let path = |receiver: &Option<Arc<Receiver>>| {
            let status = receiver.as_ref()?.status.as_ref()?;
            status.webhook_path.clone().filter(|path| path.starts_with(PREFIX))
        };
        let (old, new) = (path(&change.old), path(&change.new));
        if old == new {
            return;
        }
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = old.filter(|old| keys.get(old) == Some(&change.key)) {
            keys.remove(&old);
        }
        if let Some(new) = new {
            keys.insert(new, change.key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Paths, path_of};
    use api::notification::v1::Receiver;
    use runtime::{Change, Key};
    use serde_json::json;
    use std::sync::Arc;

    fn receiver(path: Option<&str>) -> Option<Arc<Receiver>> {
        let value = json!({"metadata": {"name": "r", "namespace": "ns"}, "spec": {}, "status": {"webhookPath": path}});
        Some(Arc::new(serde_json::from_value(value).unwrap()))
    }

    #[test]
    fn the_path_is_the_hash_of_token_name_and_namespace() {
        let path = path_of("receiver-token-123", &Key::new("rec-notify", "generic"));
        assert_eq!(path.len(), "/hook/".len() + 64);
        assert_ne!(path, path_of("other", &Key::new("rec-notify", "generic")));
    }

    #[test]
    fn a_moved_receiver_is_found_at_its_new_path_only() {
        let (paths, key) = (Paths::default(), Key::new("ns", "r"));
        let step = |old, new| paths.follow(&Change { key: key.clone(), old, new, initial: false });
        step(None, receiver(Some("/hook/a")));
        assert_eq!(paths.get("/hook/a"), Some(key.clone()));
        step(receiver(Some("/hook/a")), receiver(Some("/hook/b")));
        assert_eq!((paths.get("/hook/a"), paths.get("/hook/b")), (None, Some(key.clone())));
        step(receiver(Some("/hook/b")), None);
        assert_eq!(paths.get("/hook/b"), None);
        step(None, receiver(Some("/other")));
        assert_eq!(paths.get("/other"), None);
    }
}
