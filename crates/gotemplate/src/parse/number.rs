//! Number constants, which stand for every number type that can hold them until their use decides.

use super::unquote::unquote_rune;
use crate::printf::quote;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
    /// Whether its text asks for a float: a point or an exponent, in what is no hexadecimal integer or character.
    pub(crate) looks_float: bool,
}

impl Number {
    /// A character constant such as `'a'`.
    pub(super) fn from_char(text: &str) -> Result<Self, String> {
        let (code, tail) = unquote_rune(text).ok_or("invalid syntax")?;
        if tail != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let (int, uint, float) = (Some(i64::from(code)), Some(u64::from(code)), Some(f64::from(code)));
        Ok(Self { int, uint, float, looks_float: false })
    }

    /// A decimal, hexadecimal, octal or binary number. Imaginary ones are refused.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "Go converts so")]
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.ends_with('i') {
            return Err(format!("complex numbers are not supported: {}", quote(text.as_bytes())));
        }
        let magnitude = parse_unsigned(text.trim_start_matches(['+', '-']));
        let signs = text.len() - text.trim_start_matches(['+', '-']).len();
        let int = magnitude.filter(|_| signs < 2).and_then(|n| signed(n, text.starts_with('-')));
        let mut uint = magnitude.filter(|_| signs == 0);
        if int == Some(0) {
            uint = Some(0);
        }
        let mut number = Self { int, uint, float: None, looks_float: looks_float(text) };
        if let Some(n) = number.int {
            number.float = Some(n as f64);
        } else if let Some(n) = number.uint {
            number.float = Some(n as f64);
        } else if let Some(f) = parse_float(text) {
            if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                return Err(format!("integer overflow: {}", quote(text.as_bytes())));
            }
            number.float = Some(f);
            number.int = (f.fract() == 0.0 && f.abs() < 9.2e18).then_some(f as i64);
            number.uint = (f.fract() == 0.0 && (0.0..1.8e19).contains(&f)).then_some(f as u64);
        }
        if number.float.is_none() {
            return Err(format!("illegal number syntax: {}", quote(text.as_bytes())));
        }
        Ok(number)
    }
}

fn looks_float(text: &str) -> bool {
    let hex =
        text.len() > 2 && (text.starts_with("0x") || text.starts_with("0X")) && !text.contains(['p', 'P']);
    !hex && text.contains(['.', 'e', 'E', 'p', 'P'])
}

fn signed(magnitude: u64, negative: bool) -> Option<i64> {
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Go's `ParseUint` with base 0: prefixes 0x, 0o, 0b and 0, underscores between digits.
fn parse_unsigned(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (&lower[..], 10),
    };
    let prefixed = digits.len() < lower.len();
    if !underscores_fit(digits, prefixed) {
        return None;
    }
    u64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

fn underscores_fit(digits: &str, prefixed: bool) -> bool {
    !digits.ends_with('_') && !digits.contains("__") && (prefixed || !digits.starts_with('_'))
}

/// Underscores stand between digits only.
fn decimal_underscores_fit(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    (0..bytes.len()).all(|at| bytes[at] != b'_' || (at > 0 && digit(at - 1) && digit(at + 1)))
}

fn parse_float(text: &str) -> Option<f64> {
    let plain = text.trim_start_matches(['+', '-']);
    if text.len() - plain.len() > 1 {
        return None;
    }
    let lower = plain.to_ascii_lowercase();
    let magnitude = match lower.strip_prefix("0x") {
        Some(hex) => parse_hex_float(hex)?,
        None if !decimal_underscores_fit(&lower) => return None,
        None => lower.replace('_', "").parse().ok().filter(|f: &f64| f.is_finite())?,
    };
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// `1.8p3`; the exponent is required.
fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let mantissa = mantissa.replace('_', "");
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()? * 4)?;
    Some(value * 2f64.powi(shift)).filter(|f| f.is_finite())
}

#[cfg(test)]
mod tests {
    use super::Number;

    fn check(text: &str, int: Option<i64>, uint: Option<u64>, float: f64) {
        let number = Number::parse(text).unwrap();
        assert_eq!((number.int, number.uint, number.float), (int, uint, Some(float)), "{text}");
    }

    #[test]
    fn a_constant_is_every_number_that_can_hold_it() {
        check("0x1F", Some(31), Some(31), 31.0);
        check("0o17", Some(15), Some(15), 15.0);
        check("017", Some(15), Some(15), 15.0);
        check("0b101", Some(5), Some(5), 5.0);
        check("1_000", Some(1000), Some(1000), 1000.0);
        check("-3", Some(-3), None, -3.0);
        check("-0", Some(0), Some(0), 0.0);
        check("1e3", Some(1000), Some(1000), 1000.0);
        check("1.5", None, None, 1.5);
        check("0x1p-2", None, None, 0.25);
        check("18446744073709551615", None, Some(u64::MAX), 18_446_744_073_709_551_615.0);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["1i", "0x", "1__0", "_1", "08", "99999999999999999999"] {
            assert!(Number::parse(text).is_err(), "{text}");
        }
    }
}
