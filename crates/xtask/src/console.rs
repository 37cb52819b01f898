//! Lines for people, and children that are never silent for long.
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// A child that says nothing for this long is spoken for.
const SILENCE: Duration = Duration::from_secs(5);

/// One line on stdout, flushed.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// One line on stderr.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Runs a command and hands each line of both its streams to `line`; when it is silent, says that `what` goes on.
pub(crate) fn watch(what: &str, mut command: Command, mut line: impl FnMut(&str)) -> Result<ExitStatus> {
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    let (sender, receiver) = mpsc::channel();
    read_lines(child.stdout.take().context("no stdout")?, sender.clone());
    read_lines(child.stderr.take().context("no stderr")?, sender);
    loop {
        match receiver.recv_timeout(SILENCE) {
            Ok(text) => line(&text),
            Err(RecvTimeoutError::Timeout) => {
                say(&format!("  … {what}, {} s so far", begun.elapsed().as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(child.wait()?)
}

fn read_lines(stream: impl Read + Send + 'static, sender: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
}
