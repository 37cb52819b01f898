use crate::yaml::{
    Tag,
    number::{parse_float, parse_int},
    timestamp::parse_timestamp,
};

/// Which words mean what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `sigs.k8s.io/yaml` (go-yaml v2): `yes`, `no`, `on`, `off`, `y`, `n` are booleans, dates are strings.
    Sigs,
    /// `kyaml` (go-yaml v3): only `true` and `false` are booleans, dates are timestamps.
    Kyaml,
}

/// What an unquoted text stands for.
#[must_use]
pub fn resolve_plain(dialect: Dialect, text: &str) -> Tag {
    let Some(first) = text.as_bytes().first() else { return Tag::Null };
    match first {
        b'~' if text.len() == 1 => Tag::Null,
        b'<' if text == "<<" => Tag::Merge,
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => word(dialect, text),
        b'.' if is_special_float(text) || is_dotted_float(text) => Tag::Float,
        b'+' | b'-' if is_special_float(&text[1..]) => Tag::Float,
        b'0'..=b'9' | b'+' | b'-' => number(dialect, text),
        _ => Tag::Str,
    }
}

fn word(dialect: Dialect, text: &str) -> Tag {
    match text {
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Tag::Bool,
        "null" | "Null" | "NULL" => Tag::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO" | "off"
        | "Off" | "OFF"
            if dialect == Dialect::Sigs =>
        {
            Tag::Bool
        }
        _ => Tag::Str,
    }
}

/// Whether a text tagged as a boolean means true.
pub(crate) fn is_true(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b't' | b'T' | b'y' | b'Y'))
        || (text.len() == 2 && text.eq_ignore_ascii_case("on"))
}

/// `.inf` and `.nan`, without a sign.
pub(crate) fn is_special_float(text: &str) -> bool {
    matches!(text, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
}

fn is_dotted_float(text: &str) -> bool {
    !text.contains('_') && parse_float(text).is_some()
}

fn number(dialect: Dialect, text: &str) -> Tag {
    if parse_int(text).is_some() {
        return Tag::Int;
    }
    if parse_float(text).is_some() {
        return Tag::Float;
    }
    if dialect == Dialect::Kyaml && parse_timestamp(text).is_some() { Tag::Timestamp } else { Tag::Str }
}

#[cfg(test)]
mod tests {
    use super::{Dialect, resolve_plain};
    use crate::yaml::Tag;

    #[test]
    fn yaml_1_1_words_are_booleans_to_sigs_alone() {
        for text in ["yes", "No", "on", "OFF", "y", "N"] {
            assert_eq!(resolve_plain(Dialect::Sigs, text), Tag::Bool, "{text}");
            assert_eq!(resolve_plain(Dialect::Kyaml, text), Tag::Str, "{text}");
        }
    }

    #[test]
    fn reads_words_and_numbers() {
        for (text, tag) in [
            ("", Tag::Null),
            ("~", Tag::Null),
            ("tRue", Tag::Str),
            ("+.inf", Tag::Float),
            ("0x", Tag::Str),
            ("09", Tag::Float),
            ("1e400", Tag::Str),
            ("12:30:45", Tag::Str),
            ("-", Tag::Str),
            ("é", Tag::Str),
        ] {
            assert_eq!(resolve_plain(Dialect::Sigs, text), tag, "{text}");
        }
        assert_eq!(resolve_plain(Dialect::Kyaml, "2001-01-01"), Tag::Timestamp);
    }
}
