//! Most of a small controller's resident memory is its own text: TLS set-up, schema readers and flag parsing run once
//! and stay mapped for ever. Unmapping the pages leaves them in the page cache, from where they come back when called.
use std::{collections::HashSet, ffi::c_void, fs, io};

use rustix::mm::{Advice, madvise};

/// A part of the program's file as it lies in memory.
#[derive(Debug, PartialEq)]
struct Mapping<'m> {
    start: usize,
    length: usize,
    /// Device, inode and path.
    file: &'m str,
    has_code: bool,
    /// No page of it was ever written: not by the loader's relocations, not by a debugger.
    pristine: bool,
}

/// Unmaps all pages of text and constants of the program and its libraries.
///
/// # Errors
/// When the process may not read its own map, or the kernel refuses a mapping; the others are given back.
pub(super) fn give_back() -> io::Result<()> {
    let map = fs::read_to_string("/proc/self/smaps")?;
    untouched(&map).map(|mapping| drop_pages(&mapping)).fold(Ok(()), Result::and)
}

/// The read-only mappings of programs that nobody wrote to.
fn untouched(smaps: &str) -> impl Iterator<Item = Mapping<'_>> + '_ {
    let programs = programs(smaps);
    mappings(smaps).filter(move |mapping| mapping.pristine && programs.contains(mapping.file))
}

/// The files that code of the process is in. They stay mapped until it ends; other files (git maps packs to read them) are
/// unmapped at any time, and what lies in their place then is not to be touched.
fn programs(smaps: &str) -> HashSet<&str> {
    smaps
        .lines()
        .filter_map(read_only)
        .filter(|mapping| mapping.has_code)
        .map(|mapping| mapping.file)
        .collect()
}

#[expect(unsafe_code, reason = "the kernel's advice has no safe face; see below")]
fn drop_pages(mapping: &Mapping<'_>) -> io::Result<()> {
    // SAFETY: the range is a whole private mapping of the program or a library, read-only, which nobody unmaps while the
    // process lives, and none of its pages differs from the file (`Anonymous: 0 kB`). Nobody can write to it in between,
    // so that what is read after the call is what was there before: the kernel maps the same bytes of the file again.
    unsafe { madvise(mapping.start as *mut c_void, mapping.length, Advice::LinuxDontNeed)? };
    Ok(())
}

/// The read-only mappings of files in the text of `/proc/self/smaps`.
fn mappings(smaps: &str) -> impl Iterator<Item = Mapping<'_>> + '_ {
    let mut lines = smaps.lines().peekable();
    std::iter::from_fn(move || {
        loop {
            let Some(mut mapping) = read_only(lines.next()?) else { continue };
            while let Some(line) = lines.next_if(|line| is_field(line)) {
                mapping.pristine |= line.strip_prefix("Anonymous:").is_some_and(|rest| rest.trim() == "0 kB");
            }
            return Some(mapping);
        }
    })
}

/// `START-END r-xp OFFSET DEVICE INODE PATH`, when it is a file's and cannot be written. `p`: it is private, so that the
/// file behind it is the only other place its bytes stand in. `[vdso]` and its like have no file.
fn read_only(line: &str) -> Option<Mapping<'_>> {
    let mut words = line.splitn(4, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let rights = words.next()?;
    let file = words.nth(1)?;
    if !matches!(rights, "r-xp" | "r--p") || !file.contains('/') {
        return None;
    }
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    Some(Mapping {
        start,
        length: end.checked_sub(start)?,
        file,
        has_code: rights == "r-xp",
        pristine: false,
    })
}

/// `Anonymous:   0 kB` and its like, which follow the line of their mapping.
fn is_field(line: &str) -> bool {
    line.split_ascii_whitespace().next().is_some_and(|word| word.ends_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
5500-5600 r--p 00000000 08:01 7 /bin/controller
Rss: 4 kB
Anonymous:             0 kB
5600-5900 r-xp 00001000 08:01 7 /bin/controller
Anonymous:             0 kB
5900-5a00 r--p 00004000 08:01 7 /bin/controller
Anonymous:             4 kB
5a00-5b00 rw-p 00005000 08:01 7 /bin/controller
Anonymous:             0 kB
7000-7100 r-xp 00000000 08:01 9 /lib/libc.so.6
Anonymous:             0 kB
7100-7200 r--s 00000000 08:01 9 /shared
Anonymous:             0 kB
7200-7300 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
7300-7400 r--p 00000000 08:01 11 /tmp/pack-1.pack
Anonymous:             0 kB
";

    #[test]
    fn only_untouched_mappings_of_the_program_and_its_libraries_are_given_back() {
        let found: Vec<_> = untouched(SMAPS).map(|found| (found.start, found.length)).collect();
        assert_eq!(found, [(0x5500, 0x100), (0x5600, 0x300), (0x7000, 0x100)]);
    }

    #[test]
    fn the_program_goes_on_after_its_text_was_given_back() {
        let resident = || {
            let map = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
            let rss = map.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
            rss.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let before = resident();
        give_back().unwrap();
        assert!(resident() < before, "{before} kB before, {} after", resident());
    }
}
