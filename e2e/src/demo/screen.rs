//! What the audience sees: plain lines, each flushed at once.
use std::io::Write;

/// Prints one line. A closed pipe is no reason to stop.
pub(super) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
