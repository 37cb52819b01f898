//! The allocator of the binaries, and the text they no longer need. Both lines stand in each `main.rs`, because an
//! allocator belongs to a program:
//!
//! ```text
//! #[global_allocator]
//! static ALLOCATOR: runtime::memory::Allocator = runtime::memory::Allocator;
//! ```
mod text;

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The allocator: small, and quick to give memory back.
pub use mimalloc::MiMalloc as Allocator;

/// How often unused text is given back. What is still in use comes back from the page cache by a minor fault: a few
/// hundred of them, under a millisecond.
const EVERY: Duration = Duration::from_secs(30);

/// Gives back text until the process ends.
pub(crate) async fn give_back(shutdown: CancellationToken) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        // A kernel without /proc, or a hardened one, keeps the pages: nothing is lost.
        if let Err(error) = text::give_back() {
            tracing::debug!(%error, "text is not given back");
            return;
        }
    }
}
