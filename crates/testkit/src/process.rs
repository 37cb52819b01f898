//! A child process with a log file, signals, and its use of memory and processor time.
use std::{
    fs::File,
    io::Write,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::Scope;

/// Clock ticks a second of `/proc/PID/stat`; 100 on every Linux platform since 2.6 (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A running program; killed when dropped.
pub struct Process {
    name: String,
    pid: u32,
    log: PathBuf,
    child: Mutex<Option<Child>>,
}

/// What a process used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Resident memory now, in bytes.
    pub rss: u64,
    /// Highest resident memory so far, in bytes.
    pub peak_rss: u64,
    /// User and system time so far, in seconds.
    pub cpu_seconds: f64,
}

impl Process {
    /// Starts `command` in a process group of its own; both its streams go to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Result<Process> {
        let mut file = File::options().create(true).append(true).open(log).context("opening the log file")?;
        writeln!(file, "# {command:?}")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {name}: {}", command.get_program().display()))?;
        let pid = child.id();
        Scope::add_pid(pid)?;
        Ok(Process { name: name.into(), pid, log: log.into(), child: Mutex::new(Some(child)) })
    }

    /// What it was started as.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its command line, to start the same again.
    ///
    /// # Errors
    /// When it has ended.
    pub fn command(&self) -> Result<Command> {
        let bytes = std::fs::read(format!("/proc/{}/cmdline", self.pid))?;
        let line = String::from_utf8(bytes).context("a command line that is not text")?;
        let mut words = line.trim_end_matches('\0').split('\0');
        let mut command = Command::new(words.next().filter(|word| !word.is_empty()).context("it has ended")?);
        command.args(words);
        Ok(command)
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where its output goes.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Everything it has written.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
    }

    /// The last `lines` lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        let log = self.log();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// How it ended, or nothing while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        let mut held = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match held.as_mut() {
            Some(child) => child.try_wait().ok().flatten(),
            None => Some(ExitStatus::from_raw(9)),
        }
    }

    /// Sends a signal by name without `SIG`: `TERM`, `STOP`, `CONT`, `KILL`.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let done = Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.pid)]).status()?;
        if !done.success() {
            bail!("kill -{signal} {} ({}): {done}", self.pid, self.name);
        }
        Ok(())
    }

    /// SIGKILL to the whole group, and waits until it is gone. Does nothing when it has ended already.
    pub fn kill(&self) {
        let taken = self.child.lock().ok().and_then(|mut held| held.take());
        let Some(mut child) = taken else { return };
        if !matches!(child.try_wait(), Ok(Some(_))) {
            let group = format!("kill -KILL -{} 2>/dev/null", self.pid);
            let _ = Command::new("sh").args(["-c", &group]).status();
            let _ = child.wait();
        }
        let _ = Scope::forget_pid(self.pid);
    }

    /// SIGTERM, then waits for the end; an error after `limit`.
    pub fn terminate(&self, limit: Duration) -> Result<ExitStatus> {
        self.signal("TERM")?;
        let since = Instant::now();
        while since.elapsed() < limit {
            if let Some(status) = self.exit_status() {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("{} did not end within {limit:?} of SIGTERM", self.name)
    }

    /// Lets the process live on when this one ends.
    pub fn detach(&self) -> Result<()> {
        let mut held = self.child.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        held.take();
        Scope::forget_pid(self.pid)
    }

    /// Memory and processor time from `/proc`.
    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid)
    }
}

impl Usage {
    /// That of any process that this one may look at, itself included.
    pub fn of(pid: u32) -> Result<Usage> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        Ok(Usage {
            rss: kib(&status, "VmRSS:") * 1024,
            peak_rss: kib(&status, "VmHWM:") * 1024,
            cpu_seconds: cpu_seconds(&stat),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn kib(status: &str, key: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(key)).unwrap_or("");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Fields 14 and 15 of `/proc/PID/stat` (proc(5)); the name in field 2 may hold spaces, so count from its bracket.
fn cpu_seconds(stat: &str) -> f64 {
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_a_name_with_spaces_and_brackets() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 1 2 3 4 250 150 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_seconds(stat), 4.0);
    }

    #[test]
    fn a_killed_process_is_gone_and_reports_no_usage() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("60");
        let process = Process::start("sleep", command, &dir.path().join("log")).unwrap();
        assert!(process.exit_status().is_none());
        assert!(process.usage().unwrap().rss > 0);
        process.kill();
        assert!(process.usage().is_err());
    }
}
