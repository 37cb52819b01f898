use k8s_openapi::jiff::Timestamp;

/// How long ago a time of the API server was, as kubectl prints it; `<unknown>` for none.
pub(crate) fn since(time: &str, now: Timestamp) -> String {
    match time.parse::<Timestamp>() {
        Ok(then) => human(now.as_second() - then.as_second()),
        Err(_) => "<unknown>".into(),
    }
}

/// Seconds in the form of kubectl's `HumanDuration` (k8s.io/apimachinery duration.go): two units at most, the smaller
/// one dropped as the larger grows.
fn human(seconds: i64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    let two = |large: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{small_unit}"),
    };
    match seconds {
        ..-1 => "<invalid>".into(),
        -1..0 => "0s".into(),
        0..120 => format!("{seconds}s"),
        _ if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        _ if minutes < 180 => format!("{minutes}m"),
        _ if hours < 8 => two(hours, "h", minutes % 60, "m"),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 192 => two(days, "d", hours % 24, "h"),
        _ if days < 365 * 2 => format!("{days}d"),
        _ if days < 365 * 8 => two(years, "y", days % 365, "d"),
        _ => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn the_smaller_unit_goes_as_the_larger_grows() {
        let cases =
            [(0, "0s"), (119, "119s"), (120, "2m"), (130, "2m10s"), (3600, "60m"), (3 * 3600 + 60, "3h1m")];
        for (seconds, text) in cases {
            assert_eq!(human(seconds), text);
        }
        assert_eq!(human(47 * 3600), "47h");
        assert_eq!(human(49 * 3600), "2d1h");
        assert_eq!(human(9 * 86400), "9d");
        assert_eq!(human(3 * 365 * 86400 + 86400), "3y1d");
        assert_eq!(human(-5), "<invalid>");
    }
}
