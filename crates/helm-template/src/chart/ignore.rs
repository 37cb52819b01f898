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
    /// Whether nothing but itself fits it.
    plain: bool,
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
    fn ignores(&self, path: &str, directory: bool) -> bool {
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

    /// Whether a folder is left out, itself or with one above it.
    fn ignores_folder(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        !path.is_empty() && ends.into_iter().any(|end| self.ignores(&path[..end], true))
    }

    /// Takes out the files (relative paths with `/`, and their content) that are left out. Files of one folder that stand
    /// side by side ask for it once.
    pub fn retain(&self, files: &mut Vec<(String, Vec<u8>)>) {
        let mut last = (String::new(), false);
        files.retain(|(path, _)| {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if last.0 != folder {
                last = (folder.to_owned(), self.ignores_folder(folder));
            }
            !last.1 && !self.ignores(path, false)
        });
    }
}

impl Rule {
    fn matches(&self, path: &str, name: &str) -> bool {
        let subject = match self.scope {
            Scope::Path => path,
            Scope::Name => name,
        };
        if self.plain { self.pattern == subject } else { path_match(&self.pattern, subject) }
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
    let plain = !pattern.contains(['*', '?', '[', '\\']);
    Ok(Some(Rule { pattern: pattern.to_owned(), plain, negate, directory, scope }))
}

#[cfg(test)]
mod tests {
    use super::{Ignore, IgnoreError};

    fn check(rules: &str, path: &str, expect: bool) {
        let mut files = vec![(path.to_owned(), Vec::new())];
        Ignore::parse(rules).unwrap().retain(&mut files);
        assert_eq!(files.is_empty(), expect, "{rules:?} on {path}");
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
