//! Splitting of a file into documents, as Helm does it: by lines, not by YAML.
use crate::capabilities::HelmMajor;

/// The documents of a rendered file: split at `---` with blanks behind it, at the start of any line. Blank documents
/// are dropped, leading blanks trimmed.
#[must_use]
pub fn split_manifests(text: &str) -> Vec<&str> {
    let mut rest = text.trim_start();
    let mut line_start = true;
    let mut documents = Vec::new();
    loop {
        let (document, next) = cut(rest, line_start);
        line_start = false;
        let document = document.trim_start();
        if !document.is_empty() {
            documents.push(document);
        }
        match next {
            Some(next) => rest = next,
            None => return documents,
        }
    }
}

/// The documents as a Helm cuts them.
pub(crate) fn split_as(text: &str, helm: HelmMajor) -> Vec<&str> {
    match helm {
        HelmMajor::Three => split_as_helm_3(text),
        HelmMajor::Four => split_manifests(text),
    }
}

/// The documents as Helm 3 cuts them: a separator takes the blanks around it along, so that another right behind it is
/// text.
fn split_as_helm_3(text: &str) -> Vec<&str> {
    let blank = |c: char| matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ');
    let (mut rest, mut first, mut documents) = (text.trim(), true, Vec::new());
    loop {
        let at = if first && rest.starts_with("---") { Some(0) } else { rest.find("\n---").map(|at| at + 1) };
        first = false;
        let document = rest[..at.unwrap_or(rest.len())].trim();
        if !document.is_empty() {
            documents.push(document);
        }
        match at {
            Some(at) => rest = rest[at + 3..].trim_start_matches(blank),
            None => return documents,
        }
    }
}

/// The text before the next separator, and what follows it.
fn cut(text: &str, line_start: bool) -> (&str, Option<&str>) {
    let mut from = 0;
    while let Some(found) = text[from..].find("---") {
        let at = from + found;
        if if at == 0 { line_start } else { text.as_bytes()[at - 1] == b'\n' } {
            return (&text[..at], Some(text[at + 3..].trim_start_matches([' ', '\t'])));
        }
        from = at + 1;
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::{split_as_helm_3, split_manifests};

    #[test]
    fn helm_3_reads_a_second_separator_as_text() {
        assert_eq!(split_as_helm_3("---\na: 1\n\n---\n---\nb: 2\n"), ["a: 1", "---\nb: 2"]);
        assert_eq!(split_as_helm_3("\n---\n\n"), Vec::<&str>::new());
    }

    #[test]
    fn a_separator_may_be_followed_by_text() {
        assert_eq!(split_manifests("---\na: 1\n--- \t\nb: 2\n---c: 3\n"), ["a: 1\n", "b: 2\n", "c: 3\n"]);
    }

    #[test]
    fn indented_dashes_are_text() {
        assert_eq!(split_manifests("a: |\n  ---\n  x\n----\n"), ["a: |\n  ---\n  x\n", "-\n"]);
        assert_eq!(split_manifests("------\n"), ["---\n"]);
    }

    #[test]
    fn blank_documents_are_dropped() {
        assert_eq!(split_manifests("\n\n---\n \n---\n\n  a: 1\n"), ["a: 1\n"]);
        assert!(split_manifests(" \n").is_empty());
    }
}
