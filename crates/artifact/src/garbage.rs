use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Which old artifacts of an object are kept beside the current one. Defaults are Flux's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Files older than this go.
    pub ttl: Duration,
    /// At most this many files stay, the current one included.
    pub records: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(60), records: 2 }
    }
}

/// Files looked at in one collection, as in Flux.
const LIMIT: usize = 1000;

struct Candidate {
    path: PathBuf,
    modified: SystemTime,
}

/// The files in `dir` that may go, `current` never among them.
pub(crate) fn garbage(
    dir: &Path,
    current: &Path,
    retention: &Retention,
    now: SystemTime,
) -> io::Result<Vec<PathBuf>> {
    let mut files = candidates(dir)?;
    files.sort_by(|a, b| a.modified.cmp(&b.modified).then_with(|| a.path.cmp(&b.path)));
    let total = files.len();
    let old = |file: &Candidate| now.duration_since(file.modified).is_ok_and(|age| age > retention.ttl);
    let (expired, young): (Vec<_>, Vec<_>) =
        files.into_iter().filter(|file| file.path != current).partition(old);
    let left = total - expired.len();
    let surplus = left.saturating_sub(retention.records.max(1));
    Ok(expired.into_iter().chain(young.into_iter().take(surplus)).map(|file| file.path).collect())
}

fn candidates(dir: &Path) -> io::Result<Vec<Candidate>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)?.take(LIMIT) {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_file() && path.extension().is_none_or(|ext| ext != "lock") {
            found.push(Candidate { modified: entry.metadata()?.modified()?, path });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files named by their age in seconds; gives the names that would go.
    fn collected(ages: &[u64], current: u64, records: usize) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for age in ages {
            let file = std::fs::File::create(dir.path().join(age.to_string())).unwrap();
            file.set_modified(now - Duration::from_secs(*age)).unwrap();
        }
        std::fs::write(dir.path().join("1.lock"), "").unwrap();
        let retention = Retention { ttl: Duration::from_secs(60), records };
        let found = garbage(dir.path(), &dir.path().join(current.to_string()), &retention, now).unwrap();
        found.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn expired_files_go_but_never_the_current_one() {
        assert_eq!(collected(&[100, 90, 1], 90, 5), ["100"]);
        assert_eq!(collected(&[100], 100, 2), [""; 0]);
    }

    #[test]
    fn the_newest_records_stay() {
        assert_eq!(collected(&[40, 30, 20, 10], 10, 2), ["40", "30"]);
        assert_eq!(collected(&[100, 30, 20, 10], 10, 2), ["100", "30"]);
        assert_eq!(collected(&[40, 30], 40, 0), ["30"]);
    }
}
