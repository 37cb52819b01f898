use serde_json::Value;

use super::fields::Fields;
use crate::CommandError;

/// `KIND/NAME.NAMESPACE` of the command line; kind and namespace may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
}

impl Reference {
    /// Splits at the first `/` and, in the name, the last `.`.
    pub(crate) fn parse(text: &str) -> Self {
        let (kind, rest) = text.split_once('/').unwrap_or(("", text));
        let (name, namespace) = rest.rsplit_once('.').unwrap_or((rest, ""));
        Self { kind: kind.into(), name: name.into(), namespace: namespace.into() }
    }

    /// The reference with its kind spelled as one of `kinds`; `fallback` is for one without.
    pub(crate) fn of_kinds(text: &str, kinds: &[&str], fallback: &str) -> Result<Self, CommandError> {
        let mut read = Self::parse(text);
        if read.kind.is_empty() {
            read.kind = fallback.into();
        }
        if read.name.is_empty() || read.kind.is_empty() {
            return Err(CommandError::usage(format!(
                "invalid reference '{text}', must be in format <kind>/<name>"
            )));
        }
        match kinds.iter().find(|kind| kind.eq_ignore_ascii_case(&read.kind)) {
            Some(kind) => Ok(Self { kind: (*kind).into(), ..read }),
            None => {
                let (kind, known) = (&read.kind, kinds.join(", "));
                Err(CommandError::usage(format!("kind '{kind}' is not supported, must be one of: {known}")))
            }
        }
    }

    /// As it stands in a spec.
    pub(crate) fn value(&self) -> Value {
        let fields = Fields::default().text(&["kind"], &self.kind).text(&["name"], &self.name);
        fields.text(&["namespace"], &self.namespace).done()
    }
}

/// `NAME` or `NAMESPACE/NAME`, as `dependsOn` is given.
pub(crate) fn dependency(text: &str) -> Value {
    let (namespace, name) = text.split_once('/').unwrap_or(("", text));
    Fields::default().text(&["name"], name).text(&["namespace"], namespace).done()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Reference, dependency};

    #[test]
    fn the_namespace_is_behind_the_last_dot() {
        let read = Reference::parse("GitRepository/a.b.c");
        assert_eq!(
            (read.kind.as_str(), read.name.as_str(), read.namespace.as_str()),
            ("GitRepository", "a.b", "c")
        );
        assert_eq!(Reference::parse("a").value(), json!({ "name": "a" }));
        assert_eq!(dependency("x/y"), json!({ "namespace": "x", "name": "y" }));
    }

    #[test]
    fn a_kind_is_spelled_right_or_refused() {
        let read = Reference::of_kinds("gitrepository/a", &["GitRepository"], "").unwrap();
        assert_eq!(read.kind, "GitRepository");
        assert!(Reference::of_kinds("a", &["GitRepository"], "").is_err());
        assert!(Reference::of_kinds("Pod/a", &["GitRepository"], "").is_err());
    }
}
