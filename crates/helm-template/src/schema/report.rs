//! Problems of values in the words and the layout of the library that Helm uses.
use std::{collections::BTreeMap, fmt::Write as _};

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::keywords::{Keywords, Special};

/// One line, and the lines below it.
struct Problem {
    path: String,
    text: String,
    causes: Vec<Problem>,
}

/// Problems by the part of the values they are at.
#[derive(Default)]
struct Place {
    here: Vec<Problem>,
    below: BTreeMap<String, Place>,
}

/// Said of several problems of one part of the values.
const GROUP: &str = "validation failed";

/// All problems, one a line, indented where they belong together.
pub(super) fn report(errors: &[ValidationError<'_>], keywords: &Keywords<'_>) -> String {
    let mut out = String::new();
    let mut found = problems("", errors, keywords);
    if let [only] = found.as_mut_slice()
        && only.text == GROUP
    {
        found = std::mem::take(&mut only.causes);
    }
    for problem in found {
        print(&problem, 0, &mut out);
    }
    out
}

fn print(problem: &Problem, indent: usize, out: &mut String) {
    let Problem { path, text, causes } = problem;
    let _ = writeln!(out, "{}- at {}: {text}", "  ".repeat(indent), quote(path));
    for cause in causes {
        print(cause, indent + 1, out);
    }
}

/// The problems below a path, those of one place grouped.
fn problems(base: &str, errors: &[ValidationError<'_>], keywords: &Keywords<'_>) -> Vec<Problem> {
    let mut root = Place::default();
    for error in decisive(errors) {
        let path = error.instance_path().as_str();
        let relative = path.strip_prefix(base).unwrap_or(path);
        let place = relative
            .split('/')
            .skip(1)
            .fold(&mut root, |place, step| place.below.entry(step.to_owned()).or_default());
        add(place, path, error, keywords);
    }
    gather(root, base)
}

/// A value of a wrong type, or none of those allowed, has no other problems.
fn decisive<'a, 'e>(errors: &'a [ValidationError<'e>]) -> Vec<&'a ValidationError<'e>> {
    let place = |error: &ValidationError<'_>| {
        let schema = error.schema_path().as_str();
        let parent = schema.rsplit_once('/').map_or("", |parts| parts.0).to_owned();
        (error.instance_path().as_str().to_owned(), parent)
    };
    let decides = |kind: &Kind| matches!(kind, Kind::Type { .. } | Kind::Constant { .. } | Kind::Enum { .. });
    let is_type = |kind: &Kind| matches!(kind, Kind::Type { .. });
    errors
        .iter()
        .filter(|error| {
            is_type(error.kind())
                || !errors.iter().any(|other| {
                    let wins = is_type(other.kind()) || (decides(other.kind()) && !decides(error.kind()));
                    wins && place(other) == place(error)
                })
        })
        .collect()
}

fn add(place: &mut Place, path: &str, error: &ValidationError<'_>, keywords: &Keywords<'_>) {
    if let Some(special) = keywords.special(error) {
        for special in special {
            if !place.here.iter().any(|known| known.text == special.text) {
                place.here.push(explained(path, special, keywords));
            }
        }
        return;
    }
    if let Kind::Required { property } = error.kind() {
        let name = quote(property.as_str().unwrap_or_default());
        let known = place.here.iter_mut().find(|problem| problem.text.starts_with("missing propert"));
        if let Some(problem) = known {
            let all =
                problem.text.split_once(' ').and_then(|parts| parts.1.split_once(' ')).map_or("", |p| p.1);
            problem.text = format!("missing properties {all}, {name}");
            return;
        }
    }
    place.here.push(Problem {
        path: path.to_owned(),
        text: text(error),
        causes: causes(path, error.kind(), keywords),
    });
}

/// A problem with a list, and why each of its items did not do.
fn explained(path: &str, special: Special, keywords: &Keywords<'_>) -> Problem {
    let item = |(at, errors): &(usize, Vec<ValidationError<'static>>)| {
        let mut cause = grouped_problem("", errors, keywords);
        cause.move_below(&format!("{path}/{at}"));
        cause
    };
    Problem { path: path.to_owned(), text: special.text, causes: special.items.iter().map(item).collect() }
}

fn gather(place: Place, path: &str) -> Vec<Problem> {
    let mut found = place.here;
    for (step, below) in place.below {
        let path = format!("{path}/{step}");
        let mut inner = gather(below, &path);
        match inner.len() {
            1 => found.append(&mut inner),
            _ => found.push(Problem { path, text: GROUP.to_owned(), causes: inner }),
        }
    }
    found
}

fn causes(path: &str, kind: &Kind, keywords: &Keywords<'_>) -> Vec<Problem> {
    let alternatives = match kind {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => context,
        _ => return Vec::new(),
    };
    alternatives.iter().map(|errors| grouped_problem(path, errors, keywords)).collect()
}

