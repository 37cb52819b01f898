use manifest::yaml::Node;

use super::SelectorError;

/// A label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
#[derive(Clone, Debug, Default)]
pub(crate) struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl LabelSelector {
    pub(crate) fn parse(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        split_requirements(text)
            .into_iter()
            .map(|part| Requirement::parse(part.trim()).ok_or_else(|| SelectorError::Labels(text.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a mapping of labels or annotations fits; none counts as empty.
    pub(crate) fn matches(&self, entries: Option<&Node>) -> bool {
        let value =
            |key: &str| entries.and_then(|node| node.get(key)).map(|node| node.text().unwrap_or_default());
        self.0.iter().all(|requirement| requirement.matches(value(&requirement.key)))
    }
}

/// Commas split, except in parentheses.
fn split_requirements(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
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

impl Requirement {
    fn parse(text: &str) -> Option<Self> {
        if let Some(key) = text.strip_prefix('!') {
            return Self::new(key, Test::Absent);
        }
        if let Some((key, values)) = set_operands(text, " notin") {
            return Self::new(key, Test::NotIn(values));
        }
        if let Some((key, values)) = set_operands(text, " in") {
            return Self::new(key, Test::In(values));
        }
        let one = |value: &str| vec![value.trim().to_owned()];
        if let Some((key, value)) = text.split_once("!=") {
            return Self::new(key, Test::NotIn(one(value)));
        }
        if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            return Self::new(key, Test::In(one(value)));
        }
        if let Some((key, value)) = text.split_once('>') {
            return Self::new(key, Test::Above(value.trim().parse().ok()?));
        }
        if let Some((key, value)) = text.split_once('<') {
            return Self::new(key, Test::Below(value.trim().parse().ok()?));
        }
        Self::new(text, Test::Exists)
    }

    fn new(key: &str, test: Test) -> Option<Self> {
        let key = key.trim();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        let plain = |value: &String| {
            value.chars().all(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '=' | '!' | ','))
        };
        let values_fit = match &test {
            Test::In(values) | Test::NotIn(values) => values.iter().all(plain),
            _ => true,
        };
        (!key.is_empty() && key.chars().all(legal) && values_fit).then(|| Self { key: key.to_owned(), test })
    }

    fn matches(&self, value: Option<&str>) -> bool {
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.test {
            Test::Exists => value.is_some(),
            Test::Absent => value.is_none(),
            Test::In(values) => value.is_some_and(|value| values.iter().any(|want| want == value)),
            Test::NotIn(values) => value.is_none_or(|value| values.iter().all(|refused| refused != value)),
            Test::Above(least) => number().is_some_and(|number| number > *least),
            Test::Below(most) => number().is_some_and(|number| number < *most),
        }
    }
}

/// `key in (a, b)`: the key and the values.
fn set_operands<'t>(text: &'t str, operator: &str) -> Option<(&'t str, Vec<String>)> {
    let (key, rest) = text.split_once(operator)?;
    let values = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
    Some((key, values.split(',').map(|value| value.trim().to_owned()).collect()))
}

#[cfg(test)]
mod tests {
    use manifest::yaml::{Mapping, Node};

    use super::LabelSelector;

    fn check(selector: &str, expect: bool) {
        let mut labels = Mapping::default();
        labels.push("app", Node::string("web"));
        labels.push("n", Node::string("5"));
        let parsed = LabelSelector::parse(selector).unwrap();
        assert_eq!(parsed.matches(Some(&Node::from(labels))), expect, "{selector}");
    }

    #[test]
    fn selects_as_kubernetes_does() {
        for selector in
            ["", "app", "!x", "app=web", "app == web", "x!=1", "app in (api, web)", "x notin (a)", "n>4,n<6"]
        {
            check(selector, true);
        }
        for selector in
            ["x", "!app", "app=api", "app!=web", "app notin (web)", "app,x", "n>5", "app in (api)"]
        {
            check(selector, false);
        }
    }

    #[test]
    fn refuses_what_is_no_selector() {
        for selector in ["a b", "=x", "a=b=c", "a in b", ","] {
            assert!(LabelSelector::parse(selector).is_err(), "{selector}");
        }
    }
}
