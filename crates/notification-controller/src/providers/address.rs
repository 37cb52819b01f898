//! Addresses as Providers state them.

use url::Url;

use super::SetupError;

/// A webhook's address, for messages that show the cause in their own way.
pub(crate) fn hook(address: &str) -> Result<Url, String> {
    if address.is_empty() {
        return Err("parse \"\": empty url".to_owned());
    }
    let parsed = Url::parse(address).ok().filter(|_| address.contains(":/"));
    parsed.ok_or_else(|| format!("parse \"{address}\": invalid URI for request"))
}

/// A webhook's address, with the error Flux gives for most types.
pub(crate) fn hook_of(what: &str, address: &str) -> Result<Url, SetupError> {
    hook(address).map_err(|cause| SetupError(format!("invalid {what} {address}: '{cause}'")))
}

/// A repository's address: `scheme://host[:port]` of the API, and the path without `.git`.
pub(crate) fn repository(address: &str) -> Result<(String, String), SetupError> {
    let failed = || SetupError(format!("failed parsing URL \"{address}\""));
    let normal = normal(address);
    let url = Url::parse(&normal).map_err(|_| failed())?;
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let scheme = if url.scheme() == "ssh" { "https" } else { url.scheme() };
    let path = url.path().trim_start_matches('/');
    let id = path.strip_suffix(".git").unwrap_or(path);
    Ok((format!("{scheme}://{host}{port}"), id.to_owned()))
}

/// `git@host:path` is an SSH address too.
fn normal(address: &str) -> String {
    if address.contains("://") {
        return address.to_owned();
    }
    match address.split_once(':') {
        Some((host, path)) if !host.contains('/') => format!("ssh://{host}/{path}"),
        _ => format!("file://{address}"),
    }
}

/// Owner and name of a repository.
pub(crate) fn owner_and_name(
    id: &str,
    error: impl Fn(&str) -> String,
) -> Result<(String, String), SetupError> {
    match id.split('/').collect::<Vec<_>>()[..] {
        [owner, name] => Ok((owner.to_owned(), name.to_owned())),
        _ => Err(SetupError(error(id))),
    }
}

/// A segment of a path, escaped as Go's `url.PathEscape` does.
pub(crate) fn segment(text: &str) -> String {
    escaped(text, |byte| byte.is_ascii_alphanumeric() || b"-_.~$&+=:@".contains(&byte), false)
}

/// A value of a form or query, escaped as Go's `url.QueryEscape` does.
pub(crate) fn form_value(text: &str) -> String {
    escaped(text, |byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte), true)
}

fn escaped(text: &str, plain: impl Fn(u8) -> bool, plus: bool) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' if plus => out.push('+'),
            byte if plain(byte) => out.push(char::from(byte)),
            byte => {
                // Writing to a text cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{form_value, hook, repository, segment};

    #[test]
    fn repositories_are_read_from_all_forms() {
        let check = |address, host: &str, id: &str| {
            assert_eq!(repository(address).unwrap(), (host.to_owned(), id.to_owned()), "{address}");
        };
        check("https://github.com/org/repo.git", "https://github.com", "org/repo");
        check("ssh://git@github.com/org/repo.git", "https://github.com", "org/repo");
        check("git@gitlab.com:group/sub/repo.git", "https://gitlab.com", "group/sub/repo");
        check("http://127.0.0.1:9650/org/repo", "http://127.0.0.1:9650", "org/repo");
        check("https://user:pw@host:8443/a/b", "https://host:8443", "a/b");
    }

    #[test]
    fn addresses_without_scheme_are_none() {
        assert_eq!(hook("").unwrap_err(), "parse \"\": empty url");
        assert_eq!(hook("not-a-url").unwrap_err(), "parse \"not-a-url\": invalid URI for request");
        assert!(hook("mailto:a@b").is_err());
        assert_eq!(hook("http://h/a?x=1&y=a%20b").unwrap().as_str(), "http://h/a?x=1&y=a%20b");
    }

    #[test]
    fn texts_are_escaped_as_go_does() {
        assert_eq!(segment("group/sub repo"), "group%2Fsub%20repo");
        assert_eq!(form_value("a b/*ü"), "a+b%2F%2A%C3%BC");
    }
}
