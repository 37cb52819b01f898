use std::collections::BTreeMap;

use super::Files;

/// How the files of notes are called.
pub(crate) const NOTES: &str = "NOTES.txt";

/// Takes the notes out of what was rendered.
pub(super) fn take(mut files: BTreeMap<String, String>, chart: &str, sub_notes: bool) -> Files {
    let own = format!("{chart}/templates/{NOTES}");
    let paths: Vec<String> = files.keys().filter(|path| path.ends_with(NOTES)).cloned().collect();
    let mut notes = String::new();
    for path in paths {
        let Some(text) = files.remove(&path) else { continue };
        if sub_notes || path == own {
            if !notes.is_empty() {
                notes.push('\n');
            }
            notes.push_str(&text);
        }
    }
    Files { files, notes }
}
