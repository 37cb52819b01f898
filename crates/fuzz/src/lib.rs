//! Fuzz targets: bytes in, no panic, no hang, and what must hold for any input holds.
//!
//! A target is a function over bytes; [`TARGETS`] names them all. `tests/replay.rs` runs each on stable, over its
//! corpus and over random changes of it; `libfuzzer/` runs them under cargo-fuzz, where that and a nightly are at hand:
//! `ENGINE=yaml cargo +nightly fuzz run --fuzz-dir crates/fuzz/libfuzzer engines`.
//! Reading order: `tree`, `host`; then `texts`, `templates`, `builds`, `merges`, `packed`, `objects`, `remote`.

mod builds;
mod host;
mod merges;
mod objects;
mod packed;
mod remote;
mod templates;
mod texts;
mod tree;

/// What is fuzzed: takes bytes, panics on a finding.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 27] = [
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
    ("strategic-merge", merges::strategic_merge),
    ("json-patch", merges::json_patch),
    ("tarball", packed::tarball),
    ("ignore", packed::ignore),
    ("release", packed::release),
    ("foreign-shape", objects::foreign_shape),
    ("health", objects::health),
    ("selector", objects::selector),
    ("inventory", objects::inventory),
    ("git-answer", remote::git_answer),
    ("git-object", remote::git_object),
    ("git-pack", remote::git_pack),
    ("names", remote::names),
    ("oci", remote::oci),
];
