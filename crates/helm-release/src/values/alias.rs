//! Flux merges maps shallowly: a map that only the inline values hold is the same map in the result, so that a
//! value set through a target path changes the inline values too, and thereby wins. A map that both hold is copied,
//! and the inline values win. This tells which of the two it is.
use serde_json::{Map, Value};

enum Step {
    Key(String),
    Index(usize),
}

/// Whether setting `path` on the merge of `below` and `inline` changes `inline` too.
pub(super) fn writes_through(path: &str, below: &Map<String, Value>, inline: &Map<String, Value>) -> bool {
    let steps = steps(path);
    let Some((_, walk)) = steps.split_last() else { return false };
    let (mut both, mut below, mut shared) = (inline, Some(below), None);
    for (at, step) in walk.iter().enumerate() {
        let Step::Key(key) = step else { return false };
        let here = both.get(key);
        match (below.and_then(|map| map.get(key)), here) {
            (Some(Value::Object(left)), Some(Value::Object(right))) => (both, below) = (right, Some(left)),
            (_, Some(found @ (Value::Object(_) | Value::Array(_)))) => {
                shared = Some((found, at + 1));
                break;
            }
            _ => return false,
        }
    }
    shared.is_some_and(|(found, at)| ends_inside(found, &steps[at..]))
}

/// A list that must grow is copied: then the write ends in what is around it.
fn ends_inside(container: &Value, steps: &[Step]) -> bool {
    match (container, steps.first()) {
        (Value::Object(_), Some(Step::Key(_))) => true,
        (Value::Array(items), Some(Step::Index(index))) => *index < items.len(),
        _ => false,
    }
}

/// The steps of a `--set` key; a broken one ends where it breaks, and the set itself will say so.
fn steps(path: &str) -> Vec<Step> {
    let (mut steps, mut word) = (Vec::new(), String::new());
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            '.' => push(&mut steps, &mut word),
            '[' => {
                push(&mut steps, &mut word);
                let digits: String = chars.by_ref().take_while(|c| *c != ']').collect();
                let Ok(index) = digits.parse() else { return steps };
                steps.push(Step::Index(index));
            }
            '=' => break,
            other => word.push(other),
        }
    }
    push(&mut steps, &mut word);
    steps
}

fn push(steps: &mut Vec<Step>, word: &mut String) {
    if !word.is_empty() {
        steps.push(Step::Key(std::mem::take(word)));
    }
}
