//! Nothing that a test starts may outlive it: a small `sh` watches a pipe that only the test process holds.
//!
//! However the test process ends (return, panic, Ctrl-C, SIGKILL) the kernel closes the pipe, and the shell then
//! kills every process group it was told of and removes every folder. No signal handler, no unsafe code.
use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock},
};

use anyhow::{Context, Result};

/// Reads `pid N`, `dir PATH`, `forget-pid N`, `forget-dir PATH`; on end of input kills and removes what is left.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
pids=
while read -r verb arg; do
  case $verb in
    pid) pids="$pids $arg" ;;
    dir) set -- "$@" "$arg" ;;
    forget-pid)
      left=
      for pid in $pids; do [ "$pid" = "$arg" ] || left="$left $pid"; done
      pids=$left ;;
    forget-dir)
      n=$#
      while [ "$n" -gt 0 ]; do
        [ "$1" = "$arg" ] || set -- "$@" "$1"
        shift
        n=$((n - 1))
      done ;;
  esac
done
for pid in $pids; do kill -KILL "-$pid" 2>/dev/null; done
for try in 1 2 3 4 5; do
  for dir in "$@"; do rm -rf "$dir" 2>/dev/null; done
  left=
  for dir in "$@"; do [ -e "$dir" ] && left=1; done
  [ -z "$left" ] && exit 0
  sleep 0.2
done
"#;

/// What dies with this process: process groups and folders registered with the watching shell.
pub struct Scope;

struct Watcher {
    stdin: Option<ChildStdin>,
    shell: Child,
}

fn watcher() -> &'static Mutex<Option<Watcher>> {
    static WATCHER: OnceLock<Mutex<Option<Watcher>>> = OnceLock::new();
    WATCHER.get_or_init(Mutex::default)
}

impl Scope {
    /// The process group of `pid` is killed when this process ends.
    pub fn add_pid(pid: u32) -> Result<()> {
        tell(&format!("pid {pid}"))
    }

    /// The group of `pid` is no longer ours to kill: it has ended, or shall stay.
    pub fn forget_pid(pid: u32) -> Result<()> {
        tell(&format!("forget-pid {pid}"))
    }

    /// The folder is removed when this process ends.
    pub fn add_dir(dir: &Path) -> Result<()> {
        tell(&format!("dir {}", dir.display()))
    }

    /// The folder stays.
    pub fn forget_dir(dir: &Path) -> Result<()> {
        tell(&format!("forget-dir {}", dir.display()))
    }

    /// Kills and removes everything now, and returns when it is gone.
    pub fn close() {
        let taken = watcher().lock().ok().and_then(|mut held| held.take());
        if let Some(mut held) = taken {
            drop(held.stdin.take());
            let _ = held.shell.wait();
        }
    }
}

fn tell(line: &str) -> Result<()> {
    let mut held = watcher().lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if held.is_none() {
        *held = Some(start()?);
    }
    let stdin = held.as_mut().and_then(|w| w.stdin.as_mut()).context("the watching shell has gone")?;
    writeln!(stdin, "{line}").context("telling the watching shell")
}

fn start() -> Result<Watcher> {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT, "sluice-reaper"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A group of its own, so that Ctrl-C in the terminal does not reach it.
        .process_group(0)
        .spawn()
        .context("starting sh, which cleans up after this process")?;
    let stdin = shell.stdin.take();
    Ok(Watcher { stdin, shell })
}
