//! Accepted events on disk until they are delivered, so that the end of the process loses none.
//!
//! One file an event, its name the order of acceptance: written beside, synced, renamed. It is rewritten when one of
//! several deliveries is done, and removed with the last.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use kill_points::{Point, at as point};
use runtime::Key;
use serde::{Deserialize, Serialize};

use crate::event::Event;

/// An event and the Alerts that are still to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The event, its metadata cleaned.
    pub(crate) event: Event,
    /// The Alerts by namespace and name.
    pub(crate) alerts: Vec<(String, String)>,
}

impl Entry {
    /// For these Alerts.
    pub(crate) fn new(event: Event, alerts: impl IntoIterator<Item = Key>) -> Self {
        Self { event, alerts: alerts.into_iter().map(|key| (key.namespace, key.name)).collect() }
    }
}

/// Why an event is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder cannot be made or read.
    #[error("cannot use the folder {dir} for accepted events")]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Another process uses it.
    #[error("the folder {dir} for accepted events is used by another process")]
    Taken {
        /// The folder.
        dir: PathBuf,
    },
    /// Too many events wait.
    #[error("{events} events with {bytes} bytes wait for delivery, no more are accepted")]
    Full {
        /// How many wait.
        events: usize,
        /// Their size on disk.
        bytes: u64,
    },
    /// The disk refuses.
    #[error("cannot write {file}")]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// Most events and bytes that wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) events: usize,
    pub(crate) bytes: u64,
}

/// The folder.
pub(crate) struct Spool {
    dir: PathBuf,
    limits: Limits,
    next: AtomicU64,
    events: AtomicUsize,
    bytes: AtomicU64,
    /// Held as long as the process lives.
    _lock: File,
}

/// A file of the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

impl Spool {
    /// Opens the folder and reads what an earlier process left, oldest first. Files that are no events are removed and
    /// told in the log.
    pub(crate) fn open(dir: &Path, limits: Limits) -> Result<(Self, Vec<(Ticket, Entry)>), SpoolError> {
        let failed = |cause| SpoolError::Folder { dir: dir.to_path_buf(), cause };
        fs::create_dir_all(dir).map_err(failed)?;
        let lock = OpenOptions::new().create(true).append(true).open(dir.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|_| SpoolError::Taken { dir: dir.to_path_buf() })?;
        let mut left = Vec::new();
        let mut bytes = 0;
        for name in names(dir).map_err(failed)? {
            if let Some((ticket, size, entry)) = read(&dir.join(&name), &name) {
                bytes += size;
                left.push((ticket, entry));
            }
        }
        left.sort_by_key(|(ticket, _)| *ticket);
        let next = left.last().map_or(1, |(ticket, _)| ticket.0 + 1);
        let spool = Self {
            dir: dir.to_path_buf(),
            limits,
            next: AtomicU64::new(next),
            events: AtomicUsize::new(left.len()),
            bytes: AtomicU64::new(bytes),
            _lock: lock,
        };
        Ok((spool, left))
    }

    /// Writes an event; when it returns, the event outlives the process. Blocks on the disk.
    pub(crate) fn put(&self, entry: &Entry) -> Result<Ticket, SpoolError> {
        let text = text(entry);
        let (events, bytes) = (self.events.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        if events >= self.limits.events || bytes + text.len() as u64 > self.limits.bytes {
            return Err(SpoolError::Full { events, bytes });
        }
        let ticket = Ticket(self.next.fetch_add(1, Ordering::Relaxed));
        let file = self.file(ticket);
        write(&self.dir, &file, text.as_bytes(), true).map_err(|cause| SpoolError::Write { file, cause })?;
        self.events.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
        Ok(ticket)
    }

    /// Writes that fewer Alerts are to be told; removes the file with the last. A loss of this by a power failure
    /// means that an Alert is told twice.
    pub(crate) fn done(&self, ticket: Ticket, left: &Entry) {
        let file = self.file(ticket);
        let result = if left.alerts.is_empty() {
            let size = fs::metadata(&file).map_or(0, |meta| meta.len());
            let counted = |value: u64| Some(value.saturating_sub(size));
            let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
            self.events.fetch_sub(1, Ordering::Relaxed);
            point(Point::RemoveBefore);
            let removed = fs::remove_file(&file);
            point(Point::RemoveAfter);
            removed
        } else {
            write(&self.dir, &file, text(left).as_bytes(), false)
        };
        if let Err(error) = result {
            tracing::error!(file = %file.display(), error = %error, "accepted event is not updated on disk");
        }
    }

    fn file(&self, ticket: Ticket) -> PathBuf {
        self.dir.join(format!("{:020}.json", ticket.0))
    }
}

fn text(entry: &Entry) -> String {
    serde_json::to_string(entry).unwrap_or_default()
}

fn write(dir: &Path, file: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    let beside = file.with_extension("part");
    point(Point::FileBefore);
    let mut out = File::create(&beside)?;
    out.write_all(bytes)?;
    if sync {
        out.sync_all()?;
    }
    point(Point::FileAfter);
    point(Point::RenameBefore);
    fs::rename(&beside, file)?;
    point(Point::RenameAfter);
    if sync {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(dir)?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name != "lock").collect())
}

