//! Checksums and the encodings of bytes as text.

use base64::{Engine, engine::general_purpose::STANDARD};
use gotemplate::{Funcs, Type, Value};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use crate::call::fixed;

const S: Type = Type::String;

pub(crate) fn add(funcs: &mut Funcs) {
    fixed(funcs, "sha1sum", &[S], |call| Ok(Value::string(hex(&Sha1::digest(call.bytes(0))))));
    fixed(funcs, "sha256sum", &[S], |call| Ok(Value::string(hex(&Sha256::digest(call.bytes(0))))));
    fixed(funcs, "sha512sum", &[S], |call| Ok(Value::string(hex(&Sha512::digest(call.bytes(0))))));
    fixed(funcs, "adler32sum", &[S], |call| Ok(Value::string(adler32(call.bytes(0)).to_string())));
    fixed(funcs, "b64enc", &[S], |call| Ok(Value::string(STANDARD.encode(call.bytes(0)))));
    fixed(funcs, "b64dec", &[S], |call| Ok(either(decode64(call.bytes(0)))));
    fixed(funcs, "b32enc", &[S], |call| Ok(Value::string(encode32(call.bytes(0)))));
    fixed(funcs, "b32dec", &[S], |call| Ok(either(decode32(call.bytes(0)))));
}

fn either(decoded: Result<Vec<u8>, String>) -> Value {
    decoded.map_or_else(Value::string, Value::string)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        text.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
        text
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1u32, 0u32);
    for chunk in bytes.chunks(5_552) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % MODULUS, b % MODULUS);
    }
    b << 16 | a
}

fn digit64(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Base64 as Go reads it: line breaks are skipped, padding is required, spare bits do not matter.
pub(crate) fn decode64(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at: usize| Err(format!("illegal base64 data at input byte {at}"));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0usize);
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        at += 1;
        if let Some(digit) = digit64(byte) {
            bits = bits << 6 | digit;
            held += 1;
            if held == 4 {
                out.extend_from_slice(&bits.to_be_bytes()[1..]);
                (bits, held) = (0, 0);
            }
            continue;
        }
        match byte {
            byte if is_newline(byte) => continue,
            b'=' if held >= 2 => {}
            _ => return corrupt(at - 1),
        }
        let skip = |mut at: usize| {
            while at < text.len() && is_newline(text[at]) {
                at += 1;
            }
            at
        };
        if held == 2 {
            at = skip(at);
            match text.get(at) {
                None => return corrupt(text.len()),
                Some(b'=') => at += 1,
                Some(_) => return corrupt(at - 1),
            }
        }
        at = skip(at);
        if at < text.len() {
            return corrupt(at);
        }
        let bytes = (bits << (6 * (4 - held))).to_be_bytes();
        out.extend_from_slice(&bytes[1..held]);
        return Ok(out);
    }
    if held > 0 { corrupt(text.len() - held) } else { Ok(out) }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn encode32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut group = [0u8; 8];
        group[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(group);
        let digits = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let digit = usize::try_from(bits >> (35 - 5 * index) & 31).unwrap_or_default();
            out.push(if index < digits { char::from(BASE32[digit]) } else { '=' });
        }
    }
    out
}

/// Base32 as Go reads it.
fn decode32(text: &[u8]) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = text.iter().copied().filter(|byte| !is_newline(*byte)).collect();
    let corrupt = |at: usize| Err(format!("illegal base32 data at input byte {at}"));
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let mut at = 0;
    while at < text.len() {
        let (mut bits, mut held) = (0u64, 0usize);
        while held < 8 {
            let Some(byte) = text.get(at).copied() else { return corrupt(at - held) };
            at += 1;
            let rest = &text[at..];
            if byte == b'=' && held >= 2 && rest.len() < 8 {
                if rest.len() + held < 7 {
                    return corrupt(text.len());
                }
                if let Some(bad) = (0..7 - held).find(|k| rest.get(*k).is_some_and(|byte| *byte != b'=')) {
                    return corrupt(at + bad - 1);
                }
                if matches!(held, 1 | 3 | 6) {
                    return corrupt(at - 1);
                }
                let bytes = (bits << (5 * (8 - held))).to_be_bytes();
                out.extend_from_slice(&bytes[3..3 + held * 5 / 8]);
                return Ok(out);
            }
            match BASE32.iter().position(|digit| *digit == byte) {
                Some(digit) => bits = bits << 5 | digit as u64,
                None => return corrupt(at - 1),
            }
            held += 1;
        }
        out.extend_from_slice(&bits.to_be_bytes()[3..]);
    }
    Ok(out)
}
