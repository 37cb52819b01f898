//! Sets marked scalars in place: `image: app:1.0 # {"$imagepolicy": "ns:app"}`.
//!
//! Every byte that is not the scalar's own stays: comments, quotes, indentation, line ends. Which scalar a comment
//! belongs to follows kyaml (fieldmeta over go-yaml's comments): the one that ends on its line, and a scalar that
//! begins the line below it, alone or as a list's element.

mod place;
mod walk;
mod write;

use std::collections::BTreeMap;

pub use self::write::scalar_text;

use self::walk::Found;
use crate::yaml::{Limits, YamlError, parse::guarded};

/// Which object of a file a change was made in; empty where the document does not say it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetterObject {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

/// One scalar that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetterChange {
    /// The object that holds it.
    pub object: SetterObject,
    /// The name in the marker.
    pub setter: String,
    /// The value before.
    pub old: String,
    /// The value now.
    pub new: String,
}

/// A text with its scalars set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetterOutcome {
    /// The text; as it was when there are no changes.
    pub text: String,
    /// What changed, in the order of the text.
    pub changes: Vec<SetterChange>,
}

/// Sets every scalar whose marker (a comment with a JSON object of strings) names, under `key`, a setter that `value`
/// knows. Scalars that have the value already are left as they are written.
///
/// # Errors
/// The text is no YAML, one of its documents is no mapping, or a limit is exceeded.
pub fn apply_setters<'v>(
    text: &str,
    key: &str,
    value: &dyn Fn(&str) -> Option<&'v str>,
    limits: &Limits,
) -> Result<SetterOutcome, YamlError> {
    let found = guarded(|| walk::scalars(text, limits))?;
    let mut splices = Vec::new();
    let mut changes = Vec::new();
    for Found { scalar, object } in found {
        let Some(setter) = place::comments(text, &scalar).find_map(|comment| marker(comment, key)) else {
            continue;
        };
        let Some(new) = value(&setter).filter(|new| *new != scalar.value) else { continue };
        splices.extend(write::splices(text, &scalar, new));
        changes.push(SetterChange { object, setter, old: scalar.value, new: new.to_owned() });
    }
    Ok(SetterOutcome { text: write::spliced(text, &splices), changes })
}

