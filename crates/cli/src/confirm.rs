use std::io::{self, BufRead, IsTerminal, Write};

use crate::CommandError;

/// Asks on the terminal; anything but `y` or `yes` ends the command.
///
/// # Errors
/// Where nobody can answer, and when the answer is no.
pub(crate) fn confirm(question: &str, flag: &str) -> Result<(), CommandError> {
    if !io::stdin().is_terminal() {
        return Err(CommandError::failed("aborting").hint(format!("nobody can be asked here: give {flag}")));
    }
    let _ = write!(io::stderr(), "? {question}? [y/N] ");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(CommandError::failed("aborting")),
    }
}
