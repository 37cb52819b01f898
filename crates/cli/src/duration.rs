use std::time::Duration;

use api::meta::GoDuration;

/// Reads a duration of the command line: `300ms`, `5m`, `1h30m`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    GoDuration::from_text(text).get().map_err(|error| error.to_string())
}

/// As Go prints it: `5m0s`.
pub(crate) fn print(duration: Duration) -> String {
    GoDuration::from(duration).to_string()
}
