//! Fuzz targets: bytes in, no panic, no hang, and what must hold for any input holds.
//!
//! A target is a function over bytes; [`TARGETS`] names them all. `tests/replay.rs` runs each on stable, over its
//! corpus and over random changes of it; `libfuzzer/` runs them under cargo-fuzz, where that and a nightly are at hand:
//! `ENGINE=yaml cargo +nightly fuzz run --fuzz-dir crates/fuzz/libfuzzer engines`.
//! Reading order: `tree`, `host`; then `texts`, `templates`, `builds`.

mod builds;
mod host;
mod templates;
mod texts;
mod tree;

/// What is fuzzed: takes bytes, panics on a finding.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 13] = [
    ("yaml", texts::yaml),
    ("setters", texts::setters),
    ("edits", texts::edits),
    ("constraint", texts::constraint),
    ("substitution", texts::substitution),
    ("expression", texts::expression),
    ("set-values", texts::set_values),
    ("template", templates::template),
    ("functions", templates::functions),
    ("kustomization", builds::kustomization),
    ("chart", builds::chart),
    ("archive", builds::archive),
    ("flux-build", builds::flux),
];
