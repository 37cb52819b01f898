//! Packs that no Git would make.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use sha1::{Digest as _, Sha1};

const BLOB: u8 = 3;
const OFFSET_DELTA: u8 = 6;
/// Most that one instruction copies.
const COPY: usize = 0x00ff_ffff;

/// A chain of deltas on `base` zeros, each level with a neighbour, so that each level's object is needed once more.
pub(crate) fn deltas(base: usize, levels: usize) -> Vec<u8> {
    let count = u32::try_from(2 * levels + 1).unwrap_or(u32::MAX);
    let mut pack = [&b"PACK\0\0\0\x02"[..], &count.to_be_bytes()].concat();
    let mut last = pack.len();
    entry(&mut pack, BLOB, base, &[], &vec![0; base]);
    for level in 0..levels {
        let below = last;
        for letter in ["leaf", "next"] {
            last = pack.len();
            let delta = copy(base, format!("{letter}{level:04}").as_bytes());
            let distance = distance(last - below);
            entry(&mut pack, OFFSET_DELTA, delta.len(), &distance, &delta);
        }
    }
    let sum = Sha1::digest(&pack);
    [&pack[..], &sum[..]].concat()
}

/// Kind and size, what a delta is made of, and the content.
fn entry(pack: &mut Vec<u8>, kind: u8, size: usize, base: &[u8], content: &[u8]) {
    let mut byte = kind << 4 | low(size, 4);
    let mut left = size >> 4;
    while left > 0 {
        pack.push(byte | 0x80);
        byte = low(left, 7);
        left >>= 7;
    }
    pack.push(byte);
    pack.extend_from_slice(base);
    let mut zlib = ZlibEncoder::new(pack, Compression::best());
    zlib.write_all(content).expect("a vector takes all");
    zlib.finish().expect("a vector takes all");
}

/// A delta that takes all of its base but the end, which it has itself.
fn copy(base: usize, end: &[u8]) -> Vec<u8> {
    let mut delta = [varint(base), varint(base)].concat();
    let (mut from, to) = (0, base - end.len());
    while from < to {
        let length = COPY.min(to - from);
        delta.push(0xff);
        delta.extend_from_slice(&u32::try_from(from).expect("a small base").to_le_bytes());
        delta.extend_from_slice(&u32::try_from(length).expect("a small base").to_le_bytes()[..3]);
        from += length;
    }
    delta.push(low(end.len(), 7));
    delta.extend_from_slice(end);
    delta
}

fn varint(mut size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while size >= 0x80 {
        bytes.push(low(size, 7) | 0x80);
        size >>= 7;
    }
    bytes.push(low(size, 7));
    bytes
}

/// How far before it the base of a delta stands.
fn distance(mut left: usize) -> Vec<u8> {
    let mut bytes = vec![low(left, 7)];
    left >>= 7;
    while left > 0 {
        left -= 1;
        bytes.insert(0, low(left, 7) | 0x80);
        left >>= 7;
    }
    bytes
}

fn low(number: usize, bits: u32) -> u8 {
    u8::try_from(number & ((1 << bits) - 1)).expect("at most seven bits")
}
