use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use api::meta::GoDuration;

/// A boolean as Go's `strconv.ParseBool` reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoBool(pub bool);

impl FromStr for GoBool {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Self(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Self(false)),
            other => Err(format!("{other:?} is no boolean")),
        }
    }
}

/// A duration as Go's `time.ParseDuration` reads it.
///
/// # Errors
/// When the text is none, or is negative.
pub fn duration(text: &str) -> Result<Duration, String> {
    GoDuration::from_text(text).get().map_err(|error| error.to_string())
}

/// An address to listen on: `host:port`, or `:port` for all interfaces; `0` or empty is none.
///
/// # Errors
/// When host or port cannot be read. Names are not resolved, but for `localhost`.
pub fn address(text: &str) -> Result<Option<SocketAddr>, String> {
    if matches!(text, "" | "0") {
        return Ok(None);
    }
    let full = match text.rsplit_once(':') {
        Some(("", port)) => format!("[::]:{port}"),
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        _ => text.to_owned(),
    };
    full.parse().map(Some).map_err(|_| format!("{text:?} is no address of the form host:port"))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_read_as_go_reads_them() {
        assert_eq!(address(":8080").unwrap().unwrap().to_string(), "[::]:8080");
        assert_eq!(address("127.0.0.1:0").unwrap().unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(address("localhost:80").unwrap().unwrap().to_string(), "127.0.0.1:80");
        assert_eq!(address("0"), Ok(None));
        assert!(address("8080").is_err());
    }
}
