use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// One recorded case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Folder below the corpus root, such as `component/basic`.
    pub name: String,
    /// The `input` folder.
    pub input: PathBuf,
    /// Where in `input` the tool starts; empty for its root.
    pub start: String,
    /// What the reference tool said.
    pub expected: Expected,
}

/// What the reference tool said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It printed this.
    Output(String),
    /// It failed with this message.
    Failure(String),
}

/// Why a corpus cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// A file or folder cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// `case.toml` is wrong.
    #[error("{path}: {message}")]
    Toml {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CaseFile {
    path: String,
}

/// Every case below a root, sorted by name. A case is a folder with `expected.yaml` or `expected.err`.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn find_cases(root: &Path) -> Result<Vec<Case>, CorpusError> {
    let mut cases = Vec::new();
    collect(root, root, &mut cases)?;
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

fn collect(root: &Path, dir: &Path, cases: &mut Vec<Case>) -> Result<(), CorpusError> {
    if let Some(expected) = expected(dir)? {
        cases.push(read_case(root, dir, expected)?);
        return Ok(());
    }
    let at = |source| CorpusError::Io { path: dir.to_owned(), source };
    for entry in fs::read_dir(dir).map_err(at)? {
        let path = entry.map_err(at)?.path();
        if path.is_dir() {
            collect(root, &path, cases)?;
        }
    }
    Ok(())
}

fn expected(dir: &Path) -> Result<Option<Expected>, CorpusError> {
    if let Some(text) = read(&dir.join("expected.yaml"))? {
        return Ok(Some(Expected::Output(text)));
    }
    Ok(read(&dir.join("expected.err"))?.map(Expected::Failure))
}

fn read_case(root: &Path, dir: &Path, expected: Expected) -> Result<Case, CorpusError> {
    let path = dir.join("case.toml");
    let file: CaseFile = match read(&path)? {
        Some(text) => {
            toml::from_str(&text).map_err(|error| CorpusError::Toml { path, message: error.to_string() })?
        }
        None => CaseFile::default(),
    };
    let name = dir.strip_prefix(root).unwrap_or(dir).to_string_lossy().into_owned();
    Ok(Case { name, input: dir.join("input"), start: file.path, expected })
}

fn read(path: &Path) -> Result<Option<String>, CorpusError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CorpusError::Io { path: path.to_owned(), source }),
    }
}

impl Case {
    /// Every file of `input` with its slash-separated path, sorted.
    ///
    /// # Errors
    /// When a folder or file cannot be read.
    pub fn files(&self) -> Result<Vec<(String, Vec<u8>)>, CorpusError> {
        let mut files = Vec::new();
        read_files(&self.input, &self.input, &mut files)?;
        files.sort();
        Ok(files)
    }
}

fn read_files(root: &Path, dir: &Path, files: &mut Vec<(String, Vec<u8>)>) -> Result<(), CorpusError> {
    let at = |source| CorpusError::Io { path: dir.to_owned(), source };
    for entry in fs::read_dir(dir).map_err(at)? {
        let path = entry.map_err(at)?.path();
        if path.is_dir() {
            read_files(root, &path, files)?;
        } else {
            let content = fs::read(&path).map_err(|source| CorpusError::Io { path: path.clone(), source })?;
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            files.push((name, content));
        }
    }
    Ok(())
}