/// None, and the file is gone, where it holds no event: half written when the process ended, or not ours.
fn read(file: &Path, name: &str) -> Option<(Ticket, u64, Entry)> {
    let number = name.strip_suffix(".json").and_then(|number| number.parse().ok());
    let entry = number.and_then(|number: u64| {
        let bytes = fs::read(file).ok()?;
        let entry = serde_json::from_slice(&bytes).ok()?;
        Some((Ticket(number), bytes.len() as u64, entry))
    });
    if entry.is_none() {
        if !name.ends_with(".part") {
            tracing::error!(file = %file.display(), error = "it holds no event", "file is removed");
        }
        let _ = fs::remove_file(file);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::{Entry, Limits, Spool, SpoolError};
    use crate::event::Event;
    use runtime::Key;

    const LIMITS: Limits = Limits { events: 3, bytes: 1 << 20 };

    fn entry(message: &str) -> Entry {
        let event = Event { message: message.to_owned(), ..Event::default() };
        Entry::new(event, [Key::new("ns", "a"), Key::new("ns", "b")])
    }

    #[test]
    fn what_was_accepted_is_there_after_a_restart_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, left) = Spool::open(dir.path(), LIMITS).unwrap();
        assert!(left.is_empty());
        let first = spool.put(&entry("one")).unwrap();
        spool.put(&entry("two")).unwrap();
        let mut told = entry("one");
        told.alerts.remove(0);
        spool.done(first, &told);
        drop(spool);
        let (spool, left) = Spool::open(dir.path(), LIMITS).unwrap();
        let read: Vec<_> = left.iter().map(|(_, entry)| entry.clone()).collect();
        assert_eq!(read, [told.clone(), entry("two")]);
        told.alerts.clear();
        spool.done(left[0].0, &told);
        assert!(spool.put(&entry("three")).unwrap() > left[1].0);
        drop(spool);
        let (_spool, left) = Spool::open(dir.path(), LIMITS).unwrap();
        assert_eq!(left.iter().map(|(_, entry)| &*entry.event.message).collect::<Vec<_>>(), ["two", "three"]);
    }

    #[test]
    fn a_half_written_file_is_no_event() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("00000000000000000009.json"), "{\"event\":").unwrap();
        std::fs::write(dir.path().join("00000000000000000007.part"), "{").unwrap();
        let (_spool, left) = Spool::open(dir.path(), LIMITS).unwrap();
        assert!(left.is_empty());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn events_beyond_the_limits_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(dir.path(), LIMITS).unwrap();
        let tickets: Vec<_> = (0..3).map(|_| spool.put(&entry("x")).unwrap()).collect();
        assert!(matches!(spool.put(&entry("x")), Err(SpoolError::Full { events: 3, .. })));
        spool.done(tickets[0], &Entry { alerts: Vec::new(), ..entry("x") });
        spool.put(&entry("x")).unwrap();
        drop(spool);
        let (spool, _) = Spool::open(dir.path(), Limits { events: 10, bytes: 800 }).unwrap();
        assert!(matches!(spool.put(&entry(&"x".repeat(500))), Err(SpoolError::Full { .. })));
    }

    #[test]
    fn two_processes_do_not_share_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Spool::open(dir.path(), LIMITS).unwrap();
        assert!(matches!(Spool::open(dir.path(), LIMITS), Err(SpoolError::Taken { .. })));
    }
}
