//! The `.sourceignore` files of a tree, as far as a tree may hold them.
use artifact::{Ignore, IgnoreFile};

/// Bytes of all of them together.
const MOST_BYTES: usize = 4 << 20;

/// A tree that is not packed.
#[derive(Debug, thiserror::Error)]
#[error("the .sourceignore files hold more than {MOST_BYTES} bytes")]
pub(crate) struct TooManyPatterns;

/// What was read so far.
#[derive(Default)]
pub(crate) struct IgnoreFiles {
    files: Vec<IgnoreFile>,
    bytes: usize,
}

impl IgnoreFiles {
    /// Takes in the file at `path`; what is no UTF-8 is replaced.
    ///
    /// # Errors
    /// When all together are too large.
    pub(crate) fn add(&mut self, path: &str, content: &[u8]) -> Result<(), TooManyPatterns> {
        self.bytes += content.len();
        if self.bytes > MOST_BYTES {
            return Err(TooManyPatterns);
        }
        let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned();
        self.files.push(IgnoreFile { dir, text: String::from_utf8_lossy(content).into_owned() });
        Ok(())
    }

    /// Their rules and those of the spec.
    pub(crate) fn rules(&self, spec: Option<&str>) -> Ignore {
        Ignore::new(&self.files, spec)
    }
}
