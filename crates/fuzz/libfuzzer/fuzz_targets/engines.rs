//! Runs the target that `ENGINE` names (in the environment) under libfuzzer.
#![no_main]

use std::{panic, sync::LazyLock};

static TARGET: LazyLock<fuzz::Target> = LazyLock::new(|| {
    let wanted = std::env::var("ENGINE").expect("ENGINE names a target");
    let found = fuzz::TARGETS.iter().find(|(name, _)| *name == wanted);
    found.expect("ENGINE is a target of crate fuzz").1
});

/// Lets the panics pass that `manifest` catches and makes errors of; libfuzzer ends the process at any other. One that is not
/// caught is a finding all the same.
fn pass_panics_that_are_caught() {
    let end = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        if !panicked.location().is_some_and(|place| place.file().contains("/libyaml-safer-")) {
            end(panicked);
        }
    }));
}

libfuzzer_sys::fuzz_target!(init: pass_panics_that_are_caught(), |data: &[u8]| TARGET(data));
