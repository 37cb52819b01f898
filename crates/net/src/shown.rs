use percent_encoding::percent_decode_str;
use url::Url;

use crate::Auth;

/// A URL as it may be shown: without user, password, and without the values of its query.
pub fn shown(url: &Url) -> String {
    let mut url = split_userinfo(url).0;
    url.set_fragment(None);
    let query = url.query().map(without_values);
    url.set_query(query.as_deref());
    url.into()
}

/// Keeps `service=git-upload-pack`, which says what was asked; any other value may be a signature or a token.
fn without_values(query: &str) -> String {
    let keep = |pair: &str| match pair.split_once('=') {
        Some(("service", _)) | None => pair.to_owned(),
        Some((key, _)) => format!("{key}=..."),
    };
    query.split('&').map(keep).collect::<Vec<_>>().join("&")
}

/// Takes the user and password out of a URL. They are percent-decoded.
pub fn split_userinfo(url: &Url) -> (Url, Auth) {
    let mut bare = url.clone();
    let auth = match (url.username(), url.password()) {
        ("", None) => Auth::None,
        (user, password) => Auth::basic(&decoded(user), &decoded(password.unwrap_or_default())),
    };
    // These two fail only for URLs that cannot hold userinfo at all.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    (bare, auth)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: &str) {
        assert_eq!(shown(&Url::parse(input).unwrap()), expected);
    }

    #[test]
    fn userinfo_is_never_shown() {
        check("https://bob:s3cret@host/x.git", "https://host/x.git");
        check("https://token@host:8443/x", "https://host:8443/x");
        check("ssh://git@host/x", "ssh://host/x");
    }

    #[test]
    fn only_the_service_of_a_query_is_shown() {
        check("http://h/x/info/refs?service=git-upload-pack", "http://h/x/info/refs?service=git-upload-pack");
        check("https://h/x?sig=canary&a&b=c#frag", "https://h/x?sig=...&a&b=...");
    }

    #[test]
    fn userinfo_is_split_off_and_decoded() {
        let (bare, auth) = split_userinfo(&Url::parse("https://b%40b:p%2Fw@h/x").unwrap());
        assert_eq!(bare.as_str(), "https://h/x");
        assert!(auth == Auth::basic("b@b", "p/w"));
    }
}
