//! What a program names in its dynamic section.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use object::{
    Endianness, FileKind,
    elf::{self, FileHeader64},
    read::elf::{Dyn, FileHeader, ProgramHeader},
};

/// What a program needs to be started.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The dynamic loader; `None` for a static program.
    pub(crate) loader: Option<PathBuf>,
    /// Names of shared libraries, as they stand in the file.
    pub(crate) libraries: Vec<String>,
    /// `amd64` or `arm64`, as OCI calls them.
    pub(crate) architecture: &'static str,
}

/// Reads a 64-bit little-endian ELF file.
pub(crate) fn needs(file: &Path) -> Result<Needs> {
    let bytes = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    read(&bytes).with_context(|| format!("{} is no program for this system", file.display()))
}

fn read(bytes: &[u8]) -> Result<Needs> {
    if FileKind::parse(bytes)? != FileKind::Elf64 {
        bail!("not a 64-bit ELF file");
    }
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let architecture = match header.e_machine(endian) {
        elf::EM_X86_64 => "amd64",
        elf::EM_AARCH64 => "arm64",
        other => bail!("machine {other} is not known here"),
    };
    let mut needs = Needs { loader: None, libraries: Vec::new(), architecture };
    let segments = header.program_headers(endian, bytes)?;
    for segment in segments {
        if let Some(loader) = segment.interpreter(endian, bytes)? {
            needs.loader = Some(PathBuf::from(String::from_utf8(loader.to_vec())?));
        }
        let Some(entries) = segment.dynamic(endian, bytes)? else { continue };
        let strings = strings(endian, bytes, segments, entries)?;
        for entry in entries.iter().filter(|entry| entry.tag(endian) == elf::DT_NEEDED) {
            needs.libraries.push(text_at(strings, entry.d_val(endian))?);
        }
    }
    Ok(needs)
}

/// The table that DT_STRTAB points to, by the segment that maps it.
fn strings<'a>(
    endian: Endianness,
    bytes: &'a [u8],
    segments: &[elf::ProgramHeader64<Endianness>],
    entries: &[elf::Dyn64<Endianness>],
) -> Result<&'a [u8]> {
    let value = |tag| entries.iter().find(|entry| entry.tag(endian) == tag).map(|entry| entry.d_val(endian));
    let (at, size) =
        (value(elf::DT_STRTAB).context("no DT_STRTAB")?, value(elf::DT_STRSZ).context("no DT_STRSZ")?);
    let found =
        segments.iter().find_map(|segment| segment.data_range(endian, bytes, at, size).ok().flatten());
    found.context("DT_STRTAB points nowhere")
}

fn text_at(strings: &[u8], at: u64) -> Result<String> {
    let rest = strings.get(usize::try_from(at)?..).context("a name outside the table")?;
    let name = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8(name.to_vec())?)
}

#[cfg(test)]
mod tests {
    use super::{needs, read};

    #[test]
    fn this_test_names_its_libraries_and_loader() {
        let needs = needs(&std::env::current_exe().unwrap()).unwrap();
        assert!(needs.libraries.iter().any(|name| name.starts_with("libc.so")), "{needs:?}");
        assert!(needs.loader.unwrap().is_file());
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for bytes in [&b""[..], b"#!/bin/sh\n", &[0x7f, b'E', b'L', b'F', 2, 1, 1, 0]] {
            assert!(read(bytes).is_err());
        }
    }
}
