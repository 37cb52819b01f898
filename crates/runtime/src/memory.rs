//! The allocator of the binaries. Both lines stand in each `main.rs`, because an allocator belongs to a program:
//!
//! ```text
//! #[global_allocator]
//! static ALLOCATOR: runtime::memory::Allocator = runtime::memory::Allocator;
//! ```

/// The allocator: small, and quick to give memory back.
pub use mimalloc::MiMalloc as Allocator;
