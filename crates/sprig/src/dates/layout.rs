//! Go's layouts: a date written as the reference time `Mon Jan 2 15:04:05 MST 2006` would be.

mod read;

use std::fmt::Write;

use jiff::Zoned;

pub(super) use self::read::parse;
use super::time::Time;

/// What `String` prints.
pub(super) const STRING: &str = "2006-01-02 15:04:05.999999999 -0700 MST";
/// What JSON holds.
pub(super) const RFC3339_NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// One piece of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    Pm,
    LowerPm,
    Zone,
    /// Offset: `Z` for UTC, colons, with minutes, with seconds.
    Offset {
        z: bool,
        colon: bool,
        minutes: bool,
        seconds: bool,
    },
    /// Fraction: digits, and whether zeros at the end are left out.
    Fraction {
        digits: usize,
        trim: bool,
        comma: bool,
    },
}

/// The pieces that begin with each text, longest first where one begins another.
const PIECES: [(&str, Piece); 33] = [
    ("January", Piece::LongMonth),
    ("Jan", Piece::Month),
    ("Monday", Piece::LongWeekday),
    ("Mon", Piece::Weekday),
    ("MST", Piece::Zone),
    ("01", Piece::ZeroMonth),
    ("02", Piece::ZeroDay),
    ("03", Piece::ZeroHour12),
    ("04", Piece::ZeroMinute),
    ("05", Piece::ZeroSecond),
    ("06", Piece::Year),
    ("002", Piece::ZeroYearDay),
    ("15", Piece::Hour),
    ("1", Piece::NumMonth),
    ("2006", Piece::LongYear),
    ("2", Piece::Day),
    ("__2", Piece::UnderYearDay),
    ("_2", Piece::UnderDay),
    ("3", Piece::Hour12),
    ("4", Piece::Minute),
    ("5", Piece::Second),
    ("PM", Piece::Pm),
    ("pm", Piece::LowerPm),
    ("-070000", Piece::Offset { z: false, colon: false, minutes: true, seconds: true }),
    ("-07:00:00", Piece::Offset { z: false, colon: true, minutes: true, seconds: true }),
    ("-0700", Piece::Offset { z: false, colon: false, minutes: true, seconds: false }),
    ("-07:00", Piece::Offset { z: false, colon: true, minutes: true, seconds: false }),
    ("-07", Piece::Offset { z: false, colon: false, minutes: false, seconds: false }),
    ("Z070000", Piece::Offset { z: true, colon: false, minutes: true, seconds: true }),
    ("Z07:00:00", Piece::Offset { z: true, colon: true, minutes: true, seconds: true }),
    ("Z0700", Piece::Offset { z: true, colon: false, minutes: true, seconds: false }),
    ("Z07:00", Piece::Offset { z: true, colon: true, minutes: true, seconds: false }),
    ("Z07", Piece::Offset { z: true, colon: false, minutes: false, seconds: false }),
];

/// The text before the next piece, the piece with its own text, and what follows.
fn next_piece(layout: &str) -> Option<(&str, Piece, &str, &str)> {
    for (at, _) in layout.char_indices() {
        let rest = &layout[at..];
        if let Some(after) = rest.strip_prefix("_2006") {
            return Some((&layout[..=at], Piece::LongYear, &rest[1..5], after));
        }
        if let Some((piece, length)) = fraction(rest) {
            return Some((&layout[..at], piece, &rest[..length], &rest[length..]));
        }
        let fits = |text: &str, piece: Piece| {
            let name = matches!(piece, Piece::Month | Piece::Weekday);
            let lower = rest[text.len()..].starts_with(|c: char| c.is_ascii_lowercase());
            !(name && lower)
        };
        let found = PIECES.iter().find(|(text, piece)| rest.starts_with(text) && fits(text, *piece));
        if let Some((text, piece)) = found {
            return Some((&layout[..at], *piece, &rest[..text.len()], &rest[text.len()..]));
        }
    }
    None
}

/// `.000` or `,999`, not followed by a digit.
fn fraction(text: &str) -> Option<(Piece, usize)> {
    let mark = text.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let digit = text[1..].chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = text[1..].chars().take_while(|c| *c == digit).count();
    let more = text[1 + digits..].starts_with(|c: char| c.is_ascii_digit());
    let piece = Piece::Fraction { digits, trim: digit == '9', comma: mark == ',' };
    (!more).then_some((piece, 1 + digits))
}

