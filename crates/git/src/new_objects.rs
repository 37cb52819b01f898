use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use gix_object::Kind;
use sha1::{Digest, Sha1};

use crate::Oid;

/// Objects that are to be sent, each once.
#[derive(Default)]
pub(crate) struct NewObjects {
    list: Vec<(Oid, Kind, Vec<u8>)>,
}

impl NewObjects {
    /// Adds an object and gives its name.
    pub(crate) fn add(&mut self, kind: Kind, content: Vec<u8>) -> Oid {
        let mut hash = Sha1::new();
        hash.update(format!("{} {}\0", word(kind), content.len()));
        hash.update(&content);
        let id = Oid::from_bytes(hash.finalize().into());
        if !self.list.iter().any(|(known, ..)| *known == id) {
            self.list.push((id, kind, content));
        }
        id
    }

    /// A pack of version 2 with all of them, undeltified: they are few and small.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut pack = b"PACK\0\0\0\x02".to_vec();
        pack.extend_from_slice(&u32::try_from(self.list.len()).unwrap_or(u32::MAX).to_be_bytes());
        for (_, kind, content) in &self.list {
            header(*kind, content.len(), &mut pack);
            pack.extend_from_slice(&deflated(content));
        }
        let checksum = Sha1::digest(&pack);
        pack.extend_from_slice(&checksum);
        pack
    }

    #[cfg(test)]
    pub(crate) fn get(&self, id: Oid) -> Option<&[u8]> {
        self.list.iter().find(|(known, ..)| *known == id).map(|(.., content)| content.as_slice())
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Tree => "tree",
        Kind::Blob => "blob",
        Kind::Commit => "commit",
        Kind::Tag => "tag",
    }
}

/// Kind and size: four bits of the size, then seven a byte, lowest first.
fn header(kind: Kind, size: usize, out: &mut Vec<u8>) {
    let number = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let low = |bits: usize, mask: usize| u8::try_from(bits & mask).unwrap_or_default();
    let mut byte = (number << 4) | low(size, 0x0f);
    let mut rest = size >> 4;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = low(rest, 0x7f);
        rest >>= 7;
    }
    out.push(byte);
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_git() {
        let mut objects = NewObjects::default();
        let empty = objects.add(Kind::Tree, Vec::new());
        assert_eq!(empty.to_string(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        let hello = objects.add(Kind::Blob, b"hello\n".to_vec());
        assert_eq!(hello.to_string(), "ce013625030ba8dba906f756967f9e9ca394464a");
        objects.add(Kind::Blob, b"hello\n".to_vec());
        assert_eq!(objects.list.len(), 2);
    }

    #[test]
    fn sizes_are_written_in_groups_of_bits() {
        let written = |size| {
            let mut out = Vec::new();
            header(Kind::Blob, size, &mut out);
            out
        };
        assert_eq!(written(15), [0x3f]);
        assert_eq!(written(16), [0xb0, 0x01]);
        assert_eq!(written(0x1234), [0xb4, 0xa3, 0x02]);
    }
}
