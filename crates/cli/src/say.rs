//! Lines on standard error, with Flux's marks; and the one way to standard output.
use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::CommandError;

/// Data: to standard output as it is.
pub(crate) fn data(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Text for a reader: what strangers wrote in it (messages of Events, subjects of commits) must not steer the terminal.
pub(crate) fn shown(text: &str) -> Result<(), CommandError> {
    data(&harmless(text))
}

/// Control characters but tab and line feed as `^X`, as kubectl shows them.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\0'..='\x1f' | '\x7f' => out.extend(['^', char::from(c as u8 ^ 0x40)]),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Something is being done.
pub(crate) fn action(text: &str) {
    line("►", "36", text);
}

/// Something is being made.
pub(crate) fn generate(text: &str) {
    line("✚", "36", text);
}

/// Something is waited for.
pub(crate) fn waiting(text: &str) {
    line("◎", "33", text);
}

/// It worked.
pub(crate) fn success(text: &str) {
    line("✔", "32", text);
}

/// It did not.
pub(crate) fn failure(text: &str) {
    line("✗", "31", text);
}

/// It may not be what was wanted.
pub(crate) fn warning(text: &str) {
    line("⚠️", "33", text);
}

/// What to do next.
pub(crate) fn hint(text: &str) {
    note(&format!("  hint: {text}"));
}

/// A line without a mark.
pub(crate) fn note(text: &str) {
    raw(&harmless(text));
}

fn raw(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "{text}");
}

fn line(mark: &str, color: &str, text: &str) {
    let text = harmless(text);
    if colored() {
        raw(&format!("\u{1b}[{color}m{mark}\u{1b}[0m {text}"));
    } else {
        raw(&format!("{mark} {text}"));
    }
}

/// Colour only on a terminal, and not where the user asked for none (no-color.org).
fn colored() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A line on the terminal that moves while something is waited for; nothing elsewhere.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Shown until dropped.
    pub(crate) fn start() -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    /// What is known so far.
    pub(crate) fn tell(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(harmless(text));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// A bar on the terminal for work whose amount is known; nothing elsewhere.
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// Shown until dropped.
    pub(crate) fn start(what: &str, amount: usize) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(amount as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        Self(Some(bar))
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        if let Some(bar) = &self.0 {
            bar.inc(1);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn nothing_that_is_told_steers_the_terminal() {
        assert_eq!(harmless("\u{1b}[2K✔ fine\r\n\tü\u{7f}\u{9b}1m"), "^[[2K✔ fine^M\n\tü^?\u{fffd}1m");
    }
}
