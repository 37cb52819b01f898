//! The header blocks of a tarball, byte for byte as Go's `archive/tar` writes them for what Flux packs.
//!
//! The format is POSIX ustar; a name that does not fit is carried by a pax record before the entry.

const BLOCK: usize = 512;
const NAME: usize = 100;
const PREFIX: usize = 155;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryType {
    File { executable: bool, size: u64 },
    Dir,
}

impl EntryType {
    fn mode(self) -> u64 {
        match self {
            Self::Dir => 0o750,
            Self::File { executable: true, .. } => 0o700,
            Self::File { executable: false, .. } => 0o600,
        }
    }

    fn size(self) -> u64 {
        match self {
            Self::File { size, .. } => size,
            Self::Dir => 0,
        }
    }

    fn flag(self) -> u8 {
        match self {
            Self::File { .. } => b'0',
            Self::Dir => b'5',
        }
    }
}

/// The blocks that stand before the content of the entry.
pub(crate) fn header(path: &[u8], entry: EntryType) -> Vec<u8> {
    if path.is_ascii() && path.len() <= NAME {
        return main_block(path, b"", entry).to_vec();
    }
    if let Some((prefix, name)) = split(path) {
        return main_block(name, prefix, entry).to_vec();
    }
    let mut blocks = pax_blocks(path);
    blocks.extend_from_slice(&main_block(&ascii(path), b"", entry));
    blocks
}

/// Zeros from the end of content of this size to the next block.
pub(crate) fn padding(size: u64) -> &'static [u8] {
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    let over = usize::try_from(size % BLOCK as u64).expect("less than a block");
    if over == 0 { &[] } else { &ZEROS[over..] }
}

/// The end of a tarball.
pub(crate) fn trailer() -> [u8; 2 * BLOCK] {
    [0; 2 * BLOCK]
}

/// Splits an ASCII path at a slash so that both halves fit, if there is such a slash.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if !path.is_ascii() {
        return None;
    }
    let window = path.len().min(PREFIX + 1);
    let at = path[..window].iter().rposition(|byte| *byte == b'/')?;
    let (prefix, name) = (&path[..at], &path[at + 1..]);
    (at > 0 && prefix.len() <= PREFIX && (1..=NAME).contains(&name.len())).then_some((prefix, name))
}

fn main_block(name: &[u8], prefix: &[u8], entry: EntryType) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    put_name(&mut block, name);
    put_numbers(&mut block, entry.mode(), entry.size());
    block[156] = entry.flag();
    octal(&mut block[329..337], 0);
    octal(&mut block[337..345], 0);
    put_text(&mut block[345..500], prefix);
    seal(&mut block);
    block
}

/// A pax header with one record, the path.
fn pax_blocks(path: &[u8]) -> Vec<u8> {
    let record = pax_record("path", path);
    let mut block = [0; BLOCK];
    // The folder with its slash, or nothing.
    let (dir, file) = path.split_at(path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1));
    let name = ascii(&[dir, b"PaxHeaders.0/", file].concat());
    put_text(&mut block[..NAME], without_slashes(&name[..name.len().min(NAME)]));
    put_numbers(&mut block, 0, record.len() as u64);
    block[156] = b'x';
    seal(&mut block);
    [&block[..], &record, padding(record.len() as u64)].concat()
}

/// `length key=value\n`, where the length counts its own digits.
fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let bare = key.len() + value.len() + 3;
    let mut size = bare + bare.to_string().len();
    if bare + size.to_string().len() != size {
        size = bare + size.to_string().len();
    }
    [format!("{size} {key}=").as_bytes(), value, b"\n"].concat()
}

/// Without slashes at its end.
fn without_slashes(name: &[u8]) -> &[u8] {
    let end = name.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    &name[..end]
}

fn put_name(block: &mut [u8; BLOCK], name: &[u8]) {
    put_text(&mut block[..NAME], name);
    // A cut name must not end in a slash: old readers take it for a folder.
    if name.len() > NAME && block[NAME - 1] == b'/' {
        let end = without_slashes(&name[..NAME]).len();
        block[end] = 0;
    }
}

fn put_text(field: &mut [u8], text: &[u8]) {
    let fits = text.len().min(field.len());
    field[..fits].copy_from_slice(&text[..fits]);
}

/// Mode, uid, gid, size and modification time; all but mode and size are zero.
fn put_numbers(block: &mut [u8; BLOCK], mode: u64, size: u64) {
    octal(&mut block[100..108], mode);
    octal(&mut block[108..116], 0);
    octal(&mut block[116..124], 0);
    octal(&mut block[124..136], size);
    octal(&mut block[136..148], 0);
}

/// Zero-padded octal digits and a NUL.
fn octal(field: &mut [u8], value: u64) {
    let width = field.len() - 1;
    let digits = format!("{value:0width$o}");
    field[..width].copy_from_slice(&digits.as_bytes()[digits.len() - width..]);
    field[width] = 0;
}

/// Writes the magic and the checksum.
fn seal(block: &mut [u8; BLOCK]) {
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    octal(&mut block[148..155], sum);
}

/// Without what is not ASCII.
fn ascii(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(u8::is_ascii).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pax_records_count_themselves() {
        assert_eq!(pax_record("path", b"\xe9"), b"9 path=\xe9\n");
        for length in 80..110 {
            let record = String::from_utf8(pax_record("path", &vec![b'x'; length])).unwrap();
            let said: usize = record.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(said, record.len());
        }
    }

    #[test]
    fn long_ascii_names_are_split_at_a_slash() {
        let path = format!("{}/{}", "d".repeat(90), "f".repeat(90));
        let path = path.as_bytes();
        assert_eq!(split(path), Some((&path[..90], &path[91..])));
        assert_eq!(split(&[b'x'; 101]), None);
        assert_eq!(split(format!("é/{}", "f".repeat(99)).as_bytes()), None);
    }
}
