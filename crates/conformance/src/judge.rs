use std::collections::BTreeSet;

/// Share of the reference message's names, or without names of its words, that must be in ours.
const SHARE: f64 = 0.5;
const WORD_SHARE: f64 = 0.6;

/// Whether our message names the same cause as the reference tool's: the innermost name (the last quoted text, id
/// or path of its first paragraph) and at least half of all its names. A message without names must share most of
/// its longer words.
#[must_use]
pub fn names_same_cause(reference: &str, ours: &str) -> bool {
    let paragraph = reference.split("\n\n").next().unwrap_or(reference);
    let names = names(paragraph);
    let Some(innermost) = names.last() else {
        return shared(&words(paragraph), ours) >= WORD_SHARE;
    };
    let all: BTreeSet<_> = names.iter().cloned().collect();
    ours.contains(innermost.as_str()) && shared(&all, ours) >= SHARE
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are small")]
fn shared(parts: &BTreeSet<String>, ours: &str) -> f64 {
    let ours = ours.to_lowercase();
    let found = parts.iter().filter(|part| ours.contains(&part.to_lowercase())).count();
    if parts.is_empty() { 0.0 } else { found as f64 / parts.len() as f64 }
}

fn words(text: &str) -> BTreeSet<String> {
    let split = text.split(|c: char| !c.is_alphanumeric());
    split.filter(|word| word.len() > 3).map(str::to_lowercase).collect()
}

/// Quoted texts, ids and paths, in order.
fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for word in text.split_whitespace() {
        for part in word.split(['\'', '"', '`', ',', '=', '(', ')']) {
            let name = part.trim_matches(|c: char| matches!(c, ':' | ';' | '.') || c.is_whitespace());
            if is_name(name) {
                names.push(name.to_owned());
            }
        }
        names.extend(quoted_word(word));
    }
    names
}

/// A single quoted word is a name, whatever it holds.
fn quoted_word(word: &str) -> Option<String> {
    let word = word.trim_end_matches([',', ':', ';', '.', '}']);
    let quote = word.chars().find(|c| matches!(c, '\'' | '"' | '`'))?;
    let inner = word.split(quote).nth(1)?;
    let plain = inner.len() > 1 && inner.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'));
    plain.then(|| inner.to_owned())
}

/// Something like `a/b.yaml`, `/dir`, `Kind.v1.group/name.[noNs]`, `sortOptions.order`. No Go values.
fn is_name(text: &str) -> bool {
    let marked = text.contains('/') || text.contains('.');
    let go_value = text.contains(['{', '}', '&', '<', '*']) || text.contains("0x");
    text.len() > 1 && marked && !go_value && text.chars().any(char::is_alphanumeric)
}

/// The first line where two texts differ, with a few lines around; `None` when they are equal but for white space
/// at their ends.
#[must_use]
pub fn first_difference(expected: &str, actual: &str) -> Option<String> {
    let (expected, actual) = (expected.trim(), actual.trim());
    if expected == actual {
        return None;
    }
    let (want, have): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    let at = (0..want.len().max(have.len())).find(|at| want.get(*at) != have.get(*at)).unwrap_or(0);
    let around = |lines: &[&str]| {
        let from = at.saturating_sub(3);
        lines.iter().skip(from).take(9).map(|line| format!("    {line}\n")).collect::<String>()
    };
    Some(format!(
        "first difference at line {}\n  expected:\n{}  actual:\n{}",
        at + 1,
        around(&want),
        around(&have)
    ))
}

#[cfg(test)]
mod tests {
    use super::{first_difference, names_same_cause};

    fn check(reference: &str, ours: &str, expect: bool) {
        assert_eq!(names_same_cause(reference, ours), expect, "{reference} | {ours}");
    }

    #[test]
    fn the_innermost_name_must_be_named() {
        let reference =
            "from path '/config': may not add resource with id: StatefulSet.v1.apps/my-sts.[noNs]";
        check(reference, "recursed from '/config': registered id: StatefulSet.v1.apps/my-sts.[noNs]", true);
        check(reference, "recursed from '/config': registered id: Deployment.v1.apps/my-sts.[noNs]", false);
        check(
            "recursed from '/o2': var 'POD_NAME' already encountered",
            "var 'POD_NAME' of /o2 is there twice",
            true,
        );
        check("recursed from '/o2': var 'POD_NAME' already encountered", "something of /o2 is wrong", false);
    }

    #[test]
    fn without_names_most_words_must_agree() {
        let reference = "builtin version and custom schema provided, cannot use both";
        check(reference, "both a custom schema and a builtin version are provided: cannot use them", true);
        check(reference, "schema is wrong", false);
        check("the version is not built in", "", false);
    }

    #[test]
    fn differences_show_the_place() {
        assert_eq!(first_difference("a\nb\n", "a\nb"), None);
        assert!(first_difference("a\nb", "a\nc").is_some_and(|text| text.contains("line 2")));
        assert!(first_difference("a", "a\nb").is_some_and(|text| text.contains("line 2")));
    }
}