/// The setter that a comment names.
fn marker(comment: &str, key: &str) -> Option<String> {
    let json = comment.trim_start_matches('#');
    let mut fields: BTreeMap<String, String> = serde_json::from_str(json).ok()?;
    fields.remove(key).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<SetterOutcome, YamlError> {
        let value = |name: &str| match name {
            "ns:app" => Some("reg.io/app:1.1.0"),
            "ns:app:tag" => Some("1.1.0"),
            "ns:num:tag" => Some("1.10"),
            "ns:word:tag" => Some("yes"),
            "ns:odd" => Some("it's: #odd\n"),
            "ns:app:digest" => Some(""),
            _ => None,
        };
        apply_setters(text, "$imagepolicy", &value, &Limits::default())
    }

    /// `@name` in both texts stands for a marker.
    fn check(text: &str, expect: &str) {
        let full = |text: &str| {
            let mut full = text.to_owned();
            for name in ["app:tag", "app:digest", "num:tag", "word:tag", "odd", "none", "app"] {
                full = full.replace(&format!("@{name}"), &format!("# {{\"$imagepolicy\": \"ns:{name}\"}}"));
            }
            full
        };
        assert_eq!(run(&full(text)).unwrap().text, full(expect), "{text}");
    }

    #[test]
    fn all_but_the_scalar_stays() {
        check("a:   x:1    @app\nb:  c # d\n\n", "a:   reg.io/app:1.1.0    @app\nb:  c # d\n\n");
        check("# head\n\na: 'x' @app\n", "# head\n\na: 'reg.io/app:1.1.0' @app\n");
        check("a: \"x\" @app", "a: \"reg.io/app:1.1.0\" @app");
        check("a: 1\r\nb: x @app\r\nc: 2\r\n", "a: 1\r\nb: reg.io/app:1.1.0 @app\r\nc: 2\r\n");
        check("\u{feff}ü: é\nb: x @app\n", "\u{feff}ü: é\nb: reg.io/app:1.1.0 @app\n");
        check("a: x @app\n---\nb: x @none\n", "a: reg.io/app:1.1.0 @app\n---\nb: x @none\n");
    }

    #[test]
    fn a_comment_speaks_of_the_scalar_that_kyaml_gives_it_to() {
        let app = "reg.io/app:1.1.0";
        for text in [
            "- x @app",
            "l:\n- x @app\n- y",
            "a: {\n  i: x, @app\n  b: c\n}",
            "a: [\n  x @app\n]",
            "i: &n x @app\nb: *n",
            "i: !!str x @app",
            "i:\n  x @app",
            "i: # c\n  \"x\" @app",
            "l:\n@app\n- x\n- y",
            "l:\n  @app\n  x",
            "l:\n@app\n- &n x\n- *n",
            "i: x\t@app",
        ] {
            let text =
                format!("r:\n{}\n", text.lines().map(|line| format!("  {line}\n")).collect::<String>());
            check(&text, &text.replacen("x", app, 1));
        }
        for text in [
            "@app\ni: x\n",
            "a: [x] @app\n",
            "a: {i: x} @app\n",
            "i: @app\n  x\n",
            "i: @app\nb: x\n",
            "l:\n- x\n@app\n",
            "i: |\n  x @app\n",
            "a: &n x\ni: *n @app\n",
            "l:\n# x\n@app\n- x\n",
            "l:\n@app\n- i: x\n",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn only_a_comment_that_is_json_of_strings_is_a_marker() {
        let told = |comment: &str| run(&format!("i: x {comment}\n")).unwrap().changes.len();
        for good in ["#{\"$imagepolicy\":\"ns:app\"}", "## { \"a\": \"b\", \"$imagepolicy\": \"ns:app\" } "] {
            assert_eq!(told(good), 1, "{good}");
        }
        for bad in [
            "# {\"$imagepolicy\": \"ns:app\"} more",
            "# see {\"$imagepolicy\": \"ns:app\"}",
            "# {\"a\": 1, \"$imagepolicy\": \"ns:app\"}",
            "# {'$imagepolicy': 'ns:app'}",
            "# {\"$imagepolicy\": \"\"}",
        ] {
            assert_eq!(told(bad), 0, "{bad}");
        }
    }

    #[test]
    fn block_scalars_become_one_line_and_keep_their_comment() {
        check("i: | @app\n  x\n  y\n\nb: c\n", "i: reg.io/app:1.1.0 @app\n\nb: c\n");
        check("r:\n  i: >- @app\n    x\n# end\n", "r:\n  i: reg.io/app:1.1.0 @app\n# end\n");
        check("i: |2+ @app\n   x", "i: reg.io/app:1.1.0 @app\n");
    }

    #[test]
    fn changes_name_their_object() {
        let object = |name: &str| format!("kind: Pod\nmetadata: {{name: {name}, namespace: n}}\n");
        let marker = "# {\"$imagepolicy\": \"ns:app\"}";
        let list = format!("- kind: Job\n  metadata: {{name: c}}\n  i: x {marker}\n");
        let text = format!("{}i: x {marker}\n---\nkind: List\nitems:\n{list}", object("a"));
        let changes = run(&text).unwrap().changes;
        let told: Vec<String> = changes
            .iter()
            .map(|change| {
                format!("{}/{}/{}", change.object.kind, change.object.namespace, change.object.name)
            })
            .collect();
        assert_eq!(told, ["Pod/n/a", "Job//c"]);
        let (old, new) = (changes[0].old.as_str(), changes[0].new.as_str());
        assert_eq!((old, new, changes[0].setter.as_str()), ("x", "reg.io/app:1.1.0", "ns:app"));
    }

    #[test]
    fn what_is_no_manifest_is_an_error() {
        for bad in ["a: b: c\n", "- x\n", "x\n", "a: x\n---\n- b\n", "a: [\n"] {
            assert!(run(bad).is_err(), "{bad:?}");
        }
        let deep = format!("a: {}", "[".repeat(20_000));
        assert!(run(&deep).is_err());
        for fine in ["", "---\n---\n# nothing\n", "a: x\n...\n", "~\n"] {
            assert!(run(fine).unwrap().changes.is_empty(), "{fine:?}");
        }
    }

    #[test]
    fn values_that_are_no_plain_text_are_quoted() {
        check("t: 1.0.0 @num:tag\n", "t: \"1.10\" @num:tag\n");
        check("t: '1.0' @num:tag\n", "t: '1.10' @num:tag\n");
        check("t: a @word:tag\n", "t: \"yes\" @word:tag\n");
        check("t: 1.0 @app:tag\n", "t: 1.1.0 @app:tag\n");
        check("t: x @app:digest\n", "t: \"\" @app:digest\n");
        check("t: x @odd\n", "t: \"it's: #odd\\n\" @odd\n");
        check("t: 'x' @odd\n", "t: \"it's: #odd\\n\" @odd\n");
    }
}
