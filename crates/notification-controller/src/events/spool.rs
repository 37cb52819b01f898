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

/// A file of the spool, in the order of acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket {
    number: u64,
    /// What the file was counted with; it may shrink while the event waits.
    size: u64,
}

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
            if let Some((ticket, entry)) = read(&dir.join(&name), &name) {
                bytes += ticket.size;
                left.push((ticket, entry));
            }
        }
        left.sort_by_key(|(ticket, _)| *ticket);
        let next = left.last().map_or(1, |(ticket, _)| ticket.number + 1);
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
        let size = text.len() as u64;
        if events >= self.limits.events || bytes + size > self.limits.bytes {
            return Err(SpoolError::Full { events, bytes });
        }
        let ticket = Ticket { number: self.next.fetch_add(1, Ordering::Relaxed), size };
        let file = self.file(ticket);
        if let Err(cause) = write(&file, text.as_bytes()).and_then(|()| File::open(&self.dir)?.sync_all()) {
            // The sender is told to try again: nothing of this try may be delivered too.
            let _ = fs::remove_file(&file);
            return Err(SpoolError::Write { file, cause });
        }
        self.events.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(size, Ordering::Relaxed);
        Ok(ticket)
    }

    /// Writes that fewer Alerts are to be told; removes the file with the last. After a power failure the file may be
    /// the one before, as the folder is not synced: an Alert is told twice then.
    pub(crate) fn done(&self, ticket: Ticket, left: &Entry) {
        let file = self.file(ticket);
        let result = if left.alerts.is_empty() {
            self.bytes.fetch_sub(ticket.size, Ordering::Relaxed);
            self.events.fetch_sub(1, Ordering::Relaxed);
            point(Point::RemoveBefore);
            let removed = fs::remove_file(&file);
            point(Point::RemoveAfter);
            removed
        } else {
            write(&file, text(left).as_bytes())
        };
        if let Err(error) = result {
            tracing::error!(file = %file.display(), error = %error, "accepted event is not updated on disk");
        }
    }

    fn file(&self, ticket: Ticket) -> PathBuf {
        self.dir.join(format!("{:020}.json", ticket.number))
    }
}

fn text(entry: &Entry) -> String {
    serde_json::to_string(entry).unwrap_or_default()
}

/// Writes the file whole, or not at all: what cannot be finished does not stay on a disk that is full.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_extension("part");
    let written = write_beside(&beside, bytes).and_then(|()| fs::rename(&beside, file));
    match &written {
        Ok(()) => point(Point::RenameAfter),
        Err(_) => drop(fs::remove_file(&beside)),
    }
    written
}

fn write_beside(beside: &Path, bytes: &[u8]) -> io::Result<()> {
    point(Point::FileBefore);
    let mut out = File::create(beside)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    point(Point::FileAfter);
    point(Point::RenameBefore);
    Ok(())
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let entries = fs::read_dir(dir)?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name != "lock").collect())
}

/// None, and the file is gone, where it holds no event: half written when the process ended, or not ours.
fn read(file: &Path, name: &str) -> Option<(Ticket, Entry)> {
    let number = name.strip_suffix(".json").and_then(|number| number.parse().ok());
    let entry = number.and_then(|number: u64| {
        let bytes = fs::read(file).ok()?;
        let entry = serde_json::from_slice(&bytes).ok()?;
        Some((Ticket { number, size: bytes.len() as u64 }, entry))
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
    fn the_room_of_what_was_delivered_is_free_again() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(dir.path(), Limits { events: 3, bytes: 2000 }).unwrap();
        let mut left = entry("x");
        for round in 0..200 {
            left.alerts = entry("x").alerts;
            let ticket = spool.put(&left).unwrap_or_else(|error| panic!("round {round}: {error}"));
            while left.alerts.pop().is_some() {
                spool.done(ticket, &left);
            }
        }
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = Spool::open(dir.path(), LIMITS).unwrap();
        // A folder in the place of the next file stands for a disk that refuses.
        std::fs::create_dir_all(dir.path().join("00000000000000000001.json/x")).unwrap();
        assert!(matches!(spool.put(&entry("one")), Err(SpoolError::Write { .. })));
        spool.put(&entry("two")).unwrap();
        let names = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let parts: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".part")).collect();
        assert!(parts.is_empty(), "{parts:?}");
    }

    #[test]
    fn two_processes_do_not_share_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Spool::open(dir.path(), LIMITS).unwrap();
        assert!(matches!(Spool::open(dir.path(), LIMITS), Err(SpoolError::Taken { .. })));
    }
}
