//! How Sprig turns any value into a number: spf13/cast, where what is no number is 0.

use gotemplate::Value;

/// `cast.ToInt64`.
pub(crate) fn to_int64(value: &Value) -> i64 {
    if let Some(n) = value.signed() {
        return n;
    }
    if let Some(n) = value.unsigned() {
        return n.cast_signed();
    }
    match value {
        Value::Float(f) => truncate(*f),
        Value::Bool(truth) => i64::from(*truth),
        Value::String(text) => parse_int(trim_zero_decimal(&text.text()), 0).unwrap_or_default(),
        _ => 0,
    }
}

/// `cast.ToFloat64`.
#[expect(clippy::cast_precision_loss, reason = "Go converts so")]
pub(crate) fn to_float64(value: &Value) -> f64 {
    if let Some(n) = value.signed() {
        return n as f64;
    }
    if let Some(n) = value.unsigned() {
        return n as f64;
    }
    match value {
        Value::Float(f) => *f,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => parse_float(&text.text()).unwrap_or_default(),
        _ => 0.0,
    }
}

/// Go's conversion on amd64: what does not fit is the smallest integer.
#[expect(clippy::cast_possible_truncation, reason = "checked")]
pub(crate) fn truncate(f: f64) -> i64 {
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&f) { f as i64 } else { i64::MIN }
}

/// `1.0` and `1.00` are the integer 1.
fn trim_zero_decimal(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    }
}

/// Go's `strconv.ParseInt`; base 0 reads prefixes and underscores.
pub(crate) fn parse_int(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = if base == 0 { prefixed(digits)? } else { (digits.to_owned(), base) };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = u64::from_str_radix(&digits, radix).ok()?;
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

fn prefixed(text: &str) -> Option<(String, u32)> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix, prefix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16, true),
        [b'0', b'o', ..] => (&lower[2..], 8, true),
        [b'0', b'b', ..] => (&lower[2..], 2, true),
        [b'0', _, ..] => (&lower[1..], 8, true),
        _ => (&lower[..], 10, false),
    };
    let fits = !digits.ends_with('_') && !digits.contains("__") && (prefix || !digits.starts_with('_'));
    fits.then(|| (digits.replace('_', ""), radix))
}

/// Go's `strconv.ParseFloat`.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let plain = text.strip_prefix(['+', '-']).unwrap_or(text);
    let word = plain.to_ascii_lowercase();
    let named = matches!(word.as_str(), "inf" | "infinity" | "nan");
    if !named && !plain.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if word.starts_with("0x") || plain.contains('_') {
        return None;
    }
    let f: f64 = text.parse().ok()?;
    (named || f.is_finite()).then_some(f)
}
