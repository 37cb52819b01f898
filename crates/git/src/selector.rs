use thiserror::Error;

/// `spec.ref` of a GitRepository. Precedence: commit, name, semver, tag, branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Branch, `master` when nothing is set; beside a commit it must exist, and stands in the revision.
    pub branch: Option<String>,
    /// Tag.
    pub tag: Option<String>,
    /// Range; the highest tag in it is taken.
    pub semver: Option<String>,
    /// Full name of a reference; beside a commit it stands in the revision, before the branch.
    pub name: Option<String>,
    /// Commit, 40 hex digits.
    pub commit: Option<String>,
}

/// A reference name that Git does not allow.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SelectorError {
    /// See `git check-ref-format`.
    #[error("{kind} {name:?} is not a valid git reference name")]
    Name {
        /// Which field.
        kind: &'static str,
        /// Its value, cut.
        name: String,
    },
}

/// What a selector means, by precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Commit { commit: String, branch: Option<String>, name: Option<String> },
    Name(String),
    Semver(String),
    Tag(String),
    Branch(String),
}

impl Selector {
    /// Checks the names that take part.
    ///
    /// # Errors
    /// [`SelectorError::Name`].
    pub fn validate(&self) -> Result<(), SelectorError> {
        self.wanted().map(|_| ())
    }

    pub(crate) fn wanted(&self) -> Result<Wanted, SelectorError> {
        let set = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        let branch = set(&self.branch);
        if let Some(branch) = &branch {
            check("branch", branch)?;
        }
        if let Some(commit) = set(&self.commit) {
            return Ok(Wanted::Commit { commit, branch, name: set(&self.name) });
        }
        if let Some(name) = set(&self.name) {
            check("reference", name.strip_suffix("^{}").unwrap_or(&name))?;
            return Ok(Wanted::Name(name));
        }
        if let Some(range) = set(&self.semver) {
            return Ok(Wanted::Semver(range));
        }
        if let Some(tag) = set(&self.tag) {
            check("tag", &tag)?;
            return Ok(Wanted::Tag(tag));
        }
        Ok(Wanted::Branch(branch.unwrap_or_else(|| "master".to_owned())))
    }
}

fn check(kind: &'static str, name: &str) -> Result<(), SelectorError> {
    if is_valid(name) {
        return Ok(());
    }
    Err(SelectorError::Name { kind, name: name.chars().take(100).collect() })
}

/// The rules of `git check-ref-format`, one-level names allowed, at most 1,024 bytes.
pub(crate) fn is_valid(name: &str) -> bool {
    let bad_char = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let bad_whole = name.starts_with('-') || name.ends_with('.') || name == "@" || name.len() > 1024;
    !(bad_whole
        || name.contains(bad_char)
        || name.contains("..")
        || name.contains("@{")
        || name.split('/').any(bad_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_commit_name_semver_tag_branch() {
        let set = |text: &str| Some(text.to_owned());
        let mut selector = Selector {
            branch: set("b"),
            tag: set("t"),
            semver: set("1.x"),
            name: set("n"),
            commit: set("c"),
        };
        assert_eq!(
            selector.wanted(),
            Ok(Wanted::Commit { commit: "c".into(), branch: set("b"), name: set("n") })
        );
        selector.commit = None;
        assert_eq!(selector.wanted(), Ok(Wanted::Name("n".into())));
        selector.name = set("");
        assert_eq!(selector.wanted(), Ok(Wanted::Semver("1.x".into())));
        selector.semver = None;
        assert_eq!(selector.wanted(), Ok(Wanted::Tag("t".into())));
        selector.tag = None;
        assert_eq!(selector.wanted(), Ok(Wanted::Branch("b".into())));
        assert_eq!(Selector::default().wanted(), Ok(Wanted::Branch("master".into())));
    }

    #[test]
    fn names_that_git_refuses_are_refused() {
        for bad in [
            "a..b",
            "-x",
            "a b",
            "a\nb",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "[",
            "a\\",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.",
            "@",
            "a@{1}",
            "\u{7f}",
            &"x".repeat(4096),
        ] {
            assert!(!is_valid(bad), "{bad:?}");
        }
        for good in ["main", "feature/x-1", "v1.0.0+build", "refs/pull/1/head", "ü", "a$(id)"] {
            assert!(is_valid(good), "{good:?}");
        }
    }
}
