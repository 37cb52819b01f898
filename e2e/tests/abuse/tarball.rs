//! Tar archives with what no honest program writes.
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// One entry, as bytes: names need not be text.
pub(crate) struct Entry {
    name: Vec<u8>,
    kind: u8,
    link: Vec<u8>,
    body: Vec<u8>,
    mode: &'static [u8; 8],
    /// The field for the size, when it is not that of the body.
    size: Option<[u8; 12]>,
}

const MODE: &[u8; 8] = b"0000644\0";

impl Entry {
    /// A regular file.
    pub(crate) fn file(name: &[u8], body: &[u8]) -> Entry {
        Entry { name: name.into(), kind: b'0', link: Vec::new(), body: body.into(), mode: MODE, size: None }
    }

    /// A link, device or FIFO, by the type of POSIX.
    pub(crate) fn link(name: &[u8], kind: u8, to: &[u8]) -> Entry {
        Entry { name: name.into(), kind, link: to.into(), body: Vec::new(), mode: MODE, size: None }
    }

    /// The same with a body.
    pub(crate) fn holding(self, body: &[u8]) -> Entry {
        Entry { body: body.into(), ..self }
    }

    /// The same with permissions in octal.
    pub(crate) fn mode(self, mode: &'static [u8; 8]) -> Entry {
        Entry { mode, ..self }
    }

    /// The same, but the header says another size.
    pub(crate) fn saying(self, size: [u8; 12]) -> Entry {
        Entry { size: Some(size), ..self }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut header = [0u8; 512];
        header[..self.name.len()].copy_from_slice(&self.name);
        header[100..108].copy_from_slice(self.mode);
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(&self.size.unwrap_or_else(|| octal(self.body.len())));
        header[136..148].copy_from_slice(b"00000000000\0");
        header[148..156].copy_from_slice(b"        ");
        header[156] = self.kind;
        header[157..157 + self.link.len()].copy_from_slice(&self.link);
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(&self.body);
        out.resize(out.len().next_multiple_of(512), 0);
    }
}

/// A size as a header holds it.
pub(crate) fn octal(size: usize) -> [u8; 12] {
    let mut field = [0; 12];
    field[..11].copy_from_slice(format!("{size:011o}").as_bytes());
    field
}

/// The archive.
pub(crate) fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    entries.iter().for_each(|entry| entry.write(&mut out));
    out.resize(out.len() + 1024, 0);
    out
}

/// By the real gzip, fast.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    piped("gzip", &["-1", "-c"], bytes)
}

/// By the real sha256sum, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let text = String::from_utf8(piped("sha256sum", &[], bytes)).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}

fn piped(program: &str, args: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes));
        child.wait_with_output().unwrap().stdout
    })
}
