//! Go's `strconv.FormatFloat`.

/// Shortest text that reads back as the same number, as `%v` prints it: `1.5`, `1e+06`, `+Inf`.
#[must_use]
pub fn format_float(f: f64) -> String {
    format(f, 'g', None)
}

/// Digits of a number, and where the point is: `0.d₁d₂… × 10^point`.
struct Digits {
    digits: Vec<u8>,
    point: i32,
}

/// `verb` is one of e, E, f, g, G, b, x, X.
pub(crate) fn format(f: f64, verb: char, precision: Option<usize>) -> String {
    if f.is_nan() {
        return "NaN".into();
    }
    if f.is_infinite() {
        return if f > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let sign = if f.is_sign_negative() { "-" } else { "" };
    let f = f.abs();
    let text = match verb {
        'f' => fixed(f, precision),
        'e' | 'E' => exponent(&scientific(f, precision), precision, verb),
        'g' | 'G' => general(f, precision, verb),
        'b' => binary(f),
        _ => hexadecimal(f, precision, verb),
    };
    format!("{sign}{text}")
}

/// No float has more decimal digits than that before or behind its point; Rust refuses to format more than 65,535.
const EXACT: usize = 1_100;

fn scientific(f: f64, precision: Option<usize>) -> Digits {
    let text = match precision.map(|precision| precision.min(EXACT)) {
        Some(precision) => format!("{f:.precision$e}"),
        None => format!("{f:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    Digits { digits, point: exponent.parse::<i32>().unwrap_or_default() + 1 }
}

fn fixed(f: f64, precision: Option<usize>) -> String {
    match precision {
        Some(precision) => {
            let exact = precision.min(EXACT);
            format!("{f:.exact$}{}", "0".repeat(precision - exact))
        }
        None => format!("{f}"),
    }
}

fn exponent(digits: &Digits, precision: Option<usize>, verb: char) -> String {
    let mut out = String::new();
    let precision = precision.unwrap_or(digits.digits.len() - 1);
    for index in 0..=precision {
        if index == 1 {
            out.push('.');
        }
        out.push(digits.digits.get(index).map_or('0', |digit| char::from(*digit)));
    }
    let zero = digits.digits.iter().all(|digit| *digit == b'0');
    let exponent = if zero { 0 } else { digits.point - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    let verb = if matches!(verb, 'E' | 'G') { 'E' } else { 'e' };
    format!("{out}{verb}{sign}{:02}", exponent.abs())
}

fn general(f: f64, precision: Option<usize>, verb: char) -> String {
    let significant = precision.map(|precision| precision.max(1));
    let mut digits = scientific(f, significant.map(|count| count - 1));
    while digits.digits.len() > 1 && digits.digits.last() == Some(&b'0') {
        digits.digits.pop();
    }
    let count = i32::try_from(digits.digits.len()).unwrap_or(i32::MAX);
    let threshold = match significant.map(|count| i32::try_from(count).unwrap_or(i32::MAX)) {
        None => 6,
        Some(precision) if precision > count && count >= digits.point => count,
        Some(precision) => precision,
    };
    let exp = digits.point - 1;
    if f != 0.0 && (exp < -4 || exp >= threshold) {
        return exponent(&digits, None, verb);
    }
    if f == 0.0 {
        return "0".into();
    }
    plain(&digits)
}

fn plain(digits: &Digits) -> String {
    let text: String = digits.digits.iter().map(|digit| char::from(*digit)).collect();
    let point = digits.point;
    let Ok(point) = usize::try_from(point) else {
        return format!("0.{}{text}", "0".repeat(point.unsigned_abs() as usize));
    };
    match point {
        0 => format!("0.{text}"),
        point if point >= text.len() => format!("{text}{}", "0".repeat(point - text.len())),
        point => format!("{}.{}", &text[..point], &text[point..]),
    }
}

/// Mantissa and exponent of two, so that `f = mantissa × 2^exponent`.
fn parts(f: f64) -> (u64, i32) {
    let bits = f.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default();
    let mantissa = bits & ((1 << 52) - 1);
    if exponent == 0 { (mantissa, -1074) } else { (mantissa | 1 << 52, exponent - 1075) }
}

fn binary(f: f64) -> String {
    let (mantissa, exponent) = parts(f);
    format!("{mantissa}p{exponent:+}")
}

fn hexadecimal(f: f64, precision: Option<usize>, verb: char) -> String {
    let (mut mantissa, mut exponent) = parts(f);
    if mantissa == 0 {
        exponent = -52;
    } else {
        while mantissa < 1 << 52 {
            mantissa <<= 1;
            exponent -= 1;
        }
    }
    if let Some(precision) = precision.filter(|precision| *precision < 13) {
        let drop = 52 - 4 * u32::try_from(precision).unwrap_or_default();
        let half = 1u64 << (drop - 1);
        let (kept, rest) = (mantissa >> drop, mantissa & ((1 << drop) - 1));
        let up = rest > half || (rest == half && kept & 1 == 1);
        mantissa = (kept + u64::from(up)) << drop;
        if mantissa >> 53 == 1 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let digits = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let fraction = match precision {
        None => digits.trim_end_matches('0').to_owned(),
        Some(precision) => digits.chars().chain(std::iter::repeat('0')).take(precision).collect(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let power = exponent + 52;
    let sign = if power < 0 { '-' } else { '+' };
    let text = format!("0x{}{point}{fraction}p{sign}{:02}", mantissa >> 52, power.abs());
    if verb == 'X' { text.to_uppercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::{format, format_float};

    #[test]
    fn shortest_floats_read_as_in_go() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (1.5, "1.5"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (1e20, "1e+20"),
            (1e21, "1e+21"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-2.5, "-2.5"),
            (f64::INFINITY, "+Inf"),
        ];
        for (f, text) in cases {
            assert_eq!(format_float(f), text);
        }
    }

    #[test]
    fn precision_counts_as_in_go() {
        assert_eq!(format(100.0, 'g', Some(5)), "100");
        assert_eq!(format(123_456.0, 'g', Some(3)), "1.23e+05");
        assert_eq!(format(2.5, 'f', Some(0)), "2");
        assert_eq!(format(0.0, 'e', Some(2)), "0.00e+00");
        assert_eq!(format(1.0, 'x', None), "0x1p+00");
    }
}
