//! Large pages for a command that makes much and ends soon.
use std::{ffi::c_void, fs, hint::black_box};

use rustix::mm::{Advice, madvise};

/// Asks the kernel to back the allocator's memory by large pages. A render of a large chart touches 25 MiB once: in pages
/// of 4 KiB, the faults take a third of its time. Where the kernel has no large pages, or hides its map, nothing changes.
pub(crate) fn in_large_pages() {
    let probe = black_box(Box::new(0_u8));
    let Ok(map) = fs::read_to_string("/proc/self/maps") else { return };
    let Some((start, length)) = writable_around(&map, std::ptr::from_ref(&*probe).addr()) else { return };
    advise(start, length);
}

#[expect(unsafe_code, reason = "the kernel's advice has no safe face; see below")]
fn advise(start: usize, length: usize) {
    // SAFETY: the advice changes the size of the pages behind addresses, never what can be read there or by whom; of a range
    // that is not mapped the kernel answers an error. One that it does not follow is no loss.
    let _ = unsafe { madvise(start as *mut c_void, length, Advice::LinuxHugepage) };
}

/// Start and length of the mapping without a file that may be written and holds an address, in the text of
/// `/proc/self/maps`: `START-END rw-p OFFSET DEVICE INODE`.
fn writable_around(map: &str, address: usize) -> Option<(usize, usize)> {
    map.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (start, end) = words.next()?.split_once('-')?;
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        let holds = (start..end).contains(&address) && words.next()? == "rw-p" && words.nth(3).is_none();
        holds.then(|| (start, end - start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mapping_around_an_address_is_taken_when_it_is_memory() {
        let map = "\
5500-5600 rw-p 00000000 08:01 7                          /bin/sluice
6000-7000 rw-p 00000000 00:00 0 
7000-8000 r--p 00000000 00:00 0 
8000-9000 rw-p 00000000 00:00 0                          [stack]
";
        assert_eq!(writable_around(map, 0x6fff), Some((0x6000, 0x1000)));
        for other in [0x5500, 0x5fff, 0x7000, 0x8000, 0x9000] {
            assert_eq!(writable_around(map, other), None, "{other:x}");
        }
    }

    #[test]
    fn memory_keeps_what_it_holds() {
        let before: Vec<usize> = (0..1 << 20).collect();
        in_large_pages();
        let after: Vec<usize> = (0..1 << 20).collect();
        assert_eq!(before, after);
    }
}
