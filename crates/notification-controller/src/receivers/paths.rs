//! Which Receiver listens at which path.

use std::collections::{BTreeSet, HashMap};
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

/// The Receivers by the path in their status. More than one may claim a path: only the token tells whose it is.
#[derive(Clone, Default)]
pub(crate) struct Paths {
    keys: Arc<RwLock<HashMap<String, BTreeSet<Key>>>>,
}

impl Paths {
    /// The Receivers that claim a path.
    pub(crate) fn get(&self, path: &str) -> Vec<Key> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.get(path).into_iter().flatten().cloned().collect()
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
        if let Some(old) = old
            && let Some(claimed) = keys.get_mut(&old)
        {
            claimed.remove(&change.key);
            if claimed.is_empty() {
                keys.remove(&old);
            }
        }
        if let Some(new) = new {
            keys.entry(new).or_default().insert(change.key.clone());
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
        assert_eq!(paths.get("/hook/a"), std::slice::from_ref(&key));
        step(receiver(Some("/hook/a")), receiver(Some("/hook/b")));
        assert_eq!((paths.get("/hook/a"), paths.get("/hook/b")), (vec![], vec![key.clone()]));
        step(receiver(Some("/hook/b")), None);
        assert!(paths.get("/hook/b").is_empty());
        step(None, receiver(Some("/other")));
        assert!(paths.get("/other").is_empty() && paths.keys.read().unwrap().is_empty());
    }

    #[test]
    fn who_claims_the_path_of_another_does_not_take_it_along() {
        let (paths, own, forger) = (Paths::default(), Key::new("ns", "r"), Key::new("evil", "r"));
        let step = |key: &Key, old, new| paths.follow(&Change { key: key.clone(), old, new, initial: false });
        step(&own, None, receiver(Some("/hook/a")));
        step(&forger, None, receiver(Some("/hook/a")));
        assert_eq!(paths.get("/hook/a"), [forger.clone(), own.clone()]);
        step(&forger, receiver(Some("/hook/a")), None);
        assert_eq!(paths.get("/hook/a"), [own]);
    }
}
