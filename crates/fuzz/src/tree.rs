//! File trees as one text, so that a mutator can reach every file.

/// Files of a text: each begins with a line `=== path`. What stands before the first belongs to `first`.
pub(crate) fn files(text: &str, first: &str) -> Vec<(String, String)> {
    let mut files = vec![(first.to_owned(), String::new())];
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("=== ") {
            Some(path) => files.push((path.trim().to_owned(), String::new())),
            None => files.last_mut().into_iter().for_each(|(_, content)| content.push_str(line)),
        }
    }
    files.retain(|(_, content)| !content.is_empty());
    files
}