pub(super) fn month(time: &Zoned) -> String {
    MONTHS[usize::from(time.month().unsigned_abs() - 1)].to_owned()
}

pub(super) fn weekday(time: &Zoned) -> String {
    DAYS[usize::from(time.weekday().to_sunday_zero_offset().unsigned_abs())].to_owned()
}

/// A time in a layout.
pub(super) fn format(time: &Time, mut layout: &str) -> String {
    let zoned = time.zoned();
    let mut out = String::with_capacity(layout.len() + 8);
    while let Some((before, piece, _, rest)) = next_piece(layout) {
        out.push_str(before);
        write_piece(&mut out, time, &zoned, piece);
        layout = rest;
    }
    out + layout
}

fn write_piece(out: &mut String, time: &Time, zoned: &Zoned, piece: Piece) {
    let hour12 = match zoned.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let _ = match piece {
        Piece::LongMonth => write!(out, "{}", month(zoned)),
        Piece::Month => write!(out, "{}", &month(zoned)[..3]),
        Piece::NumMonth => write!(out, "{}", zoned.month()),
        Piece::ZeroMonth => write!(out, "{:02}", zoned.month()),
        Piece::LongWeekday => write!(out, "{}", weekday(zoned)),
        Piece::Weekday => write!(out, "{}", &weekday(zoned)[..3]),
        Piece::Day => write!(out, "{}", zoned.day()),
        Piece::UnderDay => write!(out, "{:2}", zoned.day()),
        Piece::ZeroDay => write!(out, "{:02}", zoned.day()),
        Piece::UnderYearDay => write!(out, "{:3}", zoned.day_of_year()),
        Piece::ZeroYearDay => write!(out, "{:03}", zoned.day_of_year()),
        Piece::Hour => write!(out, "{:02}", zoned.hour()),
        Piece::Hour12 => write!(out, "{hour12}"),
        Piece::ZeroHour12 => write!(out, "{hour12:02}"),
        Piece::Minute => write!(out, "{}", zoned.minute()),
        Piece::ZeroMinute => write!(out, "{:02}", zoned.minute()),
        Piece::Second => write!(out, "{}", zoned.second()),
        Piece::ZeroSecond => write!(out, "{:02}", zoned.second()),
        Piece::LongYear => write!(out, "{:04}", zoned.year()),
        Piece::Year => write!(out, "{:02}", zoned.year().rem_euclid(100)),
        Piece::Pm => write!(out, "{}", if zoned.hour() < 12 { "AM" } else { "PM" }),
        Piece::LowerPm => write!(out, "{}", if zoned.hour() < 12 { "am" } else { "pm" }),
        Piece::Zone => write!(out, "{}", zone_name(time)),
        Piece::Offset { z, colon, minutes, seconds } => {
            let offset = zoned.offset().seconds();
            write!(
                out,
                "{}",
                if z && offset == 0 { "Z".into() } else { offset_text(offset, colon, minutes, seconds) }
            )
        }
        Piece::Fraction { digits, trim, comma } => {
            write!(out, "{}", fraction_text(zoned.subsec_nanosecond(), digits, trim, comma))
        }
    };
}

fn zone_name(time: &Time) -> String {
    let info = time.zone.to_offset_info(time.at);
    let name = info.abbreviation();
    if time.zone.to_fixed_offset().is_err() {
        return name.to_owned();
    }
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return name.to_owned();
    }
    let seconds = info.offset().seconds();
    if seconds == 0 { "UTC".into() } else { offset_text(seconds, false, true, false) }
}

fn offset_text(offset: i32, colon: bool, minutes: bool, seconds: bool) -> String {
    let (sign, size) = (if offset < 0 { '-' } else { '+' }, offset.abs());
    let colon = if colon { ":" } else { "" };
    let mut text = format!("{sign}{:02}", size / 3600);
    if minutes {
        text += &format!("{colon}{:02}", size / 60 % 60);
    }
    if seconds {
        text += &format!("{colon}{:02}", size % 60);
    }
    text
}

fn fraction_text(nanoseconds: i32, digits: usize, trim: bool, comma: bool) -> String {
    let text = format!("{nanoseconds:09}{}", "0".repeat(digits.saturating_sub(9)));
    let text = &text[..digits];
    let text = if trim { text.trim_end_matches('0') } else { text };
    if trim && text.is_empty() {
        return String::new();
    }
    format!("{}{text}", if comma { ',' } else { '.' })
}
