/// Joins a directory and a relative path and takes out `.` and `..`; `None` when the result leaves the root.
/// An absolute path counts from the root of the tree.
pub(crate) fn join(dir: &str, path: &str) -> Option<String> {
    let base = if path.starts_with('/') { "" } else { dir };
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The same without a root: `..` that cannot be resolved stay, as Go's `filepath.Join` has it.
pub(crate) fn join_loose(dir: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in dir.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether `path` is `dir` or stands below it.
pub(crate) fn is_in(path: &str, dir: &str) -> bool {
    dir.is_empty() || path == dir || path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}

/// The last part of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}

/// Splits at a delimiter that no backslash precedes; a leading delimiter is dropped.
pub(crate) fn split(path: &str, delimiter: char) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let path = path.strip_prefix(delimiter).unwrap_or(path);
    for part in path.split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

/// As [`split`], but delimiters inside of `[` and `]` do not split. `[key.with.dots]` loses its brackets,
/// `[name=a.b]` keeps them.
pub(crate) fn split_bracketed(path: &str, delimiter: char) -> Vec<String> {
    let mut parts = split(path, delimiter).into_iter();
    let mut result = Vec::new();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            result.push(part);
            continue;
        }
        let mut whole = part;
        for next in parts.by_ref() {
            whole.push(delimiter);
            whole.push_str(&next);
            if next.ends_with(']') {
                break;
            }
        }
        let is_match = whole.contains('=');
        result.push(if is_match { whole } else { whole.trim_matches(['[', ']']).to_owned() });
    }
    result
}

#[cfg(test)]
mod tests {
    use super::{is_in, join, join_loose, split, split_bracketed};

    #[test]
    fn joins_within_the_root_only() {
        assert_eq!(join("a/b", "../c/./d").as_deref(), Some("a/c/d"));
        assert_eq!(join("a", "/x").as_deref(), Some("x"));
        assert_eq!(join("a", "../.."), None);
        assert_eq!(join_loose("a", "../../b"), "../b");
    }

    #[test]
    fn a_sibling_with_the_same_beginning_is_not_inside() {
        assert!(is_in("a/b", "a") && is_in("a", "a") && is_in("a", ""));
        assert!(!is_in("ab", "a"));
    }

    #[test]
    fn escaped_and_bracketed_delimiters_do_not_split() {
        assert_eq!(split(r"metadata/annotations/a.b\/c", '/'), ["metadata", "annotations", "a.b/c"]);
        assert_eq!(split("/a/b", '/'), ["a", "b"]);
        assert_eq!(split_bracketed("a.[x.y].[name=b.c].d", '.'), ["a", "x.y", "[name=b.c]", "d"]);
    }
}
