//! Runs the target that `ENGINE` names (in the environment) under libfuzzer.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fuzz::Target> = LazyLock::new(|| {
    let wanted = std::env::var("ENGINE").expect("ENGINE names a target");
    let found = fuzz::TARGETS.iter().find(|(name, _)| *name == wanted);
    found.expect("ENGINE is a target of crate fuzz").1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
