use std::io::{self, Read};

use tar::{Entry, EntryType};

/// Longest extension header that is read: it holds a path and a few numbers.
const LONGEST: u64 = 64 * 1024;

/// What extension headers say about the entry that follows them.
#[derive(Default)]
pub(crate) struct Extension {
    pub(crate) path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl Extension {
    /// Takes in an extension header; false when the entry is not one.
    pub(crate) fn absorb(&mut self, entry: &mut Entry<'_, impl Read>) -> io::Result<bool> {
        match entry.header().entry_type() {
            EntryType::XHeader => self.pax(&body(entry)?)?,
            // A global header holds comments (`git archive` puts the commit there); long link names are of no
            // interest, as links are skipped.
            EntryType::XGlobalHeader | EntryType::GNULongLink => {
                body(entry)?;
            }
            EntryType::GNULongName => self.path = Some(until_nul(body(entry)?)),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The two places where a size may stand must agree, else readers would see different entries.
    pub(crate) fn check_size(&self, size: u64) -> io::Result<()> {
        match self.size {
            Some(said) if said != size => Err(invalid("pax size differs from header size")),
            _ => Ok(()),
        }
    }

    fn pax(&mut self, mut records: &[u8]) -> io::Result<()> {
        while !records.is_empty() {
            let (key, value, rest) = record(records).ok_or_else(|| invalid("malformed pax record"))?;
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"size" => self.size = Some(number(value).ok_or_else(|| invalid("malformed pax size"))?),
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(invalid("sparse files are not supported"));
                }
                _ => {}
            }
            records = rest;
        }
        Ok(())
    }
}

/// Splits `length key=value\n` from the front.
fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().take(10).position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(&records[..space])?).ok()?;
    let (whole, rest) = records.split_at_checked(length)?;
    let pair = whole.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    Some((&pair[..equals], &pair[equals + 1..], rest))
}

fn number(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn body(entry: &mut Entry<'_, impl Read>) -> io::Result<Vec<u8>> {
    if entry.size() > LONGEST {
        return Err(invalid("extension header is too large"));
    }
    let mut body = Vec::new();
    entry.read_to_end(&mut body)?;
    if body.len() as u64 != entry.size() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(body) }
}

fn until_nul(mut name: Vec<u8>) -> Vec<u8> {
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    name.truncate(end);
    name
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(records: &[u8]) -> io::Result<Extension> {
        let mut extension = Extension::default();
        extension.pax(records).map(|()| extension)
    }

    #[test]
    fn path_and_size_are_read_and_others_skipped() {
        let extension = parse(b"10 path=a\n11 mtime=1\n10 size=7\n").unwrap();
        assert_eq!(extension.path.as_deref(), Some(&b"a"[..]));
        assert!(extension.check_size(7).is_ok() && extension.check_size(8).is_err());
    }

    #[test]
    fn malformed_records_are_errors() {
        for bad in [
            &b"10 path=a"[..],
            b"99 path=a\n",
            b"x",
            b"0 a=b\n",
            b"3 a\n",
            b"10 path=aX",
            b"11 size=-1\n",
            b" =\n",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
