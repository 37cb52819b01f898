//! `.helmignore`: which files of a folder are no part of the chart.
use crate::glob::{path_match, valid_path_pattern};

/// Rules of a `.helmignore`.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: String,
    negate: bool,
    directory: bool,
    scope: Scope,
}

#[derive(Clone, Copy, Debug)]
enum Scope {
    /// Matched with the whole path.
    Path,
    /// Matched with the last part of the path.
    Name,
}

/// A rule that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// `**`.
    #[error("double-star (**) syntax is not supported")]
    DoubleStar,
    /// Unbalanced brackets.
    #[error("syntax error in pattern")]
    Pattern,
}

impl Ignore {
    /// Reads the rules, and adds the one that every chart has: hidden files under `templates/`.
    ///
    /// # Errors
    /// For `**` and unbalanced brackets.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let mut rules = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines().chain(["templates/.?*"]) {
            rules.extend(rule(line.trim())?);
        }
        Ok(Self { rules })
    }

    /// Whether a path (relative, with `/`) is left out. A folder left out takes its content with it.
    #[must_use]
    pub fn ignores(&self, path: &str, directory: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        for rule in &self.rules {
            let matches = rule.matches(path, name);
            if rule.negate {
                if (rule.directory && !directory) || !matches {
                    return true;
                }
            } else if (directory || !rule.directory) && matches {
                return true;
            }
        }
        false
    }

    /// Whether a file is left out, itself or with a folder above it.
    #[must_use]
    pub fn ignores_file(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        folders.into_iter().any(|folder| self.ignores(folder, true)) || self.ignores(path, false)
    }
}

impl Rule {
    fn matches(&self, path: &str, name: &str) -> bool {
        let subject = match self.scope {
            Scope::Path => path,
            Scope::Name => name,
        };
        path_match(&self.pattern, subject)
    }
}

fn rule(text: &str) -> Result<Option<Rule>, IgnoreError> {
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    if text.contains("**") {
        return Err(IgnoreError::DoubleStar);
    }
    if !valid_path_pattern(text) {
        return Err(IgnoreError::Pattern);
    }
    let (negate, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
    let (directory, text) = text.strip_suffix('/').map_or((false, text), |rest| (true, rest));
    let (scope, pattern) = match text.strip_prefix('/') {
        Some(rest) => (Scope::Path, rest),
        None if text.contains('/') => (Scope::Path, text),
        None => (Scope::Name, text),
    };
    Ok(Some(Rule { pattern: pattern.to_owned(), negate, directory, scope }))
}

#[cfg(test)]
mod tests {
    use super::{Ignore, IgnoreError};

    fn check(rules: &str, path: &str, expect: bool) {
        assert_eq!(Ignore::parse(rules).unwrap().ignores_file(path), expect, "{rules:?} on {path}");
    }

    #[test]
    fn a_rule_without_slash_looks_at_the_name() {
        check("*.txt\n", "a/b/c.txt", true);
        check("*.txt\n", "a/b/c.txt.yaml", false);
        check("# *.txt\n\n", "c.txt", false);
    }

    #[test]
    fn a_rule_with_slash_looks_at_the_path() {
        check("a/*.txt", "a/c.txt", true);
        check("a/*.txt", "x/a/c.txt", false);
        check("/c.txt", "c.txt", true);
        check("/c.txt", "a/c.txt", false);
    }

    #[test]
    fn a_folder_takes_its_content_along() {
        check("ci/", "ci/values.yaml", true);
        check("ci/", "a/ci/x/y", true);
        check("ci/", "ci", false);
    }

    #[test]
    fn a_negated_rule_leaves_out_everything_else() {
        check("!keep.txt", "other.txt", true);
        check("!keep.txt", "keep.txt", false);
    }

    #[test]
    fn hidden_templates_are_always_left_out() {
        check("", "templates/.swp", true);
        check("", ".hidden", false);
    }

    #[test]
    fn bad_rules_are_refused() {
        assert_eq!(Ignore::parse("a/**").unwrap_err(), IgnoreError::DoubleStar);
        assert_eq!(Ignore::parse("[a").unwrap_err(), IgnoreError::Pattern);
    }
}
