//! Names in trees. On Linux a name is bytes, and all but a slash and NUL may stand in it.
use std::borrow::Cow;

use crate::GitError;

/// Where a line of a tree stands.
pub(crate) struct Place {
    bytes: Vec<u8>,
    is_usable: bool,
}

impl Place {
    pub(crate) fn root() -> Self {
        Self::of("")
    }

    /// A path that can be used.
    pub(crate) fn of(path: &str) -> Self {
        Self { bytes: path.as_bytes().to_vec(), is_usable: true }
    }

    /// The path with slashes; empty for the root.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The same as text.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// Whether a folder may hold it, and all folders above it.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_usable
    }

    /// A line in this folder.
    ///
    /// # Errors
    /// A path of more than `longest` bytes, whatever becomes of it: each step down would copy it.
    pub(crate) fn child(&self, name: &[u8], longest: usize) -> Result<Self, GitError> {
        let bytes = match self.bytes.is_empty() {
            true => name.to_vec(),
            false => [&self.bytes[..], b"/", name].concat(),
        };
        match bytes.len() > longest {
            true => Err(GitError::Path(format!("{}, which has more than {longest} bytes", shown(&bytes)))),
            false => Ok(Self { bytes, is_usable: self.is_usable && is_name(name) }),
        }
    }
}

/// Whether a folder may hold a file or folder of this name. A backslash is a character as others; only what would climb
/// where it parts folders is refused, as by go-git.
pub(crate) fn is_name(name: &[u8]) -> bool {
    let is_reserved = |part: &[u8]| part == b".." || part.eq_ignore_ascii_case(b".git");
    let is_bad = matches!(name, b"" | b".") || name.split(|byte| *byte == b'\\').any(is_reserved);
    !is_bad && !name.contains(&b'/') && !name.contains(&0)
}

/// Characters of a path that are shown.
const SHOWN: usize = 200;

/// A path for a message: in quotes, escaped and cut.
pub(crate) fn shown(path: &[u8]) -> String {
    let mut text = String::new();
    for chunk in path.utf8_chunks() {
        text.extend(chunk.valid().chars().flat_map(char::escape_debug));
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("\"{}…\"", &text[..end]),
        None => format!("\"{text}\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_takes_is_a_name_and_what_climbs_is_none() {
        for name in [&b"a"[..], b"a\\b", b"caf\xe9", b"C:\\x", b"...", b"git", b"a\nb", b"\\"] {
            assert!(is_name(name), "{}", shown(name));
        }
        for name in
            [&b""[..], b".", b"..", b".git", b".GiT", b"a/b", b"a\0", b"a\\..\\b", b"..\\x", b".git\\x"]
        {
            assert!(!is_name(name), "{}", shown(name));
        }
    }

    #[test]
    fn what_is_below_an_unusable_folder_is_unusable_too() {
        let above = Place::root().child(b"..", 100).unwrap();
        assert!(!above.child(b"a", 100).unwrap().is_usable());
        assert!(Place::of("a").child(b"b", 3).unwrap().is_usable());
        assert!(Place::of("a").child(b"bc", 3).is_err());
    }

    #[test]
    fn paths_are_shown_escaped_and_cut() {
        assert_eq!(shown(b"a\xe9/\"\n\\"), r#""a\xe9/\"\n\\""#);
        assert_eq!(shown(&[b'x'; 300]), format!("\"{}…\"", "x".repeat(SHOWN)));
    }
}
