//! What a run could not test, said aloud: `cargo xtask test` prints it beside the totals.
use std::{fs::File, io::Write};

/// Notes that `what` was not run, and why: `not_run("the flux command", "FLUX_BIN names none")`.
///
/// A test that calls this and returns is counted as passed by the test runner; the note is what makes it honest. It holds
/// the name of the test, which is that of its thread, so that `cargo xtask test --null` leaves it out of the count.
pub fn not_run(what: &str, why: &str) {
    let test = std::thread::current().name().unwrap_or("").to_string();
    let Some(file) = std::env::var_os("SLUICE_NOT_RUN") else {
        let _ = writeln!(std::io::stderr(), "NOT RUN: {what}: {why}");
        return;
    };
    if let Ok(mut file) = File::options().create(true).append(true).open(file) {
        let _ = writeln!(file, "{test}\t{what}: {why}");
    }
}
