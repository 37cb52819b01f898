//! What Secrets gave to a build or a release: no message shows it, whoever quotes it.

use ssa::Secrets;

/// Shortest text that is masked; shorter ones are words like `true` that would be missed in a message.
const SHORTEST: usize = 8;

/// Of what Secrets gave.
pub fn secrets(texts: impl IntoIterator<Item = String>) -> Secrets {
    Secrets::new(texts, SHORTEST)
}
