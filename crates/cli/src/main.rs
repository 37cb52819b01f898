//! The command sluice: everything a user does from a terminal.
fn main() {}
