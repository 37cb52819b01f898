//! Values of a `HelmRelease`: inline, from ConfigMaps and Secrets, and their digest.
mod alias;

use helm_template::{SetError, Values, ValuesError};
use manifest::yaml::to_yaml_unsorted;
use serde_json::Value;

use crate::{gojson::sorted, observation::sha256};

/// One entry of `valuesFrom` whose content the caller has fetched. Absent optional ones are left out by the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValuesRef<'a> {
    /// The content: a values file, or the value for the target path.
    pub content: &'a str,
    /// Where the content goes; `None` when it is a values file.
    pub target_path: Option<&'a str>,
    /// The content is taken as it is, without `--set`'s grammar.
    pub literal: bool,
}

/// Content of a `valuesFrom` entry that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValuesRefError {
    /// It is no values file.
    #[error("{0}")]
    Read(#[from] ValuesError),
    /// It cannot be set at its target path.
    #[error("{0}")]
    Merge(#[from] SetError),
}

/// Puts the values of a release together: every entry over those before it, the inline values over all.
///
/// An entry with a target path is different: it is set over the inline values, and wins where Flux's own merging
/// lets it (see `alias`).
///
/// # Errors
/// With the index of the entry that cannot be used.
pub fn compose_values(inline: &Values, refs: &[ValuesRef<'_>]) -> Result<Values, (usize, ValuesRefError)> {
    let mut inline = inline.clone();
    let mut result = Values::new();
    for (index, each) in refs.iter().enumerate() {
        let done = match each.target_path.filter(|path| !path.is_empty()) {
            None => Values::read(each.content).map(|file| result.merge(&file)).map_err(ValuesRefError::from),
            Some(path) => set_at(&mut result, &mut inline, path, each).map_err(ValuesRefError::from),
        };
        done.map_err(|error| (index, error))?;
    }
    result.merge(&inline);
    Ok(result)
}

fn set_at(
    result: &mut Values,
    inline: &mut Values,
    path: &str,
    each: &ValuesRef<'_>,
) -> Result<(), SetError> {
    let shared = alias::writes_through(path, result.as_map(), inline.as_map());
    result.merge(inline);
    set(result, path, each)?;
    if shared { set(inline, path, each) } else { Ok(()) }
}

fn set(values: &mut Values, path: &str, each: &ValuesRef<'_>) -> Result<(), SetError> {
    let content = each.content;
    if each.literal {
        return values.set_string(&format!("{path}={}", escape(content)));
    }
    let quoted = |quote: char| content.starts_with(quote) && content.ends_with(quote);
    if quoted('\'') || quoted('"') {
        return values.set_string(&format!("{path}={}", content.trim_matches(['\'', '"'])));
    }
    values.set(&format!("{path}={content}"))
}

/// Everything that `--set` would take for grammar behind the `=`.
fn escape(content: &str) -> String {
    let mut out = String::with_capacity(content.len());
    for c in content.chars() {
        if matches!(c, '\\' | ',' | '[' | ']' | '{' | '}') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The digest of values as in `status.history[].configDigest`: over YAML with plainly sorted keys, and over nothing
/// when there are no values.
#[must_use]
pub fn digest_values(values: &Values) -> String {
    if values.is_empty() {
        return sha256(b"");
    }
    sha256(to_yaml_unsorted(&Value::Object(sorted(values.as_map()))).as_bytes())
}

/// Whether the values have this digest. Only `sha256:` digests are known.
#[must_use]
pub fn verify_values(digest: &str, values: &Values) -> bool {
    digest == digest_values(values)
}

#[cfg(test)]
mod tests {
    use helm_template::Values;
    use serde_json::{Value, json};

    use super::{ValuesRef, compose_values, digest_values, verify_values};

    fn file(content: &str) -> ValuesRef<'_> {
        ValuesRef { content, ..ValuesRef::default() }
    }

    fn at<'a>(path: &'a str, content: &'a str) -> ValuesRef<'a> {
        ValuesRef { content, target_path: Some(path), literal: false }
    }

    fn check(inline: &str, refs: &[ValuesRef<'_>], expect: &Value) {
        let values = compose_values(&Values::parse(inline).unwrap(), refs).unwrap();
        assert_eq!(&Value::Object(values.into_map()), expect);
    }

    #[test]
    fn later_entries_win_and_inline_values_over_all() {
        check(
            "c: inline\n",
            &[file("a: 1\nb: {x: 1}\nc: 1\n"), file("a: 2\nb: {z: null}\n")],
            &json!({"a": 2.0, "b": {"x": 1.0, "z": null}, "c": "inline"}),
        );
    }

    #[test]
    fn a_target_path_wins_over_inline_values_that_no_entry_had() {
        check("a: {b: 1, c: 3}\n", &[at("a.b", "2")], &json!({"a": {"b": 2, "c": 3.0}}));
        check("a: 1\n", &[at("a", "2")], &json!({"a": 1.0}));
        check("a: {b: 1}\n", &[file("a: {b: 0}\n"), at("a.b", "2")], &json!({"a": {"b": 1.0}}));
        check("a: {b: 1, c: 3}\n", &[at("a.b", "2"), at("a.c", "5")], &json!({"a": {"b": 2, "c": 3.0}}));
    }

    #[test]
    fn quotes_make_a_string_and_literals_keep_everything() {
        check("", &[at("a", "'5'")], &json!({"a": "5"}));
        check("", &[at("a", "true")], &json!({"a": true}));
        let literal = ValuesRef { content: r"x,{y}\[z]", target_path: Some("a.b"), literal: true };
        check("", &[literal], &json!({"a": {"b": r"x,{y}\[z]"}}));
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_named() {
        let (index, error) = compose_values(&Values::new(), &[file("a: 1\n"), file("- x\n")]).unwrap_err();
        assert_eq!(index, 1);
        assert_eq!(
            error.to_string(),
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type common.Values"
        );
    }

    #[test]
    fn the_digest_is_that_of_sorted_yaml() {
        let none = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest_values(&Values::new()), none);
        let one = Values::parse("b: [{z: 1, a: 2}]\na10: x\na9: 1\n").unwrap();
        let other = Values::parse("a9: 1\nb:\n- a: 2\n  z: 1\na10: x\n").unwrap();
        assert_eq!(digest_values(&one), digest_values(&other));
        assert!(verify_values(none, &Values::new()));
        assert!(verify_values(&digest_values(&one), &other));
        assert!(!verify_values(none, &one));
        assert_eq!(digest_values(&one), super::sha256(b"a10: x\na9: 1\nb:\n- a: 2\n  z: 1\n"));
    }
}
