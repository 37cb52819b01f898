//! The allocator of the binaries, and the text they no longer need. Both lines stand in each `main.rs`, because an
//! allocator belongs to a program:
//!
//! ```text
//! #[global_allocator]
//! static ALLOCATOR: runtime::memory::Allocator = runtime::memory::Allocator;
//! ```
mod text;

use std::ffi::{c_int, c_long};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The allocator: small, and quick to give memory back.
pub use mimalloc::MiMalloc as Allocator;

/// `mi_option_purge_delay` and `mi_option_page_full_retain` of mimalloc 3's `mimalloc.h`: after how many milliseconds
/// free memory goes back to the kernel, and how many empty pages of each size are kept.
const OPTIONS: [(c_int, c_long); 2] = [(15, 0), (36, 0)];

/// Has the allocator give memory back at once instead of at some later use, which a controller at rest has none of.
/// The environment (`MIMALLOC_PURGE_DELAY`) has the last word.
#[expect(unsafe_code, reason = "the allocator's options have no safe face; see below")]
pub(crate) fn keep_little() {
    for (option, value) in OPTIONS {
        // SAFETY: sets one number of a table that the allocator guards by its own bounds check; called before the
        // process has a second thread.
        unsafe { libmimalloc_sys::mi_option_set_default(option, value) };
    }
}

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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OPTIONS;

    #[test]
    #[expect(unsafe_code, reason = "as above")]
    fn the_options_are_those_with_the_defaults_of_their_description() {
        // SAFETY: reads a number of a table, within its bounds.
        let defaults = OPTIONS.map(|(option, _)| unsafe { libmimalloc_sys::mi_option_get(option) });
        assert_eq!(defaults, [1000, 2], "mimalloc numbers its options anew");
    }
}
