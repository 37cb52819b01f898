//! Reading a time by its layout.

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time as Clock},
    tz::{Offset, TimeZone},
};

use super::{DAYS, MONTHS, Piece, Time, fraction, next_piece};

/// What was read so far.
#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    year_day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    pm: Option<bool>,
    /// Seconds east of UTC.
    offset: Option<i32>,
    utc: bool,
    zone: Option<String>,
}

/// Why a piece was not read.
enum Wrong {
    Syntax,
    Range(&'static str),
}

/// Reads a time; one without an offset is in `local`.
///
/// # Errors
/// In Go's words.
pub(crate) fn parse(layout: &str, value: &str, local: &TimeZone) -> Result<Time, String> {
    let mut fields = Fields::default();
    let (mut pieces, mut rest) = (layout, value);
    let failed = |piece: &str, rest: &str, wrong: Wrong| match wrong {
        Wrong::Syntax => {
            format!("parsing time {value:?} as {layout:?}: cannot parse {rest:?} as {piece:?}")
        }
        Wrong::Range(what) => format!("parsing time {value:?}: {what} out of range"),
    };
    while let Some((before, piece, text, after)) = next_piece(pieces) {
        rest = skip(rest, before).ok_or_else(|| failed(before, rest, Wrong::Syntax))?;
        let held = rest;
        rest = read_piece(&mut fields, piece, rest, after).map_err(|wrong| failed(text, held, wrong))?;
        pieces = after;
    }
    rest = skip(rest, pieces).ok_or_else(|| failed(pieces, rest, Wrong::Syntax))?;
    if !rest.is_empty() {
        return Err(format!("parsing time {value:?}: extra text: {rest:?}"));
    }
    assemble(&fields, local).map_err(|wrong| failed("", value, wrong))
}

/// Steps over literal text; a space stands for any number of them.
fn skip<'v>(mut value: &'v str, prefix: &str) -> Option<&'v str> {
    let mut prefix = prefix;
    while let Some(c) = prefix.chars().next() {
        if c == ' ' {
            if !value.is_empty() && !value.starts_with(' ') {
                return None;
            }
            prefix = prefix.trim_start_matches(' ');
            value = value.trim_start_matches(' ');
            continue;
        }
        value = value.strip_prefix(c)?;
        prefix = &prefix[c.len_utf8()..];
    }
    Some(value)
}

fn digits(value: &str, least: usize, most: usize) -> Result<(i64, &str), Wrong> {
    let count = value.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return Err(Wrong::Syntax);
    }
    Ok((value[..count].parse().map_err(|_| Wrong::Syntax)?, &value[count..]))
}

fn within(number: i64, low: i64, high: i64, what: &'static str) -> Result<i64, Wrong> {
    if (low..=high).contains(&number) { Ok(number) } else { Err(Wrong::Range(what)) }
}

fn name<'v>(value: &'v str, names: &[&str], length: Option<usize>) -> Result<(i64, &'v str), Wrong> {
    for (index, name) in names.iter().enumerate() {
        let name = length.map_or(*name, |length| &name[..length]);
        if value.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            return Ok((i64::try_from(index).unwrap_or_default(), &value[name.len()..]));
        }
    }
    Err(Wrong::Syntax)
}

