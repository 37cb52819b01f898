use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::schema::DURATION_PATTERN;

const NANOS: u64 = 1;
const MICROS: u64 = 1_000 * NANOS;
const MILLIS: u64 = 1_000 * MICROS;
const SECONDS: u64 = 1_000 * MILLIS;
const MINUTES: u64 = 60 * SECONDS;
const HOURS: u64 = 60 * MINUTES;
/// The longest `time.Duration` of Go (about 292 years); longer texts are clamped to it.
const LONGEST: u64 = i64::MAX as u64;
/// The longest text that is read: Go prints at most 22 bytes, people write a little more.
const MAX_TEXT: usize = 128;

/// A duration written as Go's `time.ParseDuration` reads it (`1h30m`, `300ms`) and printed as `time.Duration` prints
/// itself (`1h30m0s`).
///
/// Any text decodes, so that an object with an odd duration still can be listed and reported; [`GoDuration::get`]
/// says whether it is a duration.
#[derive(Clone, Default, Eq)]
pub struct GoDuration {
    text: String,
}

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GoDurationError {
    /// Nothing, or no digits where a number must stand.
    #[error("invalid duration {0:?}")]
    Invalid(String),
    /// A number without a unit.
    #[error("missing unit in duration {0:?}")]
    MissingUnit(String),
    /// A unit that is not ns, us, µs, ms, s, m or h.
    #[error("unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// The whole text.
        text: String,
        /// The unit.
        unit: String,
    },
    /// Less than zero: no field of ours takes it.
    #[error("negative duration {0:?}")]
    Negative(String),
    /// Longer than a duration can be written.
    #[error("duration of {0} bytes")]
    TooLong(usize),
}

impl GoDuration {
    /// Keeps the text as it is, without judging it.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// The text as it was written.
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// The duration, with a resolution of 1 ns. Texts beyond Go's range (about 292 years) are clamped to it.
    pub fn get(&self) -> Result<Duration, GoDurationError> {
        parse(&self.text)
    }

    /// The duration, or `fallback` when the text is none.
    pub fn get_or(&self, fallback: Duration) -> Duration {
        self.get().unwrap_or(fallback)
    }
}

impl From<Duration> for GoDuration {
    fn from(duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(LONGEST).min(LONGEST);
        Self { text: print(nanos) }
    }
}

impl PartialEq for GoDuration {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text || matches!((self.get(), other.get()), (Ok(a), Ok(b)) if a == b)
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Ok(duration) => f.write_str(&GoDuration::from(duration).text),
            Err(_) => f.write_str(&self.text),
        }
    }
}

impl fmt::Debug for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => Self { text },
            other => Self { text: other.to_string() },
        })
    }
}

impl JsonSchema for GoDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": DURATION_PATTERN })
    }
}

/// Reads `[-+]?([0-9]*(\.[0-9]*)?[a-zµμ]+)+` or a bare `0`, as Go's `time.ParseDuration`.
fn parse(text: &str) -> Result<Duration, GoDurationError> {
    if text.len() > MAX_TEXT {
        return Err(GoDurationError::TooLong(text.len()));
    }
    let negative = text.starts_with('-');
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let nanos = if unsigned == "0" { 0 } else { parse_parts(text, unsigned)? };
    if negative && nanos > 0 {
        return Err(GoDurationError::Negative(text.to_owned()));
    }
    Ok(Duration::from_nanos(nanos))
}

fn parse_parts(text: &str, unsigned: &str) -> Result<u64, GoDurationError> {
    if unsigned.is_empty() {
        return Err(GoDurationError::Invalid(text.to_owned()));
    }
    let (mut rest, mut total) = (unsigned, 0u64);
    while !rest.is_empty() {
        let (nanos, after) = parse_part(text, rest)?;
        total = total.saturating_add(nanos).min(LONGEST);
        rest = after;
    }
    Ok(total)
}

