//! Go's durations: nanoseconds in 64 bits.

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `1h2m3.5s`, as Go prints a duration.
pub(super) fn shown(nanoseconds: i64) -> String {
    let size = nanoseconds.unsigned_abs();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    if size < SECOND {
        return format!("{sign}{}", below_a_second(size));
    }
    let seconds = format!("{}s", fraction(size % MINUTE, 9));
    let (minutes, hours) = (size / MINUTE % 60, size / HOUR);
    match (hours, size / MINUTE) {
        (0, 0) => format!("{sign}{seconds}"),
        (0, _) => format!("{sign}{minutes}m{seconds}"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}"),
    }
}

fn below_a_second(size: u64) -> String {
    match size {
        0 => "0s".into(),
        1..1_000 => format!("{size}ns"),
        1_000..1_000_000 => format!("{}µs", fraction(size, 3)),
        _ => format!("{}ms", fraction(size, 6)),
    }
}

/// A number with this many digits behind the point, without zeros at its end.
fn fraction(size: u64, digits: usize) -> String {
    let power = 10u64.pow(u32::try_from(digits).unwrap_or(9));
    let text = format!("{}.{:0digits$}", size / power, size % power);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Half away from zero.
pub(super) fn round_to_second(nanoseconds: i64) -> i64 {
    let second = SECOND.cast_signed();
    let rest = nanoseconds % second;
    let whole = nanoseconds - rest;
    if rest.abs() * 2 < second { whole } else { whole.saturating_add(second * nanoseconds.signum()) }
}

/// Sprig's rough form: the largest unit alone.
pub(super) fn rounded(nanoseconds: i64) -> String {
    let size = nanoseconds.unsigned_abs();
    let units = [(365 * DAY, "y"), (30 * DAY, "mo"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s")];
    let unit = units.into_iter().find(|(unit, _)| size > *unit);
    unit.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", size / unit))
}

/// Reads `1h30m`, `-1.5s`, `300ms`.
///
/// # Errors
/// In Go's words.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let quoted = format!("{text:?}");
    let invalid = || format!("time: invalid duration {quoted}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0u64;
    while !rest.is_empty() {
        let (size, tail) = one(rest, &quoted)?;
        total = size
            .and_then(|size| total.checked_add(size))
            .filter(|sum| *sum <= 1 << 63)
            .ok_or_else(invalid)?;
        rest = tail;
    }
    match (negative, i64::try_from(total)) {
        (true, _) => Ok(0i64.wrapping_sub_unsigned(total)),
        (false, Ok(total)) => Ok(total),
        (false, Err(_)) => Err(invalid()),
    }
}

/// One number with its unit; `None` when it is too large.
fn one<'t>(text: &'t str, quoted: &str) -> Result<(Option<u64>, &'t str), String> {
    let is_digit = |c: char| !c.is_ascii_digit();
    let whole_end = text.find(is_digit).unwrap_or(text.len());
    let (whole, mut rest) = text.split_at(whole_end);
    let mut decimals = "";
    if let Some(after) = rest.strip_prefix('.') {
        let end = after.find(is_digit).unwrap_or(after.len());
        (decimals, rest) = after.split_at(end);
    }
    if whole.is_empty() && decimals.is_empty() {
        return Err(format!("time: invalid duration {quoted}"));
    }
    let unit_end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(unit_end);
    let size: u64 = match unit {
        "" => return Err(format!("time: missing unit in duration {quoted}")),
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        unit => return Err(format!("time: unknown unit {unit:?} in duration {quoted}")),
    };
    let whole = if whole.is_empty() { Some(0) } else { whole.parse::<u64>().ok() };
    let part = decimals
        .bytes()
        .take(18)
        .fold((0u128, 1u128), |(value, scale), digit| (value * 10 + u128::from(digit - b'0'), scale * 10));
    let part = u64::try_from(part.0 * u128::from(size) / part.1).ok();
    Ok((whole.and_then(|whole| whole.checked_mul(size)).zip(part).and_then(|(a, b)| a.checked_add(b)), tail))
}

#[cfg(test)]
mod tests {
    use super::{parse, rounded, shown};

    #[test]
    fn durations_read_and_print_as_in_go() {
        for text in ["1h2m3.5s", "-1m0s", "300ms", "1.5µs", "0s", "2h0m0s"] {
            assert_eq!(shown(parse(text).unwrap()), text);
        }
        assert_eq!(parse("1d").unwrap_err(), "time: unknown unit \"d\" in duration \"1d\"");
        assert_eq!(parse("5").unwrap_err(), "time: missing unit in duration \"5\"");
        assert_eq!(rounded(parse("2400h10m").unwrap()), "3mo");
    }
}
