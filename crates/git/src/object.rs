use crate::Oid;

/// One line of a tree.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TreeLine<'a> {
    pub(crate) kind: LineKind,
    /// The mode as it stands there; a rewritten tree keeps it.
    pub(crate) mode: &'a [u8],
    pub(crate) name: &'a [u8],
    pub(crate) id: Oid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    File,
    Executable,
    Dir,
    Symlink,
    Submodule,
}

/// Splits a tree into its lines: `<mode> <name>\0<20 bytes of id>`.
pub(crate) fn tree_lines(mut content: &[u8]) -> Option<Vec<TreeLine<'_>>> {
    let mut lines = Vec::new();
    while !content.is_empty() {
        let space = content.iter().position(|byte| *byte == b' ')?;
        let zero = space + content[space..].iter().position(|byte| *byte == 0)?;
        let (id, rest) = content[zero + 1..].split_first_chunk::<20>()?;
        let (mode, name) = (&content[..space], &content[space + 1..zero]);
        lines.push(TreeLine { kind: line_kind(mode)?, mode, name, id: Oid::from_bytes(*id) });
        content = rest;
    }
    Some(lines)
}

/// Old repositories have group-writable files (100664) too.
fn line_kind(mode: &[u8]) -> Option<LineKind> {
    let mode = u32::from_str_radix(std::str::from_utf8(mode).ok()?, 8).ok()?;
    match mode & 0o170_000 {
        0o040_000 => Some(LineKind::Dir),
        0o120_000 => Some(LineKind::Symlink),
        0o160_000 => Some(LineKind::Submodule),
        0o100_000 if mode & 0o111 != 0 => Some(LineKind::Executable),
        0o100_000 => Some(LineKind::File),
        _ => None,
    }
}

/// Headers and message of a commit or tag. A header's value goes on in lines that start with a space.
pub(crate) struct Parsed<'a> {
    headers: Vec<(&'a [u8], Vec<u8>)>,
    pub(crate) message: &'a [u8],
}

impl<'a> Parsed<'a> {
    pub(crate) fn parse(content: &'a [u8]) -> Option<Self> {
        let mut headers: Vec<(&[u8], Vec<u8>)> = Vec::new();
        let mut rest = content;
        loop {
            let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let line = &rest[..end];
            rest = rest.get(end + 1..).unwrap_or_default();
            if line.is_empty() {
                return Some(Self { headers, message: rest });
            }
            if let Some(more) = line.strip_prefix(b" ") {
                let last = headers.last_mut()?;
                last.1.push(b'\n');
                last.1.extend_from_slice(more);
                continue;
            }
            let space = line.iter().position(|byte| *byte == b' ')?;
            headers.push((&line[..space], line[space + 1..].to_vec()));
            if rest.is_empty() {
                return Some(Self { headers, message: rest });
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    pub(crate) fn id(&self, name: &str) -> Option<Oid> {
        self.get(name).and_then(Oid::from_hex_bytes)
    }
}
