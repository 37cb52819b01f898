use serde_json::Number;

/// An integer as Go's `strconv` reads it with base 0, underscores dropped: decimal, `0x`, `0o`, `0b`, leading `0`.
pub(crate) fn parse_int(text: &str) -> Option<Number> {
    let plain = without_underscores(text);
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, &plain[..]),
    };
    let signed = digits.len() != plain.len();
    let magnitude = parse_magnitude(digits)?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Number::from);
    }
    (!signed || i64::try_from(magnitude).is_ok()).then(|| Number::from(magnitude))
}

fn parse_magnitude(digits: &str) -> Option<u64> {
    let bytes = digits.as_bytes();
    if !bytes.first()?.is_ascii_digit() {
        return None;
    }
    let (radix, rest) = match (bytes[0], bytes.get(1)) {
        (b'0', Some(b'x' | b'X')) => (16, &digits[2..]),
        (b'0', Some(b'b' | b'B')) => (2, &digits[2..]),
        (b'0', Some(b'o' | b'O')) => (8, &digits[2..]),
        (b'0', Some(_)) => (8, &digits[1..]),
        _ => (10, digits),
    };
    if rest.starts_with('+') {
        return None;
    }
    u64::from_str_radix(rest, radix).ok()
}

/// A float in the form YAML allows; infinities and not-a-number are words, not numbers.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let plain = without_underscores(text);
    if !is_yaml_float(plain.as_bytes()) {
        return None;
    }
    plain.parse().ok().filter(|float: &f64| float.is_finite())
}

fn without_underscores(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('_') { text.replace('_', "").into() } else { text.into() }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_yaml_float(text: &[u8]) -> bool {
    let text = skip(text, |b| matches!(b, b'+' | b'-'), 1);
    let whole = digits(text);
    let mut rest = &text[whole..];
    if let Some(b'.') = rest.first() {
        let fraction = digits(&rest[1..]);
        if whole + fraction == 0 {
            return false;
        }
        rest = &rest[1 + fraction..];
    } else if whole == 0 {
        return false;
    }
    match rest.first() {
        None => true,
        Some(b'e' | b'E') => {
            let exponent = skip(&rest[1..], |b| matches!(b, b'+' | b'-'), 1);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        Some(_) => false,
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn skip(text: &[u8], matches: impl Fn(u8) -> bool, most: usize) -> &[u8] {
    &text[text.iter().take(most).take_while(|b| matches(**b)).count()..]
}

/// The number Go holds after a trip through JSON: floats without a fraction are integers where they fit.
pub(crate) fn json_number(float: f64) -> Option<Number> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounds are checked")]
    if float.fract() == 0.0 && float.abs() < 1e21 {
        if (-9.223_372_036_854_775e18..9.223_372_036_854_775e18).contains(&float) {
            return Some(Number::from(float as i64));
        }
        if (0.0..1.844_674_407_370_955e19).contains(&float) {
            return Some(Number::from(float as u64));
        }
    }
    Number::from_f64(float)
}

/// The same; a negative zero keeps its sign, which Go's JSON has too. Printed as YAML it is `0`.
pub(crate) fn signed_number(float: f64) -> Option<Number> {
    let negative_zero = float == 0.0 && float.is_sign_negative();
    if negative_zero { Number::from_f64(float) } else { json_number(float) }
}

/// Go's `strconv.FormatFloat(float, 'g', -1, 64)`: an exponent below 1e-4 and from 1e6 on.
pub(crate) fn format_float(float: f64) -> String {
    if float == 0.0 {
        return if float.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{float}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::{format_float, parse_float, parse_int};

    #[test]
    fn reads_integers_of_every_base() {
        for (text, expect) in
            [("014", 12), ("0o14", 12), ("0x1F", 31), ("0b11", 3), ("1_000", 1000), ("+1", 1), ("-5", -5)]
        {
            assert_eq!(parse_int(text).and_then(|n| n.as_i64()), Some(expect), "{text}");
        }
        assert_eq!(parse_int("18446744073709551615").and_then(|n| n.as_u64()), Some(u64::MAX));
    }

    #[test]
    fn refuses_what_is_no_integer() {
        for text in ["", "+", "0x", "09", "1e3", "--1", "0x+1", "18446744073709551616"] {
            assert!(parse_int(text).is_none(), "{text}");
        }
    }

    #[test]
    fn reads_yaml_floats_only() {
        assert_eq!(parse_float("1."), Some(1.0));
        assert_eq!(parse_float(".5"), Some(0.5));
        assert_eq!(parse_float("123e4"), Some(1_230_000.0));
        for text in [".", "1e", "123e4567", "1e5a", "inf", "nan", "+"] {
            assert_eq!(parse_float(text), None, "{text}");
        }
    }

    #[test]
    fn prints_floats_as_go_does() {
        for (float, expect) in [
            (1.5, "1.5"),
            (1e23, "1e+23"),
            (1e-7, "1e-07"),
            (0.0001, "0.0001"),
            (1_234_567.5, "1.2345675e+06"),
            (123_456.7, "123456.7"),
        ] {
            assert_eq!(format_float(float), expect);
        }
    }
}
