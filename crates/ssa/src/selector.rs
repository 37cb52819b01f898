use serde_json::Value;

/// A label selector in its text form: `a=b, c!=d, e in (f, g), h notin (i), j, !k`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

/// A selector that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unable to parse requirement '{0}'")]
pub struct ParseSelectorError(String);

impl Selector {
    /// Reads a selector; the empty text selects everything.
    pub(crate) fn parse(text: &str) -> Result<Self, ParseSelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        split(text).into_iter().map(|part| requirement(part.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the labels (a mapping, or nothing) fulfil all requirements.
    pub(crate) fn matches(&self, labels: Option<&Value>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.and_then(|labels| labels.get(&requirement.key)).and_then(Value::as_str);
            requirement.test.holds(value)
        })
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(wanted) => value.is_some_and(|value| wanted.iter().any(|w| w == value)),
            Self::NotIn(refused) => value.is_none_or(|value| refused.iter().all(|r| r != value)),
            Self::Above(bound) => number().is_some_and(|number| number > *bound),
            Self::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(part: &str) -> Result<Requirement, ParseSelectorError> {
    let bad = || ParseSelectorError(part.to_owned());
    let (key, test) = read(part).ok_or_else(bad)?;
    let valid = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    if valid { Ok(Requirement { key: key.to_owned(), test }) } else { Err(bad()) }
}

fn read(part: &str) -> Option<(&str, Test)> {
    if let Some(key) = part.strip_prefix('!') {
        return Some((key.trim(), Test::Absent));
    }
    if let Some(open) = part.find('(') {
        return read_set(&part[..open], part[open + 1..].strip_suffix(')')?);
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = part.split_once(operator) {
            let test = if equal { Test::In(one(value)) } else { Test::NotIn(one(value)) };
            return Some((key.trim(), test));
        }
    }
    if let Some((key, bound)) = part.split_once('>') {
        return Some((key.trim(), Test::Above(bound.trim().parse().ok()?)));
    }
    if let Some((key, bound)) = part.split_once('<') {
        return Some((key.trim(), Test::Below(bound.trim().parse().ok()?)));
    }
    Some((part, Test::Exists))
}

fn read_set<'a>(head: &'a str, values: &str) -> Option<(&'a str, Test)> {
    let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
    let (key, operator) = head.trim().rsplit_once(char::is_whitespace)?;
    match operator {
        "in" => Some((key.trim(), Test::In(values))),
        "notin" => Some((key.trim(), Test::NotIn(values))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(selector: &str, expect: bool) {
        let labels = json!({"app": "web", "tier": "2", "a/b": "x"});
        assert_eq!(Selector::parse(selector).unwrap().matches(Some(&labels)), expect, "{selector}");
    }

    #[test]
    fn selects_as_kubernetes_does() {
        for yes in [
            "",
            "app=web",
            "app == web",
            "app!=db",
            "none!=x",
            "app in (db, web)",
            "app notin (db)",
            "a/b",
            "!none",
            "tier>1,tier<3",
        ] {
            check(yes, true);
        }
        for no in ["app=db", "app!=web", "app in (db)", "app notin (web)", "none", "!app", "app=web,tier>2"] {
            check(no, false);
        }
        assert!(Selector::parse("!a").unwrap().matches(None));
        assert!(!Selector::parse("a").unwrap().matches(Some(&json!([]))));
    }

    #[test]
    fn refuses_what_is_no_selector() {
        for bad in ["a in (", "a within (b)", "(b)", ",", "a>b", "ü=1", "a b"] {
            assert!(Selector::parse(bad).is_err(), "{bad}");
        }
    }
}
