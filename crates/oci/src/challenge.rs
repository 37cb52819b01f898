/// What a registry demands, by its `WWW-Authenticate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Nothing.
    None,
    /// Name and password with every request.
    Basic,
    /// A token of this server.
    Bearer {
        /// Address of the token server.
        realm: String,
        /// Which service the token is for; may be empty.
        service: String,
    },
}

impl Challenge {
    /// Reads the header; a bearer challenge wins over a basic one, an unknown scheme is basic.
    pub(crate) fn parse<'a>(headers: impl Iterator<Item = &'a str>) -> Self {
        let all: Vec<&str> = headers.collect();
        let bearer = all.iter().find_map(|header| bearer(header));
        bearer.unwrap_or(Self::Basic)
    }
}

fn bearer(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameters = parameters(rest);
    let value = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    Some(Challenge::Bearer { realm: value("realm")?, service: value("service").unwrap_or_default() })
}

/// `a="b, c",d=e` as pairs.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        found.push((key.trim().to_ascii_lowercase(), value.trim().to_owned()));
        rest = next.trim_start_matches([',', ' ']);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_with_quotes_and_commas() {
        let header =
            r#"Bearer realm="https://auth.io/token",service="reg.io",scope="repository:a:pull,push""#;
        let expected = Challenge::Bearer { realm: "https://auth.io/token".into(), service: "reg.io".into() };
        assert_eq!(Challenge::parse([r#"Basic realm="x""#, header].into_iter()), expected);
        assert_eq!(Challenge::parse([r#"Basic realm="x""#].into_iter()), Challenge::Basic);
        assert_eq!(Challenge::parse(["Bearer service=x"].into_iter()), Challenge::Basic);
    }
}
