//! How long functions are: lines of the body that hold code, as clippy's `too_many_lines` counts them.
use std::path::Path;

use anyhow::{Result, bail};

use crate::{cargo::root, console::say, layers::sources};

/// Half of all functions may be longer than this, and no more.
const MEDIAN: usize = 10;
/// One in twenty may be longer than this.
const P95: usize = 60;
/// None may be longer without a reason beside it.
const MAX: usize = 120;

/// `// long: why` on a line directly above the function, or above its attributes.
const REASON: &str = "// long: ";

struct Function {
    place: String,
    lines: usize,
    excused: bool,
}

/// Prints the distribution.
///
/// # Errors
/// When a limit is passed.
pub(crate) fn check() -> Result<()> {
    let mut all = Vec::new();
    for folder in ["crates", "e2e"] {
        for file in sources(&root().join(folder))? {
            all.extend(functions(&file)?);
        }
    }
    all.sort_by_key(|function| function.lines);
    let at = |share: f64| all.get(((all.len() as f64 * share) as usize).min(all.len().saturating_sub(1)));
    let lines = |share| at(share).map_or(0, |function| function.lines);
    let (median, p95, max) = (lines(0.5), lines(0.95), lines(1.0));
    say(&format!("  {} functions: median {median} lines, 95th percentile {p95}, longest {max}", all.len()));
    let long: Vec<&Function> =
        all.iter().filter(|function| function.lines > MAX && !function.excused).collect();
    for function in &long {
        say(&format!("  {} has {} lines and no `{REASON}` above it", function.place, function.lines));
    }
    if median > MEDIAN || p95 > P95 || !long.is_empty() {
        bail!("functions are too long: median at most {MEDIAN}, 95th percentile {P95}, longest {MAX}");
    }
    Ok(())
}

fn functions(file: &Path) -> Result<Vec<Function>> {
    let text = std::fs::read_to_string(file)?;
    let place = file.strip_prefix(root()).unwrap_or(file).display().to_string();
    Ok(measure(&text)
        .into_iter()
        .map(|(line, lines, excused)| Function { place: format!("{place}:{line}"), lines, excused })
        .collect())
}

/// Line, body lines and excuse of each function, by its indentation: rustfmt puts `fn` and its closing brace in one column.
fn measure(text: &str) -> Vec<(usize, usize, bool)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !starts_function(line) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let close = format!("{}}}", " ".repeat(indent));
        let one_line = line.trim_end().ends_with('}') || line.trim_end().ends_with(';');
        let end = lines[at..].iter().position(|l| *l == close || l.trim_end() == format!("{close},"));
        let Some(end) = end.filter(|_| !one_line) else {
            found.push((at + 1, usize::from(line.ends_with('}')), false));
            continue;
        };
        let open = lines[at..at + end].iter().position(|l| l.trim_end().ends_with('{')).unwrap_or(0);
        let body = &lines[at + open + 1..at + end];
        found.push((at + 1, body.iter().filter(is_code).count(), excused(&lines[..at])));
    }
    found
}

fn starts_function(line: &str) -> bool {
    let words = line.trim_start();
    let Some((before, _)) = words.split_once("fn ") else { return false };
    let qualifier = |word: &str| {
        matches!(word, "pub" | "async" | "const" | "unsafe" | "extern" | "default" | "\"C\"")
            || word.starts_with("pub(")
    };
    before.is_empty() || (before.ends_with(' ') && before.split_whitespace().all(qualifier))
}

fn is_code(line: &&&str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

fn excused(before: &[&str]) -> bool {
    let above = before.iter().rev().take_while(|line| {
        let line = line.trim_start();
        line.starts_with("//") || line.starts_with("#[")
    });
    above.into_iter().any(|line| line.trim_start().starts_with(REASON))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_lines_of_the_body_are_counted() {
        let text =
            "fn a() {}\n\npub(crate) async fn b(\n    x: u8,\n) -> u8 {\n    // why\n\n    x;\n    x\n}\n";
        assert_eq!(measure(text), [(1, 1, false), (3, 2, false)]);
    }

    #[test]
    fn a_function_that_is_too_long_needs_a_reason_above_it() {
        let body = "    x;\n".repeat(130);
        let long = format!("impl A {{\n    fn a() {{\n{body}    }}\n}}\n");
        assert_eq!(measure(&long), [(2, 130, false)]);
        let excused = format!("/// Docs.\n// long: a table\n#[inline]\nfn a() {{\n{body}}}\n");
        assert_eq!(measure(&excused), [(4, 130, true)]);
    }

    #[test]
    fn words_that_only_look_like_functions_are_not_counted() {
        assert_eq!(measure("let f: fn (u8) = g;\n// fn a() {\ntype F = fn ();\n"), []);
    }
}