fn read_piece<'v>(fields: &mut Fields, piece: Piece, value: &'v str, after: &str) -> Result<&'v str, Wrong> {
    match piece {
        Piece::Year => {
            let (year, rest) = digits(value, 2, 2)?;
            fields.year = if year >= 69 { 1900 + year } else { 2000 + year };
            Ok(rest)
        }
        Piece::LongYear => {
            let (year, rest) = digits(value, 4, 4)?;
            fields.year = year;
            Ok(rest)
        }
        Piece::Month | Piece::LongMonth => {
            let length = (piece == Piece::Month).then_some(3);
            let (month, rest) = name(value, &MONTHS, length)?;
            fields.month = Some(month + 1);
            Ok(rest)
        }
        Piece::NumMonth | Piece::ZeroMonth => {
            let (month, rest) = digits(value, if piece == Piece::ZeroMonth { 2 } else { 1 }, 2)?;
            fields.month = Some(within(month, 1, 12, "month")?);
            Ok(rest)
        }
        Piece::Weekday => name(value, &DAYS, Some(3)).map(|(_, rest)| rest),
        Piece::LongWeekday => name(value, &DAYS, None).map(|(_, rest)| rest),
        Piece::Day | Piece::UnderDay | Piece::ZeroDay => {
            let value =
                if piece == Piece::UnderDay { value.strip_prefix(' ').unwrap_or(value) } else { value };
            let (day, rest) = digits(value, if piece == Piece::ZeroDay { 2 } else { 1 }, 2)?;
            fields.day = Some(day);
            Ok(rest)
        }
        Piece::UnderYearDay | Piece::ZeroYearDay => {
            let value = if piece == Piece::UnderYearDay { value.trim_start_matches(' ') } else { value };
            let (day, rest) = digits(value, if piece == Piece::ZeroYearDay { 3 } else { 1 }, 3)?;
            fields.year_day = Some(day);
            Ok(rest)
        }
        _ => read_clock(fields, piece, value, after),
    }
}

fn read_clock<'v>(fields: &mut Fields, piece: Piece, value: &'v str, after: &str) -> Result<&'v str, Wrong> {
    match piece {
        Piece::Hour => {
            let (hour, rest) = digits(value, 1, 2)?;
            fields.hour = within(hour, 0, 23, "hour")?;
            Ok(rest)
        }
        Piece::Hour12 | Piece::ZeroHour12 => {
            let (hour, rest) = digits(value, if piece == Piece::ZeroHour12 { 2 } else { 1 }, 2)?;
            fields.hour = within(hour, 0, 12, "hour")?;
            Ok(rest)
        }
        Piece::Minute | Piece::ZeroMinute => {
            let (minute, rest) = digits(value, if piece == Piece::ZeroMinute { 2 } else { 1 }, 2)?;
            fields.minute = within(minute, 0, 59, "minute")?;
            Ok(rest)
        }
        Piece::Second | Piece::ZeroSecond => {
            let (second, rest) = digits(value, if piece == Piece::ZeroSecond { 2 } else { 1 }, 2)?;
            fields.second = within(second, 0, 59, "second")?;
            // A fraction may stand in the text that the layout does not name.
            let named = next_piece(after).is_some_and(|(before, piece, ..)| {
                before.is_empty() && matches!(piece, Piece::Fraction { .. })
            });
            if named { Ok(rest) } else { Ok(read_fraction(fields, rest, None).unwrap_or(rest)) }
        }
        Piece::Pm | Piece::LowerPm => {
            let (pm, am) = if piece == Piece::Pm { ("PM", "AM") } else { ("pm", "am") };
            fields.pm = Some(value.starts_with(pm));
            value.strip_prefix(pm).or_else(|| value.strip_prefix(am)).ok_or(Wrong::Syntax)
        }
        Piece::Fraction { trim: true, .. } => Ok(read_fraction(fields, value, None).unwrap_or(value)),
        Piece::Fraction { digits, .. } => read_fraction(fields, value, Some(digits)).ok_or(Wrong::Syntax),
        piece => read_zone(fields, piece, value),
    }
}

fn read_fraction<'v>(fields: &mut Fields, value: &'v str, wanted: Option<usize>) -> Option<&'v str> {
    let text = value.strip_prefix(['.', ','])?;
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let count = match wanted {
        Some(wanted) if count >= wanted => wanted,
        None if count > 0 => count,
        _ => return None,
    };
    let nine: String = text[..count].chars().chain(std::iter::repeat('0')).take(9).collect();
    fields.nanosecond = nine.parse().ok()?;
    debug_assert!(fraction(".0").is_some(), "fractions are told alike when written");
    Some(&text[count..])
}