/// One number with its unit; returns the nanoseconds and what follows.
fn parse_part<'t>(text: &str, part: &'t str) -> Result<(u64, &'t str), GoDurationError> {
    let (whole, rest) = split_digits(part);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(GoDurationError::Invalid(text.to_owned()));
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let scale = unit_nanos(text, unit)?;
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().unwrap_or(u64::MAX) };
    Ok((whole.saturating_mul(scale).saturating_add(fraction_nanos(fraction, scale)).min(LONGEST), rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn unit_nanos(text: &str, unit: &str) -> Result<u64, GoDurationError> {
    Ok(match unit {
        "ns" => NANOS,
        "us" | "\u{b5}s" | "\u{3bc}s" => MICROS,
        "ms" => MILLIS,
        "s" => SECONDS,
        "m" => MINUTES,
        "h" => HOURS,
        "" => return Err(GoDurationError::MissingUnit(text.to_owned())),
        _ => return Err(GoDurationError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned() }),
    })
}

/// The nanoseconds of `0.<digits>` of a unit, cut (not rounded) as in Go. Digits below 1 ns of an hour are ignored.
fn fraction_nanos(digits: &str, scale: u64) -> u64 {
    let (mut value, mut divisor) = (0u128, 1u128);
    for digit in digits.bytes().take(18) {
        value = value * 10 + u128::from(digit - b'0');
        divisor *= 10;
    }
    u64::try_from(value * u128::from(scale) / divisor).unwrap_or(LONGEST)
}

fn print(nanos: u64) -> String {
    match nanos {
        0 => "0s".to_owned(),
        n if n < MICROS => format!("{n}ns"),
        n if n < MILLIS => format!("{}\u{b5}s", decimal(n, MICROS)),
        n if n < SECONDS => format!("{}ms", decimal(n, MILLIS)),
        n => print_clock(n),
    }
}

fn print_clock(nanos: u64) -> String {
    let (hours, minutes) = (nanos / HOURS, nanos % HOURS / MINUTES);
    let seconds = decimal(nanos % MINUTES, SECONDS);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `value / unit` with as many decimals as needed; `unit` is a power of ten.
fn decimal(value: u64, unit: u64) -> String {
    let (whole, fraction) = (value / unit, value % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::{GoDuration, GoDurationError};
    use std::time::Duration;

    fn check(text: &str, nanos: u64, printed: &str) {
        let duration = GoDuration::from_text(text);
        assert_eq!(duration.get(), Ok(Duration::from_nanos(nanos)), "{text}");
        assert_eq!(duration.to_string(), printed, "{text}");
    }

    #[test]
    fn reads_and_prints_as_go_does() {
        check("0", 0, "0s");
        check("-0", 0, "0s");
        check("+5s", 5_000_000_000, "5s");
        check("5m", 300_000_000_000, "5m0s");
        check("60s", 60_000_000_000, "1m0s");
        check("1h", 3_600_000_000_000, "1h0m0s");
        check("1h30m", 5_400_000_000_000, "1h30m0s");
        check("300ms", 300_000_000, "300ms");
        check("1500ms", 1_500_000_000, "1.5s");
        check("1.5h", 5_400_000_000_000, "1h30m0s");
        check(".5s", 500_000_000, "500ms");
        check("5.s", 5_000_000_000, "5s");
        check("1s1s", 2_000_000_000, "2s");
        check("1m0.25s", 60_250_000_000, "1m0.25s");
        check("12\u{b5}s", 12_000, "12\u{b5}s");
        check("12\u{3bc}s", 12_000, "12\u{b5}s");
        check("1us500ns", 1_500, "1.5\u{b5}s");
        check("7ns", 7, "7ns");
        check("720h", 2_592_000_000_000_000, "720h0m0s");
        check("0.9999999999s", 999_999_999, "999.999999ms");
    }

    #[test]
    fn clamps_what_go_would_refuse_as_too_long() {
        let longest = Duration::from_nanos(i64::MAX as u64);
        for text in ["9999999999h", "99999999999999999999999s", "2562047h48m"] {
            assert_eq!(GoDuration::from_text(text).get(), Ok(longest), "{text}");
        }
        assert_eq!(GoDuration::from(Duration::MAX).get(), Ok(longest));
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in ["", "-", "s", ".s", "-.s", "NaN", "\u{661}s", "1..5s", "1s "] {
            assert!(GoDuration::from_text(text).get().is_err(), "{text}");
        }
        let missing = GoDurationError::MissingUnit("30".into());
        assert_eq!(GoDuration::from_text("30").get(), Err(missing));
        let unknown = GoDurationError::UnknownUnit { text: "1y".into(), unit: "y".into() };
        assert_eq!(GoDuration::from_text("1y").get(), Err(unknown));
        assert_eq!(GoDuration::from_text("-1s").get(), Err(GoDurationError::Negative("-1s".into())));
        assert_eq!(GoDuration::from_text("1".repeat(500)).get(), Err(GoDurationError::TooLong(500)));
    }

    #[test]
    fn decodes_any_json_and_keeps_its_text() {
        let decoded: GoDuration = serde_json::from_str("30").expect("a number decodes");
        assert_eq!(decoded.as_text(), "30");
        let decoded: GoDuration = serde_json::from_str(r#""1y""#).expect("any text decodes");
        assert_eq!(serde_json::to_string(&decoded).expect("serialises"), r#""1y""#);
        let decoded: GoDuration = serde_json::from_str(r#""5m""#).expect("a duration decodes");
        assert_eq!(serde_json::to_string(&decoded).expect("serialises"), r#""5m0s""#);
    }

    #[test]
    fn equal_durations_are_equal_however_written() {
        assert_eq!(GoDuration::from_text("60s"), GoDuration::from_text("1m"));
        assert_ne!(GoDuration::from_text("60s"), GoDuration::from_text("1y"));
    }
}
