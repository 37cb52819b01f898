//! Reading of fields as kstatus reads them: what is absent or of another type is the default.

use serde_json::Value;

/// One entry of `status.conditions`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition<'o> {
    pub(crate) kind: &'o str,
    pub(crate) status: &'o str,
    pub(crate) reason: &'o str,
    pub(crate) message: &'o str,
}

impl Condition<'_> {
    pub(crate) fn is(&self, kind: &str, status: &str) -> bool {
        self.kind == kind && self.status == status
    }
}

pub(crate) fn at<'o>(object: &'o Value, path: &[&str]) -> Option<&'o Value> {
    path.iter().try_fold(object, |value, field| value.get(field))
}

pub(crate) fn int(object: &Value, path: &[&str], default: i64) -> i64 {
    at(object, path).and_then(Value::as_i64).unwrap_or(default)
}

pub(crate) fn text<'o>(object: &'o Value, path: &[&str], default: &'o str) -> &'o str {
    at(object, path).and_then(Value::as_str).unwrap_or(default)
}

/// `status.conditions` in order; entries that are no mapping are left out.
pub(crate) fn conditions(object: &Value) -> impl Iterator<Item = Condition<'_>> {
    let entries = at(object, &["status", "conditions"]).and_then(Value::as_array);
    entries.into_iter().flatten().filter(|entry| entry.is_object()).map(|entry| Condition {
        kind: text(entry, &["type"], ""),
        status: text(entry, &["status"], ""),
        reason: text(entry, &["reason"], ""),
        message: text(entry, &["message"], ""),
    })
}

/// Seconds since 1970 of an RFC 3339 time in UTC as the API server writes it (`2026-01-02T03:04:05Z`).
pub(crate) fn seconds(time: &str) -> Option<i64> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let date: Vec<i64> = date.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let clock = clock.split('.').next()?;
    let clock: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let ([year, month, day], [hour, minute, second]) = (date.as_slice(), clock.as_slice()) else {
        return None;
    };
    let in_range = (1..=12).contains(month) && (1..=31).contains(day) && (0..=9999).contains(year);
    in_range.then(|| days(*year, *month, *day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_of_the_api_server() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:00:01Z"), Some(951_825_601));
        assert_eq!(seconds("2026-11-21T13:00:00.123456Z"), Some(1_795_266_000));
        for bad in ["", "2026-13-01T00:00:00Z", "2026-01-01", "x-y-zTa:b:cZ"] {
            assert_eq!(seconds(bad), None, "{bad}");
        }
    }
}