fn read_zone<'v>(fields: &mut Fields, piece: Piece, value: &'v str) -> Result<&'v str, Wrong> {
    let Piece::Offset { z, colon, minutes, seconds } = piece else { return read_zone_name(fields, value) };
    if z && value.starts_with('Z') {
        fields.utc = true;
        return Ok(&value[1..]);
    }
    let sign = match value.chars().next() {
        Some('+') => 1,
        Some('-') => -1,
        _ => return Err(Wrong::Syntax),
    };
    let (hours, mut rest) = digits(&value[1..], 2, 2)?;
    let mut offset = within(hours, 0, 24, "time zone offset hour")? * 3600;
    for (wanted, unit) in [(minutes, 60), (seconds, 1)] {
        if !wanted {
            continue;
        }
        if colon {
            rest = rest.strip_prefix(':').ok_or(Wrong::Syntax)?;
        }
        let (number, tail) = digits(rest, 2, 2)?;
        offset += within(number, 0, 60, "time zone offset minute")? * unit;
        rest = tail;
    }
    fields.offset = Some(sign * i32::try_from(offset).unwrap_or_default());
    Ok(rest)
}

fn read_zone_name<'v>(fields: &mut Fields, value: &'v str) -> Result<&'v str, Wrong> {
    if let Some(rest) = value.strip_prefix("UTC") {
        fields.utc = true;
        return Ok(rest);
    }
    let upper = value.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    let length = match upper {
        5 if value.as_bytes()[4] == b'T' => 5,
        4 if value.as_bytes()[3] == b'T' || value.starts_with("WITA") => 4,
        3 => 3,
        _ => return Err(Wrong::Syntax),
    };
    fields.zone = Some(value[..length].to_owned());
    Ok(&value[length..])
}

fn assemble(fields: &Fields, local: &TimeZone) -> Result<Time, Wrong> {
    let hour = match (fields.pm, fields.hour) {
        (Some(true), hour) if hour < 12 => hour + 12,
        (Some(false), 12) => 0,
        (_, hour) => hour,
    };
    let small = |number: i64| i8::try_from(number).map_err(|_| Wrong::Range("day"));
    let year = i16::try_from(fields.year).map_err(|_| Wrong::Range("year"))?;
    let date = match fields.year_day {
        Some(day) => {
            let first = Date::new(year, 1, 1).map_err(|_| Wrong::Range("year"))?;
            let day = i16::try_from(day).ok().filter(|day| *day >= 1).ok_or(Wrong::Range("day-of-year"))?;
            first.with().day_of_year(day).build().map_err(|_| Wrong::Range("day-of-year"))?
        }
        None => {
            let (month, day) = (small(fields.month.unwrap_or(1))?, small(fields.day.unwrap_or(1))?);
            Date::new(year, month, day).map_err(|_| Wrong::Range("day"))?
        }
    };
    let nanosecond = i32::try_from(fields.nanosecond).unwrap_or_default();
    let clock = Clock::new(small(hour)?, small(fields.minute)?, small(fields.second)?, nanosecond);
    let civil = DateTime::from_parts(date, clock.map_err(|_| Wrong::Range("hour"))?);
    place(civil, fields, local).ok_or(Wrong::Range("year"))
}

fn place(civil: DateTime, fields: &Fields, local: &TimeZone) -> Option<Time> {
    if fields.utc {
        return Some(Time { at: instant(civil, &TimeZone::UTC)?, zone: TimeZone::UTC });
    }
    if let Some(seconds) = fields.offset {
        let offset = Offset::from_seconds(seconds).ok()?;
        let at = offset.to_timestamp(civil).ok()?;
        let zone = if local.to_offset(at) == offset { local.clone() } else { TimeZone::fixed(offset) };
        return Some(Time { at, zone });
    }
    if let Some(name) = &fields.zone {
        // Go makes up a zone of that name at UTC.
        let zone = TimeZone::posix(&format!("{name}0")).unwrap_or(TimeZone::UTC);
        return Some(Time { at: instant(civil, &zone)?, zone });
    }
    Some(Time { at: instant(civil, local)?, zone: local.clone() })
}

fn instant(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_timestamp(civil).ok()
}
