//! Digests of what was last released. Pure.

use api::helm::v2::HelmRelease;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 in hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Digest of the post-renderers; none without any.
pub(crate) fn of_post_renderers(object: &HelmRelease) -> Option<String> {
    let renderers = &object.spec.post_renderers;
    if renderers.is_empty() { None } else { of_json(renderers) }
}

/// Digest of the common metadata; none without.
pub(crate) fn of_common_metadata(object: &HelmRelease) -> Option<String> {
    object.spec.common_metadata.as_ref().and_then(of_json)
}

/// Of the JSON that Go's encoder writes, with its end of line.
fn of_json<T: Serialize>(value: &T) -> Option<String> {
    let text = serde_json::to_string(value).ok()?;
    let text = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    Some(format!("sha256:{}", sha256_hex(format!("{text}\n").as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_no_digest_and_text_has_gos() {
        let object = HelmRelease::default();
        assert_eq!((of_post_renderers(&object), of_common_metadata(&object)), (None, None));
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
