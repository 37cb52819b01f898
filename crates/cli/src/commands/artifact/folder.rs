use std::{
    fs,
    path::{Path, PathBuf},
};

use artifact::{Ignore, IgnoreFile, Kind, Packer, Tree};

use crate::CommandError;

/// Files and folders of one artifact.
const MAX_ENTRIES: usize = 100_000;

struct Entry {
    path: String,
    place: PathBuf,
    is_dir: bool,
}

/// The archive of a folder without what is ignored, or of one file.
pub(super) fn packed(path: &Path, ignored: &[String]) -> Result<Vec<u8>, CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::failed(format!("{}: {error}", path.display()));
    let about =
        fs::metadata(path).map_err(|error| CommandError::usage(format!("{}: {error}", path.display())))?;
    let mut entries = Vec::new();
    if about.is_dir() {
        walk(path, "", &mut entries)?;
    } else {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file").to_owned();
        entries.push(Entry { path: name, place: path.to_path_buf(), is_dir: false });
    }
    let rules = rules(&entries, ignored);
    entries.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
    let mut packer = Packer::new(Vec::new()).map_err(|error| failed(&error))?;
    for entry in entries.iter().filter(|entry| !rules.excludes(&entry.path, entry.is_dir)) {
        if entry.is_dir {
            packer.dir(&entry.path).map_err(|error| failed(&error))?;
            continue;
        }
        let content = fs::read(&entry.place).map_err(|error| failed(&error))?;
        let size = content.len() as u64;
        let executable = is_executable(&entry.place);
        packer
            .file(&entry.path, executable, size, &mut content.as_slice())
            .map_err(|error| failed(&error))?;
    }
    packer.finish().map_err(|error| failed(&error))
}

fn walk(dir: &Path, below: &str, found: &mut Vec<Entry>) -> Result<(), CommandError> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        // Links are left out, as source-controller does.
        if kind.is_dir() {
            found.push(Entry { path: path.clone(), place: entry.path(), is_dir: true });
            walk(&entry.path(), &path, found)?;
        } else if kind.is_file() {
            found.push(Entry { path, place: entry.path(), is_dir: false });
        }
        if found.len() > MAX_ENTRIES {
            return Err(CommandError::failed(format!("more than {MAX_ENTRIES} files")));
        }
    }
    Ok(())
}

fn rules(entries: &[Entry], ignored: &[String]) -> Ignore {
    let files = entries.iter().filter(|entry| !entry.is_dir && Ignore::is_ignore_file(&entry.path));
    let read = |entry: &Entry| {
        let dir = entry.path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
        Some(IgnoreFile { dir, text: fs::read_to_string(&entry.place).ok()? })
    };
    let files: Vec<IgnoreFile> = files.filter_map(read).collect();
    let more = ignored.join("\n");
    Ignore::new(&files, Some(more.as_str()).filter(|text| !text.is_empty()))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> bool {
    false
}

/// Writes a tree below a folder.
pub(super) fn write(tree: &Tree, into: &Path) -> Result<(), CommandError> {
    for (path, kind) in tree.walk() {
        let place = into.join(path);
        match kind {
            Kind::Dir => fs::create_dir_all(&place)?,
            Kind::File { .. } => {
                if let Some(dir) = place.parent() {
                    fs::create_dir_all(dir)?;
                }
                fs::write(&place, tree.read(path)?)?;
            }
        }
    }
    Ok(())
}