/// The only problem, or all of them below one line.
fn grouped_problem(path: &str, errors: &[ValidationError<'_>], keywords: &Keywords<'_>) -> Problem {
    let mut inner = problems(path, errors, keywords);
    match inner.len() {
        1 => inner.remove(0),
        _ => Problem { path: path.to_owned(), text: GROUP.to_owned(), causes: inner },
    }
}

impl Problem {
    fn move_below(&mut self, base: &str) {
        self.path.insert_str(0, base);
        self.causes.iter_mut().for_each(|cause| cause.move_below(base));
    }
}

fn text(error: &ValidationError<'_>) -> String {
    let got = error.instance().as_ref();
    let limit = |word: &str, want: &Value| format!("{word}: got {}, want {}", number(got), number(want));
    let count = |word: &str, want: u64| format!("{word}: got {}, want {}", grouped(size(got)), grouped(want));
    match error.kind() {
        Kind::Type { kind } => format!("got {}, want {}", json_type(got), wanted_types(kind)),
        Kind::Required { property } => {
            format!("missing property {}", quote(property.as_str().unwrap_or_default()))
        }
        Kind::Enum { options } => one_of(options),
        Kind::Constant { expected_value } => match expected_value.as_ref() {
            Value::Array(_) | Value::Object(_) => "'const' failed".to_owned(),
            value => format!("value must be {}", display(value)),
        },
        Kind::AdditionalProperties { unexpected } => {
            format!("additional properties {} not allowed", quoted(unexpected))
        }
        Kind::UnevaluatedProperties { unexpected } => {
            format!("unevaluated properties {} not allowed", quoted(unexpected))
        }
        Kind::AnyOf { .. } => "'anyOf' failed".to_owned(),
        Kind::OneOfNotValid { .. } => "'oneOf' failed, none matched".to_owned(),
        Kind::OneOfMultipleValid { context } => several_matched(context),
        Kind::Not { .. } => "'not' failed".to_owned(),
        Kind::FalseSchema => "false schema".to_owned(),
        Kind::Minimum { limit: want } => limit("minimum", want),
        Kind::Maximum { limit: want } => limit("maximum", want),
        Kind::ExclusiveMinimum { limit: want } => limit("exclusiveMinimum", want),
        Kind::ExclusiveMaximum { limit: want } => limit("exclusiveMaximum", want),
        Kind::MultipleOf { multiple_of } => limit("multipleOf", &Value::from(*multiple_of)),
        Kind::MinLength { limit } => count("minLength", *limit),
        Kind::MaxLength { limit } => count("maxLength", *limit),
        Kind::MinItems { limit } => count("minItems", *limit),
        Kind::MaxItems { limit } => count("maxItems", *limit),
        Kind::MinProperties { limit } => count("minProperties", *limit),
        Kind::MaxProperties { limit } => count("maxProperties", *limit),
        Kind::Pattern { pattern } => {
            format!("{} does not match pattern {}", quote(got.as_str().unwrap_or_default()), quote(pattern))
        }
        Kind::PropertyNames { error } => {
            format!("invalid propertyName {}", quote(error.instance().as_str().unwrap_or_default()))
        }
        Kind::UniqueItems => duplicates(got),
        Kind::Format { format } => format!("{} is not valid {format}", display(got)),
        _ => error.to_string(),
    }
}

fn duplicates(list: &Value) -> String {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let pairs = (0..items.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
    let found = pairs.into_iter().find(|(first, second)| items[*first] == items[*second]);
    let (first, second) = found.unwrap_or_default();
    format!("items at {first} and {second} are equal")
}

/// The first two alternatives that took the value.
fn several_matched(context: &[Vec<ValidationError<'static>>]) -> String {
    let matched =
        context.iter().enumerate().filter(|(_, errors)| errors.is_empty()).map(|(at, _)| at.to_string());
    let matched: Vec<String> = matched.take(2).collect();
    format!("'oneOf' failed, subschemas {} matched", matched.join(", "))
}

fn wanted_types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => one.to_string(),
        TypeKind::Multiple(several) => {
            // The order of the library's own list of types.
            let known = ["null", "boolean", "number", "integer", "string", "array", "object"];
            let mut names: Vec<String> = several.iter().map(|one| one.to_string()).collect();
            names.sort_by_key(|name| known.iter().position(|known| known == name));
            names.join(" or ")
        }
    }
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn one_of(options: &Value) -> String {
    match options.as_array().map(Vec::as_slice) {
        Some(items) if items.iter().any(|item| item.is_array() || item.is_object()) => {
            "'enum' failed".to_owned()
        }
        Some([one]) => format!("value must be {}", display(one)),
        Some(items) => {
            let shown: Vec<String> = items.iter().map(display).collect();
            format!("value must be one of {}", shown.join(", "))
        }
        None => "'enum' failed".to_owned(),
    }
}

fn display(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Null => "<nil>".to_owned(),
        Value::Array(_) | Value::Object(_) => "value".to_owned(),
        Value::Number(number) => plain(number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

fn quoted(names: &[String]) -> String {
    let mut names: Vec<String> = names.iter().map(|name| quote(name)).collect();
    names.sort();
    names.join(", ")
}

pub(super) fn quote(text: &str) -> String {
    let quoted = format!("{text:?}").replace("\\\"", "\"").replace('\'', "\\'");
    format!("'{}'", &quoted[1..quoted.len() - 1])
}

fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.chars().count() as u64,
        Value::Array(items) => items.len() as u64,
        Value::Object(map) => map.len() as u64,
        _ => 0,
    }
}

fn plain(float: f64) -> String {
    format!("{float}")
}

/// A number with commas between thousands; large and small ones with a power of ten.
fn number(value: &Value) -> String {
    let float = value.as_f64().unwrap_or_default();
    if float != 0.0 && !(1e-4..1e6).contains(&float.abs()) {
        return power_of_ten(float);
    }
    let text = plain(float);
    let (sign, rest) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, String::new()), |(w, f)| (w, format!(".{f}")));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), grouped);
    format!("{sign}{whole}{fraction}")
}

/// `1.5×10⁰⁶`
fn power_of_ten(float: f64) -> String {
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("", exponent), |rest| ("⁻", rest));
    let raised = |c: char| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(c.to_digit(10).unwrap_or_default() as usize);
    let exponent: String = format!("{exponent:0>2}").chars().filter_map(raised).collect();
    format!("{digits}×10{sign}{exponent}")
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
